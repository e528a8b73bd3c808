//! The screens as a stream of server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use hyper::body::Frame;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::screen::ScreenEvent;
use crate::terminal::Terminal;

/// Everything that these screens show from here on. The first line says that the stream is open: what is asked of
/// a terminal after it is seen.
pub(super) fn stream(
    terminals: &[Arc<Terminal>],
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + use<> {
    let open = stream::iter([Bytes::from_static(b": open\n\n")]);
    let screens = terminals.iter().map(|terminal| {
        let (_, events) = terminal.display().watch();
        Box::pin(stream::unfold(events, next))
    });
    open.chain(stream::select_all(screens))
        .map(|line| Ok(Frame::data(line)))
}

async fn next(mut events: Receiver<ScreenEvent>) -> Option<(Bytes, Receiver<ScreenEvent>)> {
    let line = match events.recv().await {
        Ok(event) => {
            let json = serde_json::to_string(&event)
                .expect("an event has string keys and no fallible parts");
            format!("event: screen\ndata: {json}\n\n")
        }
        // A judge must know that it did not see everything.
        Err(RecvError::Lagged(missed)) => {
            format!("event: missed\ndata: {{\"event\":\"missed\",\"count\":{missed}}}\n\n")
        }
        Err(RecvError::Closed) => return None,
    };
    Some((line.into(), events))
}
