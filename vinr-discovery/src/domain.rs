//! A DNS name as it was heard, compared without case, as DNS compares names.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use simple_dns::{Label, Name};

/// Labels as on the wire, each behind its length. A length is below 64, so it is no letter, and the whole
/// can be compared at once.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    wire: Box<[u8]>,
    /// What is compared, made once: a flood is sorted into maps by it.
    lower: Box<[u8]>,
}

impl Domain {
    /// The name that a parsed packet holds; the parser has bounded it (63 bytes a label, 255 in all).
    pub(crate) fn of(name: &Name<'_>) -> Self {
        let mut wire = Vec::new();
        for label in name.get_labels() {
            wire.push(u8::try_from(label.len()).expect("the parser keeps labels to 63 bytes"));
            wire.extend_from_slice(label.as_ref());
        }
        Self {
            lower: wire.to_ascii_lowercase().into(),
            wire: wire.into(),
        }
    }

    /// An instance of the service type.
    pub(crate) fn of_instance(label: &str) -> Self {
        let mut labels = vec![Label::new_unchecked(label.as_bytes())];
        let service = service_name();
        labels.extend(service.get_labels().iter().cloned());
        Self::of(&Name::new_with_labels(&labels))
    }

    /// The name as the packet writer takes it.
    pub(crate) fn name(&self) -> Name<'_> {
        let labels: Vec<_> = self.labels().map(Label::new_unchecked).collect();
        Name::new_with_labels(&labels)
    }

    /// The first label: of an instance, its name; bytes that anybody may have sent.
    pub(crate) fn first_label(&self) -> &[u8] {
        self.labels().next().unwrap_or_default()
    }

    fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.wire[..];
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first()?;
            let (label, behind) = behind.split_at(usize::from(*length));
            rest = behind;
            Some(label)
        })
    }
}

/// The service type as a name of the parser.
pub(crate) fn service_name() -> Name<'static> {
    Name::new_unchecked(crate::SERVICE_TYPE.trim_end_matches('.'))
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.lower == other.lower
    }
}

impl Eq for Domain {}

impl PartialOrd for Domain {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Domain {
    fn cmp(&self, other: &Self) -> Ordering {
        self.lower.cmp(&other.lower)
    }
}

impl Hash for Domain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.lower.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_in_more_than_case() {
        assert_eq!(
            Domain::of_instance("term_CT20"),
            Domain::of_instance("TERM_ct20")
        );
        assert_ne!(Domain::of_instance("term_1"), Domain::of_instance("term_2"));
    }

    #[test]
    fn a_dot_within_a_label_stays_in_it() {
        let domain = Domain::of_instance("Till 4.2");
        assert_eq!(domain.first_label(), b"Till 4.2");
        assert_eq!(domain.name().get_labels().len(), 4);
    }
}
