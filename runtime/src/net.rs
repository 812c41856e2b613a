//! Sockets: try; on 'not yet', leave a waker and return `Pending`.
//!
//! [`Async`](crate::Async) holds the idea; the sockets are a few lines each on top of it. They
//! speak `futures_io`'s `AsyncRead` and `AsyncWrite`, so `futures` and `futures-lite` bring the
//! rest: `read_exact`, `write_all`, `copy`, buffers, lines.

pub(crate) mod async_io;
mod split;
mod tcp_listener;
mod tcp_stream;

pub use split::{OwnedReadHalf, OwnedWriteHalf};
pub use tcp_listener::TcpListener;
pub use tcp_stream::TcpStream;
