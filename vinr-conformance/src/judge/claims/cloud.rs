//! What the cloud said to a command. \[HYB-8\]

use crate::journal::Event;
use crate::judge::found::Found;
use crate::judge::trace::Trace;

pub(super) fn refused(trace: &Trace<'_>, command: u64, codes: &[String]) -> Found {
    let given = trace.entries.iter().find_map(|entry| match &entry.event {
        Event::CloudCommand(own) if own.command == command => Some((entry.seq, own)),
        _ => None,
    });
    let Some((seq, given)) = given else {
        return Found::unseen("the cloud was given no command");
    };
    let expected = format!("the cloud refuses it as {}", codes.join(" or "));
    let code = given.code.as_deref().unwrap_or("without a code");
    match given.status {
        None => Found::broken("no_answer", expected, code, [seq]),
        Some(200..=299) => Found::broken("taken", expected, "it took the command", [seq]),
        Some(_) if codes.iter().any(|own| own == code) => Found::kept([seq]),
        Some(status) => Found::broken("wrong_code", expected, format!("{status} {code}"), [seq]),
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::{CloudCommand, Event, Said};
    use crate::judge::fixture::Story;

    fn reason(status: Option<u16>, code: Option<&str>) -> Option<&'static str> {
        let mut story = Story::new();
        story.note(Event::CloudCommand(CloudCommand {
            command: 1,
            reference: "order_1".into(),
            status,
            code: code.map(str::to_owned),
        }));
        story.reason(&Said::CloudRefused {
            command: 1,
            codes: vec!["terminal_unavailable".into()],
        })
    }

    #[test]
    fn a_command_is_refused_by_name_or_it_is_not() {
        assert_eq!(reason(Some(503), Some("terminal_unavailable")), None);
        assert_eq!(reason(Some(503), Some("timed_out")), Some("wrong_code"));
        assert_eq!(reason(Some(200), None), Some("taken"));
        assert_eq!(reason(None, None), Some("no_answer"));
    }
}
