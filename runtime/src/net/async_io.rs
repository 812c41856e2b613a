//! # Async: try; on 'not yet', leave a waker and return `Pending`
//!
//! Problem: a non-blocking call gives either a result or 'not yet'; a future must turn the second
//! into a wait that somebody ends.
//! Idea: try first. On 'not yet' remember that, leave the waker with the source, and return; the
//! next event wakes, and the poll tries again.
//! Leaves out: what is read and written. Any `mio` source will do.
//! Read before: `parts.rs`. Read next: `net/incoming.rs`.
//! Try: `cargo test -p dormouse --test net`

use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use mio::{Interest, event};

use crate::observe::{Call, Moment};
use crate::parts::Parts;
use crate::slots::Key;
use crate::source::{Direction, Source};

/// A non-blocking I/O object, registered with this thread's runtime until it is dropped.
///
/// Sockets of this crate are made of it. Use it for what they don't cover: anything that `mio`
/// can register. Your `Cargo.toml` needs `mio = "1"` then, with the feature `os-ext` for pipes and
/// for descriptors of any kind (`mio::unix::SourceFd`).
///
/// Each direction has room for one waiter, so waiting takes `&mut self`: two tasks can't wait for
/// the same thing and take each other's wakes. If two tasks poll it in turn, the one that came last is
/// woken.
///
/// ```
/// use dormouse::Async;
/// use mio::{Interest, net::UdpSocket};
///
/// # dormouse::block_on(async {
/// let socket = UdpSocket::bind("127.0.0.1:0".parse().expect("an address"))?;
/// let mut socket = Async::new(socket, Interest::READABLE | Interest::WRITABLE)?;
/// let itself = socket.get_ref().local_addr()?;
/// socket.writable().await?;
/// assert_eq!(socket.write_with(|io| io.send_to(b"hello", itself)).await?, 5);
/// let mut buffer = [0; 16];
/// assert_eq!(socket.read_with(|io| io.recv(&mut buffer)).await?, 5);
/// let early = socket.get_ref().recv(&mut buffer).expect_err("all was taken");
/// assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock);
/// socket.readable().await?; // Nothing was tried through `Async` since: so it ends at once.
/// # Ok::<(), std::io::Error>(()) }).expect("a socket");
/// ```
///
/// ```compile_fail
/// # async fn example(mut stream: dormouse::Async<mio::net::TcpStream>) -> std::io::Result<()> {
/// let one = stream.readable();
/// let other = stream.readable(); // can't borrow it twice
/// one.await?;
/// other.await
/// # }
/// ```
pub struct Async<S: event::Source> {
    io: S,
    key: Key,
    source: Rc<Source>,
    parts: Rc<Parts>,
}

impl<S: event::Source> Async<S> {
    /// Registers `io`, which must be non-blocking, in the directions of `interest`. See the
    /// example of [`Async`].
    ///
    /// # Errors
    ///
    /// Outside of a runtime, and if the system refuses: on Linux `PermissionDenied` says that such
    /// an object has no readiness (a regular file), `AlreadyExists` that it is registered already.
    pub fn new(mut io: S, interest: Interest) -> io::Result<Self> {
        let parts = Parts::for_io("a socket was opened")?;
        let (key, source) = parts.reactor.register(&mut io, interest)?;
        Ok(Async { io, key, source, parts })
    }

    /// The object itself. Calls on it say `WouldBlock` where they would have to wait, and the
    /// runtime does not learn of that: see the example of [`Async`].
    pub fn get_ref(&self) -> &S {
        &self.io
    }

    /// Waits until a read may bring something: data, the end, or an error.
    ///
    /// It ends at once unless the last read through `self` said 'not yet': try before you wait.
    /// See the example of [`Async`].
    ///
    /// # Errors
    ///
    /// If the runtime that it was registered with is not the one that runs, or is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_ready(cx, Direction::Read)).await
    }

    /// Waits until a write may be taken. As [`readable`](Async::readable) otherwise: see the
    /// example of [`Async`].
    ///
    /// # Errors
    ///
    /// As [`readable`](Async::readable).
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub async fn writable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_ready(cx, Direction::Write)).await
    }

    /// Calls `op` until it says something else than 'not yet', waiting in between until a read
    /// may bring something. `op` says `WouldBlock` where it would have to wait. See the example of
    /// [`Async`].
    ///
    /// # Errors
    ///
    /// Those of `op` (`Interrupted` apart: then it is called again), and those of
    /// [`readable`](Async::readable).
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: `op` has run to its end or not at all.
    pub async fn read_with<R>(&mut self, mut op: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        poll_fn(|cx| self.poll_io(cx, Call::Other, Direction::Read, &mut op)).await
    }

    /// The same for a write. See the example of [`Async`].
    ///
    /// # Errors
    ///
    /// Those of `op`, and those of [`readable`](Async::readable).
    ///
    /// # Cancel safety
    ///
    /// As [`read_with`](Async::read_with).
    pub async fn write_with<R>(
        &mut self,
        mut op: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        poll_fn(|cx| self.poll_io(cx, Call::Other, Direction::Write, &mut op)).await
    }

    /// One waiter per direction is the caller's to keep: public methods take `&mut`.
    pub(crate) fn poll_io<R>(
        &self,
        cx: &mut task::Context<'_>,
        call: Call,
        direction: Direction,
        op: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let result = ready!(self.poll_call(cx, call, direction, op));
        if result.is_ok() {
            self.parts.observer.saw(Moment::Done(self.key, call, None));
        }
        Poll::Ready(result)
    }

    fn poll_call<R>(
        &self,
        cx: &mut task::Context<'_>,
        call: Call,
        direction: Direction,
        mut op: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.poll_ready(cx, direction))?;
            self.parts.observer.saw(Moment::Tried(self.key, call));
            match op(&self.io) {
                // IDEA: 'not yet' is no error: it clears the side, so that the next pass of this loop
                // leaves the waker, and returns (`poll_ready`).
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.source.side(direction).clear();
                    self.parts.observer.saw(Moment::Vain(self.key, call));
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// As [`Async::poll_io`], for a call on a stream. With fewer bytes moved than `full`, the next
    /// one would say 'not yet'.
    pub(crate) fn poll_stream(
        &self,
        cx: &mut task::Context<'_>,
        direction: Direction,
        full: usize,
        op: impl FnMut(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let call = if direction == Direction::Read { Call::Read } else { Call::Write };
        let result = ready!(self.poll_call(cx, call, direction, op));
        if let Ok(n @ 1..) = result {
            self.parts.observer.saw(Moment::Done(self.key, call, Some(n)));
            if n < full {
                self.source.side(direction).clear_after_short_call();
            }
        }
        Poll::Ready(result)
    }

    pub(crate) fn poll_ready(
        &self,
        cx: &task::Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<()>> {
        if !self.parts.is_current() {
            return Poll::Ready(Err(io::Error::other(
                "a socket can only be used inside the block_on of the runtime it was opened in",
            )));
        }
        let side = self.source.side(direction);
        if !side.is_ready() {
            side.wait(cx.waker());
            let is_read = direction == Direction::Read;
            self.parts.observer.saw(Moment::WakerLeft(self.key, is_read));
            return Poll::Pending;
        }
        let may = self.parts.executor.may_go_on(cx, side.held_up.get());
        side.held_up.set(!may);
        // Who may not was queued again: no waker has to be left.
        if may { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

/// Pipes, and whatever else std can read and write through a shared reference.
impl<S: event::Source + Unpin> AsyncRead for Async<S>
where
    for<'a> &'a S: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Call::Read, Direction::Read, |mut io| io.read(buffer))
    }
}

/// Nothing is held back, so there is nothing to flush; only the drop closes.
impl<S: event::Source + Unpin> AsyncWrite for Async<S>
where
    for<'a> &'a S: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Call::Write, Direction::Write, |mut io| io.write(buffer))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl<S: event::Source> Drop for Async<S> {
    fn drop(&mut self) {
        self.parts.reactor.deregister(self.key, &mut self.io);
    }
}

impl<S: event::Source + fmt::Debug> fmt::Debug for Async<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async").field("io", &self.io).finish_non_exhaustive()
    }
}
