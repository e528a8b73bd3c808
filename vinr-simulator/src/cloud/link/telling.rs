//! What a terminal still has to tell the cloud, in little memory: a journal is read a page at a time, the newest first,
//! and the next when the one before was acknowledged. §9
//!
//! ```text
//! the link comes up     what was not acknowledged, and what is not final, is told again
//! a payment changes     it is told at once, whatever else is being told
//! a page is read        it is told, less what changed meanwhile: that was told, and is newer
//! all of it is durable  the next page is read
//! ```
//!
//! A link that breaks loses nothing: the page that was under way is held here. Whatever is told twice is the same event
//! twice, which has one id. \[EVT-2\]

use std::collections::{BTreeMap, BTreeSet};

use vinr_protocol::PaymentId;
use vinr_protocol::payment::Payment;

/// So many records are read at once.
pub(super) const PAGE: usize = 256;

/// So many final payments are held at most, besides a page. A terminal that has more of them for a cloud that does not
/// hear forgets them, for they are in its journal, which it then tells from the beginning.
pub(super) const MOST_HELD: usize = 1024;

/// What is to be told. It knows no journal: its host reads one when a page [is due](Self::is_page_due).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Telling {
    /// What the cloud has not acknowledged, and what is not final. What is final and acknowledged is durable there.
    held: BTreeMap<PaymentId, Payment>,
    /// Those of the page under way that were not acknowledged.
    page: BTreeSet<PaymentId>,
    reading: Reading,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reading {
    /// There is more of the journal.
    More,
    /// A page is being read; these changed meanwhile.
    Now { changed: BTreeSet<PaymentId> },
    /// All of it was read.
    Done,
}

impl Telling {
    /// There is nothing to tell, and no journal.
    pub(super) fn nothing() -> Self {
        Self {
            held: BTreeMap::new(),
            page: BTreeSet::new(),
            reading: Reading::Done,
        }
    }

    /// A journal was opened; of what is in it these are not final.
    pub(super) fn all_of_a_journal(not_final: BTreeMap<PaymentId, Payment>) -> Self {
        Self {
            held: not_final,
            reading: Reading::More,
            ..Self::nothing()
        }
    }

    /// What is told when the link comes up.
    pub(super) fn linked(&self) -> impl Iterator<Item = &Payment> {
        self.held.values()
    }

    /// The link is down: what is being read is read again.
    pub(super) fn unlinked(&mut self) {
        if matches!(self.reading, Reading::Now { .. }) {
            self.reading = Reading::More;
        }
    }

    /// A payment changed, durably. True where the journal is to be read from its beginning again.
    #[must_use]
    pub(super) fn changed(&mut self, payment: &Payment) -> bool {
        if let Reading::Now { changed } = &mut self.reading {
            changed.insert(payment.id.clone());
        }
        self.held.insert(payment.id.clone(), payment.clone());
        let is_too_much =
            self.held.len() > MOST_HELD + PAGE && self.final_ones() > MOST_HELD + PAGE;
        if is_too_much {
            self.held.retain(|_, held| !held.status.is_final());
            self.page.clear();
            self.reading = Reading::More;
        }
        is_too_much
    }

    fn final_ones(&self) -> usize {
        let is_final = |held: &&Payment| held.status.is_final();
        self.held.values().filter(is_final).count()
    }

    /// Is a page to be read now?
    pub(super) fn is_page_due(&self) -> bool {
        self.page.is_empty() && self.reading == Reading::More
    }

    /// A page is being read from here on.
    pub(super) fn reads(&mut self) {
        let changed = BTreeSet::new();
        self.reading = Reading::Now { changed };
    }

    /// A page was read, and gives what of it is told; an empty one is the end. `None` where it counts for nothing, and
    /// is read again.
    pub(super) fn read(&mut self, page: Vec<Payment>, is_last: bool) -> Option<Vec<Payment>> {
        let Reading::Now { changed } = &self.reading else {
            return None;
        };
        // What is held was told, and as it is now.
        let is_new = |it: &Payment| !changed.contains(&it.id) && !self.held.contains_key(&it.id);
        let page: Vec<Payment> = page.into_iter().filter(is_new).collect();
        self.reading = match is_last {
            true => Reading::Done,
            false => Reading::More,
        };
        for payment in &page {
            self.page.insert(payment.id.clone());
            self.held.insert(payment.id.clone(), payment.clone());
        }
        Some(page)
    }

    /// The cloud has this, durably.
    pub(super) fn acknowledged(&mut self, payment: &Payment) {
        self.page.remove(&payment.id);
        let is_known = self.held.get(&payment.id) == Some(payment);
        if is_known && payment.status.is_final() {
            self.held.remove(&payment.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(number: usize, status: &str) -> Payment {
        let json = serde_json::json!({ "id": format!("tpay_{number:06}"), "object": "terminal_payment",
            "terminalId": "term_1", "amount": 2500, "currency": "USD", "reference": format!("order_{number}"),
            "status": status, "createdAt": "2026-05-31T14:23:00.000Z" });
        serde_json::from_value(json).unwrap()
    }

    fn completed(number: usize) -> Payment {
        payment(number, "completed")
    }

    fn over_a_journal() -> Telling {
        Telling::all_of_a_journal(BTreeMap::new())
    }

    /// A page is read at once, and what of it is told.
    fn page(telling: &mut Telling, page: Vec<Payment>) -> Vec<Payment> {
        assert!(telling.is_page_due());
        telling.reads();
        telling.read(page, false).unwrap()
    }

    #[test]
    fn the_next_page_is_due_when_all_of_the_one_before_was_acknowledged() {
        let mut telling = over_a_journal();
        let told = page(&mut telling, vec![completed(1), completed(2)]);
        assert_eq!(told, [completed(1), completed(2)]);
        telling.acknowledged(&completed(1));
        assert!(!telling.is_page_due());
        telling.acknowledged(&completed(2));
        assert!(telling.is_page_due());
        assert_eq!(
            telling.linked().count(),
            0,
            "nothing of it is held any more"
        );
    }

    #[test]
    fn after_the_last_page_none_is_due() {
        let mut telling = over_a_journal();
        telling.reads();
        telling.read(Vec::new(), true).unwrap();
        assert!(!telling.is_page_due());
    }

    #[test]
    fn a_link_that_breaks_within_a_page_tells_the_rest_of_it_again() {
        let mut telling = over_a_journal();
        page(&mut telling, vec![completed(1), completed(2)]);
        telling.acknowledged(&completed(1));
        telling.unlinked();
        assert!(telling.linked().eq([&completed(2)]));
        assert!(!telling.is_page_due(), "nor is the next one read before");
    }

    #[test]
    fn a_link_that_breaks_while_a_page_is_read_has_it_read_again() {
        let mut telling = over_a_journal();
        telling.reads();
        telling.unlinked();
        assert_eq!(telling.read(vec![completed(1)], true), None);
        assert!(telling.is_page_due());
    }

    #[test]
    fn what_changes_while_a_page_is_read_is_not_told_as_it_was() {
        let mut telling = over_a_journal();
        telling.reads();
        assert!(!telling.changed(&completed(1)));
        // Acknowledged before the page is there: nothing else remembers it.
        telling.acknowledged(&completed(1));
        let told = telling.read(vec![payment(1, "processing"), completed(2)], false);
        assert_eq!(told, Some(vec![completed(2)]));
    }

    #[test]
    fn what_is_not_final_is_told_with_every_link_and_not_again_by_a_page() {
        let open = payment(1, "processing");
        let of_journal = BTreeMap::from([(open.id.clone(), open.clone())]);
        let mut telling = Telling::all_of_a_journal(of_journal);
        telling.acknowledged(&open);
        assert_eq!(page(&mut telling, vec![open.clone()]), []);
        assert!(telling.linked().eq([&open]));
    }

    #[test]
    fn a_payment_of_a_page_that_changes_holds_the_next_page_up_no_longer_than_its_report() {
        let mut telling = over_a_journal();
        let open = payment(1, "processing");
        page(&mut telling, vec![open.clone()]);
        assert!(!telling.changed(&completed(1)));
        telling.acknowledged(&open);
        assert!(telling.is_page_due());
        assert!(
            telling.linked().eq([&completed(1)]),
            "that it completed is not acknowledged"
        );
    }

    #[test]
    fn more_than_may_be_held_is_forgotten_and_the_journal_told_again() {
        let mut telling = over_a_journal();
        telling.reads();
        telling.read(Vec::new(), true).unwrap();
        let open = payment(0, "processing");
        assert!(!telling.changed(&open));
        for number in 1..=MOST_HELD + PAGE {
            assert!(!telling.changed(&completed(number)), "{number}");
        }
        assert!(telling.changed(&completed(MOST_HELD + PAGE + 1)));
        assert!(telling.linked().eq([&open]));
        assert!(telling.is_page_due());
    }

    #[test]
    fn a_page_that_was_being_read_when_the_journal_began_again_counts_for_nothing() {
        let mut telling = over_a_journal();
        telling.reads();
        let again = (1..=MOST_HELD + PAGE + 1).any(|number| telling.changed(&completed(number)));
        assert!(again);
        assert_eq!(telling.read(vec![completed(9999)], true), None);
    }
}
