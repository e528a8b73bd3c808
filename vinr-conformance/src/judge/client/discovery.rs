//! Whom a till finds, and whom it asks.

use serde_json::Value;

use super::shop::Shop;
use crate::journal::Answered;
use crate::judge::found::Found;

/// The service that every terminal advertises.
const SERVICE: &str = "_vinr-terminal._tcp.local";

/// \[DISC-2, DISC-3, DISC-5\]
pub(super) fn readers(shop: &Shop<'_>, op: u64, ids: &[String]) -> Found {
    let expected = format!(
        "the readers {}, each once, with id, ip, model and status",
        ids.join(", ")
    );
    let (seq, all) = match found(shop, op, &expected) {
        Ok(found) => found,
        Err(found) => return found,
    };
    for id in ids {
        let own: Vec<_> = all
            .iter()
            .filter(|reader| reader["id"] == id.as_str())
            .collect();
        let [reader] = own.as_slice() else {
            let reason = if own.is_empty() { "not_found" } else { "twice" };
            let seen = format!("{id} is there {} times", own.len());
            return Found::broken(reason, expected, seen, [seq]);
        };
        for field in ["id", "ip", "model", "status"] {
            if !reader[field].is_string() {
                let seen = format!("{field} of {id} is {}", reader[field]);
                return Found::broken("field_missing", expected, seen, [seq]);
            }
        }
        let status = reader["status"].as_str().unwrap_or_default();
        if !["online", "offline"].contains(&status) {
            let seen = format!("status of {id} is {status}");
            return Found::broken("wrong_status", expected, seen, [seq]);
        }
    }
    Found::kept([seq])
}

/// \[DISC-5, DISC-8\]
pub(super) fn left_out(shop: &Shop<'_>, op: u64, terminal: &str) -> Found {
    let expected = format!("{terminal} is not among the readers");
    match found(shop, op, &expected) {
        Err(found) => found,
        Ok((seq, all)) if all.iter().any(|reader| reader["id"] == terminal) => {
            Found::broken("ghost", expected, "it is", [seq])
        }
        Ok((seq, _)) => Found::kept([seq]),
    }
}

fn found<'a>(shop: &Shop<'a>, op: u64, expected: &str) -> Result<(u64, &'a [Value]), Found> {
    match shop.told.get(&op) {
        None => Err(Found::unseen("the till did not answer")),
        Some((_, Answered::Unsupported)) => Err(Found::unseen("the adapter has no such op")),
        Some((_, Answered::Read { .. })) => Err(Found::unseen(super::screen::ONLY_A_WORD)),
        Some((at, Answered::Error { class, message, .. })) => {
            let seen = format!("{class}: {message}");
            Err(Found::broken("an_error", expected, seen, [at.seq]))
        }
        Some((at, Answered::Ok { value })) => match value["readers"].as_array() {
            Some(all) => Ok((at.seq, all)),
            None => {
                let seen = "the answer has no list of readers";
                Err(Found::broken("no_readers", expected, seen, [at.seq]))
            }
        },
    }
}

/// Static hosts are asked, and the network is not. \[DISC-4\]
pub(super) fn no_query(shop: &Shop<'_>, asked: &[String]) -> Found {
    let Some((from, to, listening)) = while_it_looked(shop) else {
        return Found::unseen("nobody could listen for mDNS questions");
    };
    let expected = "each static host is connected to, and no mDNS question is asked";
    let heard_before = |own: &str| ours(shop).any(|(seq, source, _)| *seq < from && *source == own);
    let asking: Vec<_> = ours(shop)
        .filter(|(seq, ..)| (from..to).contains(seq))
        .collect();
    if let Some((seq, source, _)) = asking.iter().find(|(_, source, _)| !heard_before(source)) {
        let seen = format!("{source} asked for {SERVICE}");
        return Found::broken("asks_by_mdns", expected, seen, [*seq]);
    }
    if let Some((_, source, _)) = asking.first() {
        return Found::unseen(format!("{source} asks by mDNS, with or without the till"));
    }
    for id in asked {
        let reached = shop
            .connections
            .values()
            .any(|connection| connection.to == id && connection.hello.is_some());
        if !reached {
            let seen = format!("{id} was not connected to");
            return Found::broken("not_asked", expected, seen, [listening]);
        }
    }
    Found::kept([listening])
}

/// \[DISC-2\]
pub(super) fn asked(shop: &Shop<'_>) -> Found {
    let Some((from, to, listening)) = while_it_looked(shop) else {
        return Found::unseen("nobody could listen for mDNS questions");
    };
    match ours(shop).find(|(seq, ..)| (from..to).contains(seq)) {
        Some((seq, ..)) => Found::kept([*seq]),
        None => {
            let expected = format!("a question for {SERVICE}");
            Found::broken("wrong_service", expected, "none", [listening])
        }
    }
}

/// The entries between which the till looked for terminals, and since when somebody listened.
fn while_it_looked(shop: &Shop<'_>) -> Option<(u64, u64, u64)> {
    let listening = shop.listening.first()?;
    let looked = shop.asked.iter().find(|asked| asked.name == "discover")?;
    let (told, _) = shop.told.get(&looked.op)?;
    Some((looked.at.seq, told.seq, *listening))
}

fn ours<'s, 'a>(shop: &'s Shop<'a>) -> impl Iterator<Item = &'s (u64, &'a str, &'a [String])> {
    shop.queried.iter().filter(|(_, _, names)| {
        names.iter().any(|name| {
            name.trim_end_matches('.')
                .to_ascii_lowercase()
                .ends_with(SERVICE)
        })
    })
}
