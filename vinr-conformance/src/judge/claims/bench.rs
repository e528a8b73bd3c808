//! The terminal on the bench is the one that the profile describes. \[TLS-2\]
//!
//! Where it is another one, either of the two is wrong, and nobody but its maker knows which: what was certified then
//! is unknown, so that nothing is proven. A certificate that names another terminal is the terminal's own fault.

use serde_json::Value;

use super::admission;
use crate::journal::Claimed;
use crate::judge::found::Found;
use crate::judge::trace::{Exchange, Trace};
use crate::profile::bare;

pub(super) fn as_claimed(trace: &Trace<'_>, own: &Exchange<'_>, connection: u64) -> Found {
    let certificate = admission::own_certificate(trace, connection);
    if certificate.is_broken() || certificate.is_unseen() {
        return certificate;
    }
    let Some(claimed) = trace.claimed() else {
        return Found::unseen("the journal does not say what the profile claims");
    };
    let reader = own.json();
    if reader["object"] != "reader" {
        // Only vinr-local/1 lets a terminal be asked who it is.
        return certificate;
    }
    match differences(claimed, reader).as_slice() {
        [] => Found::all_kept(&[&certificate, &Found::kept(own.entries())]),
        differences => Found::unseen(format!(
            "the profile describes another device: {}",
            differences.join("; ")
        )),
    }
}

/// What the terminal says of itself, and the profile says otherwise. What it does not say is no difference.
fn differences(claimed: &Claimed, reader: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, claims: Value, says: &Value| {
        if !says.is_null() && *says != claims {
            differences.push(format!("its {what} is {says}, the profile says {claims}"));
        }
    };
    compare("model", claimed.model.as_str().into(), &reader["model"]);
    let says = reader["softwareVersion"].as_str().map(bare);
    compare("version", claimed.version.as_str().into(), &says.into());
    let queues = claimed.max_queued.is_some();
    let offline = &reader["offline"];
    compare("offline queue", queues.into(), &offline["supported"]);
    if queues && offline["supported"] == true {
        compare(
            "offline limits",
            serde_json::json!(claimed.limits),
            &offline["limits"],
        );
        compare(
            "longest queue",
            claimed.max_queued.into(),
            &offline["maxQueued"],
        );
    }
    differences
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn claimed() -> Claimed {
        Claimed {
            model: "simulator".into(),
            version: "3.2.1".into(),
            limits: BTreeMap::from([("USD".into(), 15_000)]),
            max_queued: Some(10),
            ..Claimed::default()
        }
    }

    fn reader() -> Value {
        json!({"object": "reader", "model": "simulator", "softwareVersion": "3.2.1",
            "offline": {"supported": true, "limits": {"USD": 15000}, "maxQueued": 10}})
    }

    fn differs(pointer: &str, to: Value) -> String {
        let mut reader = reader();
        *reader.pointer_mut(pointer).expect("a field") = to;
        differences(&claimed(), &reader).join("; ")
    }

    #[test]
    fn a_device_as_it_is_described_differs_in_nothing() {
        assert_eq!(differences(&claimed(), &reader()), Vec::<String>::new());
    }

    #[test]
    fn what_a_device_does_not_say_is_no_difference() {
        assert_eq!(differs("/softwareVersion", Value::Null), "");
        assert_eq!(
            differences(&claimed(), &json!({"object": "reader"})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn another_model_version_queue_or_limit_is_named_with_both_words() {
        for (pointer, to, what) in [
            (
                "/model",
                json!("n92"),
                "its model is \"n92\", the profile says \"simulator\"",
            ),
            ("/softwareVersion", json!("3.2.2"), "version is \"3.2.2\""),
            (
                "/offline/supported",
                json!(false),
                "offline queue is false, the profile says true",
            ),
            ("/offline/limits", json!({"USD": 20000}), "offline limits"),
            (
                "/offline/maxQueued",
                json!(11),
                "longest queue is 11, the profile says 10",
            ),
        ] {
            let differs = differs(pointer, to);
            assert!(differs.contains(what), "{differs}");
        }
    }
}
