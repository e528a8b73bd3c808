//! A test that cannot run here says so, and how to mend it.

use std::io::Write;

/// Prints `SKIPPED: why` past the test runner's capture; with `VINR_FORBID_SKIPS=1` it is a failure.
pub(crate) fn skip(why: &str, remedy: &str) {
    let forbidden = std::env::var_os("VINR_FORBID_SKIPS").is_some_and(|v| v == "1");
    assert!(
        !forbidden,
        "a test would be skipped: {why}\nto mend it: {remedy}"
    );
    // The runner captures print macros only; a skip has to be seen.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}\n   to mend it: {remedy}");
}
