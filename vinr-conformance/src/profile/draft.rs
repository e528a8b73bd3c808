//! A profile to start from, with all that could be seen of the device filled in.

use std::collections::BTreeMap;

use super::{Sheet, template};
use crate::verdict::DeclaredWire;

/// What was seen of a device; nothing where it was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Where it answers.
    pub address: Option<String>,
    /// The id in its certificate.
    pub terminal: Option<String>,
    /// The sheet of the model that it says it is.
    pub base: Option<Sheet>,
    /// The version that it says it runs.
    pub version: Option<String>,
    /// The wire that it says it speaks.
    pub wire: Option<DeclaredWire>,
    /// The offline limits that it says it has, in minor units.
    pub limits: BTreeMap<String, u64>,
    /// The length of the queue that it says it has.
    pub max_queued: Option<u64>,
    /// The files that were used, by their keys in `[wire]`.
    pub files: BTreeMap<&'static str, String>,
}

/// The sheet's template with what was seen in place of its examples; each such line says so.
pub fn draft(base: Sheet, seen: &Seen) -> String {
    let mut lines = Vec::new();
    let mut section = "";
    for line in template(base).lines() {
        if let Some(name) = line
            .split(']')
            .next()
            .and_then(|name| name.strip_prefix('['))
        {
            section = name;
        }
        let filled = filled(section, line, seen);
        lines.push(filled.unwrap_or_else(|| line.to_owned()));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The line with what was seen; none where nothing was, or where it says nothing of it.
fn filled(section: &str, line: &str, seen: &Seen) -> Option<String> {
    let key = line.trim_start_matches("# ").split(" =").next()?;
    let quoted = |value: &String| toml::Value::from(value.as_str()).to_string();
    let value = match (section, key) {
        ("profile", "version") => seen.version.as_ref().map(quoted),
        ("profile", "wire") => seen.wire.map(|wire| match wire {
            DeclaredWire::VinrLocal1 => "\"vinr-local/1\"".to_owned(),
            DeclaredWire::Vendor => "\"vendor\"".to_owned(),
        }),
        ("limits", "max_queued") => seen.max_queued.map(|most| most.to_string()),
        ("wire", "address") => seen.address.as_ref().map(quoted),
        ("wire", "terminal") => seen.terminal.as_ref().map(quoted),
        ("wire", key) => seen.files.get(key).map(quoted),
        (section, "max_amount") => {
            let currency = section.strip_prefix("limits.")?;
            seen.limits.get(currency).map(u64::to_string)
        }
        _ => None,
    }?;
    let assignment = format!("{key} = {value}");
    Some(format!("{assignment:<32} # seen"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::profile::Profile;

    fn seen() -> Seen {
        Seen {
            address: Some("192.168.1.20:8443".into()),
            terminal: Some("term_shop_7".into()),
            base: Some(Sheet::N92),
            version: Some("3.2.1".into()),
            wire: Some(DeclaredWire::VinrLocal1),
            limits: BTreeMap::from([("USD".into(), 9_900)]),
            max_queued: Some(7),
            files: BTreeMap::from([("terminal_ca", "pki/terminal-ca.pem".into())]),
        }
    }

    #[test]
    fn what_was_seen_stands_in_the_draft() {
        let text = draft(Sheet::N92, &seen());
        let profile = Profile::parse(&text, Path::new("shop/n92.toml"));
        let profile = profile.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(profile.version, "3.2.1");
        assert_eq!(profile.declared, DeclaredWire::VinrLocal1);
        assert_eq!(profile.wire.address.as_deref(), Some("192.168.1.20:8443"));
        assert_eq!(
            profile.wire.terminal.map(|id| id.to_string()),
            Some("term_shop_7".into())
        );
        assert_eq!(
            profile.wire.terminal_ca,
            Some("shop/pki/terminal-ca.pem".into())
        );
        let offline = profile.offline.expect("an N92 queues");
        assert_eq!(offline.max_queued, 7);
        let limits: Vec<_> = offline.limits.values().map(|it| it.minor_units()).collect();
        assert_eq!(limits, [9_900]);
    }

    #[test]
    fn of_every_sheet_a_draft_is_a_lawful_profile_whatever_was_seen() {
        for sheet in Sheet::ALL {
            for seen in [Seen::default(), seen()] {
                let text = draft(sheet, &seen);
                let profile = Profile::parse(&text, Path::new(sheet.word()));
                let profile = profile.unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(profile.base, sheet);
            }
        }
    }

    #[test]
    fn where_nothing_was_seen_the_draft_is_the_template() {
        assert_eq!(draft(Sheet::N92, &Seen::default()), template(Sheet::N92));
    }

    #[test]
    fn a_version_of_any_letters_cannot_break_the_text() {
        let version = Some("1\"\n[safety]".into());
        let text = draft(
            Sheet::N92,
            &Seen {
                version,
                ..Seen::default()
            },
        );
        let profile = Profile::parse(&text, Path::new("p")).expect("lawful");
        assert_eq!(profile.version, "1\"\n[safety]");
    }
}
