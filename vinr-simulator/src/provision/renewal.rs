//! An identity that is issued anew before it ends. The old one is not revoked: both hold until the old one ends, so
//! that nobody has to change at the same moment. §2

use vinr_protocol::TerminalId;
use vinr_transport::identity::Identity;

use super::files::{self, Audience};
use super::{Passphrase, Pki, ProvisionError, at, pos_leaf, pos_names, terminal_leaf, write_pair};

impl Pki {
    /// A terminal's identity, under a new key. A terminal that runs shows it to whoever connects from then on.
    pub fn renew_terminal(&self, id: &TerminalId) -> Result<(), ProvisionError> {
        let (certificate, key) = (self.terminal_cert(id), self.terminal_key(id));
        if !certificate.exists() {
            return Err(ProvisionError::NoSuchTerminal(id.clone(), self.dir.clone()));
        }
        let ca = self.authority_of(&self.terminal_ca(), "terminal-ca")?;
        let issued = ca.issue(terminal_leaf(id)?)?;
        write_pair(&certificate, &key, &issued, files::replace)
    }

    /// The identity of a till, `NAME.pem`, `NAME.key` and `NAME.p12`, under a new key and for the same terminals. The
    /// main one is called `pos`. The passphrase is another, too.
    pub fn renew_till(&self, name: &str) -> Result<Passphrase, ProvisionError> {
        let file = |end: &str| self.dir.join(format!("{name}.{end}"));
        let (certificate, key, p12) = (file("pem"), file("key"), file("p12"));
        // Else the files of something that is no till would be replaced.
        if name == "pos-ca" || [&certificate, &key, &p12].iter().any(|it| !it.is_file()) {
            return Err(ProvisionError::NoSuchTill(
                name.to_owned(),
                self.dir.clone(),
            ));
        }
        let before = Identity::from_pem_files(&certificate, &key)?;
        let pos_ca = self.authority_of(&self.pos_ca(), "pos-ca")?;
        let issued = pos_ca.issue(pos_leaf(pos_names(before.names())?))?;
        let passphrase = Passphrase::draw()?;
        let identity = Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes())?;
        let packed = identity.write_p12(passphrase.reveal())?;
        files::replace(&p12, &packed, Audience::Owner).map_err(at(&p12))?;
        write_pair(&certificate, &key, &issued, files::replace)?;
        Ok(passphrase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provisioned() -> (tempfile::TempDir, Pki, TerminalId) {
        let dir = tempfile::tempdir().unwrap();
        let terminal = TerminalId::new("term_1").unwrap();
        let made = Pki::provision(dir.path(), std::slice::from_ref(&terminal)).unwrap();
        (dir, made.pki, terminal)
    }

    #[test]
    fn a_renewed_terminal_has_another_key_and_the_same_name() {
        let (_dir, pki, terminal) = provisioned();
        let files = || (pki.terminal_cert(&terminal), pki.terminal_key(&terminal));
        let before = std::fs::read(files().1).unwrap();
        pki.renew_terminal(&terminal).unwrap();
        let (certificate, key) = files();
        assert_ne!(std::fs::read(&key).unwrap(), before);
        let identity = Identity::from_pem_files(certificate, key).unwrap();
        assert_eq!(identity.names(), [terminal]);
    }

    #[test]
    fn a_renewed_till_drives_the_same_terminals_and_its_p12_opens() {
        let (_dir, pki, terminal) = provisioned();
        let before = std::fs::read(pki.pos_cert()).unwrap();
        let passphrase = pki.renew_till("pos").unwrap();
        assert_ne!(std::fs::read(pki.pos_cert()).unwrap(), before);
        let identity = Identity::from_p12_file(pki.pos_p12(), passphrase.reveal()).unwrap();
        assert_eq!(identity.names(), [terminal]);
    }

    #[test]
    fn what_is_no_till_and_no_terminal_is_not_renewed() {
        let (_dir, pki, _) = provisioned();
        let ca = std::fs::read(pki.pos_ca()).unwrap();
        for name in ["lane-2", "pos-ca", "terminal-ca", "terminals/term_1"] {
            let refused = pki.renew_till(name);
            assert!(
                matches!(refused, Err(ProvisionError::NoSuchTill(..))),
                "{name}"
            );
        }
        assert_eq!(std::fs::read(pki.pos_ca()).unwrap(), ca);
        let unknown = TerminalId::new("term_2").unwrap();
        let refused = pki.renew_terminal(&unknown);
        assert!(matches!(refused, Err(ProvisionError::NoSuchTerminal(..))));
    }
}
