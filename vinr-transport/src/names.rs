//! The names in a certificate: which terminal it is, or which terminals it may drive.

use vinr_protocol::TerminalId;
use vinr_protocol::id::URN_PREFIX;
use x509_parser::extensions::GeneralName;

use crate::check::{Check, Side};

/// Every URI that begins so, in any case, is ours and must be of our form.
const OUR_SCHEME: &str = "urn:vinr:";

/// Reads the terminals that a certificate of this side names.
pub(crate) fn of(side: Side, names: &[GeneralName<'_>]) -> Result<Vec<TerminalId>, Check> {
    match side {
        Side::Terminal => of_terminal(names),
        Side::Pos => of_pos(names),
    }
}

/// Exactly one name, a dNSName: the terminal id itself. The common name is never read.
fn of_terminal(names: &[GeneralName<'_>]) -> Result<Vec<TerminalId>, Check> {
    match names {
        [GeneralName::DNSName(name)] => match TerminalId::new(name) {
            Ok(id) => Ok(vec![id]),
            Err(_) => Err(Check::Names),
        },
        _ => Err(Check::Names),
    }
}

/// `urn:vinr:terminal:` and an id, for each terminal; compared as bytes, and no other name is read.
fn of_pos(names: &[GeneralName<'_>]) -> Result<Vec<TerminalId>, Check> {
    let mut terminals = Vec::new();
    for name in names {
        match name {
            GeneralName::URI(uri) if is_ours(uri) => {
                let id = uri.strip_prefix(URN_PREFIX).ok_or(Check::Names)?;
                terminals.push(TerminalId::new(id).map_err(|_| Check::Names)?);
            }
            GeneralName::Invalid(..) => return Err(Check::Names),
            _ => {}
        }
    }
    Ok(terminals)
}

fn is_ours(uri: &str) -> bool {
    uri.get(..OUR_SCHEME.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OUR_SCHEME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pos(uris: &[&'static str]) -> Result<Vec<TerminalId>, Check> {
        let names: Vec<_> = uris.iter().map(|uri| GeneralName::URI(uri)).collect();
        of(Side::Pos, &names)
    }

    fn terminal(names: &[&'static str]) -> Result<Vec<TerminalId>, Check> {
        let names: Vec<_> = names
            .iter()
            .map(|name| GeneralName::DNSName(name))
            .collect();
        of(Side::Terminal, &names)
    }

    fn id(text: &str) -> TerminalId {
        TerminalId::new(text).expect("lawful")
    }

    #[test]
    fn a_pos_certificate_may_name_several_terminals_and_other_things() {
        assert_eq!(
            pos(&[
                "urn:vinr:terminal:term_A",
                "https://example.com",
                "urn:vinr:terminal:term_B"
            ]),
            Ok(vec![id("term_A"), id("term_B")])
        );
    }

    #[test]
    fn a_uri_of_ours_that_is_not_of_our_form_is_malformed() {
        for wrong in [
            "URN:vinr:terminal:term_A",
            "urn:VINR:terminal:term_A",
            "urn:vinr:Terminal:term_A",
            "urn:vinr:terminal:",
            "urn:vinr:terminal:term_%41",
            "urn:vinr:terminal:term_A ",
            "urn:vinr:shop:1",
            "urn:vinr:",
        ] {
            assert_eq!(pos(&[wrong]), Err(Check::Names), "{wrong}");
        }
    }

    #[test]
    fn a_foreign_uri_is_nobodys_business() {
        assert_eq!(pos(&["urn:vin", "urn:vinrs:x", "spiffe://a/b"]), Ok(vec![]));
    }

    // [TLS-14]
    #[test]
    fn a_terminal_has_exactly_one_name() {
        assert_eq!(terminal(&["term_A"]), Ok(vec![id("term_A")]));
        assert_eq!(terminal(&[]), Err(Check::Names));
        assert_eq!(terminal(&["term_A", "term_A"]), Err(Check::Names));
        assert_eq!(terminal(&["example.com"]), Err(Check::Names));
        assert_eq!(
            of(Side::Terminal, &[GeneralName::IPAddress(&[127, 0, 0, 1])]),
            Err(Check::Names)
        );
    }
}
