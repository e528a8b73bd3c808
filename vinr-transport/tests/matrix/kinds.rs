//! The rows: every kind of certificate that a peer may show, and what must come of it.
//!
//! The verdicts are those of spec/local-api.md §2 and RFC 5280. \[TLS-3, TLS-5, TLS-6, TLS-10, TLS-14\]

mod chains;
mod encodings;
mod issuers;
mod keys;
mod names;
mod purposes;
pub(crate) mod revocation;
mod times;

use vinr_transport::revocation::Installed;
use vinr_transport::{CrlError, Side};

use crate::paper::{Shop, Shown};
use crate::verdict::{Expect, Outcome};

/// One kind of peer.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) expect: Expect,
    make: Box<dyn Fn(&Shop) -> Case + Send + Sync>,
}

/// Is it the reason for which a list must be refused?
pub(crate) type IsTheReason = fn(&CrlError) -> bool;

/// What is shown to a judge, and what the judge trusts besides the shop's CA.
pub(crate) struct Case {
    pub(crate) shown: Shown,
    pub(crate) also_trusted: String,
    /// The list that the judge began with; none where it is missing.
    pub(crate) list: List,
    /// Lists that are offered to the judge afterwards, and that it must refuse for this reason.
    pub(crate) refused_lists: Vec<(Vec<u8>, IsTheReason)>,
}

/// The list that a judge begins with.
#[derive(Debug, Clone)]
pub(crate) enum List {
    /// The row is not about lists: a terminal has its CA's, a till does not ask.
    Usual,
    /// The CA's, in force, naming nobody who is shown.
    InForce,
    Missing,
    This(Vec<u8>),
    /// One whose time is over.
    Stale(Vec<u8>),
}

impl From<Shown> for Case {
    fn from(shown: Shown) -> Self {
        Self {
            shown,
            also_trusted: String::new(),
            list: List::Usual,
            refused_lists: vec![],
        }
    }
}

impl Case {
    /// The judge trusts this CA, too.
    pub(crate) fn trusting(shown: Shown, ca: impl Into<String>) -> Self {
        Self {
            also_trusted: ca.into(),
            ..shown.into()
        }
    }

    /// The judge begins with this list.
    pub(crate) fn listed(shown: Shown, list: List) -> Self {
        Self {
            list,
            ..shown.into()
        }
    }

    /// This list is offered, and must be refused for this reason.
    pub(crate) fn refusing(mut self, list: Vec<u8>, reason: fn(&CrlError) -> bool) -> Self {
        self.refused_lists.push((list, reason));
        self
    }

    /// Offers the lists that must be refused; what is wrong where one is not, or for another reason.
    pub(crate) fn wrongly_taken(
        &self,
        install: impl Fn(&[u8]) -> Result<Installed, CrlError>,
    ) -> Option<Outcome> {
        self.refused_lists
            .iter()
            .find_map(|(list, is_the_reason)| match install(list) {
                Err(error) if is_the_reason(&error) => None,
                other => Some(Outcome::Wrong(format!("the list: {other:?}"))),
            })
    }

    /// The list that the judge begins with.
    pub(crate) fn first_list(&self, shop: &Shop) -> Option<Vec<u8>> {
        match &self.list {
            List::Usual if shop.side == Side::Terminal => None,
            List::Usual | List::InForce => Some(shop.list(5, &[b"another certificate"])),
            List::Missing => None,
            List::This(list) | List::Stale(list) => Some(list.clone()),
        }
    }
}

impl Kind {
    pub(crate) fn make(&self, shop: &Shop) -> Case {
        (self.make)(shop)
    }
}

pub(crate) fn kind<C: Into<Case>>(
    name: &'static str,
    expect: Expect,
    make: impl Fn(&Shop) -> C + Send + Sync + 'static,
) -> Kind {
    Kind {
        name,
        expect,
        make: Box::new(move |shop| make(shop).into()),
    }
}

/// Every kind that a peer of this side may show.
pub(crate) fn all(side: Side) -> Vec<Kind> {
    let tables = [
        issuers::kinds(side),
        chains::kinds(),
        times::kinds(),
        purposes::kinds(),
        keys::kinds(),
        encodings::kinds(),
        names::kinds(side),
        revocation::kinds(side),
    ];
    tables.into_iter().flatten().collect()
}
