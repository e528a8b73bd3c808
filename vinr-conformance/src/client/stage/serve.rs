//! One request and its answer, lawful or wrong as it was planned.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use vinr_protocol::command::{Command, RawRequest};
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::id::RequestId;
use vinr_protocol::payment::ConnectionMode;
use vinr_protocol::terminal::{Answer, Caller};

use super::booth::{Inner, Kind};
use super::cloud::Reply;
use super::desk::{Desk, Word};
use super::fault::{Fault, How, Moment};
use super::http::{self, Raw, Wire};
use crate::journal::{TillEvent, Whose};

type Ending = (Whose, String);

/// Answers a request; the connection, where it is still there.
pub(super) async fn serve(
    inner: &Arc<Inner>,
    wire: Wire,
    exchange: u64,
    raw: Raw,
) -> Result<Wire, Ending> {
    let key = raw
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"))
        .map(|(_, key)| key.as_str());
    let fault = inner.faults.strike(moment(&raw), key);
    let (taken, how) = match fault {
        Some(Fault::Answer { taken, how }) => (taken, Some(how)),
        Some(_) | None => (true, None),
    };
    let turn = Turn {
        inner,
        wire,
        exchange,
        began: Instant::now(),
        head: false,
    };
    if let Some(How::Refusal(code)) = &how {
        let refusal = Refusal::new(Code::from(code.as_str()), "as the scenario wants it");
        return turn.refuse(refusal).await;
    }
    if !taken {
        return turn.untaken(how).await;
    }
    match &inner.kind {
        Kind::Terminal(desk) => {
            if how == Some(How::Overtaken) {
                desk.tap_and_await_the_host().await;
            }
            let (caller, words) = match command(&raw) {
                Ok(command) => ask(desk, command),
                Err(refusal) => return turn.refuse(refusal).await,
            };
            turn.answer(desk, caller, words, how).await
        }
        Kind::Cloud(cloud) => match cloud.ask(&raw) {
            Reply::Now(status, body) => turn.whole(status, &[], &body.to_string()).await,
            Reply::Refused(refusal) => turn.refuse(refusal).await,
            Reply::Later(desk, caller, words) => {
                // The cloud has no early head.
                let how = how.or(Some(How::NoHead));
                turn.answer(&desk, caller, words, how).await
            }
        },
    }
}

fn moment(raw: &Raw) -> Moment {
    let path = raw.path.split('?').next().unwrap_or_default();
    match (raw.method.as_str(), path) {
        (_, "/v1/pay") | ("POST", "/v1/terminal/payments") => Moment::Pay,
        (_, "/v1/cancel") => Moment::Cancel,
        (_, "/v1/reader") => Moment::Reader,
        ("POST", _) => Moment::Cancel,
        _ => Moment::LookUp,
    }
}

fn command(raw: &Raw) -> Result<Command, Refusal> {
    let all = |name: &str| -> Vec<&[u8]> {
        raw.headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_bytes())
            .collect()
    };
    let (path, query) = match raw.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (raw.path.as_str(), None),
    };
    Command::read(&RawRequest {
        method: &raw.method,
        path,
        query,
        content_types: &all("content-type"),
        keys: &all("idempotency-key"),
        body: &raw.body,
    })
    .map_err(|none| none.refusal)
}

fn ask(desk: &Desk, command: Command) -> (Caller, mpsc::UnboundedReceiver<Word>) {
    match command {
        Command::Pay { request, key } => desk.pay(request, key, ConnectionMode::Local),
        Command::Cancel(request) => desk.cancel(request),
        Command::Payments(reference) => desk.look_up(reference),
        Command::Payment(id) => desk.look_up_id(id),
        Command::Reader => desk.describe(),
    }
}

/// One exchange while it lasts.
struct Turn<'a> {
    inner: &'a Arc<Inner>,
    wire: Wire,
    exchange: u64,
    began: Instant,
    /// The head is written.
    head: bool,
}

impl Turn<'_> {
    /// The terminal did nothing.
    async fn untaken(mut self, how: Option<How>) -> Result<Wire, Ending> {
        match how {
            Some(How::Status(status)) => {
                self.lost(&format!("status {status}, and the terminal did nothing"));
                let body = refusal("internal", self.exchange);
                self.whole(status, &[], &body).await
            }
            Some(How::Vanish) => self.vanish("the terminal goes away before it did anything"),
            Some(How::Silence) => Err((Whose::Till, self.wire.end().await)),
            Some(How::Swap) => {
                if let Kind::Terminal(desk) = &self.inner.kind {
                    desk.is_swapped();
                }
                self.lost("reset, and another device stands in the terminal's place");
                self.wire.reset_at_once();
                Err((Whose::Suite, "reset".into()))
            }
            _ => {
                self.lost("reset, and the terminal did nothing");
                self.wire.reset_at_once();
                Err((Whose::Suite, "reset".into()))
            }
        }
    }

    async fn answer(
        mut self,
        desk: &Desk,
        caller: Caller,
        mut words: mpsc::UnboundedReceiver<Word>,
        how: Option<How>,
    ) -> Result<Wire, Ending> {
        match &how {
            Some(How::Reset) => {
                self.lost("reset after the request");
                self.wire.reset_at_once();
                return Err((Whose::Suite, "reset after the request".into()));
            }
            Some(How::Vanish) => return self.vanish("the terminal goes away"),
            Some(How::Status(status)) => {
                let status = *status;
                self.lost(&format!("status {status}, and the terminal goes on"));
                let body = refusal("internal", self.exchange);
                return self.whole(status, &[], &body).await;
            }
            _ => {}
        }
        loop {
            let word = tokio::select! {
                word = words.recv() => word,
                end = self.wire.more() => match end {
                    Ok(()) => continue,
                    Err(how) => {
                        desk.hangs_up(caller);
                        return Err((Whose::Till, how));
                    }
                },
            };
            match word {
                Some(Word::Head) => {
                    if let Err(how) = self.early(how.as_ref()).await {
                        desk.hangs_up(caller);
                        return Err((Whose::Till, how));
                    }
                    if how == Some(How::ResetAfterHead) {
                        self.wire.let_through().await;
                        self.lost("reset after the head");
                        self.wire.reset_at_once();
                        return Err((Whose::Suite, "reset after the head".into()));
                    }
                    if how == Some(How::VanishAfterHead) {
                        self.wire.let_through().await;
                        return self.vanish("the terminal goes away after the head");
                    }
                }
                Some(Word::Answer(answer)) => return self.finish(*answer, how).await,
                None => return Err((Whose::Suite, "the terminal has no answer".into())),
            }
        }
    }

    /// The first moment of an answer, where it is to be seen.
    async fn early(&mut self, how: Option<&How>) -> Result<(), String> {
        let is_seen = match how {
            None
            | Some(
                How::ResetAfterHead
                | How::VanishAfterHead
                | How::HalfBody(_)
                | How::LateBody(_)
                | How::Alter(_)
                | How::CloseAfter,
            ) => true,
            Some(_) => false,
        };
        if is_seen && !self.head {
            self.head = true;
            self.wire.write(&http::late_head()).await?;
            self.inner.record(TillEvent::Head {
                exchange: self.exchange,
                status: 200,
            });
        }
        Ok(())
    }

    async fn finish(mut self, answer: Answer, how: Option<How>) -> Result<Wire, Ending> {
        let mut body = match answer {
            Answer::Payment(payment) => json!(payment),
            Answer::Payments(list) => json!(list),
            Answer::Cancellation(word) => json!(word),
            Answer::Reader(reader) => json!(reader),
            Answer::Refused(refusal) => return self.refuse(refusal).await,
        };
        match how {
            Some(How::Silence) => Err((Whose::Till, self.wire.end().await)),
            Some(How::ResetAtOutcome) => {
                self.lost("the outcome is there, and the connection is reset");
                self.wire.reset_at_once();
                Err((Whose::Suite, "reset at the outcome".into()))
            }
            Some(How::CutAt(share)) => {
                let mut bytes = http::late_head();
                bytes.extend(http::late_body(&body.to_string()));
                let at = bytes.len() * usize::from(share) / 1000;
                let _ = self.wire.write(&bytes[..at]).await;
                self.wire.let_through().await;
                self.lost(&format!("reset after {at} of {} bytes", bytes.len()));
                self.wire.reset_at_once();
                Err((Whose::Suite, "reset within the answer".into()))
            }
            Some(How::HalfBody(share)) => {
                let text = http::late_body(&body.to_string());
                if !self.head {
                    let _ = self.wire.write(&http::late_head()).await;
                }
                let end = text.len() * usize::from(share) / 1000;
                let _ = self.wire.write(&text[..end]).await;
                self.lost("a part of the body, and the connection ends in good order");
                self.wire.close().await;
                Err((Whose::Suite, "closed within the body".into()))
            }
            Some(How::NoHead) => self.whole(200, &[], &body.to_string()).await,
            Some(How::LateBody(after) | How::Late(after)) => {
                let left = after.saturating_sub(self.began.elapsed());
                let until = tokio::time::sleep(left);
                tokio::pin!(until);
                loop {
                    tokio::select! {
                        () = &mut until => break,
                        end = self.wire.more() => if let Err(how) = end {
                            return Err((Whose::Till, how));
                        },
                    }
                }
                self.whole(200, &[], &body.to_string()).await
            }
            Some(How::Alter(alteration)) => {
                alter(&mut body, |payment| alteration.apply(payment));
                self.whole(200, &[], &body.to_string()).await
            }
            Some(How::CloseAfter) => {
                let wire = self.whole(200, &[], &body.to_string()).await?;
                wire.close().await;
                Err((Whose::Suite, "closed after the answer".into()))
            }
            // What else there is was done before, or does not concern an answer that is whole.
            Some(_) | None => self.whole(200, &[], &body.to_string()).await,
        }
    }

    /// Writes an answer, or what is left of it after the head.
    async fn whole(
        mut self,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Wire, Ending> {
        let bytes = if self.head {
            http::late_body(body)
        } else {
            let id = format!("req_{}", self.exchange);
            let mut all = vec![("x-vinr-request-id", id.as_str())];
            all.extend_from_slice(headers);
            http::answer(status, &all, body)
        };
        // The journal says it before the till can act on it.
        self.inner.record(TillEvent::Body {
            exchange: self.exchange,
            status,
            text: self.inner.veil.cover(body),
        });
        match self.wire.write(&bytes).await {
            Ok(()) => Ok(self.wire),
            Err(how) => Err((Whose::Till, how)),
        }
    }

    async fn refuse(self, refusal: Refusal) -> Result<Wire, Ending> {
        let status = refusal.code.status();
        let headers: &[(&str, &str)] = match refusal.code {
            Code::TerminalBusy => &[("retry-after", "1")],
            _ => &[],
        };
        let id = request_id(self.exchange);
        let body = json!(refusal.into_body(id)).to_string();
        self.whole(status, headers, &body).await
    }

    fn vanish(&self, how: &str) -> Result<Wire, Ending> {
        self.lost(how);
        self.inner.vanish();
        Err((Whose::Suite, how.to_owned()))
    }

    fn lost(&self, how: &str) {
        self.inner.record(TillEvent::Lost {
            exchange: self.exchange,
            how: how.to_owned(),
        });
    }
}

/// Changes a payment, or every payment of a list or of a cancellation.
fn alter(body: &mut Value, change: impl Fn(&mut Value)) {
    if let Some(items) = body.get_mut("data").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(change);
    } else if body["object"] == "cancellation" {
        if body["payment"].is_object() {
            change(&mut body["payment"]);
        }
    } else {
        change(body);
    }
}

/// The body of an error with this code.
pub(super) fn refusal(code: &str, exchange: u64) -> String {
    let refusal = Refusal::new(Code::from(code), "as the scenario wants it");
    json!(refusal.into_body(request_id(exchange))).to_string()
}

fn request_id(exchange: u64) -> RequestId {
    RequestId::new(&format!("req_{exchange}")).expect("letters and digits are visible ASCII")
}
