//! The durable record: what a power cut may not take back. \[REC-6\]
//!
//! A [`Journal`] is an append-only file of JSON records. [`append`](Journal::append) returns only after
//! `fdatasync`; one thread writes, so that a slow disk holds up nobody who does not wait for it. After the
//! first error the journal is of no use until a restart reads it anew: an `fdatasync` that is tried again
//! reports success for data that was lost.
//!
//! A file that does not hold what was written to it is *damaged*, and damaged is never "empty". \[REC-21\]

mod file;
mod frame;

use std::sync::mpsc;
use std::thread::JoinHandle;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::data_dir::DataDir;
use file::LogFile;
pub(crate) use file::{Kind, OpenError};

/// An open journal; dropping it waits for the write that runs.
#[derive(Debug)]
pub(crate) struct Journal {
    writes: Option<mpsc::Sender<Write>>,
    writer: Option<JoinHandle<()>>,
}

/// What a journal held when it was opened.
#[derive(Debug)]
pub(crate) struct Recovered<T> {
    pub(crate) journal: Journal,
    /// The id that was drawn when the file was made.
    pub(crate) id: String,
    /// Every acknowledged record, oldest first.
    pub(crate) records: Vec<T>,
}

/// A record could not be made durable. The journal takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record could not be made durable")]
pub(crate) struct StorageFailed;

struct Write {
    payload: Vec<u8>,
    done: oneshot::Sender<Result<(), StorageFailed>>,
}

impl Journal {
    /// Opens the journal of a directory, or makes it under a fresh id.
    pub(crate) fn open<T: DeserializeOwned>(
        dir: &DataDir,
        kind: Kind,
        fresh_id: impl FnOnce() -> String,
    ) -> Result<Recovered<T>, OpenError> {
        let opened = LogFile::open(dir, kind, fresh_id)?;
        if opened.tail == frame::Tail::Torn {
            tracing::warn!(
                file = kind.file,
                "dropped a record whose write a power cut broke off"
            );
        }
        let records = decode(opened.payloads, kind)?;
        Ok(Recovered {
            journal: Self::start(opened.file, kind, dir.clone()),
            id: opened.id,
            records,
        })
    }

    fn start(mut file: LogFile, kind: Kind, dir: DataDir) -> Self {
        let (writes, queue) = mpsc::channel::<Write>();
        let writer = std::thread::spawn(move || {
            let _nobody_else_opens_it_meanwhile = dir;
            for Write { payload, done } in queue {
                if let Err(error) = file.append(&payload) {
                    tracing::error!(file = kind.file, %error, "a record could not be made durable");
                    let _ = done.send(Err(StorageFailed));
                    return; // Whoever comes after finds the queue closed.
                }
                let _ = done.send(Ok(()));
                // Nobody waits now; what fails here fails again when the space is needed.
                if file.is_nearly_full() && file.grow().is_err() {
                    return;
                }
            }
        });
        Self {
            writes: Some(writes),
            writer: Some(writer),
        }
    }

    /// Makes a record durable.
    pub(crate) async fn append(&self, record: &impl Serialize) -> Result<(), StorageFailed> {
        let payload = serde_json::to_vec(record).map_err(|_| StorageFailed)?;
        let (done, is_done) = oneshot::channel();
        let write = Write { payload, done };
        self.writes
            .as_ref()
            .and_then(|writes| writes.send(write).ok())
            .ok_or(StorageFailed)?;
        is_done.await.unwrap_or(Err(StorageFailed))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.writes.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Reads the records of a file that this process does not write.
pub(crate) fn read<T: DeserializeOwned>(
    path: &std::path::Path,
    kind: Kind,
) -> Result<Vec<T>, OpenError> {
    decode(file::read(path, kind)?, kind)
}

/// Reads any bytes as a file of frames; what reads must be what would have been written.
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(scan) = frame::scan(bytes, 0) else {
        return;
    };
    let frames = scan.payloads.iter().zip(1..);
    let written: Vec<u8> = frames
        .flat_map(|(payload, sequence)| frame::encode(sequence, payload))
        .collect();
    assert_eq!(written, bytes[..scan.end], "what reads is what was written");
    let tail_is_clean = bytes[scan.end..].iter().all(|byte| *byte == 0);
    assert_eq!(tail_is_clean, scan.tail == frame::Tail::Clean);
}

fn decode<T: DeserializeOwned>(payloads: Vec<Vec<u8>>, kind: Kind) -> Result<Vec<T>, OpenError> {
    payloads
        .iter()
        .map(|payload| serde_json::from_slice(payload))
        .collect::<Result<_, _>>()
        .map_err(|error| OpenError::Damaged {
            path: kind.file.into(),
            why: format!("a record is not one of this version: {error}"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Journal {
        /// A journal on a disk that refuses every write.
        pub(crate) fn on_a_full_disk(dir: DataDir) -> Self {
            let file = LogFile::open(&dir, KIND, || "log_1".into()).unwrap().file;
            Self::start(file.read_only(&dir.join(KIND.file)), KIND, dir)
        }
    }

    const KIND: Kind = Kind {
        file: "log",
        marker: "log.id",
        magic: *b"TESTLOG\n",
    };

    fn open<T: DeserializeOwned>(dir: &tempfile::TempDir) -> Result<Recovered<T>, OpenError> {
        let data = DataDir::open(dir.path()).unwrap();
        Journal::open(&data, KIND, || "log_1".into())
    }

    #[tokio::test]
    async fn an_appended_record_is_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let journal = open::<u32>(&dir).unwrap().journal;
        journal.append(&7).await.unwrap();
        journal.append(&8).await.unwrap();
        drop(journal);
        assert_eq!(open::<u32>(&dir).unwrap().records, [7, 8]);
    }

    #[tokio::test]
    async fn a_record_of_another_version_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let journal = open::<u32>(&dir).unwrap().journal;
        journal.append(&"seven").await.unwrap();
        drop(journal);
        let error = open::<u32>(&dir).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }

    #[tokio::test]
    async fn after_a_failed_write_nothing_is_taken_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let journal = open::<String>(&dir).unwrap().journal;
        journal.append(&"before").await.unwrap();
        let too_long = "x".repeat(frame::MAX_PAYLOAD);
        assert_eq!(journal.append(&too_long).await, Err(StorageFailed));
        assert_eq!(journal.append(&"after").await, Err(StorageFailed));
        drop(journal);
        assert_eq!(open::<String>(&dir).unwrap().records, ["before"]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_read_as_what_was_never_written(bytes: Vec<u8>) {
            fuzz(&bytes);
        }

        #[test]
        fn no_change_of_a_file_is_read_as_what_was_never_written(
            records in proptest::collection::vec("[ -~]{1,700}", 1..4),
            at: proptest::sample::Index,
            with in proptest::collection::vec(0u8.., 1..600),
        ) {
            let written = records.iter().zip(1..);
            let mut file: Vec<u8> = written.flat_map(|(it, n)| frame::encode(n, it.as_bytes())).collect();
            file.resize(file.len() + 1024, 0);
            let at = at.index(file.len());
            let length = with.len().min(file.len() - at);
            file[at..at + length].copy_from_slice(&with[..length]);
            fuzz(&file);
            if let Ok(scan) = frame::scan(&file, 0) {
                for (read, record) in scan.payloads.iter().zip(&records) {
                    proptest::prop_assert_eq!(*read, record.as_bytes());
                }
            }
        }
    }

    #[tokio::test]
    async fn a_disk_that_refuses_the_write_fails_the_record() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::on_a_full_disk(DataDir::open(dir.path()).unwrap());
        assert_eq!(journal.append(&1).await, Err(StorageFailed));
        assert_eq!(journal.append(&2).await, Err(StorageFailed));
    }
}
