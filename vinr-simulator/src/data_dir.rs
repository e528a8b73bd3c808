//! The directory of a terminal or a cloud: one process at a time.

use std::path::Path;
use std::time::{Duration, Instant};

use vinr_journal::{DataDir, DataDirError};

/// How long a terminal that was just switched off may take to finish its last write.
const CLOSING: Duration = Duration::from_secs(1);

/// Opens a data directory, patient with whoever is closing it.
pub(crate) async fn open_patiently(path: &Path) -> Result<DataDir, DataDirError> {
    let given_up = Instant::now() + CLOSING;
    loop {
        match DataDir::open(path) {
            Err(DataDirError::InUse(_)) if Instant::now() < given_up => {
                tokio::time::sleep(CLOSING / 100).await;
            }
            opened => return opened,
        }
    }
}
