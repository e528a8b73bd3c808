//! Rules that a proof takes out, one at a time, to see that it notices. `spec/safety.md`
//!
//! Each [`Mutant`] is an unsafe design that looks fine. A rule asks [`is_planted`] at the one place where the
//! design would differ. Without the feature `mutants`, which nothing but tests and the proof turns on, the answer is
//! a constant `false` and no trace of the question is left in the program.

macro_rules! mutants {
    ($($(#[doc = $design:literal])+ $name:ident,)+) => {
        /// An unsafe design.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Mutant {
            $($(#[doc = $design])+ $name,)+
        }

        impl Mutant {
            /// Every one of them, in the order of `spec/safety.md`.
            pub const ALL: &'static [Mutant] = &[$(Mutant::$name,)+];

            /// Its name in reports and on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Mutant::$name => stringify!($name),)+
                }
            }

            /// What the design does.
            pub fn design(self) -> &'static str {
                match self {
                    $(Mutant::$name => concat!($($design),+).trim_ascii(),)+
                }
            }
        }
    };
}

mutants! {
    /// The host does not dedupe on the payment id.
    HostForgets,
    /// Hybrid re-issues at `localTimeoutMs`, and the terminal does not dedupe.
    TerminalJoinsNothing,
    /// The terminal dedupes in memory only: a power cut forgets.
    DedupesInMemoryOnly,
    /// The cloud may pick another terminal while one may hold the attempt.
    CloudPicksAnotherTerminal,
    /// A cancel of an unknown attempt plants no tombstone.
    NoTombstone,
    /// A cancel is answered `cancelled` while the authorization is in flight.
    CancelledWhileAuthorizing,
    /// Attempts are compared with the latest one only, so that an older key starts again.
    ComparesWithTheLatestOnly,

    /// A look-up takes the newest entry for its own.
    TakesTheNewestEntry,
    /// A status query that finds nothing does not void.
    StatusQueryDoesNotVoid,
    /// An authorization whose answer was lost is `failed`.
    LostAuthorizationFails,
    /// At 90 s an attempt is always `cancelled`.
    CancelledAtTheEnd,
    /// A 4xx is taken as the word on every copy of a key.
    RefusalSpeaksForAllCopies,
    /// A group is handed to the cloud while a member may hold the attempt.
    GroupToCloudWhileHeld,
    /// An empty list about an attempt older than 30 days is taken as unknown.
    TrustsAnOldEmptyList,
    /// An empty list from another journal is taken as unknown.
    TrustsAnotherJournal,
    /// No guard of one reference across terminals.
    NoGuardAcrossTerminals,
    /// A 503 of one path ends the call.
    OnePathEndsTheCall,
    /// `pending` is left without a screen at boot.
    PendingLeftAtBoot,
    /// `reference_in_progress` is read as not paid.
    InProgressIsUnpaid,
    /// A hanging authorization keeps the terminal busy.
    HangingKeepsBusy,
    /// An offline acceptance is waited for as if it were not a result.
    WaitsForOfflineAcceptance,
    /// A queued sale is removed by a cancel.
    CancelRemovesQueued,

    /// The till pays again before it looks up.
    PaysAgainBeforeLookUp,
    /// A look-up that reached nobody is taken as "not charged".
    UnreachableIsUnpaid,
    /// A new attempt is sent before the cancel is acknowledged.
    DoesNotAwaitTheCancel,
    /// The attempt's key is not stored before it is sent.
    SendsBeforeStoring,
    /// A queue entry goes before the host's answer is durable.
    RemovesBeforeDurable,
    /// A queue entry goes after an answer that is not final.
    RemovesAfterSilence,
    /// The offline limit is checked only after the card.
    LimitAfterTheCard,
    /// The queue is counted at admission only, and not again when the payment is queued.
    CountsAtAdmissionOnly,
    /// Every return of the internet starts a drain beside the one that runs.
    DrainsInTwoTasks,
    /// A sequence number is used again after a restart.
    ReusesSequence,
    /// A torn tail of the journal is read as a full record.
    ReadsTornTail,
    /// A damaged journal is read as an empty one.
    DamageIsEmpty,
    /// A failed fsync is ignored.
    IgnoresFailedSync,
    /// A deadline is kept by the wall clock.
    WallClockDeadline,
    /// A group leaves an attempt behind on a busy terminal.
    LeavesAttemptBehind,
    /// An approval after a cancel is not reversed.
    NoReversal,
}

#[cfg(feature = "mutants")]
mod switch {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Mutant;

    /// One more than the index of the planted mutant; 0 is none.
    static PLANTED: AtomicUsize = AtomicUsize::new(0);

    /// Plants one mutant in every machine of this process, or takes it out again.
    pub fn plant(mutant: Option<Mutant>) {
        PLANTED.store(mutant.map_or(0, |it| it as usize + 1), Ordering::SeqCst);
    }

    /// Is this design planted?
    pub fn is_planted(mutant: Mutant) -> bool {
        PLANTED.load(Ordering::Relaxed) == mutant as usize + 1
    }
}

#[cfg(feature = "mutants")]
pub use switch::{is_planted, plant};

/// Is this design planted? Never, in this build.
#[cfg(not(feature = "mutants"))]
pub const fn is_planted(_: Mutant) -> bool {
    false
}
