//! A runtime with a thread of its own, which a thread can wait for wherever it stands.

use std::future::Future;
use std::thread;

use tokio::runtime::{self, Handle};
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

/// What the till does between calls, such as minding its connections, it does on its own thread.
#[derive(Debug)]
pub(super) struct Runtime(Option<runtime::Runtime>);

impl Runtime {
    pub(super) fn start() -> std::io::Result<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("vinr")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs the future to its end. Its events and spans go where the caller's go.
    pub(super) fn wait<F: Future<Output: Send> + Send>(&self, future: F) -> F::Output {
        let future = future.in_current_span().with_current_subscriber();
        let runtime = self.runtime();
        match Handle::try_current() {
            Err(_) => return runtime.block_on(future),
            // One of its own tasks: another thread takes over what this one does between calls.
            Ok(here) if here.id() == runtime.handle().id() => {
                return tokio::task::block_in_place(|| here.block_on(future));
            }
            Ok(_) => {}
        }
        // A thread of another runtime may not drive this one, so it waits for one that may.
        thread::scope(|scope| {
            let thread = scope.spawn(|| runtime.block_on(future));
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Does this where the runtime is at hand, for what ends with tasks of its own.
    pub(super) fn inside(&self, work: impl FnOnce()) {
        let _entered = self.runtime().enter();
        work();
    }

    fn runtime(&self) -> &runtime::Runtime {
        let runtime = self.0.as_ref();
        runtime.expect("the runtime is taken out only when it is dropped")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for its thread is forbidden inside another runtime, and nothing is lost: attempts are in the store.
            runtime.shutdown_background();
        }
    }
}
