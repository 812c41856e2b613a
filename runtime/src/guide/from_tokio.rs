//! For who knows tokio: name by name.
//!
//! The names are tokio's where it has one. What differs, first:
//!
//! - **A task never leaves its thread.** [`spawn`](crate::spawn) takes futures that are not `Send`;
//!   there is no `LocalSet`, as everything is local. Many cores are a runtime on each of several
//!   threads.
//! - **Waiting takes `&mut self`**, as each direction of a socket has room for one waiter:
//!   `listener.accept()` wants a `mut listener`. Two tasks share a connection by
//!   [`split`](crate::net::ByteStream::split).
//! - **Sockets speak `futures-io`'s traits**, not `tokio::io`'s. The methods (`read_exact`,
//!   `write_all`, `copy`, `BufReader`) come from `futures-lite` or `futures`; a crate that wants
//!   tokio's traits gets them through `tokio_util::compat`.
//! - **Addresses are `SocketAddr`s.** To look up a name blocks: `blocking::unblock` does it on
//!   another thread.
//!
//! ```
//! # fn main() { // tokio: #[tokio::main(flavor = "current_thread")] async fn main()
//! dormouse::block_on(async {
//!     use std::time::Duration;
//!     use dormouse::{net::{TcpListener, TcpStream}, spawn, time::timeout};
//!     use futures_lite::{AsyncReadExt, AsyncWriteExt}; // tokio::io::{AsyncReadExt, …}
//!
//!     let any = "127.0.0.1:0".parse().expect("an address");
//!     let mut listener = TcpListener::bind(any)?; // without an await
//!     let address = listener.local_addr()?;
//!     spawn(async move {
//!         let (stream, _) = listener.accept().await?;
//!         let (mut reader, mut writer) = stream.split(); // into_split
//!         futures_lite::io::copy(&mut reader, &mut writer).await // tokio::io::copy
//!     });
//!     let mut stream = TcpStream::connect(address).await?;
//!     stream.write_all(b"hello").await?;
//!     let mut back = [0; 5];
//!     timeout(Duration::from_secs(1), stream.read_exact(&mut back)).await??;
//!     assert_eq!(&back, b"hello");
//!     Ok::<(), std::io::Error>(())
//! })
//! # .unwrap_or_else(|error| panic!("{error}"))
//! # }
//! ```
//!
//! Ctrl-C and the like are a few lines, with `signal-hook`; and who waits for the first of two has
//! `or`, or the macro `select!` of `futures`:
//!
//! ```
//! # #[cfg(unix)]
//! # fn main() -> std::io::Result<()> {
//! use std::{io, os::unix};
//! use dormouse::net::UnixStream;
//! use futures_lite::{AsyncReadExt, future};
//! use signal_hook::{consts::SIGINT, low_level::pipe};
//!
//! /// Ends with the first Ctrl-C after this call.
//! fn ctrl_c() -> io::Result<impl Future<Output = io::Result<()>>> {
//!     let (reader, writer) = unix::net::UnixStream::pair()?;
//!     pipe::register(SIGINT, writer)?; // A byte for each signal.
//!     let mut reader = UnixStream::from_std(reader)?;
//!     Ok(async move { reader.read_exact(&mut [0]).await })
//! }
//!
//! dormouse::block_on(async {
//!     let asked_to_end = ctrl_c()?;
//!     let serve = future::pending(); // Or what you have.
//! #   signal_hook::low_level::raise(SIGINT)?;
//!     future::or(asked_to_end, serve).await
//! })
//! # }
//! # #[cfg(not(unix))]
//! # fn main() {}
//! ```
//!
//! | tokio | here |
//! |---|---|
//! | `#[tokio::main]` | [`block_on`](crate::block_on) in `main` |
//! | `runtime::Builder::new_current_thread().enable_all().build()` | [`Runtime::new`](crate::Runtime::new); settings: [`Builder`](crate::Builder) |
//! | the multi-threaded runtime | a runtime per thread, each with a listener of its own (`SO_REUSEPORT`): `dormouse serve async --shards` |
//! | `spawn`, `task::spawn_local`, `LocalSet` | [`spawn`](crate::spawn) |
//! | `JoinHandle`, `JoinError` | the same; `into_panic` is [`try_into_panic`](crate::JoinError::try_into_panic). A handle that can be sent: [`RemoteJoinHandle`](crate::RemoteJoinHandle) |
//! | `AbortHandle` | [`JoinHandle::abort`](crate::JoinHandle::abort); `futures::future::abortable`, where somebody else awaits the handle |
//! | `JoinSet` | `futures::stream::FuturesUnordered` of handles |
//! | `task::yield_now` | [`yield_now`](crate::yield_now) |
//! | `task::Builder::name` | [`set_task_name`](crate::set_task_name), in the task |
//! | `task::Id` | [`Key`](crate::Key), in a [`snapshot`](crate::snapshot()) |
//! | `task::spawn_blocking`, `fs`, `net::lookup_host` | `blocking::unblock` |
//! | `runtime::Handle` | [`Handle`](crate::Handle), which also takes closures that make a future that is not `Send` |
//! | `Runtime::enter`, `Handle::block_on` | none: a runtime runs where [`Runtime::block_on`](crate::Runtime::block_on) is called |
//! | `Runtime::shutdown_timeout` | the drop: it does not wait for tasks |
//! | `time::{sleep, sleep_until, timeout, timeout_at}` | [the same](crate::time); `Instant` is std's |
//! | `time::interval` with `MissedTickBehavior::Skip` | [`interval`](crate::time::interval()); there is no other behaviour |
//! | `time::pause` | none |
//! | `net::{TcpListener, TcpStream, UnixListener, UnixStream}` | [the same](crate::net); `into_split` is `split` |
//! | `Arc<UdpSocket>` | [`UdpSocket::split`](crate::net::UdpSocket::split) |
//! | `net::UnixDatagram`, `io::unix::AsyncFd` | [`Async`](crate::Async) of a `mio` source, with `read_with` and `write_with` |
//! | `TcpListenerStream`, `IntervalStream` | [`incoming`](crate::net::TcpListener::incoming); an [`Interval`](crate::time::Interval) is a `Stream` |
//! | `sync::*`, `CancellationToken` of `tokio-util` | the same (`tokio` with the feature `sync` alone): they need no runtime. Or `async-channel`, `async-lock` |
//! | `TcpSocket`, `set_linger`, `broadcast` and other options | `socket2`: its `SockRef` of a socket here; or make one there, and take it over by `from_std` |
//! | `into_std`, `try_read` and its like, `reunite`, `Interval::reset` | none; for the last, a new [`interval_at`](crate::time::interval_at) |
//! | `select!`, `join!` | `futures::{select, join}`, or `futures_lite::future::{or, zip}` |
//! | `signal`, `process` | `signal-hook`, as above; std's pipes through [`Async`](crate::Async). In `examples/ecosystem/examples/`: `signals.rs`, `child.rs` |
//! | `RuntimeMetrics`, tokio-console | [`Runtime::metrics`](crate::Runtime::metrics) (tasks that want it share the `Runtime` in an `Rc`), [`snapshot`](crate::snapshot()), [`Watchdog`](crate::Watchdog): without flags |
//! | the cooperative budget | 32 calls a poll, for the sockets and timers of this crate |
