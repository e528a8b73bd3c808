//! One request and its answer, read in the background while the scenario goes on.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Probe;
use super::connection::{Connection, Stream, closed, how};
use super::http::{self, Answer, Head, Request};
use crate::journal::{Event, Side};

/// How much of a body goes into the journal.
const MAX_REQUEST: usize = 8 * 1024;
const MAX_ANSWER: usize = 64 * 1024;

/// How long a write may take: a peer that stopped reading must not stop the suite.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// A request that was written. Its answer goes into the journal as it comes; dropping it hangs up.
pub struct Exchange {
    number: u64,
    connection: u64,
    sent_at: Instant,
    progress: watch::Receiver<Progress>,
    reader: JoinHandle<Option<Stream>>,
    probe: Probe,
}

/// How far an answer has come.
#[derive(Debug, Clone, Default)]
struct Progress {
    head: Option<(Head, Instant)>,
    answer: Option<Answer>,
    over: bool,
}

impl Exchange {
    /// The suite's number for it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The connection it runs on.
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// When its last byte was handed to the kernel.
    pub fn sent_at(&self) -> Instant {
        self.sent_at
    }

    /// Waits for the head, and says when its first byte came; `None` where none came in time.
    pub async fn head_within(&mut self, limit: Duration) -> Option<(Head, Instant)> {
        let there = self
            .progress
            .wait_for(|progress| progress.head.is_some() || progress.over);
        let progress = timeout(limit, there).await.ok()?.ok()?;
        progress.head.clone()
    }

    /// Waits for the whole answer; `None` where it did not come, or not whole, or not in time.
    pub async fn answer_within(&mut self, limit: Duration) -> Option<Answer> {
        let there = self.progress.wait_for(|progress| progress.over);
        let progress = timeout(limit, there).await.ok()?.ok()?;
        progress.answer.clone()
    }

    /// Waits for the whole answer and gives the connection back, if it can be used again.
    pub async fn connection_within(mut self, limit: Duration) -> Option<Connection> {
        self.answer_within(limit).await?;
        let stream = (&mut self.reader).await.ok()??;
        Some(Connection::resume(
            self.probe.clone(),
            self.connection,
            stream,
        ))
    }

    /// Ends the connection, whatever was still to come.
    pub fn hang_up(self) {
        // Dropping does it.
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.reader.is_finished() {
            self.reader.abort();
            self.probe.journal().record(Event::Closed {
                connection: self.connection,
                by: Side::Suite,
                how: "hung up".into(),
                tickets: 0,
            });
        }
    }
}

pub(super) async fn start(
    probe: Probe,
    connection: u64,
    stream: Option<Stream>,
    request: Request,
) -> Exchange {
    let number = probe.next_exchange();
    let (report, progress) = watch::channel(Progress::default());
    let Some(mut stream) = stream else {
        journal_request(
            &probe,
            connection,
            number,
            &request,
            Some("there is no connection".into()),
        );
        lost(&probe, number, "there is no connection");
        report.send_modify(|progress| progress.over = true);
        return Exchange {
            number,
            connection,
            sent_at: Instant::now(),
            progress,
            reader: tokio::spawn(async { None }),
            probe,
        };
    };
    // The journal tells it in our own words, whatever the vendor's wire calls the path.
    let written = Request {
        path: probe.paths.sent(&request.path),
        ..request.clone()
    };
    let bytes = written.bytes(&probe.trust.name.to_str());
    let written = timeout(WRITE_WITHIN, async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    })
    .await
    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let sent_at = Instant::now();
    let error = written.err().map(|error| how(&error));
    journal_request(&probe, connection, number, &request, error);

    let reader = Reader {
        probe: probe.clone(),
        connection,
        exchange: number,
        report,
    };
    Exchange {
        number,
        connection,
        sent_at,
        progress,
        reader: tokio::spawn(reader.read(stream)),
        probe,
    }
}

fn journal_request(
    probe: &Probe,
    connection: u64,
    exchange: u64,
    request: &Request,
    error: Option<String>,
) {
    let shown = &request.body[..request.body.len().min(MAX_REQUEST)];
    let headers = request.headers.iter().map(|(name, value)| {
        let shown: String = value.chars().take(256).collect();
        (name.clone(), shown)
    });
    probe.journal().record(Event::Request {
        connection,
        exchange,
        method: request.method.clone(),
        path: request.path.clone(),
        headers: headers.take(40).collect(),
        body: String::from_utf8_lossy(shown).into_owned(),
        body_len: request.body.len() as u64,
        last_byte_ns: probe.journal().now_ns(),
        error,
    });
}

fn lost(probe: &Probe, exchange: u64, why: impl Into<String>) {
    probe.journal().record(Event::Lost {
        exchange,
        why: why.into(),
    });
}

struct Reader {
    probe: Probe,
    connection: u64,
    exchange: u64,
    report: watch::Sender<Progress>,
}

/// Why an answer is not whole.
enum Broken {
    Ended(io::Result<()>),
    Unlawful(String),
}

impl Reader {
    /// Reads one answer, and gives the stream back where it can carry another.
    async fn read(self, mut stream: Stream) -> Option<Stream> {
        let result = self.answer(&mut stream).await;
        let keeps = match &result {
            Ok(keeps) => *keeps,
            Err(broken) => {
                self.journal_broken(&stream, broken);
                false
            }
        };
        self.report.send_modify(|progress| progress.over = true);
        keeps.then_some(stream)
    }

    async fn answer(&self, stream: &mut Stream) -> Result<bool, Broken> {
        let mut bytes = Vec::with_capacity(4096);
        let mut first_byte = None;
        let (used, head) = loop {
            if let Some(found) = http::head(&bytes).map_err(Broken::Unlawful)? {
                break found;
            }
            more(stream, &mut bytes).await?;
            first_byte.get_or_insert_with(Instant::now);
        };
        let first_byte = first_byte.unwrap_or_else(Instant::now);
        self.probe.journal().record(Event::Head {
            exchange: self.exchange,
            status: head.status,
            headers: head.headers.clone(),
            first_byte_ns: self.probe.journal().ns_of(first_byte),
        });
        self.report
            .send_modify(|progress| progress.head = Some((head.clone(), first_byte)));
        bytes.drain(..used);

        let length = head.length().map_err(Broken::Unlawful)?;
        let (used, body) = loop {
            if let Some(found) = http::body(length, &bytes).map_err(Broken::Unlawful)? {
                break found;
            }
            more(stream, &mut bytes).await?;
        };
        self.probe.journal().record(Event::Body {
            exchange: self.exchange,
            text: String::from_utf8_lossy(&body[..body.len().min(MAX_ANSWER)]).into_owned(),
            len: body.len() as u64,
            last_byte_ns: self.probe.journal().now_ns(),
        });
        if bytes.len() > used {
            return Err(Broken::Unlawful("bytes after the end of the answer".into()));
        }
        let closes = head
            .value("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let answer = Answer {
            status: head.status,
            body,
        };
        self.report
            .send_modify(|progress| progress.answer = Some(answer));
        Ok(!closes)
    }

    fn journal_broken(&self, stream: &Stream, broken: &Broken) {
        match broken {
            Broken::Ended(ended) => {
                let how = match ended {
                    Ok(()) => "end of stream".to_owned(),
                    Err(error) => how(error),
                };
                lost(&self.probe, self.exchange, &how);
                closed(
                    self.probe.journal(),
                    self.connection,
                    stream,
                    Side::Terminal,
                    &how,
                );
            }
            Broken::Unlawful(why) => {
                lost(&self.probe, self.exchange, why);
                closed(
                    self.probe.journal(),
                    self.connection,
                    stream,
                    Side::Suite,
                    why,
                );
            }
        }
    }
}

async fn more(stream: &mut Stream, bytes: &mut Vec<u8>) -> Result<(), Broken> {
    match stream.read_buf(bytes).await {
        Ok(0) => Err(Broken::Ended(Ok(()))),
        Ok(_) => Ok(()),
        Err(error) => Err(Broken::Ended(Err(error))),
    }
}
