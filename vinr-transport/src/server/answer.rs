//! An answer on its way out: until it is, its connection is closed for nobody.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::door::Answering;
use super::message::{Aborted, ReplyBody};

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: ReplyBody,
    /// `None` where nobody asked who has a place: the request was refused, or anybody may come.
    pub(super) _answering: Option<Answering>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
