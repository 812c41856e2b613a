//! # Stream: bytes that come and go
//!
//! Problem: bytes come in pieces and leave in pieces, each when it can.
//! Idea: one try per poll in each direction. A call that moved less than it could have has
//! emptied (or filled) the kernel's buffer, so the next one is spared.
//! Leaves out: `read_exact`, `write_all`, buffers: `futures-lite` has them. How a connection is
//! made: `tcp.rs`, `unix.rs`.
//! Read before: `net/incoming.rs`. Read next: `net/split.rs`.
//! Try: `cargo test -p dormouse --test net`

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use mio::{Interest, event};

use crate::net::async_io::Async;
use crate::source::Direction;

/// A connection of `mio`, over TCP or within a machine.
pub trait Connection: event::Source + fmt::Debug {
    /// Whether a call that moves fewer bytes than it could have leaves nothing behind.
    const SHORT_MEANS_EMPTY: bool;

    /// The bytes that come and go, without waiting.
    fn bytes(&self) -> impl Read + Write;

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    fn shut(&self, how: Shutdown) -> io::Result<()>;
}

impl Connection for mio::net::TcpStream {
    const SHORT_MEANS_EMPTY: bool = true;

    fn bytes(&self) -> impl Read + Write {
        self
    }

    fn shut(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

#[cfg(unix)]
impl Connection for mio::net::UnixStream {
    /// A read stops short behind a descriptor that came along (unix(7), `SCM_RIGHTS`).
    const SHORT_MEANS_EMPTY: bool = false;

    fn bytes(&self) -> impl Read + Write {
        self
    }

    fn shut(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

/// A connection: [`TcpStream`](super::TcpStream) or `UnixStream`.
///
/// `AsyncRead` and `AsyncWrite` take `&mut self`, so each direction has one waiter at most. To
/// read in one task and write in another, [`split`](ByteStream::split) it.
///
/// Dropping it closes the connection.
///
/// # Cancel safety
///
/// Dropping a read or write of it loses nothing, as it was done or not begun; `read_exact` and
/// `write_all` of other crates do not keep what they have done so far.
///
/// See the examples of [`TcpStream`](super::TcpStream) and of [`split`](ByteStream::split).
#[derive(Debug)]
pub struct ByteStream<S: Connection> {
    io: Async<S>,
}

impl<S: Connection> ByteStream<S> {
    pub(super) fn from_mio(stream: S) -> io::Result<Self> {
        let both = Interest::READABLE | Interest::WRITABLE;
        // Urgent data makes a read stop short of it: only who asks is told that there is some.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let both = both | Interest::PRIORITY;
        Ok(ByteStream { io: Async::new(stream, both)? })
    }

    /// Waits until a `connect(2)` that is under way has ended; `is_connected` tries whether.
    pub(super) async fn connected(
        mut self,
        is_connected: impl FnMut(&S) -> io::Result<()>,
    ) -> io::Result<Self> {
        self.io.write_with(is_connected).await?;
        Ok(self)
    }

    pub(super) fn io(&self) -> &S {
        self.io.get_ref()
    }

    pub(super) fn io_mut(&mut self) -> &mut Async<S> {
        &mut self.io
    }

    /// Waits until a read may bring something: bytes, the end, or an error. Until then a
    /// connection needs no buffer.
    ///
    /// # Errors
    ///
    /// As [`Async::readable`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    ///
    /// ```
    /// # dormouse::block_on(async {
    /// use dormouse::net::{TcpListener, TcpStream};
    /// use futures_lite::{AsyncReadExt, AsyncWriteExt};
    ///
    /// let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
    /// let mut stream = TcpStream::connect(listener.local_addr()?).await?;
    /// let (mut peer, _) = listener.accept().await?;
    /// peer.write_all(b"now").await?;
    /// stream.readable().await?;
    /// let mut buffer = [0; 16]; // Not before there is something to read.
    /// assert_eq!(stream.read(&mut buffer).await?, 3);
    /// # Ok::<(), std::io::Error>(()) }).map_err(|error| panic!("{error}"));
    /// ```
    pub async fn readable(&mut self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Waits until a write may be taken. As [`readable`](ByteStream::readable) otherwise; see the
    /// example of [`TcpStream`](super::TcpStream).
    ///
    /// # Errors
    ///
    /// As [`Async::writable`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub async fn writable(&mut self) -> io::Result<()> {
        self.io.writable().await
    }

    /// Ends one direction or both, for all who share the socket. The peer of a closed write side
    /// reads the end. See the example of [`TcpStream`](super::TcpStream).
    ///
    /// # Errors
    ///
    /// `NotConnected` once both sides have ended, or the peer has reset the connection.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io().shut(how)
    }

    pub(super) fn poll_ready(&self, cx: &Context<'_>, way: Direction) -> Poll<io::Result<()>> {
        self.io.poll_ready(cx, way)
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let full = full(S::SHORT_MEANS_EMPTY, buffers.iter().map(|buffer| buffer.len()));
        self.io.poll_stream(cx, Direction::Read, full, |stream| match &mut *buffers {
            [buffer] => stream.bytes().read(buffer),
            several => stream.bytes().read_vectored(several),
        })
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let full = full(S::SHORT_MEANS_EMPTY, buffers.iter().map(|buffer| buffer.len()));
        self.io.poll_stream(cx, Direction::Write, full, |stream| match buffers {
            [buffer] => stream.bytes().write(buffer),
            several => stream.bytes().write_vectored(several),
        })
    }

    /// Sends the end to the peer; one that has gone already needs none.
    pub(super) fn close_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

/// A call that moves fewer bytes than this leaves nothing to be moved; 0, where that can't be told.
/// One call takes 1024 buffers at most (`IOV_MAX`).
fn full(short_means_empty: bool, lengths: impl Iterator<Item = usize>) -> usize {
    // IDEA: a call that moved less than all of this has emptied, or filled, the kernel's buffer.
    if short_means_empty { lengths.take(1024).sum() } else { 0 }
}

impl<S: Connection + Unpin> AsyncRead for ByteStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_read(&self, cx, &mut [IoSliceMut::new(buffer)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_read(&self, cx, buffers)
    }
}

impl<S: Connection + Unpin> AsyncWrite for ByteStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_write(&self, cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ByteStream::poll_write(&self, cx, buffers)
    }

    /// Nothing is held back here, so there is nothing to flush.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.close_write())
    }
}

/// For what this type does not cover: options of the socket, or a call that must not wait. Such a
/// call goes past the runtime, which then knows less of the socket's readiness than it could.
#[cfg(unix)]
impl<S: Connection + std::os::fd::AsFd> std::os::fd::AsFd for ByteStream<S> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.io().as_fd()
    }
}

/// For what this type does not cover: options of the socket, or a call that must not wait. Such a
/// call goes past the runtime, which then knows less of the socket's readiness than it could.
#[cfg(windows)]
impl<S: Connection + std::os::windows::io::AsSocket> std::os::windows::io::AsSocket
    for ByteStream<S>
{
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.io().as_socket()
    }
}
