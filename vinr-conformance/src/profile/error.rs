//! Why a profile is not taken.

use std::path::PathBuf;

/// Why a profile is not taken: whoever wrote it has to change it, and the process ends with 64.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("the profile {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a profile.
    #[error("{}:{line}: {message}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was expected and what stands there.
        message: String,
    },
    /// The subject is not on this machine and nobody confirmed that nothing can be hurt.
    #[error(
        "{address} is not this machine, and certification taps cards and cuts power. \
         Say in [safety] of the profile that this is safe: {}",
        missing.join("; ")
    )]
    Unsafe {
        /// Where the subject is.
        address: String,
        /// What has to be said.
        missing: Vec<&'static str>,
    },
}
