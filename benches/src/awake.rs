//! Keeps every core awake while something is measured, where `VINR_BENCH_AWAKE` is set.
//!
//! A core with nothing to do is halted, and waking it costs tens of microseconds on a virtual machine. A till and a terminal
//! that wait for each other sleep, so that is how it is measured; awake, what is left is the computing. A process of the
//! policy `SCHED_IDLE` on each core gives way to everybody at once, and lets no core halt.

use std::io;
use std::os::unix::process::parent_id;
use std::process::{Child, Command, Stdio};

const SPINNING: &str = "VINR_BENCH_SPINNING";

/// One spinning process for each core, until it is dropped.
#[derive(Debug)]
pub struct Awake(Vec<Child>);

impl Awake {
    /// Spins as long as the parent lives, if this process was started for that: to be called first in `main`.
    pub fn spin_if_told() {
        if std::env::var_os(SPINNING).is_none() {
            return;
        }
        let parent = parent_id();
        while parent_id() == parent {
            (0..1_000_000).for_each(|_| std::hint::spin_loop());
        }
        std::process::exit(0)
    }

    /// Starts them if that is wanted, or says why the cores may sleep all the same. Needs `chrt` of util-linux.
    pub fn if_wanted() -> Option<Self> {
        std::env::var_os("VINR_BENCH_AWAKE")?;
        let started = Self::spin();
        started
            .inspect_err(|error| {
                println!("the cores may go to sleep: chrt: {error}; install util-linux")
            })
            .ok()
    }

    fn spin() -> io::Result<Self> {
        let this = std::env::current_exe()?;
        let mut awake = Self(Vec::new());
        for _ in 0..std::thread::available_parallelism()?.get() {
            let spinning = Command::new("chrt")
                .args(["--idle", "0"])
                .arg(&this)
                .env(SPINNING, "1")
                .stdin(Stdio::null())
                .spawn()?;
            awake.0.push(spinning);
        }
        Ok(awake)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for spinning in &mut self.0 {
            // It may have ended by itself.
            let _ = spinning.kill();
            let _ = spinning.wait();
        }
    }
}
