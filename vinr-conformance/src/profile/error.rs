//! Why a profile is not taken.

use std::fmt;
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
    #[error("{0}")]
    Invalid(Box<Fault>),
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

/// A place in a profile that is wrong.
///
/// ```text
/// ct20.toml:13:1: unknown feature `pins`; there are contactless, chip, pin, …
///    13 | pins = true
///       | ^^^^
///       write: pin = true
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in letters.
    pub column: usize,
    /// What was expected and what stands there.
    pub message: String,
    /// The line as it stands there.
    pub words: String,
    /// How many of its letters are meant.
    pub width: usize,
    /// What may stand there instead.
    pub write: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            message,
            words,
            ..
        } = self;
        let path = self.path.display();
        let before = " ".repeat(column.saturating_sub(1));
        let marks = "^".repeat(self.width);
        write!(f, "{path}:{line}:{column}: {message}")?;
        write!(f, "\n{line:>5} | {words}\n      | {before}{marks}")?;
        match &self.write {
            Some(write) => write!(f, "\n      write: {write}"),
            None => Ok(()),
        }
    }
}
