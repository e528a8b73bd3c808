//! What came of a run: states, findings, the row of each requirement, the verdict and the gate.
//!
//! Everything here is a pure function of findings and claims; nothing is measured or sent. What a
//! finding is made from is [`crate::judge`]'s business.
//!
//! # The rule, in full
//!
//! **A row** (one of the 121 requirements) takes the *worst* state of its findings, in the order of
//! [`State`]: fail, known-fail, harness-error, could-not-test, not-run, needs-review,
//! not-implemented, unexpected-pass, warn, pass, not-applicable. A scenario that was planned and
//! says nothing of a requirement it names counts too: see [`Results::judge`].
//!
//! **What cannot fail a subject** is softened to a warning before that: a *should* or *may*, and a
//! rule that `vinr-local/1` decided ("ours") where the profile declares `wire = "vendor"`.
//!
//! **The verdict** looks at every *must* that applies to the subject:
//!
//! | Verdict | When |
//! |---|---|
//! | nonconformant | one of them failed, known or not |
//! | conformant | each of them passed, nothing planned was left unrun, and the plan is the profile's full plan |
//! | inconclusive | anything else: a must could not be tested, was not run, waits for a person, or is **not implemented by this suite yet** |
//!
//! **The gate** is the colour for a build, and its exit code is apart from the verdict: rules that
//! this suite cannot judge yet leave the verdict inconclusive, but are no news about the subject, so
//! they do not turn a build red.
//!
//! | Exit | When, the first that holds |
//! |--:|---|
//! | 130 | the run was interrupted |
//! | 1 | a must failed |
//! | 70 | the suite itself went wrong |
//! | 69 | the subject could not be reached |
//! | 4 | an entry of the known failures is stale, in one of six ways: see [`How`](crate::known::How) |
//! | 3 | a must that was planned could not be tested, was not run, or waits for a person |
//! | 2 | there are warnings and `--strict` was asked for |
//! | 0 | every rule that was planned and applies passed |

mod finding;
mod results;
mod row;
mod rule;
mod state;
mod subject;

pub use finding::Finding;
pub(crate) use finding::WAITS;
pub(crate) use results::SCHEMA;
pub use results::{Environment, PlanFacts, ProfileFacts, Results, Run, ScenarioRow, Suite};
pub use row::{Claims, DeclaredWire, Row, rows};
pub use rule::{Ending, Gate, Verdict};
pub use state::{Counts, State};
pub use subject::{CertificateFacts, SubjectFacts};
