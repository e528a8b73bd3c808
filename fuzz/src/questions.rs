//! One line of JSON, as a driver of the suite writes its answers and a control port reads its questions.

use vinr_protocol::question::{Answer, LedgerEntry, Question};

/// A question, an answer or a line of a ledger.
pub(crate) fn question(data: &[u8]) {
    read_back::<Question>(data);
    read_back::<Answer>(data);
    read_back::<LedgerEntry>(data);
}

/// What is written is one line, and reads as what was written; the first reading of a fraction may round it.
fn read_back<T>(data: &[u8])
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let Ok(read) = serde_json::from_slice::<T>(data) else {
        return;
    };
    let line = serde_json::to_string(&read).expect("what was read can be written");
    assert!(!line.contains(['\n', '\r']), "one line");
    assert!(serde_json::from_str::<T>(&line).is_ok(), "{line}");
}
