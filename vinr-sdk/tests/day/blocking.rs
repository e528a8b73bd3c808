//! Programs without `async`.

use std::time::Duration;

use vinr_sdk::blocking::{Cloud, Vinr};
use vinr_sdk::{
    At, CancelOutcome, Connectivity, Create, CreateLocal, Discover, PaymentResult, Status,
};
use vinr_simulator::screen::Picture;

use crate::hybrid::sale;
use crate::support::{A, B, C, Shop, State, never_taps, taps};

const READER: &str = "term_local_simulator";

fn local(reference: &str) -> CreateLocal<'_> {
    CreateLocal {
        reader_id: READER,
        amount: 1000,
        currency: "USD",
        reference,
        ..CreateLocal::default()
    }
}

#[test]
fn a_plain_thread_takes_a_payment_and_finds_it() {
    let vinr = Vinr::local_simulator().unwrap();
    let paid = vinr.payments().create_local(local("order_1")).unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    let found = vinr.payments().retrieve_by_reference("order_1").unwrap();
    assert_eq!(found, *paid);
    assert_eq!(
        vinr.payments().attempts_at(READER, "order_1").unwrap(),
        [found]
    );
    assert_eq!(vinr.attempts().unresolved().unwrap(), []);
    assert_eq!(vinr.attempts().resolve().unwrap(), []);
    assert_eq!(vinr.counters().local, 1);
    let packet = vinr.payments().support_packet("order_1").unwrap();
    assert!(!packet.steps.is_empty());
}

#[test]
fn a_plain_thread_finds_terminals() {
    let vinr = Vinr::local_simulator().unwrap();
    let discover = Discover::lan().window(Duration::ZERO);
    let found = vinr.readers().discover(discover).unwrap();
    assert!(found.into_iter().any(|reader| reader.id.as_str() == READER));
}

#[test]
fn another_thread_cancels_what_a_call_waits_for() {
    let vinr = Vinr::local_simulator().unwrap();
    let simulator = vinr.async_till().simulator().unwrap();
    vinr.wait(simulator.terminal().set_script(never_taps()));
    let same = vinr.clone();
    let held = std::thread::spawn(move || same.payments().create_local(local("order_1")));
    let mut changes = simulator.terminal().changes();
    vinr.wait(async {
        while simulator.terminal().screen().screen != Picture::PresentCard {
            changes.changed().await.unwrap();
        }
    });
    let answer = vinr.payments().cancel(READER, "order_1").unwrap();
    assert_eq!(answer.outcome, CancelOutcome::Cancelled);
    let result = held.join().unwrap().unwrap();
    assert_eq!(result.status, Status::Cancelled);
}

/// A shop on a runtime of its own, and a blocking till in it.
fn shop(card: &str) -> (tokio::runtime::Runtime, Shop, Vinr) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = runtime.block_on(Shop::with(taps(card)));
    let till = shop.builder().cloud(shop.cloud()).build_blocking().unwrap();
    (runtime, shop, till)
}

// [HYB-1]
#[test]
fn a_plain_thread_pays_hybrid() {
    let (runtime, shop, till) = shop("approved");
    shop.cable(A).is(State::Broken);
    let paid = till.payments().create(sale()).unwrap();
    assert_eq!(
        paid.connection_mode(),
        Some(vinr_sdk::ConnectionMode::Cloud)
    );
    drop(till);
    runtime.shutdown_background();
}

// [GRP-1]
#[test]
fn a_plain_thread_pays_at_a_group() {
    let (runtime, shop, till) = shop("approved");
    shop.cable(A).is(State::Broken);
    let anywhere = Create {
        at: At::Group(&[A, B, C]),
        connectivity: Connectivity::Local,
        ..sale()
    };
    let paid = till.payments().create(anywhere).unwrap();
    assert_eq!(paid.terminal_id.as_str(), B);
    drop((till, shop));
    runtime.shutdown_background();
}

// [REC-12]
#[test]
fn a_plain_thread_resolves_what_an_earlier_run_left() {
    let (runtime, shop, till) = shop("approved");
    runtime.block_on(shop.terminal(A).set_script(never_taps()));
    drop(till);
    // An async till is dropped with its call.
    runtime.block_on(async {
        let earlier = shop.builder().build().unwrap();
        let local = Create {
            connectivity: Connectivity::Local,
            ..sale()
        };
        tokio::select! {
            result = earlier.payments().create(local) => panic!("{result:?}"),
            () = shop.shows(A, Picture::PresentCard) => {}
        }
    });
    let till = shop.builder().build_blocking().unwrap();
    let resolved = till.attempts().resolve().unwrap();
    assert_eq!(resolved.len(), 1, "{resolved:?}");
    assert_eq!(till.attempts().unresolved().unwrap(), []);
}

#[test]
fn a_plain_thread_registers_and_removes_a_webhook() {
    let (_runtime, shop, _till) = shop("approved");
    let cloud = Cloud::new(shop.cloud()).unwrap();
    let made = cloud.register_webhook("http://127.0.0.1:1/").unwrap();
    let rotated = cloud.rotate_webhook_secret(&made.id).unwrap();
    assert_eq!(rotated.id, made.id);
    cloud.remove_webhook(&made.id).unwrap();
    assert!(cloud.remove_webhook(&made.id).is_err());
}

#[tokio::test]
async fn inside_a_runtime_with_one_thread_it_works_and_ends() {
    let vinr = Vinr::local_simulator().unwrap();
    let paid = vinr.payments().create_local(local("order_1")).unwrap();
    assert_eq!(paid.status, Status::Completed);
    drop(vinr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inside_a_runtime_with_several_threads_and_on_its_blocking_ones_it_works() {
    let vinr = Vinr::local_simulator().unwrap();
    let paid = vinr.payments().create_local(local("order_1")).unwrap();
    assert_eq!(paid.status, Status::Completed);
    let same = vinr.clone();
    let next = tokio::task::spawn_blocking(move || same.payments().create_local(local("order_2")));
    assert_eq!(next.await.unwrap().unwrap().status, Status::Completed);
}

#[test]
fn in_a_task_of_its_own_runtime_it_works() {
    let vinr = Vinr::local_simulator().unwrap();
    let same = vinr.clone();
    let task =
        async { tokio::spawn(async move { same.payments().create_local(local("order_1")) }).await };
    let paid = vinr.wait(task).unwrap().unwrap();
    assert_eq!(paid.status, Status::Completed);
}

// The façade has every call of the async API: one that is added there is missing here until it is added here.
#[test]
fn no_call_is_missing() {
    const BLOCKING: &str = include_str!("../../src/blocking/mod.rs");
    let mut seen = 0;
    for source in [
        include_str!("../../src/payments.rs"),
        include_str!("../../src/attempts.rs"),
        include_str!("../../src/readers.rs"),
        include_str!("../../src/simulator.rs"),
        include_str!("../../src/cloud/api.rs"),
    ] {
        let calls = source.split("    pub async fn ").skip(1);
        for call in calls.map(|it| it.split(['(', '<']).next().unwrap()) {
            let here = [" ", "::"].map(|before| format!("{before}{call}("));
            assert!(
                here.iter().any(|it| BLOCKING.contains(it)),
                "{call} is missing"
            );
            seen += 1;
        }
    }
    assert!(seen >= 13, "only {seen} calls were found");
}
