//! Every call may be spawned: its future is `Send`, and owns what it needs once the till is moved into it.

use std::future::Future;

use vinr_sdk::{Create, CreateLocal, Discover, Vinr};

/// What `tokio::spawn` asks for.
fn may_be_spawned<F: Future<Output: Send + 'static> + Send + 'static>(_: F) {}

#[tokio::test]
async fn the_futures_of_all_calls_may_be_spawned() {
    let till = Vinr::local_simulator().await.unwrap();
    macro_rules! each {
        ($($call:expr;)+) => {
            $({
                let till = till.clone();
                let call: fn(Vinr) -> _ = $call;
                may_be_spawned(call(till));
            })+
        };
    }
    each! {
        |till| async move { till.readers().discover(Discover::lan()).await };
        |till| async move { till.payments().create_local(CreateLocal::default()).await };
        |till| async move { till.payments().create(Create::default()).await };
        |till| async move { till.payments().retrieve_by_reference("order_1").await };
        |till| async move { till.payments().attempts_at("term_1", "order_1").await };
        |till| async move { till.payments().cancel("term_1", "order_1").await };
        |till| async move { till.payments().support_packet("order_1").await };
        |till| async move { till.attempts().unresolved().await };
        |till| async move { till.attempts().resolve().await };
    }
}

#[test]
fn a_till_may_be_shared_between_threads() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<Vinr>();
    is_shared::<vinr_sdk::blocking::Vinr>();
    is_shared::<vinr_sdk::Cloud>();
}
