//! # TCP: connections that come, and those that we make
//!
//! Problem: who accepts must wait, and so must who connects, in the same call as everybody else.
//! Idea: to accept is to read from a socket that brings connections instead of bytes; to connect
//! is to wait until one can write, and then to ask how it went.
//! Leaves out: what to do when descriptors run out: the error says so, the caller decides.
//! Read before: `net/split.rs`. Read next: `net/udp.rs`.
//! Try: `cargo test -p dormouse --test net`

use std::future::poll_fn;
use std::io;
use std::net::{self, SocketAddr};
use std::task::{self, Poll, ready};

use futures_core::Stream;
use mio::Interest;
use socket2::SockRef;

use super::incoming::Incoming;
use super::stream::ByteStream;
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
///         let (mut stream, peer) = listener.accept().await?;
///         assert_eq!(peer, stream.peer_addr()?);
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
    /// address of a server that just ended is free at once (`SO_REUSEADDR`). Port 0 takes any free
    /// one. See the example of [`TcpListener`].
    ///
    /// # Errors
    ///
    /// `AddrInUse`, `AddrNotAvailable` if it is none of this machine's, `PermissionDenied` and
    /// their like, named with the address; and outside of a runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("bind {address}: {e}"));
        let listener = mio::net::TcpListener::bind(address).map_err(named)?;
        // A second listen(2) only lengthens the queue; the system cuts it to what it can.
        SockRef::from(&listener).listen(i32::MAX)?;
        Self::from_mio(listener)
    }

    /// Takes over a listener of std, or of `socket2`, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If it can't be made so or be registered, and outside of a runtime.
    ///
    /// ```
    /// use dormouse::net::{TcpListener, TcpStream};
    ///
    /// # dormouse::block_on(async {
    /// let mut listener = TcpListener::from_std(std::net::TcpListener::bind("127.0.0.1:0")?)?;
    /// let client = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let client = TcpStream::from_std(client)?;
    /// assert_eq!(listener.accept().await?.1, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(()) }).expect("a connection");
    /// ```
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::from_mio(mio::net::TcpListener::from_std(listener))
    }

    fn from_mio(listener: mio::net::TcpListener) -> io::Result<Self> {
        Ok(TcpListener { io: Async::new(listener, Interest::READABLE)? })
    }

    /// The address that it listens on; with port 0 asked for, here is the one it got. See the
    /// example of [`TcpListener`].
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Waits for a connection; returns it, and the address of its other side. See the example of
    /// [`TcpListener`].
    ///
    /// # Errors
    ///
    /// Those of `accept(2)`. Some concern that one connection, and the next call may succeed.
    /// After `EMFILE` and its like (no descriptor left) sleep before you try again: the connection
    /// stays in the queue, and the next call fails at once, as long as no descriptor is free.
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
    ///
    /// ```
    /// use std::{future::poll_fn, task::Poll};
    ///
    /// # dormouse::block_on(async {
    /// # let address = "127.0.0.1:0".parse().expect("an address");
    /// let mut listener = dormouse::net::TcpListener::bind(address)?;
    /// let came = poll_fn(|cx| Poll::Ready(listener.poll_accept(cx).is_ready())).await;
    /// assert!(!came, "nobody connects");
    /// # Ok::<(), std::io::Error>(()) }).expect("a listener");
    /// ```
    pub fn poll_accept(
        &mut self,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        // IDEA: to accept is to read from a socket that brings connections instead of bytes.
        let accept = mio::net::TcpListener::accept;
        let (stream, peer) = ready!(self.io.poll_io(cx, Call::Accept, Direction::Read, accept))?;
        Poll::Ready(Ok((TcpStream::from_mio(stream)?, peer)))
    }

    /// The connections that come, one after the other. It never ends; an error is an item, with
    /// the same meaning as of [`accept`](TcpListener::accept).
    ///
    /// # Cancel safety
    ///
    /// Dropping it, or a `next` of it, loses no connection.
    ///
    /// ```
    /// # dormouse::block_on(async {
    /// use dormouse::net::{TcpListener, TcpStream};
    /// use futures_lite::StreamExt;
    ///
    /// let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
    /// let address = listener.local_addr()?;
    /// let clients = [TcpStream::connect(address).await?, TcpStream::connect(address).await?];
    /// let mut incoming = listener.incoming();
    /// for client in &clients {
    ///     let stream = incoming.next().await.expect("it never ends")?;
    ///     assert_eq!(stream.peer_addr()?, client.local_addr()?);
    /// }
    /// # Ok::<(), std::io::Error>(()) }).map_err(|error| panic!("{error}"));
    /// ```
    pub fn incoming(&mut self) -> impl Stream<Item = io::Result<TcpStream>> + Unpin {
        Incoming(|cx: &mut task::Context<'_>| self.poll_accept(cx))
    }
}

/// A TCP connection: a [`ByteStream`] with an address at each end.
///
/// ```
/// use std::net::Shutdown;
/// use dormouse::net::{TcpListener, TcpStream};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// # dormouse::block_on(async {
/// let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
/// let mut stream = TcpStream::connect(listener.local_addr()?).await?;
/// let (mut peer, address) = listener.accept().await?;
/// assert_eq!((address, peer.local_addr()?), (stream.local_addr()?, stream.peer_addr()?));
/// stream.set_nodelay(true)?;
/// stream.writable().await?;
/// stream.write_all(b"hello").await?;
/// stream.shutdown(Shutdown::Write)?;
/// let mut buffer = [0; 16];
/// assert_eq!(peer.peek(&mut buffer).await?, 5); // They stay,
/// assert_eq!(peer.read(&mut buffer).await?, 5); // and are taken;
/// assert_eq!(peer.read(&mut buffer).await?, 0); // and that is the end.
/// # Ok::<(), std::io::Error>(()) }).expect("a connection");
/// ```
pub type TcpStream = ByteStream<mio::net::TcpStream>;

impl TcpStream {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` and its like, named with the address; and outside of a runtime. Where
    /// nobody answers, the system gives up after minutes: use a
    /// [`timeout`](crate::time::timeout()).
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the attempt up; nothing stays open.
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
        let stream = Self::from_mio(mio::net::TcpStream::connect(address).map_err(named)?)?;
        stream.connected(is_connected).await.map_err(named)
    }

    /// Takes over a connected stream of std, and makes it non-blocking. See the example of
    /// [`TcpListener::from_std`].
    ///
    /// # Errors
    ///
    /// If it can't be made so or be registered, and outside of a runtime.
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::from_mio(mio::net::TcpStream::from_std(stream))
    }

    /// The address of the other side. See the example of [`TcpStream`].
    ///
    /// # Errors
    ///
    /// `NotConnected` once both sides have ended, or the peer has reset the connection.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io().peer_addr()
    }

    /// The address of this side. See the example of [`TcpStream`].
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io().local_addr()
    }

    /// Whether small writes are sent at once, instead of being gathered (`TCP_NODELAY`): not unless
    /// you ask for it. See the example of [`TcpStream`].
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io().set_nodelay(nodelay)
    }

    /// Waits for bytes, and copies them without taking them: the next read brings them again.
    /// Returns how many there were, 0 at the end. See the example of [`TcpStream`].
    ///
    /// # Errors
    ///
    /// Those of `recv(2)`, as `ConnectionReset`; and those of [`Async::readable`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub async fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io_mut().read_with(|stream| stream.peek(buffer)).await
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

/// For options of the socket that this type does not cover.
#[cfg(unix)]
impl std::os::fd::AsFd for TcpListener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.io.get_ref().as_fd()
    }
}
