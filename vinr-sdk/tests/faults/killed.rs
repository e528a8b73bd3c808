//! SIGKILL: the till's process at each point of a payment, and the terminal's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use vinr_protocol::device::Model;
use vinr_sdk::{BuildError, PaymentResult, Vinr};
use vinr_simulator::host::Ledger;
use vinr_simulator::terminal::data_dir;
use vinr_simulator::{Pki, Simulator};

use crate::breaker::{Breaker, Weather};
use crate::counter::{Counter, Kind};
use crate::matrix::{found_out, is_sent, told};
use crate::process::{Child, Role, role};
use crate::provisioned::copy_to;
use crate::rows::dying;
use crate::support::{A, B, C, id, passes, taps};

// [REC-9, REC-12]
#[tokio::test]
async fn a_till_that_is_killed_at_any_point_finds_out_and_pays_once() {
    if let Some(role) = role() {
        let till = role.builder().build().unwrap();
        // However slow a fresh process is, it comes to the fault on the LAN first.
        let limit = Duration::from_secs(60);
        let paid = role.kind.pays_within(limit, till, role.name).await;
        panic!("it should have been killed: {paid:?}");
    }
    let mut failed = Vec::new();
    for kind in [Kind::Local, Kind::Hybrid, Kind::Group] {
        let counter = Counter::open(kind, taps("approved")).await;
        for (number, row) in dying().into_iter().enumerate() {
            counter.is_idle().await;
            let breaker = &counter.lan[0];
            breaker.plan(&row, Weather::Holds);
            let name = format!("order_{number}");
            let role = counter.role(&name);
            let till = Child::run(
                "killed::a_till_that_is_killed_at_any_point_finds_out_and_pays_once",
                &role,
            );
            breaker.happened(1).await;
            till.kill();
            counter.mend();
            if let Err(why) = found_out(&counter, &name, is_sent(&row[0])).await {
                failed.push(format!("{kind:?}: {}: {why}", row[0]));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

// [REC-6, REC-9, REC-15]
#[tokio::test]
async fn a_terminal_that_is_killed_at_any_point_and_comes_back_is_paid_once() {
    const TEST: &str = "killed::a_terminal_that_is_killed_at_any_point_and_comes_back_is_paid_once";
    if let Some(role) = role() {
        return serves(&role.pki, role.terminals[0]).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("vinr-local");
    copy_to(&place, &[A, B, C].map(id));
    let pki = Pki::open(&place).unwrap();
    let serves = |at: SocketAddr| {
        let mut terminal = Child::run(TEST, &Role::terminal(&place, at));
        let at = terminal.tells().unwrap();
        (terminal, at.parse::<SocketAddr>().unwrap())
    };
    let (mut terminal, at) = serves(SocketAddr::from(([127, 0, 0, 1], 0)));
    let breaker = Breaker::before_terminal(at, A, &pki).await;
    let mut tells = BTreeMap::new();
    for (number, row) in dying().into_iter().enumerate() {
        let name = format!("order_{number}");
        let builder = crate::counter::builder(&pki).store_dir(dir.path().join(&name));
        let till = builder.terminal(A, breaker.address()).build().unwrap();
        breaker.plan(&row, Weather::Holds);
        let pay = tokio::spawn(Kind::Local.pays(till.clone(), name.clone()));
        breaker.happened(1).await;
        terminal.kill();
        (terminal, _) = serves(at);
        breaker.mend();
        passes(Duration::from_secs(121)).await;
        let paid = pay.await.unwrap();
        let told = told(&paid).unwrap_or_else(|| panic!("{}: {paid:?}", row[0]));
        assert_eq!(till.attempts().unresolved().await.unwrap(), []);
        tells.insert(name, (told, format!("{}: {paid:?}", row[0])));
    }
    terminal.kill();
    let ledger = Ledger::read(&data_dir(&pki, &id(A))).unwrap();
    for (reference, (told, words)) in tells {
        let of_sale = ledger.iter().filter(|it| it.reference == reference);
        let charges = of_sale.filter(|it| it.approved && !it.voided).count();
        assert_eq!(charges, told, "{words}");
    }
}

/// A terminal, until it is killed.
async fn serves(dir: &Path, at: SocketAddr) {
    let simulator = Simulator::builder(dir)
        .terminal(id(A), Model::NexgoCt20)
        .cardholder(taps("approved"))
        .listen(at)
        .start()
        .await
        .unwrap();
    println!("TOLD {}", simulator.terminal().address());
    std::future::pending::<()>().await;
}

// [REC-12]
#[tokio::test]
async fn a_second_process_over_the_same_store_is_refused_until_the_first_is_gone() {
    const TEST: &str =
        "killed::a_second_process_over_the_same_store_is_refused_until_the_first_is_gone";
    if let Some(role) = role() {
        let _till = role.builder().build().unwrap();
        println!("TOLD open");
        return std::future::pending().await;
    }
    let counter = Counter::open(Kind::Local, taps("approved")).await;
    let mut first = Child::run(TEST, &counter.role("till"));
    assert_eq!(first.tells().as_deref(), Some("open"));
    let error = counter.builder("till").build().map(drop).unwrap_err();
    assert!(matches!(error, BuildError::Store(_)), "{error:?}");
    let words = error.to_string();
    assert!(words.contains("in use by another process"), "{words}");
    first.kill();
    let till: Vinr = counter.builder("till").build().unwrap();
    let paid = counter.kind.pays(till, "order_1".to_owned()).await;
    assert!(matches!(paid, Ok(PaymentResult::Completed(_))), "{paid:?}");
}
