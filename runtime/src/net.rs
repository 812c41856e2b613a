//! Sockets: try; on 'not yet', leave a waker and return `Pending`.
//!
//! [`Async`](crate::Async) holds the idea; the sockets are a few lines each on top of it. They
//! speak `futures_io`'s `AsyncRead` and `AsyncWrite`, so `futures` and `futures-lite` bring the
//! rest: `read_exact`, `write_all`, `copy`, buffers, lines.

pub(crate) mod async_io;
mod incoming;
mod split;
mod stream;
mod tcp;
mod udp;
#[cfg(unix)]
mod unix;

pub use split::{OwnedReadHalf, OwnedWriteHalf};
pub use stream::ByteStream;
pub use tcp::{TcpListener, TcpStream};
pub use udp::{UdpReceiver, UdpSender, UdpSocket};
#[cfg(unix)]
pub use unix::{UnixListener, UnixStream};
