//! What a till asks after a fright, at a terminal over a long journal: what became of a sale, and the same payment again.

use tokio::runtime::{Builder, Runtime};
use vinr_benches::cores;
use vinr_benches::floor::Floor;
use vinr_benches::ratio::timed;
use vinr_benches::shop::Failure;
use vinr_protocol::device::Model;
use vinr_protocol::{
    Amount, AttemptKey, CancelRequest, Currency, PayRequest, Reference, TerminalId,
};
use vinr_simulator::cardholder::Script;
use vinr_simulator::terminal::month;
use vinr_simulator::{Pki, Simulator};
use vinr_transport::{Connector, Identity, TrustBundle};

use crate::Bench;

/// In the journal, three records each.
const PAYMENTS: u64 = 50_000;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Failure> {
    let servers = cores::terminal(Runtime::new)?;
    let till = Builder::new_current_thread().enable_all().build()?;
    let dir = tempfile::tempdir()?;
    let terminal = TerminalId::new("term_BENCH_1")?;
    let pki = Pki::provision(dir.path(), std::slice::from_ref(&terminal))?.pki;
    servers.block_on(month::fill(&pki, &terminal, PAYMENTS))?;
    let simulator = Simulator::builder(dir.path())
        .terminal(terminal.clone(), Model::NexgoCt20)
        .cardholder(Script::by_hand());
    let simulator = servers.block_on(simulator.start())?;

    let mut echo = cores::terminal(|| Floor::start(&pki, &terminal))?.connect()?;
    bench.run("floor: one round trip", &mut || timed(|| Ok(echo.echo()?)))?;

    let pos = Identity::from_pem_files(pki.pos_cert(), pki.pos_key())?;
    let connector = Connector::new(TrustBundle::from_pem_file(pki.terminal_ca())?, pos)?;
    let at = simulator.terminal().address();
    let connect = || till.block_on(connector.connect(at, &terminal));
    let (mut line, mut other) = (connect()?, connect()?);

    let mut nth = 0_u64;
    let mut far_apart = || {
        nth += 1;
        Reference::new(&format!(
            "month_{}",
            1 + nth.wrapping_mul(7_919_993) % PAYMENTS
        ))
    };
    bench.run("recovery: what became of a sale", &mut || {
        let sale = far_apart()?;
        timed(|| {
            let found = till.block_on(line.payments(&sale))?;
            match found.data.len() {
                1 => Ok(()),
                other => Err(format!("{other} payments of {sale}").into()),
            }
        })
    })?;

    // As the month's till asked, with the key that it had: the answer is the old one, and nothing is charged.
    let amount = Amount::MIN;
    let again = till.block_on(line.payments(&far_apart()?))?;
    let paid = again.data.first().ok_or("the month has no payments")?;
    let key = paid.attempt_key.clone();
    let request = PayRequest::new(
        terminal.clone(),
        amount,
        Currency::USD,
        paid.reference.clone(),
    );
    let id = paid.id.clone();
    bench.run("replay: an equal request, paid before", &mut || {
        timed(|| {
            let replayed =
                till.block_on(async { line.pay(&request, key.as_ref()).await?.outcome().await })?;
            if replayed.id == id {
                Ok(())
            } else {
                Err("it was charged again".into())
            }
        })
    })?;

    let sale = Reference::new("joined")?;
    let request = PayRequest::new(
        terminal.clone(),
        Amount::new(2500)?,
        Currency::USD,
        sale.clone(),
    );
    let key = AttemptKey::new("joined")?;
    let held = till.block_on(line.pay(&request, Some(&key)))?;
    bench.run(
        "join: an equal request while a card is waited for",
        &mut || {
            // Each joins on a line of its own, and hangs up.
            let mut line = connect()?;
            till.block_on(line.reader())?;
            timed(|| Ok(till.block_on(line.pay(&request, Some(&key)))?))
        },
    )?;
    let cancel = CancelRequest {
        terminal_id: terminal,
        reference: sale,
        attempt_key: None,
    };
    // Nobody waits for the card any more; where the terminal gave up before, there is nothing to cancel.
    let _ = till.block_on(other.cancel(&cancel));
    till.block_on(held.outcome())?;
    Ok(())
}
