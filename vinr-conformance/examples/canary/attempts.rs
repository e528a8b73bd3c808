//! The till's attempts in clear. On the disk they are sealed with a key that everybody knows: a leak in there would be one,
//! and no search would see it.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use vinr_journal::{Facts, Keep, KeyRing, Place, Policy, RealDisk, read};

struct AnyRecord;

impl Policy for AnyRecord {
    type Record = Value;

    fn facts(&self, record: &Value) -> Facts {
        let key = record.to_string().into_bytes();
        Facts {
            group: key.clone(),
            key,
            keep: Keep::Always,
            rank: None,
        }
    }
}

/// Writes every record of the store in this directory to a file beside it, a line each. A store without any is a failure:
/// there was nothing to search.
pub(crate) fn in_clear(store: &Path) -> Result<(), Box<dyn Error>> {
    let place = Place {
        dir: store.to_owned(),
        name: "attempts".to_owned(),
        mark: store.join("mark"),
    };
    let mut lines = String::new();
    let mut each = |record: Value| lines.push_str(&format!("{record}\n"));
    read(
        Arc::new(RealDisk),
        place,
        KeyRing::public(),
        AnyRecord,
        &mut each,
    )?;
    match lines.is_empty() {
        true => Err("the till's store has no attempts".into()),
        false => Ok(std::fs::write(store.join("in-clear.ndjson"), lines)?),
    }
}
