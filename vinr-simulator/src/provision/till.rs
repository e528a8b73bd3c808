//! A further till: an identity of its own, so that one can be revoked without the others.

use vinr_protocol::TerminalId;
use vinr_transport::identity::Identity;

use super::files::{self, Audience};
use super::{Passphrase, Pki, ProvisionError, at, pos_leaf, pos_names, write_pair};

impl Pki {
    /// Makes `NAME.pem`, `NAME.key` and `NAME.p12` for a till that may drive these terminals; all of the directory where
    /// none is named. Nothing is overwritten.
    pub fn provision_till(
        &self,
        name: &str,
        terminals: &[TerminalId],
    ) -> Result<Passphrase, ProvisionError> {
        let all = self.terminals();
        if let Some(unknown) = terminals.iter().find(|id| !all.contains(id)) {
            return Err(ProvisionError::NoSuchTerminal(
                unknown.clone(),
                self.dir.clone(),
            ));
        }
        let file = |end: &str| self.dir.join(format!("{name}.{end}"));
        let (certificate, key, p12) = (file("pem"), file("key"), file("p12"));
        let is_name = (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
        if !is_name || [&certificate, &key, &p12].into_iter().any(|it| it.exists()) {
            return Err(ProvisionError::NotAName(name.to_owned()));
        }
        let named = if terminals.is_empty() {
            &all
        } else {
            terminals
        };
        let pos_ca = self.authority_of(&self.pos_ca(), "pos-ca")?;
        let issued = pos_ca.issue(pos_leaf(pos_names(named)?))?;
        let passphrase = Passphrase::draw()?;
        let identity = Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes())?;
        let packed = identity.write_p12(passphrase.reveal())?;
        write_pair(&certificate, &key, &issued, files::write_new)?;
        files::write_new(&p12, &packed, Audience::Owner).map_err(at(&p12))?;
        Ok(passphrase)
    }
}
