//! Nothing that a browser would take for a permission. \[NET-6\]

use crate::judge::found::Found;
use crate::judge::trace::Trace;

pub(super) fn no_cors<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    trace
        .exchanges
        .values()
        .filter_map(|own| {
            let head = own.head?;
            let cors = head
                .headers
                .iter()
                .find(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-"));
            let found = match cors {
                None => Found::kept([head.seq]),
                Some((name, _)) => {
                    Found::broken("cors_header", "no CORS header, ever", name, own.entries())
                }
            };
            Some((own.scenario, found))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::no_cors;
    use crate::judge::fixture::Story;

    #[test]
    fn a_cors_header_is_found_wherever_it_stands() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 1);
        story.head(pay, 200, &[("x-vinr-request-id", "req_1")]);
        let pay = story.pay("order_2", "k1", 1);
        story.head(pay, 200, &[("Access-Control-Allow-Origin", "*")]);
        assert_eq!(story.reasons(no_cors), [None, Some("cors_header")]);
    }
}
