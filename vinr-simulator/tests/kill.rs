//! A hundred kills of the real binary; `cargo run --release -p vinr-simulator --example kill` plays more.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod killing;
mod support;

use killing::{Rounds, fresh_seed, kill};

// [PAY-15, PAY-16, REC-6, REC-9, REC-15]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_killed_at_any_moment_tells_the_truth_and_charges_once() {
    let from_env = |name| std::env::var(name).ok().map(|it| it.parse().unwrap());
    let seed = from_env("VINR_KILL_SEED").unwrap_or_else(fresh_seed);
    println!("seed {seed}; VINR_KILL_SEED={seed} draws the same moments again");
    let rounds = Rounds {
        program: env!("CARGO_BIN_EXE_vinr-simulator").into(),
        rounds: 100,
        seed,
        offline_every: 5,
    };
    let counts = kill(&rounds).await;
    assert!(
        counts.between > 0,
        "no kill fell after an acceptance: {counts:?}"
    );
}
