//! Where a secret has its place.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::canaries::{
    self, API_KEY, Canary, JOURNAL_KEY, PASSPHRASE, PRIVATE_KEY, TOKEN, WEBHOOK,
};
use crate::scan::Finding;

/// A file that holds secrets by purpose, and nothing of another kind.
pub(crate) struct Place {
    /// The end of its path; `*` stands for a name.
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [&'static str],
}

/// All of them; each must be readable by its owner alone, but for the suite's own journal.
pub(crate) const PLACES: &[Place] = &[
    Place {
        name: "*.key",
        kinds: &[PRIVATE_KEY],
    },
    Place {
        name: "cloud/api-key",
        kinds: &[API_KEY],
    },
    Place {
        name: "control/*.json",
        kinds: &[TOKEN],
    },
    Place {
        name: "keys/*.journal-key",
        kinds: &[JOURNAL_KEY],
    },
    // The secret of an endpoint that the suite registered for this run alone, without which nobody could judge the
    // signatures again; see `journal::Endpoint`.
    Place {
        name: EVIDENCE,
        kinds: &[WEBHOOK],
    },
];

const EVIDENCE: &str = "report/journal.ndjson";

/// What the simulator and its journal append to a name until the file is whole.
const UNFINISHED: &str = ".new";

/// Not a leak: the file is named, holds this kind, and is its owner's alone.
pub(crate) fn is_its_place(finding: &Finding<'_>) -> bool {
    let path = finding.file.to_string_lossy();
    // A file is written beside its name and takes it when it is whole; a look may fall between.
    let path = path.strip_suffix(UNFINISHED).unwrap_or(&path);
    let is_named = |place: &&Place| match place.name.split_once('*') {
        Some((folder, end)) => {
            let name = path.rsplit('/').next().unwrap_or_default();
            name.ends_with(end)
                && path[..path.len() - name.len()].ends_with(folder)
                && place.kinds.contains(&finding.canary.kind)
        }
        None => path.ends_with(place.name) && place.kinds.contains(&finding.canary.kind),
    };
    let Some(place) = PLACES.iter().find(is_named) else {
        return false;
    };
    let mode = std::fs::metadata(&finding.file).map(|it| it.permissions().mode() & 0o077);
    debug_assert!(!place.kinds.contains(&PASSPHRASE), "it is stored nowhere");
    place.name == EVIDENCE || mode.is_ok_and(|others| others == 0)
}

/// The secrets that this file holds by purpose.
pub(crate) fn harvest(path: &Path, bytes: &[u8]) -> Vec<Canary> {
    let name = path.display().to_string();
    let text = || std::str::from_utf8(bytes).unwrap_or_default();
    if name.ends_with(".key") {
        return canaries::of_key(&name, bytes).into_iter().collect();
    }
    if name.ends_with("cloud/api-key") {
        return vec![Canary::new(API_KEY, name, text().trim().as_bytes())];
    }
    if name.ends_with(".journal-key") {
        let keys = text().lines().filter(|line| !line.starts_with('#'));
        let of_key = |line: &str| -> Option<Canary> {
            let byte = |at: usize| u8::from_str_radix(line.get(at..at + 2)?, 16).ok();
            let key: Option<Vec<u8>> = (0..line.len()).step_by(2).map(byte).collect();
            Some(Canary::new(JOURNAL_KEY, &name, &key?))
        };
        return keys.filter_map(of_key).collect();
    }
    if path.parent().is_some_and(|dir| dir.ends_with("control")) && name.ends_with(".json") {
        let file: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        let token = file["token"].as_str();
        let token = token.map(|token| Canary::new(TOKEN, name, token.as_bytes()));
        return token.into_iter().collect();
    }
    Vec::new()
}
