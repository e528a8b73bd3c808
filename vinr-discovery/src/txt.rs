//! The TXT record of a terminal: what it says of itself before anybody asks. \[DISC-7\]
//!
//! | key | value |
//! |---|---|
//! | `txtvers` | `1`; with another one nothing else is read |
//! | `id` | the terminal id |
//! | `model` | as in `GET /v1/reader` |
//! | `status` | `online` or `offline`: has it the internet? |
//! | `activity` | `idle` or `busy` |
//! | `api` | `vinr-local/1` |
//!
//! Anybody on the network can send one, so every value is bounded and none is a proof. \[DISC-8\]

use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::id::InvalidId;
use vinr_protocol::reader::{Activity, ReaderStatus};

/// The longest value that is read, in bytes.
pub const VALUE_MAX: usize = 64;

/// The version of the record that this crate writes and reads.
pub const TXTVERS: &str = "1";

/// What a TXT record says. Everything may be missing: the certificate and `GET /v1/reader` know better.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Txt {
    /// Who it says it is.
    pub id: Option<TerminalId>,
    /// Its model.
    pub model: Option<Model>,
    /// Has it the internet?
    pub status: Option<ReaderStatus>,
    /// Is it free?
    pub activity: Option<Activity>,
    /// The wire it speaks.
    pub api: Option<String>,
}

/// A TXT record cannot be believed. Never repeats the foreign text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TxtError {
    /// The `id` is not a terminal id.
    #[error("the TXT id is no terminal id: {0}")]
    Id(#[from] InvalidId),
    /// A value is longer than [`VALUE_MAX`], is not UTF-8, or has control characters.
    #[error("the TXT value of {key} is not plain text of at most {VALUE_MAX} bytes")]
    Value {
        /// Whose value.
        key: &'static str,
    },
}

impl std::hash::Hash for TxtError {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            // What makes two of these equal, for they know nothing else.
            TxtError::Id(InvalidId { what, expected }) => (what, expected).hash(state),
            TxtError::Value { key } => key.hash(state),
        }
    }
}

impl Txt {
    /// Reads the entries of a record in their order; of a key given twice the first counts, keys are
    /// compared without case, and foreign keys are ignored (RFC 6763 §6.4).
    pub fn read<'a>(
        entries: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<Self, TxtError> {
        let mut values: [Option<&[u8]>; KEYS.len()] = [None; KEYS.len()];
        for (key, value) in entries {
            let known = KEYS
                .iter()
                .position(|k| k.as_bytes().eq_ignore_ascii_case(key));
            if let Some(place) = known {
                values[place].get_or_insert(value.unwrap_or_default());
            }
        }
        let text = |place: usize| {
            values[place]
                .map(|v| plain_text(KEYS[place], v))
                .transpose()
        };
        if text(0)?.is_some_and(|version| version != TXTVERS) {
            return Ok(Self::default());
        }
        Ok(Self {
            id: text(1)?.map(TerminalId::new).transpose()?,
            model: text(2)?.map(Model::from),
            status: text(3)?.map(ReaderStatus::from),
            activity: text(4)?.map(Activity::from),
            api: text(5)?.map(str::to_owned),
        })
    }

    /// The entries as they stand on the wire, `txtvers` first.
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let values = [
            Some(TXTVERS.to_owned()),
            self.id.as_ref().map(ToString::to_string),
            self.model.as_ref().map(ToString::to_string),
            self.status.as_ref().map(ToString::to_string),
            self.activity.as_ref().map(ToString::to_string),
            self.api.clone(),
        ];
        KEYS.into_iter()
            .zip(values)
            .filter_map(|(key, value)| Some((key, value?)))
            .collect()
    }
}

const KEYS: [&str; 6] = ["txtvers", "id", "model", "status", "activity", "api"];

fn plain_text<'a>(key: &'static str, value: &'a [u8]) -> Result<&'a str, TxtError> {
    let text = std::str::from_utf8(value).map_err(|_| TxtError::Value { key })?;
    if text.len() > VALUE_MAX || text.chars().any(char::is_control) {
        return Err(TxtError::Value { key });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(&str, &str)]) -> Result<Txt, TxtError> {
        Txt::read(
            entries
                .iter()
                .map(|(k, v)| (k.as_bytes(), Some(v.as_bytes()))),
        )
    }

    fn ct20() -> Txt {
        Txt {
            id: Some(TerminalId::new("term_CT20_0042").unwrap()),
            model: Some(Model::NexgoCt20),
            status: Some(ReaderStatus::Online),
            activity: Some(Activity::Idle),
            api: Some(vinr_protocol::API.to_owned()),
        }
    }

    // [DISC-7]
    #[test]
    fn what_a_terminal_writes_a_till_reads() {
        let entries = ct20().entries();
        let written: Vec<_> = entries.iter().map(|(k, v)| (*k, v.as_str())).collect();
        assert_eq!(written[0], ("txtvers", "1"));
        assert_eq!(read(&written), Ok(ct20()));
    }

    #[test]
    fn a_record_without_an_id_leaves_the_id_to_the_certificate() {
        assert_eq!(read(&[("model", "acme_9000")]).unwrap().id, None);
    }

    #[test]
    fn of_a_key_given_twice_the_first_counts() {
        let txt = read(&[("id", "term_1"), ("ID", "term_2")]).unwrap();
        assert_eq!(txt.id.unwrap().as_str(), "term_1");
    }

    #[test]
    fn another_version_of_the_record_is_not_interpreted() {
        assert_eq!(
            read(&[("txtvers", "2"), ("id", "\u{7}")]),
            Ok(Txt::default())
        );
    }

    #[test]
    fn an_id_that_is_none_is_refused_without_repeating_it() {
        let error = read(&[("id", "term_<script>")]).unwrap_err();
        assert!(matches!(error, TxtError::Id(_)));
        assert!(!error.to_string().contains("script"));
    }

    #[test]
    fn a_value_has_at_most_64_bytes() {
        assert!(read(&[("model", &"m".repeat(VALUE_MAX))]).is_ok());
        let error = read(&[("model", &"m".repeat(VALUE_MAX + 1))]).unwrap_err();
        assert_eq!(error, TxtError::Value { key: "model" });
    }

    #[test]
    fn a_value_is_text_without_control_characters() {
        assert!(read(&[("status", "on\u{1b}[2Jline")]).is_err());
        let foreign = [(b"model".as_slice(), Some(b"\xff\xfe".as_slice()))];
        assert_eq!(Txt::read(foreign), Err(TxtError::Value { key: "model" }));
    }

    #[test]
    fn an_unknown_word_is_kept() {
        let txt = read(&[("activity", "updating")]).unwrap();
        assert_eq!(txt.activity, Some(Activity::Unknown("updating".into())));
    }
}
