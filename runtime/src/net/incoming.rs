//! # Incoming: connections as a stream
//!
//! Problem: `while let Some(connection) = incoming.next().await`, and all that other crates do
//! with it, wants a `Stream`, which is an iterator whose `next` is awaited (the bytes of `stream.rs`
//! are something else); a listener has a poll.
//! Idea: the poll is the stream.
//! Leaves out: an end. A listener never has one.
//! Read before: `net/async_io.rs`. Read next: `net/stream.rs`.
//! Try: `cargo test -p dormouse --doc incoming`

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

/// What a listener accepts, without the peers' addresses.
pub(super) struct Incoming<P>(pub(super) P);

impl<P, S, A> Stream for Incoming<P>
where
    P: FnMut(&mut Context<'_>) -> Poll<io::Result<(S, A)>> + Unpin,
{
    type Item = io::Result<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // IDEA: a listener's poll is the poll of a stream that never ends.
        (self.0)(cx).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}
