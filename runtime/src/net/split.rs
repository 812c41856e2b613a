//! # Split: two tasks, one connection
//!
//! Problem: one task reads, another writes, and each direction has room for one waiter only.
//! Idea: two halves that share the socket. Each owns one direction, so nobody else can wait there.
//! Leaves out: putting them together again.
//! Read before: `net/stream.rs`. Read next: `net/tcp.rs`.
//! Try: `cargo test -p dormouse --test net`

use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::stream::{ByteStream, Connection};
use crate::source::Direction;

impl<S: Connection> ByteStream<S> {
    /// Takes the two directions apart, so that two tasks can have one each.
    ///
    /// The connection closes when both halves are dropped. The write half's drop ends its
    /// direction, so that the peer reads the end; the read half's drop is not told to the peer.
    ///
    /// ```
    /// # dormouse::block_on(async {
    /// use dormouse::net::{TcpListener, TcpStream};
    /// use futures_lite::{AsyncReadExt, AsyncWriteExt};
    ///
    /// let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
    /// let (mut reader, mut writer) = TcpStream::connect(listener.local_addr()?).await?.split();
    /// let (mut peer, _) = listener.accept().await?;
    /// assert_eq!(writer.as_ref().peer_addr()?, peer.local_addr()?);
    /// let reading = dormouse::spawn(async move {
    ///     reader.readable().await?;
    ///     reader.read(&mut [0; 16]).await
    /// });
    /// writer.writable().await?;
    /// writer.write_all(b"to the peer").await?;
    /// drop(writer);
    /// assert_eq!(peer.read_to_end(&mut Vec::new()).await?, 11); // The drop has ended it,
    /// peer.write_all(b"and back").await?; // but in this direction only.
    /// assert_eq!(reading.await.expect("no panic")?, 8);
    /// # Ok::<(), std::io::Error>(()) }).map_err(|error| panic!("{error}"));
    /// ```
    pub fn split(self) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
        // IDEA: the socket is shared, its directions are not: each half is the only one to wait in its.
        let stream = Rc::new(self);
        (OwnedReadHalf(Rc::clone(&stream)), OwnedWriteHalf(stream))
    }
}

/// The direction towards us of a connection (of TCP where nothing else is said), as `AsyncRead`.
///
/// It is cancel safe as [`ByteStream`] is. See the example of [`ByteStream::split`].
#[derive(Debug)]
pub struct OwnedReadHalf<S: Connection = mio::net::TcpStream>(Rc<ByteStream<S>>);

/// The direction away from us of a connection (of TCP where nothing else is said), as `AsyncWrite`.
///
/// Dropping it ends its direction, as `close` does: the peer reads the end. It is cancel safe as
/// [`ByteStream`] is. See the example of [`ByteStream::split`].
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Connection = mio::net::TcpStream>(Rc<ByteStream<S>>);

impl<S: Connection> OwnedReadHalf<S> {
    /// As [`ByteStream::readable`]. See the example of [`ByteStream::split`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.0.poll_ready(cx, Direction::Read)).await
    }
}

impl<S: Connection> OwnedWriteHalf<S> {
    /// As [`ByteStream::writable`]. See the example of [`ByteStream::split`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub async fn writable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.0.poll_ready(cx, Direction::Write)).await
    }
}

/// The whole connection, for what needs no waiting: addresses, options.
impl<S: Connection> AsRef<ByteStream<S>> for OwnedReadHalf<S> {
    fn as_ref(&self) -> &ByteStream<S> {
        &self.0
    }
}

/// The whole connection, for what needs no waiting: addresses, options.
impl<S: Connection> AsRef<ByteStream<S>> for OwnedWriteHalf<S> {
    fn as_ref(&self) -> &ByteStream<S> {
        &self.0
    }
}

impl<S: Connection> AsyncRead for OwnedReadHalf<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, &mut [IoSliceMut::new(buffer)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, buffers)
    }
}

impl<S: Connection> AsyncWrite for OwnedWriteHalf<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.close_write())
    }
}

impl<S: Connection> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if let Err(error) = self.0.close_write() {
            log::debug!("the end could not be sent: {error}");
        }
    }
}
