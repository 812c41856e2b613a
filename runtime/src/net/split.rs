//! # Split: two tasks, one connection
//!
//! Problem: one task reads, another writes, and each direction has room for one waiter only.
//! Idea: two halves that share the socket. Each owns one direction, so nobody else can wait there.
//! Leaves out: putting them together again.
//! Read before: `net/tcp_stream.rs`. Read next: `time.rs`.
//! Try: `cargo test -p dormouse --test net`

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::TcpStream;

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Rc::new(stream);
    (OwnedReadHalf(Rc::clone(&stream)), OwnedWriteHalf(stream))
}

/// The direction towards us of a [`TcpStream`]: see [`TcpStream::split`].
#[derive(Debug)]
pub struct OwnedReadHalf(Rc<TcpStream>);

/// The direction away from us of a [`TcpStream`]: see [`TcpStream::split`].
///
/// Dropping it ends its direction: the peer reads the end.
#[derive(Debug)]
pub struct OwnedWriteHalf(Rc<TcpStream>);

impl AsyncRead for OwnedReadHalf {
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

impl AsyncWrite for OwnedWriteHalf {
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

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if let Err(error) = self.0.close_write() {
            log::debug!("the end could not be sent: {error}");
        }
    }
}
