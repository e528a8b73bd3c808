//! Finds the terminals that advertise themselves, once. \[DISC-2\]

use std::time::Duration;

use crate::blocked::Blocked;
use crate::browser::Browser;
use crate::candidate::Found;
use crate::interfaces::Interfaces;

/// How long a discovery listens unless it is told otherwise.
pub const WINDOW: Duration = Duration::from_secs(2);

/// Nothing can be found, because multicast does not work here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot browse for terminals: {blocked}; {}, or name the terminals' addresses instead (static hosts)",
    blocked.advice()
)]
pub struct BrowseError {
    /// What keeps it from working.
    pub blocked: Blocked,
}

/// Everything that advertises itself on any interface within `window`.
///
/// ```no_run
/// # async fn example() -> Result<(), vinr_discovery::browse::BrowseError> {
/// let found = vinr_discovery::browse(vinr_discovery::browse::WINDOW).await?;
/// for candidate in &found.candidates {
///     println!("{} at {}", candidate.id, candidate.addresses[0]);
/// }
/// for left_out in &found.left_out {
///     eprintln!("{left_out}");
/// }
/// for trouble in &found.troubles {
///     eprintln!("{trouble}");
/// }
/// # Ok(()) }
/// ```
pub async fn browse(window: Duration) -> Result<Found, BrowseError> {
    let browser = Browser::start(Interfaces::All)?;
    Ok(browser.during(window).await)
}
