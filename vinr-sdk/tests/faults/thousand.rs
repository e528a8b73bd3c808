//! A group of a thousand terminals, most of which are nobody's business.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use vinr_sdk::{At, Create, Error, PaymentResult, Vinr};

use crate::counter::{Counter, Kind};
use crate::support::{A, passes, taps};

/// Takes connections, counts them and is silent.
struct Mute {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Mute {
    async fn listens() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let of_task = connections.clone();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                of_task.fetch_add(1, Ordering::Relaxed);
                open.push(connection);
            }
        });
        Self {
            address,
            connections,
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// A till that knows the terminal, and 999 others that never say a word.
fn till(counter: &Counter, mute: &Mute) -> (Vinr, Vec<String>) {
    let others: Vec<_> = (0..999).map(|number| format!("term_{number:03}")).collect();
    let mut builder = counter.builder("till");
    for other in &others {
        builder = builder.terminal(other, mute.address);
    }
    (builder.build().unwrap(), others)
}

async fn pays(till: &Vinr, members: &[&str], reference: &str) -> Result<PaymentResult, Error> {
    let sale = Create {
        at: At::Group(members),
        amount: 2500,
        currency: "USD",
        reference,
        ..Create::default()
    };
    till.payments().create(sale).await
}

// [GRP-1]
#[tokio::test]
async fn a_payment_dials_the_terminal_that_it_takes_and_no_other() {
    let counter = Counter::open(Kind::Local, taps("approved")).await;
    let mute = Mute::listens().await;
    let (till, others) = till(&counter, &mute);
    let members: Vec<_> = [A]
        .into_iter()
        .chain(others.iter().map(String::as_str))
        .collect();
    for number in 0..10 {
        let paid = pays(&till, &members, &format!("order_{number}")).await;
        assert!(matches!(paid, Ok(PaymentResult::Completed(_))), "{paid:?}");
    }
    assert_eq!(mute.connections(), 0);
    assert_eq!(counter.lan[0].connections(), 1, "its line is kept");
}

// [GRP-1, GRP-4]
#[tokio::test]
async fn a_dead_terminal_is_waited_for_once_and_the_next_payments_pass_it_over() {
    let counter = Counter::open(Kind::Local, taps("approved")).await;
    let mute = Mute::listens().await;
    let (till, others) = till(&counter, &mute);
    let mut members: Vec<_> = others.iter().map(String::as_str).collect();
    members.insert(1, A);

    let first = async {
        while mute.connections() == 0 {
            tokio::task::yield_now().await;
        }
        passes(Duration::from_secs(3)).await;
    };
    let (paid, ()) = tokio::join!(pays(&till, &members, "order_1"), first);
    assert_eq!(paid.unwrap().terminal_id.as_str(), A);

    for number in 2..10 {
        let paid = pays(&till, &members, &format!("order_{number}")).await;
        assert_eq!(paid.unwrap().terminal_id.as_str(), A);
    }
    assert_eq!(mute.connections(), 1);

    // After a while it gets its place back, and is tried once more.
    passes(Duration::from_secs(31)).await;
    let again = async {
        while mute.connections() == 1 {
            tokio::task::yield_now().await;
        }
        passes(Duration::from_secs(3)).await;
    };
    let (paid, ()) = tokio::join!(pays(&till, &members, "order_10"), again);
    assert_eq!(paid.unwrap().terminal_id.as_str(), A);
    assert_eq!(mute.connections(), 2);
}
