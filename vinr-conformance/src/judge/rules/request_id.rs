//! Every answer has its own request id. \[NET-7\]

use std::collections::BTreeMap;

use serde_json::Value;

use crate::judge::found::Found;
use crate::judge::trace::{Trace, value};

pub(super) fn own_request_ids<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let mut used: BTreeMap<&str, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for own in trace.exchanges.values() {
        let Some(head) = own.head else {
            continue;
        };
        let entries = own.entries();
        let id = value(head.headers, "x-vinr-request-id").filter(|id| !id.is_empty());
        let in_error = own.json().pointer("/error/request_id");
        let one = match id {
            None => Found::broken("no_request_id", "an x-vinr-request-id", "none", entries),
            Some(id) if used.contains_key(id) => {
                let seen = format!("{id}, as in entry {}", used[id]);
                Found::broken("request_id_used_twice", "an id of its own", seen, entries)
            }
            Some(id)
                if own.json().get("error").is_some()
                    && in_error.and_then(Value::as_str) != Some(id) =>
            {
                let seen = in_error.map_or("none".to_owned(), Value::to_string);
                let expected = format!("request_id \"{id}\" in the error, as in the header");
                Found::broken("request_ids_differ", expected, seen, entries)
            }
            Some(id) => {
                used.insert(id, head.seq);
                Found::kept(entries)
            }
        };
        found.push((own.scenario, one));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::own_request_ids;
    use crate::judge::fixture::{Story, error};

    const ID: &str = "x-vinr-request-id";

    #[test]
    fn each_answer_has_its_own_id() {
        let mut story = Story::new();
        for id in ["req_1", "req_2", "req_2"] {
            let pay = story.pay("order_1", "k1", 1);
            story.head(pay, 200, &[(ID, id)]);
        }
        assert_eq!(
            story.reasons(own_request_ids),
            [None, None, Some("request_id_used_twice")]
        );
    }

    #[test]
    fn an_answer_without_an_id_is_found() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 1);
        story.head(pay, 200, &[]);
        assert_eq!(story.reasons(own_request_ids), [Some("no_request_id")]);
    }

    #[test]
    fn the_error_repeats_the_headers_id() {
        for (id, reason) in [("req_x", None), ("req_y", Some("request_ids_differ"))] {
            let mut story = Story::new();
            let pay = story.pay("order_1", "k1", 1);
            story.head(pay, 400, &[(ID, id)]);
            story.body(pay, &error("invalid_json"));
            assert_eq!(story.reasons(own_request_ids), [reason]);
        }
    }
}
