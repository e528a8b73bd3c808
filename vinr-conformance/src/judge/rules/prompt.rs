//! At most one attempt prompts at a time. \[PAY-22\]

use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// Follows the screen: a prompt for one sale must not replace another sale's prompt.
pub(super) fn one_at_a_time<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let mut on_screen: Option<(u64, &str)> = None;
    let mut found = Vec::new();
    for (entry, screen) in trace.screens() {
        let scenario = entry.scenario.as_deref().unwrap_or_default();
        match (screen.screen.as_str(), screen.payment.as_deref()) {
            ("present_card", Some(payment)) => {
                match on_screen.filter(|(_, other)| *other != payment) {
                    Some((since, other)) => found.push((
                        scenario,
                        Found::broken(
                            "two_prompts",
                            format!("{other} ends before another is prompted"),
                            format!("{payment} is prompted meanwhile"),
                            [since, entry.seq],
                        ),
                    )),
                    None => found.push((scenario, Found::kept([entry.seq]))),
                }
                on_screen = Some((entry.seq, payment));
            }
            // A dark screen asks for nothing, and what was taken offline needs its card no longer.
            ("idle" | "approved" | "declined" | "cancelled" | "accepted_offline" | "off", _) => {
                on_screen = None
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::one_at_a_time;
    use crate::judge::fixture::Story;

    #[test]
    fn what_was_taken_offline_and_what_the_power_cut_took_ask_for_no_card() {
        let mut story = Story::new();
        for ended in ["accepted_offline", "off"] {
            story.screen("present_card", ended);
            story.screen(ended, ended);
        }
        story.screen("present_card", "order_3");
        assert_eq!(story.reasons(one_at_a_time), [None, None, None]);
    }

    #[test]
    fn one_after_the_other_is_right() {
        let mut story = Story::new();
        story.screen("present_card", "order_1");
        story.screen("cancelled", "order_1");
        story.screen("present_card", "order_2");
        assert_eq!(story.reasons(one_at_a_time), [None, None]);
    }

    #[test]
    fn a_prompt_over_a_prompt_is_found() {
        let mut story = Story::new();
        story.screen("present_card", "order_1");
        story.screen("present_card", "order_2");
        assert_eq!(story.reasons(one_at_a_time), [None, Some("two_prompts")]);
    }
}
