//! The till of the kiosk.

use std::time::Duration;

use vinr_sdk::{
    At, Charged, Connectivity, Create, Error, PaymentResult, Resolution, SupportPacket, Vinr,
};

/// A customer who has no card at hand by then is gone.
const CARD_WITHIN: Duration = Duration::from_secs(2);

/// What the customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The goods.
    Opens,
    /// Nothing, and has not paid for it either.
    StaysShut,
    /// Nothing yet: whether they paid is not known, and a person must look.
    WaitsForAPerson,
}

pub(crate) struct Kiosk {
    vinr: Vinr,
    reader: &'static str,
}

impl Kiosk {
    /// First of all it finds out what it was doing when it went off: somebody may have paid for a shut door.
    pub(crate) async fn switch_on(vinr: Vinr, reader: &'static str) -> anyhow::Result<Self> {
        let resolved = vinr.attempts().resolve().await?;
        println!(
            "switched on; {} payments to be found out about",
            resolved.len()
        );
        for it in resolved {
            let sale = &it.attempt.reference;
            match it.resolution {
                Resolution::Result(result) => println!("{sale}: it had come to {}", result.status),
                Resolution::NeverCharged { why, .. } => println!("{sale}: never charged ({why})"),
                // It stays in the store; the kiosk asks again when it pays or starts the next time.
                Resolution::StillUnknown(unknown) => println!("{sale}: {unknown}"),
            }
        }
        Ok(Self { vinr, reader })
    }

    /// Sells one thing. Nothing is retried here: the SDK found out whatever could be found out.
    pub(crate) async fn sell(&self, sale: &str) -> Door {
        let wanted = Create {
            at: At::Terminal(self.reader),
            amount: 350,
            currency: "USD",
            reference: sale,
            connectivity: Connectivity::HYBRID,
            timeout: Some(CARD_WITHIN),
            ..Create::default()
        };
        match self.vinr.payments().create(wanted).await {
            Ok(result) => self.told(sale, result),
            Err(error) => self.failed(sale, &error),
        }
    }

    fn told(&self, sale: &str, result: PaymentResult) -> Door {
        let path = result.connection_mode().map(|it| it.to_string());
        let path = path.unwrap_or_default();
        match result {
            // What was accepted offline is the shop's risk; this shop takes it for its small amounts.
            PaymentResult::Completed(_) | PaymentResult::AcceptedOffline(_) => {
                println!("{sale}: paid ({path}), thank you");
                Door::Opens
            }
            PaymentResult::Failed(declined) => {
                let why = declined.decline_code.map(|it| it.to_string());
                println!("{sale}: declined ({})", why.unwrap_or_default());
                Door::StaysShut
            }
            PaymentResult::Cancelled(given_up) => {
                let why = given_up.cancel_reason.map(|it| it.to_string());
                println!("{sale}: given up ({})", why.unwrap_or_default());
                Door::StaysShut
            }
        }
    }

    fn failed(&self, sale: &str, error: &Error) -> Door {
        println!("{sale}: {error}");
        match error.charged() {
            Charged::No => Door::StaysShut,
            Charged::Yes => Door::Opens,
            Charged::Perhaps => Door::WaitsForAPerson,
        }
    }

    /// The button. `sell` returns what it came to.
    pub(crate) async fn cancel(&self, sale: &str) -> Result<(), Error> {
        let answer = self.vinr.payments().cancel(self.reader, sale).await?;
        println!("{sale}: the button was pressed, {}", answer.outcome);
        Ok(())
    }

    /// What the operator sends to support.
    pub(crate) async fn support(&self, sale: &str) -> Result<SupportPacket, Error> {
        self.vinr.payments().support_packet(sale).await
    }
}
