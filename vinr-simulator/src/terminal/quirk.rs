//! Terminals that are difficult on purpose: the sandbox's `term_test_…`. `spec/local-api.md` §10

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vinr_protocol::TerminalId;
use vinr_protocol::error_body::{Code, Refusal};

/// The one terminal that a page's sample needs. \[SIM-1\]
pub const LOCAL_SIMULATOR: &str = "term_local_simulator";

/// Does what any terminal does.
pub const TEST_DEFAULT: &str = "term_test_default";

/// Is busy once, and then does what any terminal does.
pub const TEST_BUSY: &str = "term_test_busy";

/// Starts without internet, and has it after [`OFFLINE_FOR`].
pub const TEST_OFFLINE: &str = "term_test_offline";

/// Every id of the sandbox.
pub const SANDBOX: &[&str] = &[LOCAL_SIMULATOR, TEST_DEFAULT, TEST_BUSY, TEST_OFFLINE];

/// How long [`TEST_OFFLINE`] is without internet.
pub const OFFLINE_FOR: Duration = Duration::from_secs(10);

/// What is difficult about a terminal.
#[derive(Debug, Default)]
pub(crate) struct Quirk {
    busy_once: AtomicBool,
    pub(super) offline_for: Option<Duration>,
}

impl Quirk {
    pub(super) fn of(id: &TerminalId) -> Self {
        Self {
            busy_once: AtomicBool::new(id.as_str() == TEST_BUSY),
            offline_for: (id.as_str() == TEST_OFFLINE).then_some(OFFLINE_FOR),
        }
    }

    /// Is this the one time?
    pub(super) fn is_busy(&self) -> bool {
        self.busy_once.swap(false, Ordering::Relaxed)
    }
}

pub(super) fn busy() -> Refusal {
    Refusal::new(
        Code::TerminalBusy,
        "this test terminal is busy once; nothing was started",
    )
}
