//! Rules of the whole run: looked for in every scenario of a till, whatever it is about.

use super::recovery::{self, After};
use super::shop::Shop;
use super::{hybrid, request, trust};
use crate::judge::found::Found;
use crate::judge::rules::{Rule, rule};
use crate::judge::trace::Trace;

/// All of them, in the catalogue's order.
pub(in crate::judge) const RULES: &[Rule] = &[
    rule("NET-2", |trace| each(trace, hybrid::local_stays_local)),
    rule("TLS-1", |trace| each(trace, trust::plaintext)),
    rule("TLS-4", |trace| each(trace, trust::certificates)),
    rule("TLS-7", |trace| each(trace, trust::key_at_a_terminal)),
    rule("TLS-9", |trace| each(trace, trust::mismatches)),
    rule("TLS-13", |trace| each(trace, trust::hellos)),
    rule("SEC-1", |trace| each(trace, trust::discretion)),
    rule("PAY-1", |trace| each(trace, shapes)),
    rule("REC-1", |trace| {
        each(trace, |shop| recovery::blind(shop, After::TimeOut))
    }),
    rule("REC-5", |trace| {
        each(trace, |shop| recovery::blind(shop, After::Break))
    }),
    rule("REC-9", |trace| each(trace, recovery::one_charge)),
    rule("REC-17", |trace| each(trace, recovery::keys)),
    rule("HYB-5", |trace| {
        each(trace, |shop| of(shop, "pay_hybrid", hybrid::one_live))
    }),
    rule("GRP-4", |trace| {
        each(trace, |shop| of(shop, "pay_group", hybrid::one_live))
    }),
];

fn each<'t>(
    trace: &'t Trace<'_>,
    look: impl Fn(&Shop<'_>) -> Option<Found>,
) -> Vec<(&'t str, Found)> {
    Shop::all(trace.entries)
        .into_iter()
        .filter_map(|(scenario, shop)| Some((scenario, look(&shop)?)))
        .collect()
}

/// Only where the till was asked for this.
fn of(shop: &Shop<'_>, op: &str, look: impl Fn(&Shop<'_>) -> Option<Found>) -> Option<Found> {
    shop.asked
        .iter()
        .any(|asked| asked.name == op)
        .then(|| look(shop))?
}

/// Every `pay` to a terminal has the page's shape. \[PAY-1\]
fn shapes(shop: &Shop<'_>) -> Option<Found> {
    let mut evidence = Vec::new();
    for pay in shop.pays().filter(|pay| !pay.is_cloud()) {
        if let Err((reason, expected, seen)) = request::shape(pay) {
            return Some(Found::broken(reason, expected, seen, [pay.at.seq]));
        }
        evidence.push(pay.at.seq);
    }
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}
