//! # Unix: connections within a machine
//!
//! Problem: programs on one machine need no network, but the same sockets.
//! Idea: a path in the place of an address; all else is shared with TCP.
//! Leaves out: datagrams, and passing descriptors along: `rustix::net::recvmsg` in
//! [`Async::read_with`](crate::Async::read_with) does it.
//! Read before: `net/udp.rs`. Read next: `time/sleep.rs`.
//! Try: `cargo test -p dormouse --test unix`

use std::fs;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use mio::Interest;

use super::incoming::Incoming;
use super::stream::ByteStream;
use crate::net::async_io::Async;
use crate::observe::Call;
use crate::source::Direction;

/// A socket with a path, that accepts connections from this machine.
///
/// Dropping it leaves the path; the next [`bind`](UnixListener::bind) takes it over.
///
/// ```
/// use dormouse::net::{UnixListener, UnixStream};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// # let path = std::env::temp_dir().join(format!("dormouse-doc-{}", std::process::id()));
/// dormouse::block_on(async {
///     let mut listener = UnixListener::bind(&path)?;
///     assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
///     let mut client = UnixStream::connect(&path).await?;
///     assert_eq!(client.peer_addr()?.as_pathname(), Some(path.as_path()));
///     let (mut server, peer) = listener.accept().await?;
///     assert!(peer.is_unnamed());
///     server.write_all(b"hello").await?;
///     drop(server);
///     let mut text = String::new();
///     client.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     std::fs::remove_file(&path)
/// })
/// # .map_err(|error: std::io::Error| panic!("{error}"));
/// ```
#[derive(Debug)]
pub struct UnixListener {
    io: Async<mio::net::UnixListener>,
}

impl UnixListener {
    /// Binds `path` and listens. A socket that was left there by a program that has ended is
    /// replaced; two programs that begin at the same moment may both believe so. Whether somebody
    /// listens is found out by a connection, which that program then accepts, and sees closed.
    ///
    /// See the example of [`UnixListener`].
    ///
    /// # Errors
    ///
    /// `AddrInUse` if somebody listens there, or if `path` is something else than a socket;
    /// `InvalidInput` if it is too long (107 bytes are the most on Linux); and outside of a
    /// runtime.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let named = |e| named("bind", path, &e);
        let listener = match mio::net::UnixListener::bind(path) {
            Err(e) if e.kind() == ErrorKind::AddrInUse && is_left_over(path) => {
                fs::remove_file(path).map_err(named)?;
                mio::net::UnixListener::bind(path)
            }
            bound => bound,
        };
        Self::from_mio(listener.map_err(named)?)
    }

    /// Takes over a listener of std, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If it can't be made so or be registered, and outside of a runtime.
    ///
    /// ```
    /// use std::os::unix::net;
    /// use dormouse::net::UnixListener;
    /// use futures_lite::StreamExt;
    ///
    /// # let path = std::env::temp_dir().join(format!("dormouse-doc-std-{}", std::process::id()));
    /// # dormouse::block_on(async {
    /// let mut listener = UnixListener::from_std(net::UnixListener::bind(&path)?)?;
    /// let client = net::UnixStream::connect(&path)?;
    /// let stream = listener.incoming().next().await.expect("it never ends")?;
    /// assert_eq!(stream.local_addr()?.as_pathname(), client.peer_addr()?.as_pathname());
    /// # std::fs::remove_file(&path)
    /// # }).expect("a listener");
    /// ```
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::from_mio(mio::net::UnixListener::from_std(listener))
    }

    fn from_mio(listener: mio::net::UnixListener) -> io::Result<Self> {
        Ok(UnixListener { io: Async::new(listener, Interest::READABLE)? })
    }

    /// The path that it listens on. See the example of [`UnixListener`].
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Waits for a connection; returns it, and the address of its other side, which has no path, as
    /// a rule. See the example of [`UnixListener`].
    ///
    /// # Errors
    ///
    /// As [`TcpListener::accept`](super::TcpListener::accept).
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no connection.
    pub async fn accept(&mut self) -> io::Result<(UnixStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// One poll of [`accept`](UnixListener::accept), for futures written by hand. See the example
    /// of [`TcpListener::poll_accept`](super::TcpListener::poll_accept).
    ///
    /// # Errors
    ///
    /// As [`accept`](UnixListener::accept).
    pub fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accept = mio::net::UnixListener::accept;
        let (stream, peer) = ready!(self.io.poll_io(cx, Call::Accept, Direction::Read, accept))?;
        Poll::Ready(Ok((UnixStream::from_mio(stream)?, peer)))
    }

    /// The connections that come, one after the other, without an end. It is as
    /// [`TcpListener::incoming`](super::TcpListener::incoming); see the example of
    /// [`from_std`](UnixListener::from_std).
    pub fn incoming(&mut self) -> impl Stream<Item = io::Result<UnixStream>> + Unpin {
        Incoming(|cx: &mut Context<'_>| self.poll_accept(cx))
    }
}

/// Whether `path` is a socket on which nobody listens any more.
fn is_left_over(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    // Without waiting: a full queue says that somebody listens.
    let refused = || mio::net::UnixStream::connect(path);
    is_socket && refused().is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
}

fn named(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

// IDEA: only the address differs: how bytes come and go is shared with TCP.
/// A connection within a machine: a [`ByteStream`] with a path, or none, at each end.
///
/// ```
/// use std::os::unix::net;
/// use dormouse::net::UnixStream;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// # dormouse::block_on(async {
/// let (mut one, mut other) = UnixStream::pair()?;
/// assert!(one.local_addr()?.is_unnamed());
/// one.write_all(b"hello").await?;
/// let mut buffer = [0; 16];
/// assert_eq!(other.read(&mut buffer).await?, 5);
/// let (of_std, _) = net::UnixStream::pair()?; // The other end closes here.
/// assert_eq!(UnixStream::from_std(of_std)?.read(&mut buffer).await?, 0);
/// # Ok::<(), std::io::Error>(()) }).expect("two ends");
/// ```
pub type UnixStream = ByteStream<mio::net::UnixStream>;

impl UnixStream {
    /// Connects to who listens on `path`. There is nothing to wait for: the system says at once
    /// whether it succeeds, so there is nothing to cancel either. See the example of
    /// [`UnixListener`].
    ///
    /// # Errors
    ///
    /// `NotFound` and `ConnectionRefused`, named with the path; `WouldBlock` if the listener's
    /// queue is full, and no event will say when there is room: sleep before you try again. And
    /// outside of a runtime.
    #[allow(clippy::unused_async, reason = "so that it looks like that of TCP")]
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let stream = mio::net::UnixStream::connect(path).and_then(Self::from_mio);
        stream.map_err(|e| named("connect", path, &e))
    }

    /// Two connected ends. See the example of [`UnixStream`].
    ///
    /// # Errors
    ///
    /// If the system refuses the descriptors, and outside of a runtime.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = mio::net::UnixStream::pair()?;
        Ok((Self::from_mio(one)?, Self::from_mio(other)?))
    }

    /// Takes over a connected stream of std, and makes it non-blocking. See the example of
    /// [`UnixStream`].
    ///
    /// # Errors
    ///
    /// If it can't be made so or be registered, and outside of a runtime.
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::from_mio(mio::net::UnixStream::from_std(stream))
    }

    /// The path of the other side, if it has one. See the example of [`UnixListener`].
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io().peer_addr()
    }

    /// The path of this side, if it has one. See the example of [`UnixStream`].
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io().local_addr()
    }
}

/// For options of the socket that this type does not cover.
impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.get_ref().as_fd()
    }
}
