//! `doctor`: looks, judges, tells.

use std::path::Path;
use std::time::Duration;

use vinr_conformance::doctor::{self, Files, Key, Order};
use vinr_protocol::TerminalId;
use vinr_simulator::provision::Pki;

use crate::Failure;
use crate::cli::Doctor;
use crate::style::Style;

pub(crate) fn run(asked: &Doctor, style: Style) -> Result<u8, Failure> {
    let order = order(asked)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::fault)?;
    let seen = runtime
        .block_on(doctor::look(&order))
        .map_err(Failure::usage)?;
    let diagnosis = doctor::diagnose(&seen);
    if style == Style::Json {
        say!("{}", doctor::json(&seen, &diagnosis));
    } else {
        say!("{}", doctor::text(&seen, &diagnosis));
    }
    Ok(diagnosis.exit_code())
}

fn order(asked: &Doctor) -> Result<Order, Failure> {
    let directory = asked.dir.as_deref().map(directory).transpose()?;
    let terminal = match (&asked.id, TerminalId::new(&asked.address)) {
        (Some(id), Ok(address)) if *id != address => {
            return Err(Failure::usage(format!(
                "the address is the id {address}, and --id says {id}"
            )));
        }
        (Some(id), _) => Some(id.clone()),
        (None, _) => directory.as_ref().and_then(only_terminal),
    };
    Ok(Order {
        address: asked.address.clone(),
        terminal,
        files: files(asked, directory.as_ref())?,
        within: Duration::from_millis(asked.within),
        mdns: !asked.no_mdns,
    })
}

fn directory(dir: &Path) -> Result<Pki, Failure> {
    Pki::open(dir).map_err(Failure::usage)
}

fn only_terminal(directory: &Pki) -> Option<TerminalId> {
    let [only] = <[TerminalId; 1]>::try_from(directory.terminals()).ok()?;
    Some(only)
}

/// What is named file by file wins over the directory.
fn files(asked: &Doctor, directory: Option<&Pki>) -> Result<Files, Failure> {
    let missing = || {
        Failure::usage(
            "say who this till is and whom it trusts: --dir with what `vinr-simulator provision` made, or --terminal-ca \
             with --identity and --passphrase-file, or with --pos-cert and --pos-key",
        )
    };
    let terminal_ca = asked
        .terminal_ca
        .clone()
        .or_else(|| directory.map(Pki::terminal_ca));
    let key = match (
        &asked.identity,
        &asked.passphrase_file,
        &asked.pos_cert,
        &asked.pos_key,
    ) {
        (Some(file), Some(passphrase), _, _) => Some(Key::P12 {
            file: file.clone(),
            passphrase: passphrase.clone(),
        }),
        (_, _, Some(certificate), Some(key)) => Some(Key::Pem {
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        _ => directory.map(|pki| Key::Pem {
            certificate: pki.pos_cert(),
            key: pki.pos_key(),
        }),
    };
    Ok(Files {
        terminal_ca: terminal_ca.ok_or_else(missing)?,
        key: key.ok_or_else(missing)?,
    })
}
