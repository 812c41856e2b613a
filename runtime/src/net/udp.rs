//! # UDP: messages without a connection
//!
//! Problem: a datagram comes whole, from anybody; one that finds no room is gone, and nobody says
//! so.
//! Idea: one call is one datagram. An empty one is a message, not the end; so only 'not yet' says
//! that all have been taken.
//! Leaves out: groups, broadcast and other options: `socket2::SockRef::from(&socket)` sets them.
//! Read before: `net/tcp.rs`. Read next: `net/unix.rs`.
//! Try: `cargo test -p dormouse --test udp`

use std::future::poll_fn;
use std::io;
use std::net::{self, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};

use mio::Interest;

use crate::net::async_io::Async;
use crate::observe::Call;
use crate::source::Direction;

/// A UDP socket.
///
/// Receiving takes `&mut self`, and so does sending. To do both at a time,
/// [`split`](UdpSocket::split) it.
///
/// # Cancel safety
///
/// Dropping any of its futures loses no datagram: it was moved, or the call was not begun.
///
/// ```
/// use dormouse::net::UdpSocket;
///
/// dormouse::block_on(async {
///     let any = "127.0.0.1:0".parse().expect("an address");
///     let (mut one, mut other) = (UdpSocket::bind(any)?, UdpSocket::bind(any)?);
///     one.send_to(b"hello", other.local_addr()?).await?;
///     let mut buffer = [0; 1500];
///     let (n, from) = other.recv_from(&mut buffer).await?;
///     assert_eq!((&buffer[..n], from), (&b"hello"[..], one.local_addr()?));
///     Ok(())
/// })
/// # .map_err(|error: std::io::Error| panic!("{error}"));
/// ```
#[derive(Debug)]
pub struct UdpSocket {
    io: Async<mio::net::UdpSocket>,
}

impl UdpSocket {
    /// Binds `address`; port 0 takes any free one. See the example of [`UdpSocket`].
    ///
    /// # Errors
    ///
    /// `AddrInUse`, `AddrNotAvailable` if it is none of this machine's, and their like, named with
    /// the address; and outside of a runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("bind {address}: {e}"));
        Self::from_mio(mio::net::UdpSocket::bind(address).map_err(named)?)
    }

    /// Takes over a socket of std, or of `socket2`, and makes it non-blocking. See the example of
    /// [`connect`](UdpSocket::connect).
    ///
    /// # Errors
    ///
    /// If it can't be made so or be registered, and outside of a runtime.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Self::from_mio(mio::net::UdpSocket::from_std(socket))
    }

    fn from_mio(socket: mio::net::UdpSocket) -> io::Result<Self> {
        Ok(UdpSocket { io: Async::new(socket, Interest::READABLE | Interest::WRITABLE)? })
    }

    /// The address of this side. See the example of [`UdpSocket`].
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// From now on [`send`](UdpSocket::send) goes to `peer`, and what others send is dropped by the
    /// system. What they had sent before is still received: `recv_from` tells whose it is.
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`: there is no way to `peer`, say.
    ///
    /// ```
    /// use dormouse::net::UdpSocket;
    ///
    /// # dormouse::block_on(async {
    /// let mut one = UdpSocket::from_std(std::net::UdpSocket::bind("127.0.0.1:0")?)?;
    /// let mut other = UdpSocket::from_std(std::net::UdpSocket::bind("127.0.0.1:0")?)?;
    /// one.connect(other.local_addr()?)?;
    /// other.connect(one.local_addr()?)?;
    /// assert_eq!(one.send(b"").await?, 0); // An empty one is a message, too.
    /// assert_eq!(one.send(b"hello").await?, 5);
    /// let mut buffer = [0; 1500];
    /// assert_eq!(other.recv(&mut buffer).await?, 0);
    /// assert_eq!(other.recv(&mut buffer).await?, 5);
    /// # Ok::<(), std::io::Error>(()) }).expect("two sockets");
    /// ```
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.io.get_ref().connect(peer)
    }

    /// Waits for a datagram; returns its length in bytes, and who sent it. What does not fit into
    /// `buffer` is lost (on Windows with an error). See the example of [`UdpSocket`].
    ///
    /// # Errors
    ///
    /// Those of `recvfrom(2)`; on a connected socket `ConnectionRefused` says that a datagram sent
    /// before found nobody. And those of [`Async::readable`].
    ///
    /// # Cancel safety
    ///
    /// As [`UdpSocket`].
    pub async fn recv_from(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|cx| self.poll_recv_from(cx, buffer)).await
    }

    /// Waits for a datagram; returns its length in bytes. It comes from the peer that the socket is
    /// connected to; from anybody, if it is not. See the example of
    /// [`connect`](UdpSocket::connect).
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel safety
    ///
    /// As [`UdpSocket`].
    pub async fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buffer).await.map(|(n, _)| n)
    }

    /// Sends one datagram, all of it or none; returns its length in bytes. That it was sent does
    /// not say that it arrives. See the example of [`UdpSocket`].
    ///
    /// # Errors
    ///
    /// Those of `sendto(2)`: it is too long, say, or there is no way to `peer`; on a connected
    /// socket as [`recv_from`](UdpSocket::recv_from), too.
    ///
    /// # Cancel safety
    ///
    /// As [`UdpSocket`].
    pub async fn send_to(&mut self, datagram: &[u8], peer: SocketAddr) -> io::Result<usize> {
        poll_fn(|cx| self.poll_send(cx, datagram, Some(peer))).await
    }

    /// Sends one datagram to the peer that the socket is connected to; returns its length in bytes.
    /// See the example of [`connect`](UdpSocket::connect).
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to), and if it is not connected.
    ///
    /// # Cancel safety
    ///
    /// As [`UdpSocket`].
    pub async fn send(&mut self, datagram: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_send(cx, datagram, None)).await
    }

    /// Takes the two directions apart, so that two tasks can have one each.
    ///
    /// ```
    /// # dormouse::block_on(async {
    /// use dormouse::net::UdpSocket;
    ///
    /// let any = "127.0.0.1:0".parse().expect("an address");
    /// let (mut receiver, mut sender) = UdpSocket::bind(any)?.split();
    /// let to_itself = sender.as_ref().local_addr()?;
    /// let receives = dormouse::spawn(async move {
    ///     let (_, from) = receiver.recv_from(&mut [0; 16]).await?;
    ///     Ok::<_, std::io::Error>((from, receiver.recv(&mut [0; 16]).await?))
    /// });
    /// sender.send_to(b"hello", to_itself).await?;
    /// sender.as_ref().connect(to_itself)?;
    /// sender.send(b"again").await?;
    /// assert_eq!(receives.await.expect("no panic")?, (to_itself, 5));
    /// # Ok::<(), std::io::Error>(()) }).map_err(|error| panic!("{error}"));
    /// ```
    pub fn split(self) -> (UdpReceiver, UdpSender) {
        let socket = Rc::new(self);
        (UdpReceiver(Rc::clone(&socket)), UdpSender(socket))
    }

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        // IDEA: an empty datagram is a message, so only 'not yet' says that all were taken.
        self.io.poll_io(cx, Call::Read, Direction::Read, |socket| socket.recv_from(buffer))
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        datagram: &[u8],
        peer: Option<SocketAddr>,
    ) -> Poll<io::Result<usize>> {
        self.io.poll_io(cx, Call::Write, Direction::Write, |socket| match peer {
            Some(peer) => socket.send_to(datagram, peer),
            None => socket.send(datagram),
        })
    }
}

/// The direction towards us of a [`UdpSocket`]. See the example of [`UdpSocket::split`].
#[derive(Debug)]
pub struct UdpReceiver(Rc<UdpSocket>);

impl UdpReceiver {
    /// As [`UdpSocket::recv_from`]. See the example of [`UdpSocket::split`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As [`UdpSocket`].
    pub async fn recv_from(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|cx| self.0.poll_recv_from(cx, buffer)).await
    }

    /// As [`UdpSocket::recv`]. See the example of [`UdpSocket::split`].
    ///
    /// # Errors
    ///
    /// As there; and as safe to cancel.
    pub async fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buffer).await.map(|(n, _)| n)
    }
}

/// The whole socket, for what needs no waiting: its address, its peer, options.
impl AsRef<UdpSocket> for UdpReceiver {
    fn as_ref(&self) -> &UdpSocket {
        &self.0
    }
}

/// The direction away from us of a [`UdpSocket`]. See the example of [`UdpSocket::split`].
#[derive(Debug)]
pub struct UdpSender(Rc<UdpSocket>);

impl UdpSender {
    /// As [`UdpSocket::send_to`]. See the example of [`UdpSocket::split`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As [`UdpSocket`].
    pub async fn send_to(&mut self, datagram: &[u8], peer: SocketAddr) -> io::Result<usize> {
        poll_fn(|cx| self.0.poll_send(cx, datagram, Some(peer))).await
    }

    /// As [`UdpSocket::send`]. See the example of [`UdpSocket::split`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As [`UdpSocket`].
    pub async fn send(&mut self, datagram: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.0.poll_send(cx, datagram, None)).await
    }
}

/// The whole socket, for what needs no waiting: its address, its peer, options.
impl AsRef<UdpSocket> for UdpSender {
    fn as_ref(&self) -> &UdpSocket {
        &self.0
    }
}

/// For options of the socket that this type does not cover.
#[cfg(unix)]
impl std::os::fd::AsFd for UdpSocket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.io.get_ref().as_fd()
    }
}
