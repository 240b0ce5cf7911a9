//! The body of an answer, piece by piece as it comes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

/// A body that a thread reads.
pub(super) struct Sent {
    pieces: Receiver<io::Result<Bytes>>,
    /// How long it is, where that is known.
    length: Option<u64>,
    /// Why it broke off: told when what came before is on its way, as a server's connection breaks.
    broken: Option<io::Error>,
}

impl Sent {
    pub(super) fn of(pieces: Receiver<io::Result<Bytes>>, length: Option<u64>) -> Self {
        Self { pieces, length, broken: None }
    }

    /// A text that is there.
    pub(super) fn text(text: String) -> Self {
        let (sender, pieces) = tokio::sync::mpsc::channel(1);
        let length = Some(text.len() as u64);
        let _ = sender.try_send(Ok(Bytes::from(text)));
        Self { pieces, length, broken: None }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(cause) = self.broken.take() {
            return Poll::Ready(Some(Err(cause)));
        }
        match self.pieces.poll_recv(context) {
            Poll::Ready(Some(Err(cause))) => {
                self.broken = Some(cause);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            polled => polled.map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
