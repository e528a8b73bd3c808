//! A terminal that somebody else started: a real one, or a simulator in another process.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vinr_protocol::TerminalId;
use vinr_simulator::Pki;

use super::{Lists, Signer, Subject, SubjectError, strangers};
use crate::drivers::Control;
use crate::probe::Identity;
use crate::profile::{Capability, Driver, Profile};

const PORT: u16 = 8443;

/// A directory that `vinr-simulator provision` made, and the terminal in it.
#[derive(Debug, Clone)]
pub struct Provisioned {
    /// The directory.
    pub dir: PathBuf,
    /// The terminal's id; the only one of the directory where absent.
    pub terminal: Option<TerminalId>,
}

/// Finds the terminal that the command line and the profile describe; the command line wins.
pub fn elsewhere(
    profile: &Profile,
    address: Option<&str>,
    provisioned: Option<&Provisioned>,
) -> Result<Subject, SubjectError> {
    let files = match provisioned {
        Some(provisioned) => Files::of_directory(provisioned)?,
        None => Files::of_profile(profile)?,
    };
    let control = match &files.control {
        Some(path) if path.is_file() => Some(Control::from_file(path)?),
        _ => named_control(profile)?,
    };
    let address = address
        .map(str::to_owned)
        .or_else(|| profile.wire.address.clone())
        .or_else(|| files.address.clone())
        .ok_or_else(|| {
            missing("say where the terminal is: an address, or [wire] address in the profile")
        })?;
    Ok(Subject {
        name: profile.product.clone(),
        address: resolve(&address)?,
        terminal_ca: crate::probe::read(&files.terminal_ca)?,
        till: Identity::from_pem(
            "pos",
            &crate::probe::read(&files.pos_cert)?,
            &crate::probe::read_key(&files.pos_key)?,
        )?,
        strangers: strangers(&files.terminal, files.certification.as_deref())?,
        lists: files.lists()?,
        terminal: files.terminal,
        control,
        embedded: None,
    })
}

struct Files {
    terminal: TerminalId,
    terminal_ca: PathBuf,
    pos_cert: PathBuf,
    pos_key: PathBuf,
    certification: Option<PathBuf>,
    control: Option<PathBuf>,
    address: Option<String>,
    signer: Option<Signer>,
}

impl Files {
    fn of_directory(Provisioned { dir, terminal }: &Provisioned) -> Result<Self, SubjectError> {
        let terminal = match terminal {
            Some(terminal) => {
                let certificate = dir.join("terminals").join(format!("{terminal}.pem"));
                if !certificate.is_file() {
                    return Err(missing(&format!(
                        "{} is missing: the directory has no terminal {terminal}",
                        certificate.display()
                    )));
                }
                terminal.clone()
            }
            None => only_terminal(dir)?,
        };
        let control = dir.join("control").join(format!("{terminal}.json"));
        Ok(Self {
            terminal_ca: dir.join("terminal-ca.pem"),
            pos_cert: dir.join("pos.pem"),
            pos_key: dir.join("pos.key"),
            certification: Some(dir.join("certification")),
            address: address_in(&control),
            control: Some(control),
            signer: signer_of(dir),
            terminal,
        })
    }

    /// The till that may be revoked, where there are its files and somebody who signs.
    fn lists(&self) -> Result<Option<Arc<Lists>>, SubjectError> {
        let (Some(folder), Some(signer)) = (&self.certification, &self.signer) else {
            return Ok(None);
        };
        let file = |end| folder.join(format!("pos-to-be-revoked.{end}"));
        if !file("pem").is_file() {
            return Ok(None);
        }
        let lists = Lists::new((file("pem"), file("key")), signer.clone())?;
        Ok(Some(Arc::new(lists)))
    }

    fn of_profile(profile: &Profile) -> Result<Self, SubjectError> {
        let wire = &profile.wire;
        let file = |path: &Option<PathBuf>, key: &str| {
            path.clone()
                .ok_or_else(|| missing(&format!("the profile's [wire] must say {key}")))
        };
        Ok(Self {
            terminal: wire
                .terminal
                .clone()
                .ok_or_else(|| missing("the profile's [wire] must say terminal, its id"))?,
            terminal_ca: file(&wire.terminal_ca, "terminal_ca")?,
            pos_cert: file(&wire.pos_cert, "pos_cert and pos_key (PEM)")?,
            pos_key: file(&wire.pos_key, "pos_key (PEM)")?,
            certification: wire.certification.clone(),
            control: None,
            address: None,
            signer: profile.revocation.clone().map(Signer::Command),
        })
    }
}

/// Whoever has the CA's key can sign; a directory of an earlier version gets the till that it lacks.
fn signer_of(dir: &Path) -> Option<Signer> {
    let pki = Pki::open(dir).ok()?;
    let is_able = dir.join("ca-keys").join("pos-ca.key").is_file();
    let made = is_able && pki.provision_to_be_revoked().is_ok();
    made.then_some(Signer::Directory(pki))
}

fn missing(what: &str) -> SubjectError {
    SubjectError::Missing(what.to_owned())
}

fn only_terminal(dir: &Path) -> Result<TerminalId, SubjectError> {
    let folder = dir.join("terminals");
    let mut ids: Vec<_> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| TerminalId::new(entry.file_name().to_str()?.strip_suffix(".pem")?).ok())
        .collect();
    match (ids.pop(), ids.is_empty()) {
        (Some(id), true) => Ok(id),
        (None, _) => Err(missing(&format!(
            "{} holds no terminal; `vinr-simulator provision` makes one",
            folder.display()
        ))),
        (Some(_), false) => Err(missing(&format!(
            "{} holds several terminals; say which with --id",
            folder.display()
        ))),
    }
}

/// Where the simulator says that it listens, in its control file.
fn address_in(control: &Path) -> Option<String> {
    let text = std::fs::read(control).ok()?;
    let file: serde_json::Value = serde_json::from_slice(&text).ok()?;
    file["address"].as_str().map(str::to_owned)
}

/// The control port whose file the profile names.
fn named_control(profile: &Profile) -> Result<Option<Control>, SubjectError> {
    let drivers = Capability::ALL
        .into_iter()
        .flat_map(|capability| profile.drivers(capability));
    for driver in drivers {
        if let Driver::Control(Some(path)) = driver {
            return Ok(Some(Control::from_file(path)?));
        }
    }
    Ok(None)
}

/// Takes `host`, `host:port`, an IPv4 address, and an IPv6 address with or without brackets.
pub fn resolve(address: &str) -> Result<SocketAddr, SubjectError> {
    if let Ok(address) = address.parse() {
        return Ok(address);
    }
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    let with_port = match address.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => address.to_owned(),
        _ => format!("{address}:{PORT}"),
    };
    let unresolved = |source| SubjectError::Address {
        address: address.to_owned(),
        source,
    };
    with_port
        .to_socket_addrs()
        .map_err(unresolved)?
        .next()
        .ok_or_else(|| unresolved(std::io::ErrorKind::NotFound.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_port_means_8443() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1:8443"),
            ("127.0.0.1:9", "127.0.0.1:9"),
            ("::1", "[::1]:8443"),
            ("[::1]", "[::1]:8443"),
            ("[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(
                resolve(text).expect("an address").to_string(),
                address,
                "{text}"
            );
        }
    }

    #[test]
    fn a_profile_without_an_identity_says_what_is_missing() {
        let error = elsewhere(&Profile::simulator(), Some("127.0.0.1"), None).map(|_| ());
        let error = error.expect_err("nothing is said of files").to_string();
        assert!(error.contains("[wire]"), "{error}");
    }
}
