//! Who runs where: the terminal on one core and the till on another, as two devices are.
//!
//! Left to itself the scheduler puts the two ends of a connection on one core or on two, and moves them; to wake a thread
//! on another core takes several times as long as on the same. One and the same line was 0.6 times the floor in one round
//! and 4 times in the next, and the median of both says nothing.

const TILL: usize = 0;
const TERMINAL: usize = 1;

/// Starts a terminal: the threads that it starts stay on its core. The caller is on the till's core from then on. On a machine
/// of one core both are on it.
pub fn terminal<T>(start: impl FnOnce() -> T) -> T {
    stay_on(TERMINAL);
    let started = start();
    stay_on(TILL);
    started
}

#[cfg(target_os = "linux")]
fn stay_on(core: usize) {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut cores = CpuSet::new();
    cores.set(core);
    if let Err(error) = sched_setaffinity(None, &cores) {
        println!("not on core {core} alone: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_: usize) {}
