//! What a stranger needs to read next.

use vinr_protocol::TerminalId;
use vinr_simulator::provision::Provisioned;
use vinr_simulator::{Defect, Simulator};

pub(crate) fn provisioned(made: &Provisioned, ids: &[TerminalId]) {
    let pki = &made.pki;
    let dir = pki.dir().display();
    println!("Provisioned in {dir}:");
    println!(
        "  {}  the CA bundle a till trusts",
        pki.terminal_ca().display()
    );
    println!("  {}  the till's identity", pki.pos_p12().display());
    println!(
        "  {}, {}  the same as PEM",
        pki.pos_cert().display(),
        pki.pos_key().display()
    );
    for id in ids {
        println!("  {}  who {id} is", pki.terminal_cert(id).display());
    }
    println!();
    println!("Passphrase of pos.p12, shown this once and stored nowhere:");
    println!("  {}", made.passphrase.reveal());
    println!();
    if let Some(id) = ids.first() {
        println!("Next: vinr-simulator run --dir {dir} --id {id}");
    }
}

pub(crate) fn running(simulator: &Simulator) {
    let (pki, control) = (simulator.pki(), simulator.control());
    let dir = pki.dir().display();
    for terminal in simulator.terminals() {
        let (id, address) = (terminal.id(), terminal.address());
        let port = address.port();
        println!("{id} takes payments on {address}");
        println!();
        println!("Pay:");
        println!("  curl --cacert {ca} \\", ca = pki.terminal_ca().display());
        println!(
            "    --cert {p12} --cert-type P12 \\",
            p12 = pki.pos_p12().display()
        );
        println!("    --connect-to {id}:{port}:{address} \\");
        println!("    -H 'Content-Type: application/json' -H 'Idempotency-Key: first-try' \\");
        println!(
            "    -d '{{\"terminalId\":\"{id}\",\"amount\":2500,\"currency\":\"USD\",\"reference\":\"order_8821\"}}' \\"
        );
        println!("    https://{id}:{port}/v1/pay");
        println!(
            "  (curl asks for the passphrase that `provision` showed; --cert pos.pem --key pos.key needs none)"
        );
        println!();
        println!(
            "Control port: {url}, token in {dir}/control/{id}.json",
            url = control.url()
        );
    }
    println!("Ctrl-C ends it.");
}

pub(crate) fn defects() {
    for defect in Defect::ALL {
        println!(
            "{:<34} {:<8} {}",
            defect.name(),
            defect.requirement(),
            defect.description()
        );
    }
}
