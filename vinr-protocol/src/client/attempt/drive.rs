//! What a machine that drives an attempt over two paths, or at several terminals, sees and adds.

use super::recovery::Doubt;
use super::{Attempt, Effect, Lost, Outcome, Phase, StoredAttempt, Unsettled};
use crate::payment::{ConnectionMode, Payment, PaymentList};

/// Where it stands.
impl Attempt {
    pub(in crate::client) fn is_holding(&self) -> bool {
        matches!(self.phase, Phase::Holding { .. })
    }

    /// A question of its recovery is open.
    pub(in crate::client) fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::LookingUp(_) | Phase::Cancelling(_))
    }

    pub(in crate::client) fn is_cancelling(&self) -> bool {
        matches!(self.phase, Phase::Cancelling(_))
    }

    pub(in crate::client) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Settled)
    }

    /// Would this answer be its result?
    pub(in crate::client) fn is_result(&self, payment: &Payment) -> bool {
        self.result(payment).is_some()
    }
}

/// The second path.
impl Attempt {
    /// From now on the record says that the cloud may have the attempt; it is stored before the cloud has it.
    pub(in crate::client) fn mark_for_cloud(&mut self) -> StoredAttempt {
        self.stored.path = ConnectionMode::Cloud;
        self.stored.clone()
    }

    /// Whether another copy of the pay may exist when a path answers. \[REC-24\]
    pub(in crate::client) fn set_copies(&mut self, copies: bool) {
        self.copies = copies;
    }

    /// Ends it as a driver says.
    pub(in crate::client) fn end(&mut self, outcome: Outcome) -> Vec<Effect> {
        self.settle(outcome)
    }

    /// The caller wants it cancelled, whatever has come of it: as if its answer were lost.
    pub(in crate::client) fn call_off(&mut self) -> Vec<Effect> {
        self.policy.spare_key = None;
        match self.phase {
            Phase::Holding { accepted } => self.lost(Lost::GivenUp, accepted),
            _ => Vec::new(),
        }
    }

    /// The cloud listed the attempts of the sale.
    ///
    /// Only the terminal itself can deny an attempt that was sent to it. A group command is the cloud's own: the
    /// cloud alone knows whom it chose, and that it chose nobody. §5.4, §8
    pub(in crate::client) fn cloud_listed(
        &mut self,
        list: PaymentList,
        undelivered: bool,
    ) -> Vec<Effect> {
        let mut recovery = match std::mem::replace(&mut self.phase, Phase::Settled) {
            Phase::LookingUp(recovery) => recovery,
            phase => return self.stay(phase),
        };
        if !list
            .data
            .iter()
            .all(|payment| payment.reference == self.stored.reference)
        {
            return self.pause(recovery); // [REC-19]
        }
        recovery.hears(&self.stored, &list.data);
        if let Some(own) = self.stored.own_in_cloud(&list) {
            // What is undelivered the cloud lists by itself: that is not the terminal's word that it has it.
            return if undelivered && !self.is_result(own) {
                self.unfinished(recovery, own)
            } else {
                self.found(recovery, own)
            };
        }
        if undelivered {
            return self.pause(recovery);
        }
        match &recovery.doubt {
            // The cloud need not know of the attempt for whose sake this one was refused.
            _ if recovery.misses_another() => self.pause(recovery),
            // Its only copy was refused: that needs no denial.
            Doubt::Refused { .. } if !self.copies => self.refusal_stands(recovery),
            _ if self.stored.members.is_empty() => self.pause(recovery),
            _ if recovery.aged => self.unknown(Unsettled::TooOld), // [REC-23]
            _ => self.cancel(recovery),                            // [REC-20]
        }
    }

    /// Somebody listed attempts of the sale, and somebody else is asked before that counts.
    pub(in crate::client) fn hears(&mut self, list: &PaymentList) {
        if let Phase::LookingUp(recovery) = &mut self.phase {
            recovery.hears(&self.stored, &list.data);
        }
    }
}
