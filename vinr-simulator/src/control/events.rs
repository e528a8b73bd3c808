//! What happens at the terminals, as a stream of server-sent events.
//!
//! | event | is |
//! |---|---|
//! | `screen` | a picture that was lit: a [`ScreenEvent`](crate::screen::ScreenEvent) |
//! | `journal` | a record that became durable |
//! | `state` | one terminal, as in `GET /v1/state`, whenever something of it changed |
//! | `missed` | the listener was too slow, and some were dropped |

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::terminal::Terminal;

/// Everything that happens from here on. The first line says that the stream is open: what is asked of a terminal after
/// it is seen.
pub(super) fn stream(
    terminals: &[Arc<Terminal>],
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + use<> {
    let open = stream::iter([Bytes::from_static(b": open\n\n")]);
    let lines = terminals.iter().flat_map(|terminal| {
        [
            screens(terminal),
            journal(terminal),
            states(terminal.clone()),
        ]
    });
    open.chain(stream::select_all(lines))
        .map(|line| Ok(Frame::data(line)))
}

fn screens(terminal: &Terminal) -> BoxStream<'static, Bytes> {
    let (_, events) = terminal.display().watch();
    // A judge must know that it did not see every screen; it looks at the data alone.
    told("screen", events, r#""event":"missed""#)
}

fn journal(terminal: &Terminal) -> BoxStream<'static, Bytes> {
    told("journal", terminal.journaled(), r#""of":"journal""#)
}

/// Changes that come close together are told as one.
fn states(terminal: Arc<Terminal>) -> BoxStream<'static, Bytes> {
    let changes = terminal.changes();
    stream::unfold((changes, terminal), async |(mut changes, terminal)| {
        changes.changed().await.ok()?;
        let line = line("state", &terminal.state());
        Some((line, (changes, terminal)))
    })
    .boxed()
}

fn told<T: Serialize + Clone + Send + 'static>(
    name: &'static str,
    events: Receiver<T>,
    missed: &'static str,
) -> BoxStream<'static, Bytes> {
    stream::unfold(events, move |mut events| async move {
        let line = match events.recv().await {
            Ok(event) => line(name, &event),
            Err(RecvError::Lagged(count)) => {
                format!("event: missed\ndata: {{{missed},\"count\":{count}}}\n\n").into()
            }
            Err(RecvError::Closed) => return None,
        };
        Some((line, events))
    })
    .boxed()
}

fn line(name: &str, event: &impl Serialize) -> Bytes {
    let json =
        serde_json::to_string(event).expect("an event has string keys and no fallible parts");
    format!("event: {name}\ndata: {json}\n\n").into()
}
