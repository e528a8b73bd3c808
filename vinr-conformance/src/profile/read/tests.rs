//! One lawful profile, and each way to spoil it.

use super::*;

#[test]
fn an_unknown_key_is_named_with_its_line() {
    assert_refused("vendor = \"Nexgo\"", "vendro = \"Nexgo\"", 5, "vendro");
}

#[test]
fn an_unknown_section_is_named_with_its_line() {
    assert_refused("[safety]", "[saftey]", 34, "saftey");
}

#[test]
fn an_unknown_feature_is_named_with_its_line() {
    assert_refused("pin = true", "pins = true", 13, "unknown feature `pins`");
}

#[test]
fn a_feature_that_is_not_stated_is_named_with_the_section_that_lacks_it() {
    assert_refused("pin = true\n", "", 10, "missing: pin (asks for a PIN");
}

#[test]
fn a_feature_is_true_or_false_and_nothing_else() {
    assert_refused("pin = true", "pin = \"yes\"", 13, "expected a boolean");
}

#[test]
fn a_claim_against_the_documentation_of_the_device_is_refused() {
    assert_refused(
        "offline_queue = true",
        "offline_queue = false",
        15,
        "the documentation of nexgo-ct20 says offline_queue = true",
    );
}

#[test]
fn a_feature_that_is_stated_twice_is_refused() {
    assert_refused("pin = true", "pin = true\npin = false", 14, "duplicate key");
}

#[test]
fn the_newest_version_is_no_version() {
    assert_refused(
        "version = \"3.2.1\"",
        "version = \"latest\"",
        7,
        "not one exact version",
    );
}

#[test]
fn the_profile_of_a_till_is_sent_to_the_command_that_takes_it() {
    assert_refused(
        "role = \"terminal\"",
        "role = \"client\"",
        3,
        "`vinr-conformance client`",
    );
}

#[test]
fn a_schema_of_the_future_is_refused() {
    assert_refused("schema = 1", "schema = 2", 2, "schema = 1");
}

#[test]
fn a_limit_in_no_known_currency_is_refused() {
    assert_refused("[limits.USD]", "[limits.usd]", 22, "currency");
}

#[test]
fn a_limit_has_no_other_key() {
    assert_refused("max_amount = 15000", "max_amont = 15000", 23, "max_amont");
}

#[test]
fn half_an_identity_is_refused() {
    assert_refused("pos_key = \"pos.key\"\n", "", 28, "go together");
}

#[test]
fn a_driver_that_nobody_knows_is_refused() {
    assert_refused("[\"control:c.json\",", "[\"robot\",", 32, "a driver is");
}

#[test]
fn a_prefix_that_leaves_no_room_for_a_reference_is_refused() {
    assert_refused("\"cert-\"", "\"cert-cert-cert-cert-cert-\"", 38, "1 to 24");
}

#[test]
fn paths_are_taken_from_the_profiles_own_folder() {
    let profile = parse(LAWFUL, Path::new("shop/ct20.toml")).expect("lawful");
    assert_eq!(
        profile.wire.terminal_ca,
        Some("shop/terminal-ca.pem".into())
    );
    assert_eq!(
        profile.drivers(Capability::Card),
        [
            Driver::Control(Some("shop/c.json".into())),
            Driver::Exec("tap".into())
        ]
    );
    assert!(profile.drivers(Capability::Power).is_empty());
}

#[test]
fn a_limit_of_the_profile_stands_before_that_of_the_sheet() {
    let profile = parse(&LAWFUL.replace("15000", "9900"), Path::new("p")).expect("lawful");
    let offline = profile.offline.expect("it queues");
    assert_eq!(offline.limits[&Currency::USD].minor_units(), 9_900);
    assert_eq!(offline.max_queued, 10);
}

/// Changes the lawful profile in one place and expects to be refused there.
fn assert_refused(was: &str, is: &str, line: usize, because: &str) {
    assert!(LAWFUL.contains(was), "the lawful profile holds {was}");
    let refused = parse(&LAWFUL.replace(was, is), Path::new("ct20.toml"));
    let sentence = refused.expect_err("it is not lawful").to_string();
    assert!(
        sentence.starts_with(&format!("ct20.toml:{line}:")) && sentence.contains(because),
        "{sentence}"
    );
}

const LAWFUL: &str = r#"[profile]
schema = 1
role = "terminal"
base = "nexgo-ct20"
vendor = "Nexgo"
product = "CT20"
version = "3.2.1"
wire = "vinr-local/1"

[features]
contactless = true
chip = true
pin = true
manual_capture = true
offline_queue = true
offline_limits = false
local_mode_switch = false

[limits]
max_queued = 10

[limits.USD]
max_amount = 15000

[wire]
terminal = "term_CT20_0042"
terminal_ca = "terminal-ca.pem"
pos_cert = "pos.pem"
pos_key = "pos.key"

[drivers]
card = ["control:c.json", "exec:tap"]

[safety]
test_mode_confirmed = true
isolated_network = true
amount_ceiling = 20000
reference_prefix = "cert-"
"#;

#[test]
fn an_error_names_the_column_shows_the_words_and_says_what_to_write() {
    let refused = parse(
        &LAWFUL.replace("pin = true", "pins = true"),
        Path::new("ct20.toml"),
    );
    let sentence = refused.expect_err("it is not lawful").to_string();
    let expected = "ct20.toml:13:1: unknown feature `pins`; there are contactless, chip, pin, \
                    manual_capture, offline_queue, offline_limits, local_mode_switch\n   \
                    13 | pins = true\n      | ^^^^\n      write: pin = true";
    assert_eq!(sentence, expected);
}

#[test]
fn a_mistyped_key_is_shown_with_the_key_that_was_meant() {
    let refused = parse(
        &LAWFUL.replace("vendor = \"Nexgo\"", "vendro = \"Nexgo\""),
        Path::new("ct20.toml"),
    );
    let sentence = refused.expect_err("it is not lawful").to_string();
    assert!(
        sentence.starts_with("ct20.toml:5:1: ") && sentence.ends_with("write: vendor"),
        "{sentence}"
    );
}

#[test]
fn a_vendors_wire_says_its_paths_and_where_the_id_stands() {
    let vendor = LAWFUL
        .replace("wire = \"vinr-local/1\"", "wire = \"vendor\"")
        .replace(
            "pos_cert =",
            "certificate_id = \"cn:VINR {id}\"\npaths = { pay = \"/api/pay\" }\npos_cert =",
        );
    let profile = parse(&vendor, Path::new("p")).expect("lawful");
    assert_eq!(profile.wire.paths.sent("/v1/pay"), "/api/pay");
    assert_eq!(profile.wire.paths.sent("/v1/cancel"), "/v1/cancel");
    assert_eq!(
        profile.wire.certificate_id.name_of("term_1"),
        "cn:VINR term_1"
    );
}

#[test]
fn our_own_wire_leaves_no_choice_of_paths_and_names() {
    for (key, line) in [
        ("certificate_id = \"dns:{id}\"", 28),
        ("paths = { pay = \"/api/pay\" }", 28),
    ] {
        let with = format!("{key}\npos_cert = ");
        assert_refused("pos_cert = ", &with, line, "is for wire = \"vendor\"");
    }
}

#[test]
fn a_path_that_is_none_is_refused() {
    let vendor = LAWFUL.replace("wire = \"vinr-local/1\"", "wire = \"vendor\"");
    for (key, because) in [
        ("paths = { pay = \"pay\" }", "a path begins with /"),
        ("paths = { pya = \"/pay\" }", "unknown path `pya`"),
        ("certificate_id = \"dns\"", "certificate_id says"),
    ] {
        let text = vendor.replace("pos_cert =", &format!("{key}\npos_cert ="));
        let refused = parse(&text, Path::new("p")).expect_err(key).to_string();
        assert!(
            refused.starts_with("p:28:") && refused.contains(because),
            "{refused}"
        );
    }
}
