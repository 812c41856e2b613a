//! # TCP listener: connections that come
//!
//! Problem: who accepts must wait, and so must every other socket, in the same call.
//! Idea: to accept is to read from a socket that brings connections instead of bytes.
//! Leaves out: what to do when descriptors run out: the error says so, the caller decides.
//! Read before: `net/async_io.rs`. Read next: `net/tcp_stream.rs`.
//! Try: `cargo test -p dormouse --test net`

use std::future::poll_fn;
use std::io;
use std::net::{self, SocketAddr};
use std::task::{self, Poll, ready};

use mio::Interest;
use socket2::SockRef;

use super::TcpStream;
use crate::net::async_io::Async;
use crate::observe::Call;
use crate::source::Direction;

/// A TCP socket that accepts connections.
///
/// ```
/// use dormouse::net::{TcpListener, TcpStream};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// dormouse::block_on(async {
///     let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
///     let address = listener.local_addr()?;
///     let server = dormouse::spawn(async move {
///         let (mut stream, _peer) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     });
///     let mut text = String::new();
///     TcpStream::connect(address).await?.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     server.await.expect("it does not panic")
/// })
/// # .map_err(|error: std::io::Error| panic!("{error}"));
/// ```
#[derive(Debug)]
pub struct TcpListener {
    io: Async<mio::net::TcpListener>,
}

impl TcpListener {
    /// Binds `address` and listens, with the longest queue that the system allows. On Unix the
    /// address of a server that just ended is free at once (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// If the address is in use or not ours, and outside of a runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("bind {address}: {e}"));
        let listener = mio::net::TcpListener::bind(address).map_err(named)?;
        // A second listen(2) only lengthens the queue; the system cuts it to what it can.
        SockRef::from(&listener).listen(i32::MAX)?;
        Self::from_mio(listener)
    }

    /// Takes over a listener of std, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If it can't be made so or be registered, and outside of a runtime.
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::from_mio(mio::net::TcpListener::from_std(listener))
    }

    fn from_mio(listener: mio::net::TcpListener) -> io::Result<Self> {
        Ok(TcpListener { io: Async::new(listener, Interest::READABLE)? })
    }

    /// The address that it listens on; with port 0 asked for, here is the one it got.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// Those of `accept(2)`. Some concern that one connection, and the next call may succeed;
    /// after `EMFILE` and its like (no descriptor left) sleep before you try again: the
    /// connection stays in the queue, and no event will announce it a second time.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no connection.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// One poll of [`accept`](TcpListener::accept), for futures written by hand.
    ///
    /// # Errors
    ///
    /// As [`accept`](TcpListener::accept).
    pub fn poll_accept(
        &mut self,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accept = mio::net::TcpListener::accept;
        let (stream, peer) = ready!(self.io.poll_io(cx, Call::Accept, Direction::Read, accept))?;
        Poll::Ready(Ok((TcpStream::from_mio(stream)?, peer)))
    }
}
