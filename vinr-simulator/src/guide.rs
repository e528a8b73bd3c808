//! What a stranger needs to read next.

use std::io::{self, Write as _};

use vinr_protocol::TerminalId;
use vinr_simulator::provision::{Passphrase, Provisioned, Revoked};
use vinr_simulator::terminal::Rotated;
use vinr_simulator::{Cloud, Defect, Pki, Simulator};

/// `println!` that says when nobody can read it: a passphrase is shown only once.
macro_rules! say {
    ($($words:tt)*) => { writeln!(io::stdout(), $($words)*)? };
}

/// Up to how many terminals are told of one by one.
const EACH: usize = 16;

pub(crate) fn provisioned(made: &Provisioned, ids: &[TerminalId]) -> io::Result<()> {
    let pki = &made.pki;
    let dir = pki.dir().display();
    say!("Provisioned in {dir}:");
    say!(
        "  {}  the CA bundle a till trusts",
        pki.terminal_ca().display()
    );
    say!("  {}  the till's identity", pki.pos_p12().display());
    say!(
        "  {}, {}  the same as PEM",
        pki.pos_cert().display(),
        pki.pos_key().display()
    );
    for id in ids {
        say!("  {}  who {id} is", pki.terminal_cert(id).display());
    }
    say!("");
    say!("Passphrase of pos.p12, shown this once and stored nowhere:");
    say!("  {}", made.passphrase.reveal());
    say!("");
    if let Some(id) = ids.first() {
        say!("Next: vinr-simulator run --dir {dir} --id {id}");
    }
    Ok(())
}

pub(crate) fn running(simulator: &Simulator) -> io::Result<()> {
    let (pki, control) = (simulator.pki(), simulator.control());
    let dir = pki.dir().display();
    if let Some(passphrase) = simulator.passphrase() {
        say!(
            "Identities were made in {dir}. Passphrase of pos.p12, shown this once and stored nowhere:"
        );
        say!("  {}", passphrase.reveal());
        say!("");
    }
    let terminals = simulator.terminals();
    if terminals.len() > EACH {
        let (first, last) = (simulator.terminal(), &terminals[terminals.len() - 1]);
        say!(
            "{} terminals take payments, {} on {} to {} on {}",
            terminals.len(),
            first.id(),
            first.address(),
            last.id(),
            last.address()
        );
        say!(
            "Control port: {}, token in {dir}/control/{}.json",
            control.url(),
            first.id()
        );
    }
    for terminal in terminals.iter().filter(|_| terminals.len() <= EACH) {
        let (id, address) = (terminal.id(), terminal.address());
        let port = address.port();
        say!("{id} takes payments on {address}");
        say!("");
        say!("Pay:");
        say!("  curl --cacert {ca} \\", ca = pki.terminal_ca().display());
        say!(
            "    --cert {p12} --cert-type P12 \\",
            p12 = pki.pos_p12().display()
        );
        say!("    --connect-to {id}:{port}:{address} \\");
        say!("    -H 'Content-Type: application/json' -H 'Idempotency-Key: first-try' \\");
        say!(
            "    -d '{{\"terminalId\":\"{id}\",\"amount\":2500,\"currency\":\"USD\",\"reference\":\"order_8821\"}}' \\"
        );
        say!("    https://{id}:{port}/v1/pay");
        say!(
            "  (curl asks for the passphrase that `provision` showed; --cert pos.pem --key pos.key needs none)"
        );
        say!("");
        say!(
            "Control port: {url}, token in {dir}/control/{id}.json",
            url = control.url()
        );
    }
    if let Some(here) = simulator.cloud() {
        cloud(here, Some(simulator.terminal().id()))?;
    }
    say!("");
    say!("The screen, in a browser (the link opens the control port: keep it to yourself):");
    say!("  {}", control.page());
    say!("");
    say!("Ctrl-C ends it.");
    Ok(())
}

/// How the cloud is called, word by word.
pub(crate) fn cloud(cloud: &Cloud, terminal: Option<&TerminalId>) -> io::Result<()> {
    let (pki, url) = (cloud.pki(), cloud.url());
    let (ca, key) = (pki.cloud_ca(), pki.api_key());
    let id = terminal.map_or("term_…", TerminalId::as_str);
    say!("");
    say!("Cloud: {url}, its API key in {}", key.display());
    say!("");
    say!("Pay through it:");
    say!("  curl --cacert {} \\", ca.display());
    say!(
        "    -H \"Authorization: Bearer $(cat {})\" \\",
        key.display()
    );
    say!("    -H 'Content-Type: application/json' -H 'Idempotency-Key: through-the-cloud' \\");
    say!(
        "    -d '{{\"terminalId\":\"{id}\",\"amount\":2500,\"currency\":\"USD\",\"reference\":\"order_8822\",\"wait\":true}}' \\"
    );
    say!("    {url}/v1/terminal/payments");
    say!("");
    Ok(())
}

/// How terminals join a cloud that runs alone.
pub(crate) fn joining(cloud: &Cloud) -> io::Result<()> {
    let (dir, url) = (cloud.pki().dir().display(), cloud.url());
    say!("Terminals join it: vinr-simulator run --dir {dir} --cloud-url {url}");
    say!("Ctrl-C ends it.");
    Ok(())
}

pub(crate) fn till(pki: &Pki, name: &str, passphrase: &Passphrase) -> io::Result<()> {
    let file = |end: &str| pki.dir().join(format!("{name}.{end}"));
    say!("  {}  the till's identity", file("p12").display());
    say!(
        "  {}, {}  the same as PEM",
        file("pem").display(),
        file("key").display()
    );
    say!("");
    say!("Passphrase of {name}.p12, shown this once and stored nowhere:");
    say!("  {}", passphrase.reveal());
    Ok(())
}

pub(crate) fn revoked(revoked: &Revoked) -> io::Result<()> {
    say!(
        "Revoked {}; it is on list {} of the POS CA. Terminals that run over this directory, or are linked to its cloud, take it within a second.",
        revoked.serial,
        revoked.list
    );
    Ok(())
}

pub(crate) fn renewed(pki: &Pki, terminal: &TerminalId) -> io::Result<()> {
    say!(
        "{terminal} has a new certificate, {}; the old one holds until it ends.",
        pki.terminal_cert(terminal).display()
    );
    Ok(())
}

pub(crate) fn rotated(terminal: &TerminalId, rotated: Rotated) -> io::Result<()> {
    match rotated {
        Rotated::InFile => {
            say!("The journal of {terminal} is encrypted with a new key; the old one is gone.")
        }
        Rotated::InEnvironment(name) => {
            say!(
                "The journal of {terminal} is encrypted with the first key of {name}, and needs no other."
            )
        }
    }
    Ok(())
}

pub(crate) fn defects() -> io::Result<()> {
    for defect in Defect::ALL {
        say!(
            "{:<34} {:<8} {}",
            defect.name(),
            defect.requirement(),
            defect.description()
        );
    }
    Ok(())
}
