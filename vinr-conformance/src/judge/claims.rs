//! The claims of scenarios: what each of them means for what was seen.
//!
//! One file for each idea; the list below is the whole vocabulary.

mod admission;
mod advert;
mod bench;
mod cancel;
mod charge;
mod cloud;
mod drain;
mod group;
mod held;
mod listing;
mod offline;
mod outcome;
mod quick;
mod refusal;
mod repeat;
mod same;
mod screen;
mod secrets;
mod storage;
mod transport;
mod webhook;
mod within;

use super::found::Found;
use super::trace::{Exchange, Trace};
use crate::journal::{Entry, Said};

/// Finds out whether a claim, written at `entry`, is true.
pub(super) fn weigh(trace: &Trace<'_>, entry: &Entry, said: &Said) -> Found {
    let seq = entry.seq;
    let scenario = entry.scenario.as_deref().unwrap_or_default();
    match said {
        Said::Ends {
            exchange,
            status,
            decline_code,
            cancel_reason,
        } => on(trace, *exchange, |own| {
            outcome::ends(
                own,
                status,
                decline_code.as_deref(),
                cancel_reason.as_deref(),
            )
        }),
        Said::Stands {
            exchange,
            status,
            decline_code,
        } => on(trace, *exchange, |own| {
            outcome::stands(own, status, decline_code.as_deref())
        }),
        Said::Key { exchange, key } => {
            on(trace, *exchange, |own| outcome::key(own, key.as_deref()))
        }
        Said::Refused {
            exchange,
            codes,
            param,
            may_close,
        } => on(trace, *exchange, |own| {
            refusal::refused(own, codes, param.as_deref(), *may_close)
        }),
        Said::Served { exchange } => on(trace, *exchange, refusal::served),
        Said::RetryAfter { exchange } => on(trace, *exchange, refusal::retry_after),
        Said::TellsNothingOf { exchange, other } => {
            both(trace, [*exchange, *other], refusal::tells_nothing_of)
        }
        Said::NotAdmitted { exchange } => {
            on(trace, *exchange, |own| admission::not_admitted(trace, own))
        }
        Said::Prompts { exchange } => on(trace, *exchange, |own| screen::prompts(trace, own, seq)),
        Said::ShowsNothing { since } => screen::shows_nothing(trace, scenario, *since, seq),
        Said::NoPromptFor { reference, since } => {
            screen::no_prompt_for(trace, reference, *since, seq)
        }
        Said::HeadBeforeCard { exchange } => {
            on(trace, *exchange, |own| held::head_before_card(trace, own))
        }
        Said::WhileHeld { exchange, held } => both(trace, [*exchange, *held], |own, held| {
            held::while_held(trace, own, held)
        }),
        Said::StillAnswered { exchange } => {
            on(trace, *exchange, |own| held::still_answered(trace, own))
        }
        Said::SamePayment { exchanges } => same::same(trace, exchanges),
        Said::OtherPayment { exchanges } => both(trace, *exchanges, same::other),
        Said::Charges { reference, count } => charge::charges(trace, reference, *count, seq),
        Said::Lists { exchange, of } => on(trace, *exchange, |own| listing::lists(trace, own, of)),
        Said::Cancellation {
            exchange,
            outcome,
            without_payment,
        } => on(trace, *exchange, |own| {
            cancel::cancellation(own, outcome, *without_payment)
        }),
        Said::OnPort { connection, port } => transport::on_port(trace, *connection, *port),
        Said::Mutual { connection } => transport::mutual(trace, *connection),
        Said::OwnCertificate { connection } => admission::own_certificate(trace, *connection),
        Said::NoPlaintext { connection } => transport::no_plaintext(trace, *connection),
        Said::OldTlsRefused { connection } => transport::old_tls_refused(trace, *connection),
        Said::NoTickets { connection } => transport::no_tickets(trace, *connection),
        Said::Advertised { connections } => advert::advertised(trace, connections),
        Said::DescribesItself => advert::describes_itself(trace),
        Said::AnnouncesActivity { since } => advert::announces_activity(trace, *since, seq),
        Said::LocalSimulator => advert::local_simulator(trace),
        Said::Quick => quick::quick(trace, scenario),
        Said::AcceptedOffline { exchange } => on(trace, *exchange, offline::accepted),
        Said::NeverQueued { exchange } => on(trace, *exchange, offline::never_queued),
        Said::StillQueued { exchange, of } => both(trace, [*exchange, *of], offline::still_queued),
        Said::ChargedOnce { exchanges } => drain::charged_once(trace, exchanges, seq),
        Said::InSequence { exchanges, host_ms } => {
            drain::in_sequence(trace, exchanges, *host_ms, seq)
        }
        Said::StorageIsOpaque { since } => storage::opaque(trace, *since, seq),
        Said::Told {
            exchange,
            kind,
            decline_code,
        } => on(trace, *exchange, |own| {
            webhook::told(trace, own, kind, decline_code.as_deref(), seq)
        }),
        Said::SignedAndRepeated { since } => webhook::signed_and_repeated(trace, *since, seq),
        Said::SameTrace => repeat::same_trace(trace, scenario),
        Said::Within {
            exchange,
            limit_ms,
            pace,
        } => on(trace, *exchange, |own| {
            within::within(own, *limit_ms, *pace, entry)
        }),
        Said::CloudRefused { command, codes } => cloud::refused(trace, *command, codes),
        Said::NothingSecretSaid { since } => secrets::none_said(trace, scenario, *since, seq),
        Said::NothingSecretStored { since } => secrets::none_stored(trace, *since, seq),
        Said::StandsAt { exchange, other } => both(trace, [*exchange, *other], group::stands_at),
        Said::NamedBy {
            reference,
            terminal,
        } => group::named_by(trace, reference, terminal),
        Said::LiveOnOne { references } => group::live_on_one(trace, references, seq),
        Said::AsClaimed {
            exchange,
            connection,
        } => on(trace, *exchange, |own| {
            bench::as_claimed(trace, own, *connection)
        }),
        Said::Till(claim) => super::client::weigh(trace, entry, claim),
        // The judge of the whole run says this, once everything else has been said.
        Said::WholePlan => Found::unseen("it is concluded from all other findings"),
    }
}

fn on<'t, 'a>(
    trace: &'t Trace<'a>,
    number: u64,
    look: impl FnOnce(&'t Exchange<'a>) -> Found,
) -> Found {
    trace
        .exchange(number)
        .map_or_else(|| Found::unseen("the request was never sent"), look)
}

fn both<'t, 'a>(
    trace: &'t Trace<'a>,
    [one, other]: [u64; 2],
    look: impl FnOnce(&'t Exchange<'a>, &'t Exchange<'a>) -> Found,
) -> Found {
    on(trace, one, |one| on(trace, other, |other| look(one, other)))
}
