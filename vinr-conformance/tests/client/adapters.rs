//! Adapters for tests, and runs against them.

use tokio_util::sync::CancellationToken;
use vinr_conformance::client::{self, Order, Program, Session, Subject};
use vinr_conformance::features::{self, Case};
use vinr_conformance::journal::Journal;
use vinr_conformance::plan::Selection;
use vinr_conformance::profile::TillProfile;
use vinr_conformance::run::Certified;

/// Answers `hello`, and leaves what to do about the rest to `$1`, which is given the line and its id.
pub(crate) const READS: &str = r#"
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
  case "$line" in
    *'"op":"hello"'*)
      echo "{\"id\":$id,\"ok\":{\"name\":\"sh\",\"version\":\"1\",\"wire\":\"vinr-local/1\",\"ops\":[\"pay\"]}}" ;;
    *'"op":"configure"'*) echo "{\"id\":$id,\"ok\":{\"unresolved\":[]}}" ;;
    *'"op":"pay"'*) PAY ;;
    *) echo "{\"id\":$id,\"unsupported\":true}" ;;
  esac
done
"#;

/// Says that everything is paid, and sends nothing.
pub(crate) fn liar() -> Program {
    let pay = r#"echo "{\"id\":$id,\"ok\":{\"id\":\"tpay_1\",\"status\":\"completed\"}}""#;
    shell(&READS.replace("PAY", pay))
}

/// This script.
pub(crate) fn shell(script: &str) -> Program {
    Program {
        program: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
    }
}

/// Certifies an adapter by these scenarios.
pub(crate) async fn certify(program: Program, cases: &[Case], only: &[&str]) -> Certified {
    let profile = TillProfile::of_everything("Tests", "a till", "1");
    let none: &[&str] = &[];
    let selection = Selection::parse(only, none).expect("known names");
    let order = Order {
        known: Default::default(),
        plan: client::plan(cases, &profile, &selection),
        profile,
        subject: Subject::Adapter(program),
        seed: 1,
        strict: false,
        resumed: None,
        command: "vinr-conformance client".into(),
    };
    assert!(
        !order.plan.scenarios.is_empty(),
        "{only:?} selects something"
    );
    let session = Session::new(&order).expect("the system can make keys");
    let stop = CancellationToken::new();
    client::certify(&session, &order, cases, Journal::in_memory(), &stop, |_| {}).await
}

/// The scenarios without these tags.
pub(crate) fn without(tags: &[&str]) -> Vec<Case> {
    let has = |case: &Case, tag: &str| case.scenario.tags.iter().any(|own| own == tag);
    features::tills()
        .iter()
        .filter(|case| !tags.iter().any(|tag| has(case, tag)))
        .cloned()
        .collect()
}
