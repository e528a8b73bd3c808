//! A journal that is as long as a busy month, for whoever measures a start over it.

use std::sync::Arc;

use vinr_protocol::device::Model;
use vinr_protocol::payment::{ConnectionMode, EntryMode};
use vinr_protocol::request::PayRequest;
use vinr_protocol::terminal::{
    Archived, Caller, Config, Effect, HostVerdict, Input, Record, Recovery, Revocation,
};
use vinr_protocol::{Amount, AttemptKey, Currency, Machine, Reference, TerminalId, Timestamp};

use super::archive::Running;
use super::options::StartError;
use super::record;
use super::{data_dir, fresh_payment_id};
use crate::cards::TestCard;
use crate::data_dir::open_patiently;
use crate::provision::Pki;

/// So many payments are made durable at once.
const TOGETHER: usize = 10;

/// Takes `payments` payments, `month_1` and so on, as the terminal would: each is prompted, read and approved by the
/// session itself. The terminal must be switched off.
pub async fn fill(pki: &Pki, terminal: &TerminalId, payments: u64) -> Result<(), StartError> {
    let data = data_dir(pki, terminal);
    let place = record::place(pki, terminal, &data);
    let keys = record::keys(pki, terminal, &place)?;
    let dir = open_patiently(&data).await?;
    let config = Config::new(terminal.clone(), Model::NexgoCt20, "month");
    let mut recovery = Recovery::new(config);
    let opened = record::open(&dir, place, keys, &mut |record| recovery.read(record))?;
    let id = record::id(&opened)?;
    let failed = |error: &dyn std::fmt::Display| StartError::Storage(error.to_string());
    let journal = Arc::new(opened.journal);
    let (session, _) = recovery.finish(id, now());
    let mut machine = Archived::over(session, Running(journal.clone()));
    let mut records = Vec::new();
    for number in 1..=payments {
        let reference = Reference::new(&format!("month_{number}"));
        let reference = reference.map_err(|error| failed(&error))?;
        records.extend(take(&mut machine, terminal, reference));
        if records.len() >= 3 * TOGETHER || number == payments {
            let durable = journal.append_all(&std::mem::take(&mut records)).await;
            durable.map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

/// One payment, and its records.
fn take(machine: &mut Archived<Running>, terminal: &TerminalId, sale: Reference) -> Vec<Record> {
    let id = fresh_payment_id();
    let request = PayRequest::new(terminal.clone(), Amount::MIN, Currency::USD, sale);
    let card: &TestCard = Default::default();
    let inputs = [
        Input::Pay {
            caller: Caller(1),
            request,
            key: AttemptKey::new(id.as_str()).ok(),
            path: ConnectionMode::Local,
            expires_at: None,
            id: id.clone(),
            now: now(),
            revocation: Revocation::InForce,
        },
        Input::CardRead {
            card: card.facts(EntryMode::Contactless),
            now: now(),
        },
        Input::HostAnswered {
            payment: id,
            verdict: HostVerdict::Approved,
            now: now(),
        },
    ];
    let effects = inputs.into_iter().flat_map(|input| machine.step(input));
    effects
        .filter_map(|effect| match effect {
            Effect::Persist(record) => Some(record),
            _ => None,
        })
        .collect()
}

fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
