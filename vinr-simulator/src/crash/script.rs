//! What happens at the counter before the power goes.

use std::collections::BTreeSet;

use vinr_journal::Settings;
use vinr_protocol::cloud::ledger::Guard;

use Step::{
    Cancel, CardOut, CardWaitEnds, Compact, Contradicts, DiskFull, DiskRoom, GiveUp, Host,
    HostSilent, Idle, InteractionEnds, InternetBack, InternetGoes, LookUp, Lost, MonthPasses,
    NotSent, PaidElsewhere, Pay, Pin, PinCard, Restart, Retire, Rotate, Tap, Vanishes,
};
use Word::{Approves, Declines};

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A till asks for a sale, under a key.
    Pay(u8, u8),
    /// A till gives up an attempt.
    Cancel(u8, u8),
    /// A till looks a sale up.
    LookUp(u8),
    /// A card that wants no PIN.
    Tap,
    /// A card that wants one.
    PinCard,
    /// The PIN.
    Pin,
    /// The red button.
    GiveUp,
    /// The card is pulled out.
    CardOut,
    /// Nobody presented a card.
    CardWaitEnds,
    /// 88 s are over.
    InteractionEnds,
    /// Nothing came from the host for 2 s: whatever waits for it asks again.
    HostSilent,
    /// The host handles the oldest message, and its word arrives.
    Host(Word),
    /// The host handles the oldest message, and its word is lost.
    Lost(Word),
    /// The oldest message to the host never arrives.
    Vanishes,
    /// The line says that no byte of the last authorization left.
    NotSent,
    /// The host approves an attempt that it had refused, or never heard of.
    Contradicts(u8, u8),
    /// The sale is paid at another terminal.
    PaidElsewhere(u8),
    /// The internet goes, and the terminal knows.
    InternetGoes,
    /// The internet is back.
    InternetBack,
    /// The disk takes no more bytes than it has.
    DiskFull,
    /// It does again.
    DiskRoom,
    /// The journal is compacted.
    Compact,
    /// Another key encrypts from here on.
    Rotate,
    /// The old key is taken away, once nothing needs it.
    Retire,
    /// Nobody does anything for a second: the mark is written.
    Idle,
    /// The terminal is on for a month and more, and tills rely on nothing older.
    MonthPasses,
    /// It is shut down and started again.
    Restart,
}

/// What the host thinks of a card, where it has not made up its mind yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It grants the money.
    Approves,
    /// It does not.
    Declines,
}

/// A day at the counter.
#[derive(Debug, Clone)]
pub struct Script {
    /// What it is about.
    pub name: &'static str,
    /// What happens.
    pub steps: Vec<Step>,
    /// How many payments may be queued.
    pub max_queued: u32,
    /// Whether the card network keeps a sale from being charged twice. Where it does not, the terminal alone must.
    pub guard: Guard,
    /// How the journal uses the disk.
    pub settings: Settings,
}

impl Script {
    /// The sales that it is about.
    pub fn sales(&self) -> BTreeSet<u8> {
        let sale = |step: &Step| match step {
            Pay(sale, _) | Cancel(sale, _) | LookUp(sale) => Some(*sale),
            _ => None,
        };
        self.steps.iter().filter_map(sale).collect()
    }
}

/// Segments that are soon full, so that they are begun and compacted within a few payments.
const SMALL: Settings = Settings {
    segment: 4096,
    chunk: 2048,
};

/// Room for several records is kept ready.
const ROOMY: Settings = Settings {
    segment: 64 * 1024,
    chunk: 4 * 1024,
};

fn script(name: &'static str, steps: &[Step]) -> Script {
    Script {
        name,
        steps: steps.to_vec(),
        max_queued: 3,
        guard: Guard::Off,
        settings: SMALL,
    }
}

/// Two payments are queued.
const QUEUED: [Step; 5] = [InternetGoes, Pay(0, 0), Tap, Pay(1, 0), Tap];

fn queued(name: &'static str, steps: &[Step]) -> Script {
    script(name, &[&QUEUED[..], steps].concat())
}

/// All of them.
pub fn scripts() -> Vec<Script> {
    let mut all = vec![
        script(
            "approved, then looked up",
            &[Pay(0, 0), Tap, Host(Approves), LookUp(0)],
        ),
        script(
            "declined, then approved with a new key",
            &[
                Pay(0, 0),
                Tap,
                Host(Declines),
                Pay(0, 1),
                Tap,
                Host(Approves),
            ],
        ),
        script(
            "with a PIN, joined by a second till",
            &[Pay(0, 0), PinCard, Pay(0, 0), Pin, Host(Approves)],
        ),
        script(
            "given up at the PIN, at the card, by the clock",
            &[
                Pay(0, 0),
                PinCard,
                CardOut,
                Pay(0, 1),
                GiveUp,
                Pay(0, 2),
                CardWaitEnds,
            ],
        ),
        script(
            "cancelled before it came, then it comes",
            &[Cancel(0, 0), Pay(0, 0), LookUp(0)],
        ),
        script(
            "cancelled before the card",
            &[Pay(0, 0), Cancel(0, 0), Pay(0, 0)],
        ),
        script(
            "cancelled at the PIN",
            &[
                Pay(0, 0),
                PinCard,
                Cancel(0, 0),
                Pay(0, 1),
                Tap,
                Host(Approves),
            ],
        ),
        script(
            "cancelled while it is authorized",
            &[Pay(0, 0), Tap, Cancel(0, 0), Host(Approves), Cancel(0, 0)],
        ),
        script(
            "the host's word is lost, and asked for again",
            &[Pay(0, 0), Tap, Lost(Approves), HostSilent, Host(Approves)],
        ),
        script(
            "a hanging host, asked until it says",
            &[
                Pay(0, 0),
                Tap,
                Lost(Approves),
                InteractionEnds,
                LookUp(0),
                Host(Approves),
                LookUp(0),
            ],
        ),
        script(
            "a hanging host that never had it, and voids it",
            &[
                Pay(0, 0),
                Tap,
                Vanishes,
                InteractionEnds,
                Pay(1, 0),
                Host(Approves),
                Tap,
                Host(Approves),
            ],
        ),
        script(
            "an approval of what was cancelled is taken back",
            &[
                Pay(0, 0),
                Cancel(0, 0),
                Contradicts(0, 0),
                HostSilent,
                Host(Approves),
            ],
        ),
        script(
            "an approval of what was declined is taken back after a restart",
            &[
                Pay(0, 0),
                Tap,
                Host(Declines),
                Contradicts(0, 0),
                Restart,
                Host(Approves),
            ],
        ),
        script(
            "the queue is filled to its limit",
            &[
                InternetGoes,
                Pay(0, 0),
                Tap,
                Pay(1, 0),
                Tap,
                Pay(2, 0),
                Tap,
                Pay(3, 0),
            ],
        ),
        script(
            "queued because no byte left",
            &[Pay(0, 0), Tap, NotSent, InternetGoes, Pay(1, 0), Tap],
        ),
        queued(
            "a drain with approvals",
            &[InternetBack, Host(Approves), Host(Approves), LookUp(1)],
        ),
        queued(
            "a drain with a decline",
            &[InternetBack, Host(Declines), Host(Approves)],
        ),
        queued(
            "a drain with silence and a flapping line",
            &[
                InternetBack,
                HostSilent,
                InternetGoes,
                InternetBack,
                Lost(Approves),
                HostSilent,
                Host(Approves),
            ],
        ),
        Script {
            guard: Guard::OnePerReference,
            ..queued(
                "a drain with a duplicate",
                &[
                    PaidElsewhere(0),
                    InternetBack,
                    Host(Approves),
                    Host(Approves),
                ],
            )
        },
        queued(
            "a queue over a restart, a compaction and another key",
            &[
                Restart,
                Compact,
                Rotate,
                InternetBack,
                Host(Approves),
                Compact,
                Retire,
            ],
        ),
        queued(
            "numbers go on after the queue was drained and forgotten",
            &[
                InternetBack,
                Host(Approves),
                Host(Approves),
                MonthPasses,
                Compact,
                Restart,
                InternetGoes,
                Pay(2, 0),
                Tap,
            ],
        ),
        script(
            "compaction between payments",
            &[
                Pay(0, 0),
                Tap,
                Host(Approves),
                Cancel(1, 0),
                Pay(2, 0),
                Tap,
                Host(Declines),
                Idle,
                Compact,
                Pay(3, 0),
                Tap,
                Compact,
                Host(Approves),
                Idle,
            ],
        ),
        Script {
            settings: ROOMY,
            ..script(
                "a disk that is full",
                &[
                    Pay(0, 0),
                    Tap,
                    DiskFull,
                    Host(Approves),
                    Pay(1, 0),
                    Tap,
                    Host(Approves),
                    Cancel(2, 0),
                    DiskRoom,
                    Pay(3, 0),
                    Tap,
                    Host(Approves),
                ],
            )
        },
    ];
    for script in &mut all {
        script.steps.push(Idle);
    }
    all
}
