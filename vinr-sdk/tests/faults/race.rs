//! Two tills in processes of their own race for three terminals, with more customers than terminals all the time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use vinr_protocol::device::Model;
use vinr_sdk::{At, Create, PaymentResult, Vinr};
use vinr_simulator::Simulator;
use vinr_simulator::cardholder::Script;

use crate::counter::Kind;
use crate::process::{Child, Role, role};
use crate::provisioned::copy_to;
use crate::support::{A, B, C, id, taps};

/// As many customers queue at each till.
const CUSTOMERS: usize = 4;

/// Payments of each till, unless the environment says how many.
const PAYMENTS: usize = 50;

/// `VINR_RACE=500 cargo test -p vinr-sdk --test faults two_processes -- --nocapture` runs a thousand.
// [GRP-2, GRP-4]
#[test]
fn two_processes_that_race_for_three_terminals_lose_no_sale_and_neither_starves() {
    let runtime = |threads| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .unwrap()
    };
    match role() {
        Some(till) => runtime(1).block_on(serves(till)),
        None => runtime(2).block_on(race()),
    }
}

async fn race() {
    let said = |name| Some(std::env::var(name).ok()?.parse().unwrap());
    let payments = said("VINR_RACE").unwrap_or(PAYMENTS);
    let tap = said("VINR_RACE_TAP_MS").unwrap_or(20) as u64;
    let dir = tempfile::tempdir().unwrap();
    copy_to(&dir.path().join("vinr-local"), &[A, B, C].map(id));
    let mut builder = Simulator::builder(dir.path().join("vinr-local")).cardholder(Script {
        tap_after: Some(Duration::from_millis(tap)),
        ..taps("approved")
    });
    for terminal in [A, B, C] {
        builder = builder.terminal(id(terminal), Model::NexgoCt20);
    }
    let simulator = builder.start().await.unwrap();
    let begun = Instant::now();
    let tills = ["red", "blue"].map(|name| {
        Child::run(
            "race::two_processes_that_race_for_three_terminals_lose_no_sale_and_neither_starves",
            &Role {
                name: name.to_owned(),
                kind: Kind::Group,
                cloud: None,
                payments,
                pki: simulator.pki().dir().to_owned(),
                store: dir.path().join(name),
                terminals: (simulator.terminals().iter())
                    .map(|it| it.address())
                    .collect(),
            },
        )
    });
    let told = tills.map(|till| tokio::task::spawn_blocking(|| till.ends()));
    let mut sales = Vec::new();
    for told in told {
        sales.extend(told.await.unwrap().iter().map(|line| Sale::read(line)));
    }
    let took = begun.elapsed();

    let mut charges = BTreeMap::<String, usize>::new();
    for terminal in simulator.terminals() {
        for entry in terminal.ledger().await {
            assert!(entry.approved && !entry.voided, "{entry:?}");
            *charges.entry(entry.reference).or_default() += 1;
        }
    }
    assert_eq!(sales.len(), 2 * payments);
    for sale in &sales {
        assert!(sale.paid, "{sale:?}");
        assert_eq!(charges.get(&sale.reference), Some(&1), "{sale:?}");
    }
    assert_eq!(charges.len(), 2 * payments);

    let share = share(&sales);
    let overtaken = sales.iter().map(|sale| overtaken(sale, &sales)).max();
    let overtaken = overtaken.unwrap_or_default();
    let longest = sales.iter().map(|sale| sale.ended - sale.came).max();
    println!(
        "{} payments in {took:?}; when the first till was done the other had {share:.0} % of the payments; \
         longest wait {} ms, overtaken by {overtaken} that came later",
        sales.len(),
        longest.unwrap_or_default() / 1000,
    );
    assert!(share >= 20.0, "one till starves: {share:.0} %");
}

/// One till: its customers come as others go.
async fn serves(role: Role) {
    let till = role.builder().build().unwrap();
    let numbers = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|_| {
            let (till, numbers, role) = (till.clone(), numbers.clone(), role.clone());
            tokio::spawn(async move {
                loop {
                    let number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= role.payments {
                        return;
                    }
                    pays(&till, &format!("{}_{number}", role.name)).await;
                }
            })
        })
        .collect();
    for customer in customers {
        customer.await.unwrap();
    }
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

async fn pays(till: &Vinr, reference: &str) {
    let sale = Create {
        at: At::Group(&[A, B, C]),
        amount: 2500,
        currency: "USD",
        reference,
        ..Create::default()
    };
    let came = now();
    let paid = till.payments().create(sale).await;
    let is_paid = matches!(paid, Ok(PaymentResult::Completed(_)));
    println!("TOLD {reference} {came} {} {is_paid}", now());
    assert!(is_paid, "{paid:?}");
}

/// What a till tells of a sale; times in µs.
#[derive(Debug)]
struct Sale {
    reference: String,
    came: u128,
    ended: u128,
    paid: bool,
}

impl Sale {
    fn read(line: &str) -> Self {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap().to_owned();
        Self {
            reference: word(),
            came: word().parse().unwrap(),
            ended: word().parse().unwrap(),
            paid: word() == "true",
        }
    }

    fn till(&self) -> &str {
        self.reference.split('_').next().unwrap()
    }
}

/// How much of what was paid, until the first till was done, was paid at the other one, in percent.
fn share(sales: &[Sale]) -> f64 {
    let end = |till: &str| {
        let of_till = sales.iter().filter(|sale| sale.till() == till);
        of_till.map(|sale| sale.ended).max().unwrap()
    };
    let (first, other) = if end("red") < end("blue") {
        ("red", "blue")
    } else {
        ("blue", "red")
    };
    let by_then = |till: &str| {
        let until = end(first);
        let of_till = sales.iter().filter(|sale| sale.till() == till);
        of_till.filter(|sale| sale.ended <= until).count() as f64
    };
    100.0 * by_then(other) / (by_then(first) + by_then(other))
}

/// How many that came later were served before it.
fn overtaken(sale: &Sale, sales: &[Sale]) -> usize {
    let before = |other: &&Sale| other.came > sale.came && other.ended < sale.ended;
    sales.iter().filter(before).count()
}

fn now() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_micros()
}
