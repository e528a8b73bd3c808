//! The same till for programs without `async`: every call under its own name, on a runtime of its own.
//!
//! ```no_run
//! use vinr_sdk::{CreateLocal, blocking::Vinr};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let vinr = Vinr::local_simulator()?;
//!     let payment = vinr.payments().create_local(CreateLocal {
//!         reader_id: "term_local_simulator",
//!         amount: 1000, // 10.00 USD
//!         currency: "USD",
//!         reference: "local_test_001",
//!         ..CreateLocal::default()
//!     })?;
//!     println!("{}", payment.status);
//!     Ok(())
//! }
//! ```
//!
//! Each call is the call of [`crate::Vinr`], run to its end: there are no other rules here. A call blocks its thread for
//! as long as the payment takes. To stop one, [`cancel`](Payments::cancel) it from another thread: [`Vinr`] is cheap to
//! clone, and clones share everything.
//!
//! **Inside a tokio runtime** the calls work too, and hold one of its threads meanwhile; there the async calls are the
//! better ones, or `spawn_blocking` around these. On a runtime with one thread nothing else of that runtime runs until the
//! call returns.

mod runtime;

use std::sync::Arc;

use vinr_protocol::id::WebhookEndpointId;

use crate::attempts::Resolved;
use crate::builder::{BuildError, Builder, NeedsTerminalCa};
use crate::cloud::{CloudError, WebhookEndpoint};
use crate::create::Create;
use crate::discovered::Discovered;
use crate::error::Error;
use crate::readers::Discover;
use crate::result::PaymentResult;
use crate::sale::CreateLocal;
use crate::tally::Counters;
use crate::timeline::SupportPacket;
use crate::trust::Trust;
use crate::{Cancellation, Payment, StoredAttempt};

use runtime::Runtime;

/// One till. Cheap to clone; clones share connections, addresses, the attempt store and the runtime.
#[derive(Clone, Debug)]
pub struct Vinr {
    inner: Arc<Till>,
}

/// The till ends before the runtime that it needs for it.
#[derive(Debug)]
struct Till {
    vinr: Option<crate::Vinr>,
    runtime: Runtime,
}

impl Builder {
    /// Like [`build`](Self::build), for a program without `async`.
    pub fn build_blocking(self) -> Result<Vinr, BuildError> {
        Vinr::made(async { self.build() })
    }
}

impl Vinr {
    /// A till with its own certificate and the terminals' CA bundle; it ends with
    /// [`build_blocking`](Builder::build_blocking).
    pub fn builder() -> NeedsTerminalCa {
        crate::Vinr::builder()
    }

    /// Like [`Vinr::local_simulator`](crate::Vinr::local_simulator).
    #[cfg(feature = "simulator")]
    pub fn local_simulator() -> Result<Self, BuildError> {
        Self::made(crate::Vinr::local_simulator())
    }

    /// Like [`Vinr::local_simulator_offline`](crate::Vinr::local_simulator_offline).
    #[cfg(feature = "simulator")]
    pub fn local_simulator_offline() -> Result<Self, BuildError> {
        Self::made(crate::Vinr::local_simulator_offline())
    }

    /// Which terminals are there?
    pub fn readers(&self) -> Readers<'_> {
        Readers(self)
    }

    /// Take, find and cancel payments.
    pub fn payments(&self) -> Payments<'_> {
        Payments(self)
    }

    /// Payments whose outcome this till has yet to learn.
    pub fn attempts(&self) -> Attempts<'_> {
        Attempts(self)
    }

    /// Like [`Vinr::trust`](crate::Vinr::trust).
    pub fn trust(&self) -> Trust<'_> {
        self.async_till().trust()
    }

    /// Like [`Vinr::counters`](crate::Vinr::counters).
    pub fn counters(&self) -> Counters {
        self.async_till().counters()
    }

    /// The till itself: for what has no blocking name, such as its simulator, run with [`wait`](Self::wait).
    pub fn async_till(&self) -> &crate::Vinr {
        let vinr = self.inner.vinr.as_ref();
        vinr.expect("a till is taken out only when it is dropped")
    }

    /// Runs any future on this till's runtime, to its end.
    pub fn wait<F: Future<Output: Send> + Send>(&self, future: F) -> F::Output {
        self.inner.runtime.wait(future)
    }

    fn made(
        till: impl Future<Output = Result<crate::Vinr, BuildError>> + Send,
    ) -> Result<Self, BuildError> {
        let runtime = Runtime::start().map_err(BuildError::Runtime)?;
        let vinr = Some(runtime.wait(till)?);
        let inner = Arc::new(Till { vinr, runtime });
        Ok(Self { inner })
    }
}

impl Drop for Till {
    fn drop(&mut self) {
        let vinr = self.vinr.take();
        self.runtime.inside(|| drop(vinr));
    }
}

/// Terminals of this till: [`Vinr::readers`].
#[derive(Debug, Clone, Copy)]
pub struct Readers<'a>(&'a Vinr);

/// Payments of this till: [`Vinr::payments`].
#[derive(Debug, Clone, Copy)]
pub struct Payments<'a>(&'a Vinr);

/// Unresolved attempts of this till: [`Vinr::attempts`].
#[derive(Debug, Clone, Copy)]
pub struct Attempts<'a>(&'a Vinr);

/// Each call is the async one of the same name, run to its end.
macro_rules! calls {
    ($($room:ident.$of:ident { $($name:ident($($argument:ident: $type:ty),*) -> $returned:ty;)+ })+) => {
        $(impl $room<'_> {
            $(
                #[doc = concat!("Like [`", stringify!($room), "::", stringify!($name), "`](crate::", stringify!($room), "::", stringify!($name), ").")]
                pub fn $name(self, $($argument: $type),*) -> Result<$returned, Error> {
                    let till = self.0;
                    till.wait(till.async_till().$of().$name($($argument),*))
                }
            )+
        })+
    };
}

calls! {
    Readers.readers {
        discover(discover: Discover) -> Discovered;
    }
    Payments.payments {
        create_local(sale: CreateLocal<'_>) -> PaymentResult;
        create(sale: Create<'_>) -> PaymentResult;
        retrieve_by_reference(reference: &str) -> Payment;
        attempts_at(reader_id: &str, reference: &str) -> Vec<Payment>;
        cancel(reader_id: &str, reference: &str) -> Cancellation;
        support_packet(reference: &str) -> SupportPacket;
    }
    Attempts.attempts {
        unresolved() -> Vec<StoredAttempt>;
        resolve() -> Vec<Resolved>;
    }
}

/// A merchant's server without `async`: webhook endpoints. Reading webhooks needs none of this, see
/// [`webhooks`](crate::webhooks).
#[derive(Clone, Debug)]
pub struct Cloud {
    cloud: crate::Cloud,
    runtime: Arc<Runtime>,
}

impl Cloud {
    /// This cloud, on a runtime of its own.
    pub fn new(cloud: crate::Cloud) -> Result<Self, BuildError> {
        let runtime = Arc::new(Runtime::start().map_err(BuildError::Runtime)?);
        Ok(Self { cloud, runtime })
    }

    /// Like [`Cloud::register_webhook`](crate::Cloud::register_webhook).
    pub fn register_webhook(&self, url: &str) -> Result<WebhookEndpoint, CloudError> {
        self.runtime.wait(self.cloud.register_webhook(url))
    }

    /// Like [`Cloud::rotate_webhook_secret`](crate::Cloud::rotate_webhook_secret).
    pub fn rotate_webhook_secret(
        &self,
        id: &WebhookEndpointId,
    ) -> Result<WebhookEndpoint, CloudError> {
        self.runtime.wait(self.cloud.rotate_webhook_secret(id))
    }

    /// Like [`Cloud::remove_webhook`](crate::Cloud::remove_webhook).
    pub fn remove_webhook(&self, id: &WebhookEndpointId) -> Result<(), CloudError> {
        self.runtime.wait(self.cloud.remove_webhook(id))
    }
}
