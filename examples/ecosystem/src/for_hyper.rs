//! # For hyper: what it wants of a runtime
//!
//! Problem: hyper speaks traits of its own: `Read` into memory that may hold anything yet, and a
//! `Timer` whose sleeps are `Send + Sync`, while everything here belongs to one thread.
//! Idea: read into one buffer per thread and let hyper copy from it; wrap the sleep, so that it
//! may travel, and panics where it is used on another thread. Neither needs `unsafe` here.
//! Leaves out: work that hyper moves to other threads. It moves none.
//! Read before: `serve.rs`. Read next: `answer.rs`.
//! Try: `cargo test -p dormouse-ecosystem -- http`

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{self, ReadBufCursor};
use send_wrapper::SendWrapper;

/// A connection, as hyper reads and writes it: over TCP, a Unix socket, TLS.
#[derive(Debug)]
pub struct Io<S>(pub S);

/// How much is read at a time.
const READ: usize = 16 * 1024;

thread_local! {
    /// Empty while it is used, and before.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl<S: AsyncRead + Unpin> rt::Read for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // IDEA: a read does not wait inside a poll, so one buffer does for all connections.
        let mut buffer = BUFFER.take();
        buffer.resize(READ, 0);
        let room = READ.min(into.remaining());
        let read = Pin::new(&mut self.0).poll_read(cx, &mut buffer[..room]);
        if let Poll::Ready(Ok(n)) = read {
            into.put_slice(&buffer[..n]);
        }
        BUFFER.set(buffer);
        ready!(read)?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> rt::Write for Io<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }
}

/// Spawns hyper's own futures (HTTP/2 has one per stream) as tasks of this thread's runtime.
#[derive(Clone, Copy, Debug)]
pub struct Executor;

impl<F: Future<Output: 'static> + 'static> rt::Executor<F> for Executor {
    fn execute(&self, future: F) {
        // The handle is dropped: the task goes on by itself.
        dormouse::spawn(future);
    }
}

/// Gives hyper sleeps of this thread's runtime.
#[derive(Clone, Copy, Debug)]
pub struct Timer;

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(SendWrapper::new(dormouse::time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(SendWrapper::new(dormouse::time::sleep_until(deadline))))
    }

    /// Saves the allocation, as hyper resets its deadlines with every request.
    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(mut sleep) => sleep.0.reset(deadline),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

/// It may be moved to another thread, as hyper wants, but not be polled or dropped there.
struct Sleep(SendWrapper<dormouse::time::Sleep>);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut *self.0).poll(cx)
    }
}

impl rt::Sleep for Sleep {}
