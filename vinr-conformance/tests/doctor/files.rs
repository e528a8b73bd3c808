//! The till's own files.

use vinr_conformance::doctor::{Key, json};

use crate::shop::{PASSPHRASE, Shop, TERMINAL, examine, id};

// [TLS-11]
#[tokio::test]
async fn a_wrong_passphrase_is_the_cause_and_is_not_printed() {
    let shop = Shop::open().await;
    let mut order = shop.order();
    let passphrase = shop.pki().dir().join("passphrase.txt");
    std::fs::write(&passphrase, format!("{PASSPHRASE}\n")).unwrap();
    order.files.key = Key::P12 {
        file: shop.pki().pos_p12(),
        passphrase,
    };
    let examined = examine(&order).await;
    examined.blames(
        "files.passphrase",
        "does not open",
        "when this very .p12 was made",
    );
    let told = examined.text() + &json(&examined.seen, &examined.diagnosis);
    assert!(!told.contains(PASSPHRASE), "{told}");
    // Who the terminal is, is told all the same.
    examined.finding("terminal.is");
}

// [TLS-11]
#[tokio::test]
async fn a_right_passphrase_opens_the_identity() {
    let shop = Shop::of_strangers().await;
    let mut order = shop.order();
    let passphrase = shop.pki().dir().join("passphrase.txt");
    let shown = shop.simulator.passphrase().unwrap().reveal();
    std::fs::write(&passphrase, shown).unwrap();
    order.files.key = Key::P12 {
        file: shop.pki().pos_p12(),
        passphrase,
    };
    let examined = examine(&order).await;
    assert_eq!(examined.diagnosis.exit_code(), 0, "{}", examined.text());
}

#[tokio::test]
async fn a_missing_ca_bundle_is_named_and_the_terminals_certificate_shown_all_the_same() {
    let shop = Shop::open().await;
    let mut order = shop.order();
    order.files.terminal_ca = "/nowhere/terminal-ca.pem".into();
    let examined = examine(&order).await;
    examined.blames(
        "files.no_bundle",
        "/nowhere/terminal-ca.pem",
        "--terminal-ca",
    );
    let facts = examined.finding("terminal.not_judged").facts.join("\n");
    assert!(facts.contains(TERMINAL), "{facts}");
    assert!(examined.seen.talk.is_none());
}

// [TLS-11]
#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_may_read_is_the_cause_with_the_command_that_helps() {
    use std::os::unix::fs::PermissionsExt as _;
    let shop = Shop::open().await;
    let key = shop.pki().pos_key();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let examined = examine(&shop.order()).await;
    examined.blames("files.readable_by_others", "0644", "chmod 600");
}

// [SEC-1]
#[tokio::test]
async fn no_output_holds_a_key() {
    let shop = Shop::open().await;
    let key = std::fs::read_to_string(shop.pki().pos_key()).unwrap();
    let examined = examine(&shop.order()).await;
    let told = examined.text() + &json(&examined.seen, &examined.diagnosis);
    for line in key.lines().filter(|line| !line.starts_with("---")) {
        assert!(!told.contains(line));
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_name_the_terminal_is_found_before_any_connection() {
    let shop = Shop::open().await;
    let mut order = shop.order();
    order.terminal = Some(id("term_CT20_0043"));
    let examined = examine(&order).await;
    examined.blames("files.till_for_other_terminal", TERMINAL, "term_CT20_0043");
}
