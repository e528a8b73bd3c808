//! In time: both ends of a validity are inclusive (RFC 5280 §4.1.2.5), and both sides of each are tried.

use rcgen::date_time_ymd;

use super::{Kind, kind};
use crate::der::replaced;
use crate::paper::{DAY, NOW, Shop, Shown, date};
use crate::verdict::Expect::{Accepted, Refused};
use crate::verdict::Fault::*;

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        kind("expired a second ago", Refused(&[Expired]), |shop| {
            lasting(shop, NOW - DAY, NOW - 1)
        }),
        kind("in its last second", Accepted, |shop| {
            lasting(shop, NOW - DAY, NOW)
        }),
        kind("expired ten years ago", Refused(&[Expired]), |shop| {
            lasting(shop, NOW - 3660 * DAY, NOW - 3650 * DAY)
        }),
        kind(
            "not yet valid for a second",
            Refused(&[NotYetValid]),
            |shop| lasting(shop, NOW + 1, NOW + DAY),
        ),
        kind("in its first second", Accepted, |shop| {
            lasting(shop, NOW, NOW + DAY)
        }),
        kind(
            "not yet valid for ten years",
            Refused(&[NotYetValid]),
            |shop| lasting(shop, NOW + 3650 * DAY, NOW + 3660 * DAY),
        ),
        kind(
            "ends before it begins",
            Refused(&[Expired, NotYetValid, Encoding]),
            |shop| lasting(shop, NOW + DAY, NOW - DAY),
        ),
        kind("without an end that one could meet", Accepted, |shop| {
            let mut params = shop.leaf();
            params.not_after = date_time_ymd(9999, 12, 31);
            shop.show(params)
        }),
        kind("a date that is none", Refused(&[Encoding]), |shop| {
            shop.edit(|tbs| replaced(&tbs, b"\x17\x0d291231000000Z", b"\x17\x0d291331000000Z"))
        }),
        kind("a date without its zone", Refused(&[Encoding]), |shop| {
            shop.edit(|tbs| replaced(&tbs, b"\x17\x0d291231000000Z", b"\x17\x0d2912310000000"))
        }),
    ]
}

fn lasting(shop: &Shop, from: u64, to: u64) -> Shown {
    let mut params = shop.leaf();
    params.not_before = date!(from);
    params.not_after = date!(to);
    shop.show(params)
}
