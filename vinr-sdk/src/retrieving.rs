//! The hands of the machine that finds the latest word on a sale.

use futures_util::future::Either;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use vinr_protocol::client::hybrid;
use vinr_protocol::client::retrieve::{self, Effect, Input, Retrieval, Word};
use vinr_protocol::{Machine, Payment, Reference, TerminalId};

use crate::asking::list;
use crate::cloud::{self, Cloud};
use crate::error::Error;
use crate::line::ANSWER_WITHIN;
use crate::readers::ASKED_AT_ONCE;
use crate::vinr::Inner;

/// Asks every terminal whose address is known and, where no terminal has the sale and there is one, the cloud.
pub(crate) async fn retrieve(inner: &Inner, reference: Reference) -> Result<Payment, Error> {
    // Before anybody is asked: what this till pays meanwhile, the first who answered may not have known.
    let is_paying = inner.in_flight.contains(&reference);
    let open = inner.unresolved().await?;
    let cloud = match inner.cloud {
        Some(_) => retrieve::Cloud::There,
        None => retrieve::Cloud::None,
    };
    let terminals = inner.terminals.ids();
    let mut question = Retrieval::new(reference.clone(), terminals, open, cloud);
    let places = Semaphore::new(ASKED_AT_ONCE);
    let mut asked = FuturesUnordered::new();
    let mut next = Some(Input::Begin);
    while let Some(input) = next {
        for effect in question.step(input) {
            asked.push(match effect {
                Effect::Ask(terminal) => Either::Left(ask(inner, terminal, &reference, &places)),
                Effect::AskCloud => Either::Right(ask_cloud(inner.cloud.as_ref(), &reference)),
                Effect::Settled(word) if is_paying && word.is_unpaid() => {
                    let reference = reference.clone();
                    return Err(Error::InProgress { reference });
                }
                Effect::Settled(word) => return told(reference.clone(), word),
            });
        }
        next = asked.next().await;
    }
    // Nobody is left to answer, and the machine has not settled: it waits for nobody else.
    Err(Error::NoReaders)
}

async fn ask(
    inner: &Inner,
    terminal: TerminalId,
    reference: &Reference,
    places: &Semaphore,
) -> Input {
    // It is never closed.
    let _place = places.acquire().await;
    match list(inner, &terminal, reference).await {
        Ok(attempts) => Input::Listed(terminal, attempts),
        Err(why) => Input::Silent(terminal, why),
    }
}

async fn ask_cloud(cloud: Option<&Cloud>, reference: &Reference) -> Input {
    let Some(cloud) = cloud else {
        return Input::CloudSilent("this till has none".to_owned());
    };
    match timeout(ANSWER_WITHIN, cloud::look_up(cloud, reference)).await {
        Ok(hybrid::Input::CloudLookedUp { list, undelivered }) => Input::CloudListed {
            attempts: list.data,
            undelivered,
        },
        Ok(_) => Input::CloudSilent("it did not answer".to_owned()),
        Err(_) => Input::CloudSilent("no answer in time".to_owned()),
    }
}

fn told(reference: Reference, word: Word) -> Result<Payment, Error> {
    match word {
        Word::Found(payment) => Ok(*payment),
        Word::NotFound => Err(Error::NotFound { reference }),
        Word::NoTerminals => Err(Error::NoReaders),
        Word::CannotTell {
            found,
            silent,
            cloud,
        } => Err(Error::Unanswered {
            reference,
            found,
            unanswered: silent,
            cloud,
        }),
    }
}
