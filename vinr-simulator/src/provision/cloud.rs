//! The identities of the sandbox cloud: its own CA, the CA of the device links, and the API key.
//!
//! A terminal shows the cloud a link identity that is neither the one it shows to tills nor signed by the same CA: what
//! opens the link opens nothing else, and the other way round.

use std::net::IpAddr;
use std::path::PathBuf;

use rcgen::{ExtendedKeyUsagePurpose, SanType, string::Ia5String};
use vinr_protocol::TerminalId;
use zeroize::Zeroizing;

use super::authority::{Issued, Leaf};
use super::files::{self, Audience};
use super::{Pki, ProvisionError, at, for_each, leaf_validity, write_pair};

/// The files with which a terminal opens its link.
#[derive(Debug, Clone)]
pub(crate) struct LinkIdentity {
    pub(crate) cloud_ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pki {
    /// The CA of the sandbox cloud: what `curl --cacert` is given.
    pub fn cloud_ca(&self) -> PathBuf {
        self.dir.join("cloud-ca.pem")
    }

    /// The file with the API key of the sandbox cloud.
    pub fn api_key(&self) -> PathBuf {
        self.cloud_dir().join("api-key")
    }

    /// The CA whose identities may open a device link.
    pub(crate) fn link_ca(&self) -> PathBuf {
        self.cloud_dir().join("link-ca.pem")
    }

    /// With what a terminal opens its link.
    pub(crate) fn link_identity(&self, terminal: &TerminalId) -> LinkIdentity {
        let file = |end| {
            self.cloud_dir()
                .join("links")
                .join(format!("{terminal}.{end}"))
        };
        LinkIdentity {
            cloud_ca: self.cloud_ca(),
            certificate: file("pem"),
            key: file("key"),
        }
    }

    /// Where the cloud keeps its records.
    pub(crate) fn cloud_data(&self) -> PathBuf {
        self.cloud_dir().join("data")
    }

    fn cloud_dir(&self) -> PathBuf {
        self.dir.join("cloud")
    }

    /// Makes what the cloud needs and the directory lacks: its CAs, its key, a link identity for each terminal.
    pub(crate) fn provision_cloud(&self) -> Result<(), ProvisionError> {
        for (dir, audience) in [
            (self.dir.join("ca-keys"), Audience::Owner),
            (self.cloud_dir(), Audience::Owner),
            (self.cloud_dir().join("links"), Audience::Owner),
        ] {
            files::make_dir(&dir, audience).map_err(at(&dir))?;
        }
        self.authority(&self.cloud_ca(), "cloud-ca", "VINR sandbox cloud CA")?;
        let links = self.authority(&self.link_ca(), "link-ca", "VINR device link CA")?;
        for_each(&self.terminals(), |terminal| {
            let identity = self.link_identity(terminal);
            if identity.certificate.exists() {
                return Ok(());
            }
            let issued = links.issue(link_leaf(terminal)?)?;
            let (certificate, key) = (&identity.certificate, &identity.key);
            write_pair(certificate, key, &issued, files::replace)
        })?;
        let key = self.api_key();
        if !key.exists() {
            let drawn = draw_api_key()?;
            files::write_new(&key, drawn.as_bytes(), Audience::Owner).map_err(at(&key))?;
        }
        self.renew_crl()
    }

    /// A server identity of the cloud for these addresses, made anew at every start.
    pub(crate) fn cloud_server(
        &self,
        names: &[String],
        addresses: &[IpAddr],
    ) -> Result<(String, Zeroizing<String>), ProvisionError> {
        let name = |name: &String| Ok(SanType::DnsName(Ia5String::try_from(name.as_str())?));
        let named = names.iter().map(name);
        let addressed = addresses.iter().map(|ip| Ok(SanType::IpAddress(*ip)));
        let leaf = Leaf {
            common_name: "VINR sandbox cloud".into(),
            names: named
                .chain(addressed)
                .collect::<Result<_, rcgen::Error>>()?,
            purpose: Some(ExtendedKeyUsagePurpose::ServerAuth),
            validity: leaf_validity(),
        };
        let authority = self.authority_of(&self.cloud_ca(), "cloud-ca")?;
        let Issued { certificate, key } = authority.issue(leaf)?;
        Ok((certificate, Zeroizing::new(key)))
    }
}

/// Who a terminal is to the cloud: its id as the one name, and a client.
fn link_leaf(terminal: &TerminalId) -> Result<Leaf, rcgen::Error> {
    Ok(Leaf {
        common_name: format!("link of {terminal}"),
        names: vec![SanType::DnsName(Ia5String::try_from(terminal.as_str())?)],
        purpose: Some(ExtendedKeyUsagePurpose::ClientAuth),
        validity: leaf_validity(),
    })
}

/// 160 random bits.
fn draw_api_key() -> Result<Zeroizing<String>, ProvisionError> {
    let mut random = [0; 20];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| ProvisionError::Random)?;
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Zeroizing::new(format!("sk_test_{digits}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_directory_lacks_is_made_and_what_it_has_stays() {
        let dir = tempfile::tempdir().unwrap();
        let terminal = TerminalId::new("term_1").unwrap();
        let pki = Pki::provision(dir.path(), std::slice::from_ref(&terminal))
            .unwrap()
            .pki;
        let key = std::fs::read(pki.api_key()).unwrap();
        let link = pki.link_identity(&terminal).certificate;
        std::fs::remove_file(&link).unwrap();
        pki.provision_cloud().unwrap();
        assert!(link.exists());
        assert_eq!(std::fs::read(pki.api_key()).unwrap(), key);
    }
}
