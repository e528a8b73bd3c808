//! The POS CA's revocation list, from its file to whoever hands it out. §2

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use vinr_transport::revocation::MAX_BYTES;

/// Another process may revoke: the file is looked at this often, well within the second that a new list may take.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Follows the file for as long as somebody listens.
pub(super) fn follow(path: PathBuf) -> watch::Receiver<Option<String>> {
    let read = move || {
        // What no terminal would take is not sent to any.
        let length = std::fs::metadata(&path).ok()?.len();
        let is_too_long = length > MAX_BYTES as u64;
        (!is_too_long).then(|| std::fs::read_to_string(&path).ok())?
    };
    let (sender, receiver) = watch::channel(read());
    tokio::spawn(async move {
        while !sender.is_closed() {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = read();
            // A file that is gone for a moment revokes nothing that it revoked.
            if now.is_some() {
                sender.send_if_modified(|known| {
                    let is_new = *known != now;
                    known.clone_from(&now);
                    is_new
                });
            }
        }
    });
    receiver
}
