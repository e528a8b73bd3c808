//! What may differ on a vendor's own wire: the paths, and how the id sits in the certificate.

use std::collections::BTreeMap;

/// In which name of the certificate the terminal's id stands. `vinr-local/1` says: the one DNS name, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateId {
    kind: &'static str,
    before: String,
    after: String,
    /// The profile says so. What it does not say is not judged of a vendor's certificate.
    is_said: bool,
}

impl Default for CertificateId {
    fn default() -> Self {
        Self {
            kind: "dns",
            before: String::new(),
            after: String::new(),
            is_said: false,
        }
    }
}

impl CertificateId {
    /// Reads `dns:{id}`, `uri:urn:vinr:{id}`, `cn:VINR {id}` and the like.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        let kind = ["dns", "uri", "cn"].into_iter().find(|own| *own == kind)?;
        let (before, after) = name.split_once("{id}")?;
        (!after.contains("{id}")).then(|| Self {
            kind,
            before: before.to_owned(),
            after: after.to_owned(),
            is_said: true,
        })
    }

    /// The name that the certificate of this terminal holds, as the journal writes names.
    pub fn name_of(&self, terminal: &str) -> String {
        format!("{}:{}{terminal}{}", self.kind, self.before, self.after)
    }

    /// The name to look for, where the profile says one.
    pub(crate) fn said(&self, terminal: &str) -> Option<String> {
        self.is_said.then(|| self.name_of(terminal))
    }
}

/// The paths on a vendor's wire, by the suite's own; what is not named is as in `vinr-local/1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paths(BTreeMap<&'static str, String>);

impl Paths {
    /// What a profile calls each path, and the path on our own wire.
    pub const NAMES: [(&'static str, &'static str); 4] = [
        ("pay", "/v1/pay"),
        ("payments", "/v1/payments"),
        ("cancel", "/v1/cancel"),
        ("reader", "/v1/reader"),
    ];

    /// Sets one of them; false where it is no path.
    pub(super) fn set(&mut self, name: &str, path: &str) -> bool {
        let is_path = path.starts_with('/')
            && path.len() <= 200
            && path
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
        let own = Self::NAMES.into_iter().find(|(own, _)| *own == name);
        match own {
            Some((_, ours)) if is_path => {
                self.0.insert(ours, path.trim_end_matches('/').to_owned());
                true
            }
            _ => false,
        }
    }

    /// Ours and theirs, where they differ.
    pub(super) fn differing(&self) -> BTreeMap<String, String> {
        let differs = self.0.iter().filter(|(ours, theirs)| *ours != theirs);
        differs
            .map(|(ours, theirs)| ((*ours).to_owned(), theirs.clone()))
            .collect()
    }

    /// How a request for this path and query of ours is written to the terminal.
    pub fn sent(&self, ours: &str) -> String {
        let end = ours.find('?').unwrap_or(ours.len());
        let (path, query) = ours.split_at(end);
        let of = |(own, theirs): (&&'static str, &String)| {
            let rest = path.strip_prefix(*own)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{theirs}{rest}{query}"))
        };
        self.0
            .iter()
            .find_map(of)
            .unwrap_or_else(|| ours.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_stand_in_any_kind_of_name() {
        for (text, name) in [
            ("dns:{id}", "dns:term_1"),
            ("uri:urn:vinr:{id}", "uri:urn:vinr:term_1"),
            ("cn:VINR {id} (test)", "cn:VINR term_1 (test)"),
        ] {
            let id = CertificateId::parse(text).expect(text);
            assert_eq!(id.said("term_1").as_deref(), Some(name));
        }
        for text in ["", "dns", "dns:", "dns:{id}{id}", "email:{id}", "{id}"] {
            assert_eq!(CertificateId::parse(text), None, "{text}");
        }
        assert_eq!(CertificateId::default().said("term_1"), None);
    }

    #[test]
    fn a_path_is_exchanged_with_what_follows_it() {
        let mut paths = Paths::default();
        assert!(paths.set("payments", "/api/sales/"));
        assert!(paths.set("pay", "/api/start"));
        for (ours, theirs) in [
            ("/v1/payments?reference=a", "/api/sales?reference=a"),
            ("/v1/payments/tpay_1", "/api/sales/tpay_1"),
            ("/v1/pay", "/api/start"),
            ("/v1/reader", "/v1/reader"),
            ("/", "/"),
        ] {
            assert_eq!(paths.sent(ours), theirs, "{ours}");
        }
    }
}
