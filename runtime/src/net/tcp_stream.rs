//! # TCP stream: bytes that come and go
//!
//! Problem: bytes come in pieces and leave in pieces, each when it can.
//! Idea: one try per poll in each direction. A call that moved less than it could have has
//! emptied (or filled) the kernel's buffer, so the next one is spared.
//! Leaves out: `read_exact`, `write_all`, buffers: `futures-lite` has them.
//! Read before: `net/tcp_listener.rs`. Read next: `time.rs`.
//! Try: `cargo test -p dormouse --test net`

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use mio::Interest;

use super::{OwnedReadHalf, OwnedWriteHalf, async_io::Async, split};
use crate::source::Direction;

/// A TCP connection.
///
/// `AsyncRead` and `AsyncWrite` take `&mut self`, so each direction has one waiter at most. To
/// read in one task and write in another, [`split`](TcpStream::split) it.
///
/// Dropping it closes the connection.
///
/// # Cancel safety
///
/// Dropping a read or write of it loses nothing, as it was done or not begun; `read_exact` and
/// `write_all` of other crates do not keep what they have done so far.
#[derive(Debug)]
pub struct TcpStream {
    io: Async<mio::net::TcpStream>,
}

impl TcpStream {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` and its like, named with the address; and outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the attempt up.
    ///
    /// ```
    /// use dormouse::net::TcpStream;
    ///
    /// let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    /// let refused = dormouse::block_on(TcpStream::connect(free));
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("connect {address}: {e}"));
        let mut stream = Self::from_mio(mio::net::TcpStream::connect(address).map_err(named)?)?;
        stream.io.write_with(is_connected).await.map_err(named)?;
        Ok(stream)
    }

    /// Takes over a connected stream of std, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If it can't be made so or be registered, and outside of a runtime.
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::from_mio(mio::net::TcpStream::from_std(stream))
    }

    pub(super) fn from_mio(stream: mio::net::TcpStream) -> io::Result<Self> {
        let both = Interest::READABLE | Interest::WRITABLE;
        // Urgent data makes a read stop short of it: only who asks is told that there is some.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let both = both | Interest::PRIORITY;
        Ok(TcpStream { io: Async::new(stream, both)? })
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Whether small writes are sent at once, instead of being gathered (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(nodelay)
    }

    /// Reads without taking: the next read brings the same bytes.
    ///
    /// # Errors
    ///
    /// Those of `recv(2)`.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub async fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|stream| stream.peek(buffer)).await
    }

    /// Ends one direction or both. The peer of a closed write side reads the end.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// Takes the two directions apart, so that two tasks can have one each.
    ///
    /// The connection closes when both halves are dropped; the write half's drop ends its
    /// direction, so that the peer reads the end.
    ///
    /// ```
    /// # dormouse::block_on(async {
    /// use dormouse::net::{TcpListener, TcpStream};
    /// use futures_lite::{AsyncReadExt, AsyncWriteExt};
    ///
    /// let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
    /// let (mut reader, mut writer) = TcpStream::connect(listener.local_addr()?).await?.split();
    /// let (mut peer, _) = listener.accept().await?;
    /// let reading = dormouse::spawn(async move { reader.read(&mut [0; 16]).await });
    /// writer.write_all(b"to the peer").await?;
    /// peer.write_all(b"and back").await?;
    /// assert_eq!(reading.await.expect("no panic")?, 8);
    /// # Ok::<(), std::io::Error>(()) }).map_err(|error| panic!("{error}"));
    /// ```
    pub fn split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::split(self)
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = buffers.iter().map(|buffer| buffer.len()).sum();
        self.io.poll_stream(cx, Direction::Read, len, |mut stream| match &mut *buffers {
            [buffer] => stream.read(buffer),
            several => stream.read_vectored(several),
        })
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = buffers.iter().map(|buffer| buffer.len()).sum();
        self.io.poll_stream(cx, Direction::Write, len, |mut stream| match buffers {
            [buffer] => stream.write(buffer),
            several => stream.write_vectored(several),
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

/// Asks whether the attempt to connect has ended. 'Writable' alone does not say so: a fresh
/// socket is reported as writable, too.
fn is_connected(stream: &mio::net::TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        other => other.map(|_| ()),
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        TcpStream::poll_read(&self, cx, &mut [IoSliceMut::new(buffer)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        TcpStream::poll_read(&self, cx, buffers)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        TcpStream::poll_write(&self, cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        TcpStream::poll_write(&self, cx, buffers)
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
impl std::os::fd::AsFd for TcpStream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.io.get_ref().as_fd()
    }
}

/// For what this type does not cover: options of the socket, or a call that must not wait. Such a
/// call goes past the runtime, which then knows less of the socket's readiness than it could.
#[cfg(windows)]
impl std::os::windows::io::AsSocket for TcpStream {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.io.get_ref().as_socket()
    }
}
