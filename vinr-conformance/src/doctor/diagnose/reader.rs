//! How the terminal is, and how quick.

use vinr_protocol::Reader;
use vinr_protocol::reader::{Activity, ReaderStatus};

use super::words::ms;
use crate::doctor::finding::{Finding, Step};
use crate::doctor::seen::{Answered, Look, Seen, Spoken, Talk};
use crate::doctor::tame::tame;

const HERE: Step = Step::Reader;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    let Some(
        talk @ Talk {
            answered: Answered::Reader(reader),
            ..
        },
    ) = &seen.talk
    else {
        return vec![];
    };
    if let Some(other) = disagreement(seen, reader) {
        return vec![other];
    }
    let status = tame(reader.status.as_str());
    let activity = tame(reader.activity.as_str());
    let says = format!("{} answers, and is {status} and {activity}", reader.id);
    let mut findings = vec![Finding::well(HERE, "reader.is", says).facts(facts(reader, talk))];
    if reader.status == ReaderStatus::Offline {
        findings.push(
            Finding::note(HERE, "reader.offline", "the terminal has no internet")
                .means(
                    "it takes small payments offline, where its model may, and forwards them later",
                )
                .next("check the terminal's way to the internet"),
        );
    }
    if reader.activity == Activity::Busy {
        findings.push(
            Finding::note(HERE, "reader.busy", "a payment is on its screen")
                .means("a new payment of another sale is refused until it is over"),
        );
    }
    findings.push(Finding::not_seen(
        HERE,
        "reader.not_asked",
        "whether its local mode is on and its revocation list current shows only to a payment, and the doctor starts none",
    ));
    findings
}

/// It proved to be one terminal and says that it is another. \[DISC-8\]
fn disagreement(seen: &Seen, reader: &Reader) -> Option<Finding> {
    let Some(Look {
        spoken: Spoken::Shown {
            verdict: Some(Ok(id)),
            ..
        },
        ..
    }) = &seen.look
    else {
        return None;
    };
    (reader.id != *id).then(|| {
        Finding::fault(
            HERE,
            "reader.says_other",
            format!("it proves to be {id} and says that it is {}", reader.id),
            "have the terminal's software checked: it uses another terminal's settings",
        )
    })
}

fn facts(reader: &Reader, talk: &Talk) -> Vec<String> {
    let first_byte = talk
        .first_byte
        .map(|after| format!(", first byte {}", ms(after)));
    let mut facts = vec![
        format!(
            "dial {}, handshake {}{}",
            ms(talk.dial),
            ms(talk.handshake),
            first_byte.unwrap_or_default()
        ),
        format!("model {}", tame(reader.model.as_str())),
    ];
    if let Some(version) = &reader.software_version {
        facts.push(format!("software {}", tame(version)));
    }
    if reader.offline.queued > 0 {
        let queued = reader.offline.queued;
        facts.push(format!("{queued} payments wait in it to be forwarded"));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{cause, found, id, well};
    use super::*;

    fn reader(change: impl FnOnce(&mut Reader)) -> Seen {
        let mut seen = well();
        if let Some(Talk {
            answered: Answered::Reader(reader),
            ..
        }) = &mut seen.talk
        {
            change(reader);
        }
        seen
    }

    #[test]
    fn round_trips_are_told() {
        let facts = found(&well(), "reader.is").facts;
        assert_eq!(facts[0], "dial 1.0 ms, handshake 8.0 ms, first byte 2.0 ms");
    }

    #[test]
    fn a_terminal_without_internet_is_a_note_and_no_cause() {
        let seen = reader(|reader| reader.status = ReaderStatus::Offline);
        found(&seen, "reader.offline");
        assert_eq!(super::super::diagnose(&seen).exit_code(), 0);
    }

    #[test]
    fn a_busy_terminal_is_a_note() {
        let seen = reader(|reader| reader.activity = Activity::Busy);
        found(&seen, "reader.busy");
    }

    // [DISC-8]
    #[test]
    fn a_terminal_that_says_that_it_is_another_is_the_cause() {
        let seen = reader(|reader| reader.id = id("term_OTHER"));
        cause(&seen, "reader.says_other");
    }

    #[test]
    fn what_only_a_payment_would_show_is_not_claimed() {
        found(&well(), "reader.not_asked");
    }
}
