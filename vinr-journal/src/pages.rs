//! The latest record of every key, some at a time, for whoever wants them all and has no room for them.

use std::fmt;
use std::sync::Arc;

use crate::core::Core;
use crate::error::ReadError;
use crate::policy::Policy;

/// The latest records, newest keys first. It only reads: the journal may be written, compacted and closed meanwhile. A
/// key that is new since is not among them; one that has a later record since is given as it is by then.
pub struct Pages<P> {
    core: Arc<Core<P>>,
    /// What is before this place of the index was not read yet.
    before: usize,
}

impl<P: Policy> Pages<P> {
    pub(crate) fn over(core: Arc<Core<P>>) -> Self {
        let before = core.state().index.places();
        Self { core, before }
    }

    /// The next records, `most` at most, in the order in which their keys came to be; none where it is through. After
    /// an error the same page is read again.
    pub fn next_page(&mut self, most: usize) -> Result<Vec<P::Record>, ReadError> {
        let mut page = Vec::new();
        // A whole page of places may be unused.
        while page.is_empty() && self.before > 0 {
            let from = self.before.saturating_sub(most.max(1));
            page = self.core.between(from, self.before)?;
            self.before = from;
        }
        Ok(page)
    }

    /// Begins again, with the newest that there is by now.
    pub fn begin_again(&mut self) {
        self.before = self.core.state().index.places();
    }
}

impl<P> Clone for Pages<P> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            before: self.before,
        }
    }
}

impl<P> fmt::Debug for Pages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages({} places left)", self.before)
    }
}
