//! The long search for a power cut that loses a record.
//!
//! ```text
//! cargo run --release -p vinr-journal --example crash -- [--deep]
//! ```

#[path = "../tests/support/search.rs"]
mod search;
#[path = "../tests/support/mod.rs"]
mod support;

use search::{Reach, search};
use vinr_journal::sim::Bounds;

fn main() {
    let deep = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--deep") => true,
        Some(_) => {
            eprintln!(
                "crash [--deep]: without it every torn length of each write and 1 in 97 images cut again"
            );
            std::process::exit(2);
        }
    };
    let reach = Reach {
        payments: 24,
        first: Bounds::ALL,
        again: if deep { Bounds::ALL } else { Bounds::FEW },
        depth: 3,
        every: if deep { 499 } else { 97 },
    };
    let begun = std::time::Instant::now();
    let tried = search(&reach);
    println!(
        "power cuts at {} operations, {} lawful images",
        tried.cuts, tried.images
    );
    println!(
        "{} states opened and checked, {} of them with an unfinished write",
        tried.states, tried.torn
    );
    for (depth, states) in tried.by_depth.iter().enumerate() {
        println!("  after {} cut(s): {states}", depth + 1);
    }
    println!(
        "nothing lost, nothing invented; {:.1} s",
        begun.elapsed().as_secs_f64()
    );
}
