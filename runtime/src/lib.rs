//! **dormouse** is a small async runtime, written to be read. It sleeps until it is woken.
//!
//! ```
//! use dormouse::{net::{TcpListener, TcpStream}, spawn};
//! use futures_lite::{AsyncReadExt, AsyncWriteExt};
//!
//! dormouse::block_on(async {
//!     let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
//!     let address = listener.local_addr()?;
//!     let server = spawn(async move {
//!         let (mut stream, _peer) = listener.accept().await?;
//!         let mut buffer = [0; 16];
//!         let n = stream.read(&mut buffer).await?;
//!         stream.write_all(&buffer[..n]).await
//!     });
//!     let mut stream = TcpStream::connect(address).await?;
//!     stream.write_all(b"hello").await?;
//!     let mut echo = Vec::new();
//!     stream.read_to_end(&mut echo).await?;
//!     assert_eq!(echo, b"hello");
//!     server.await.expect("the server does not panic")
//! })
//! # .map_err(|error: std::io::Error| panic!("{error}"));
//! ```
//!
//! Pages: [what happens when …](guide::behaviour), coming [from tokio](guide::from_tokio) and [from
//! smol](guide::from_smol).
//!
//! # How to read it
//!
//! New to async? The steps come first: `cargo run --example 01_blocking`, in a clone of the
//! repository, and on from there; each ends with what to read. The [servers] say why a runtime is
//! worth having; then this crate is a short book: each file holds one idea, and needs only those
//! above it. A name here leads to its source.
//!
//! Its words: a *task* is a spawned future, and the *executor* polls it. A *waker* is left where a
//! task waits, and a *wake* puts the task into the *run queue*, oldest first. Where no task can
//! run, the thread *parks*: it sleeps in the one call that waits for the kernel, until there is
//! news of a socket, the nearest *deadline* comes, or another thread ends the sleep, which is an
//! *unpark*. What makes that call is the *reactor*; a socket is a *source* to it.
//!
//! Read before: `servers/models/uring.rs`. Read next: [`slots.rs`].
//!
//! | file | the question that it answers |
//! |---|---|
//! | [`slots.rs`] | How does a number stay right when what it named is gone? |
//! | [`metrics.rs`], [`names.rs`], [`observe.rs`] | How do counters and logs see all, without being in the way? (Skim them now: `saw(…)` counts and logs.) |
//! | [`sync.rs`], [`wake.rs`] | How does another thread end the sleep, and no wake is lost? |
//! | [`queue.rs`] | Which tasks can run, and how does a waker get one there? |
//! | [`task.rs`] | What does a waker know of its task? |
//! | [`join.rs`] | How does a task's end reach whoever waits for it? |
//! | [`executor.rs`] | How do many futures share one thread? |
//! | [`yield_now.rs`] | How does a task let the others go first? |
//! | [`source.rs`] | What is remembered of a socket? |
//! | [`reactor.rs`] | How can one call wait for all of them? |
//! | [`timer.rs`] | How long may the thread sleep? |
//! | [`parts.rs`] | How do callers find the runtime? |
//! | [`net/`] | How does 'not yet' become `Pending`? |
//! | [`time/`] | How does a deadline become a future? |
//! | [`runtime.rs`] | How do the parts make one loop that never spins? |
//! | [`snapshot.rs`] | Who is there, and what does each wait for? |
//! | [`handle.rs`], [`spawner.rs`] | How does another thread, or another crate, bring work? |
//! | [`watchdog.rs`], [`builder.rs`] | Which task keeps the thread for itself? |
//! | [`testing.rs`] | How does a test prove that nothing spins? |
//!
//! [servers]: ../dormouse_study/index.html
//! [`slots.rs`]: ../src/dormouse/slots.rs.html
//! [`metrics.rs`]: ../src/dormouse/metrics.rs.html
//! [`names.rs`]: ../src/dormouse/names.rs.html
//! [`observe.rs`]: ../src/dormouse/observe.rs.html
//! [`sync.rs`]: ../src/dormouse/sync.rs.html
//! [`wake.rs`]: ../src/dormouse/wake.rs.html
//! [`queue.rs`]: ../src/dormouse/queue.rs.html
//! [`task.rs`]: ../src/dormouse/task.rs.html
//! [`join.rs`]: ../src/dormouse/join.rs.html
//! [`executor.rs`]: ../src/dormouse/executor.rs.html
//! [`yield_now.rs`]: ../src/dormouse/yield_now.rs.html
//! [`source.rs`]: ../src/dormouse/source.rs.html
//! [`reactor.rs`]: ../src/dormouse/reactor.rs.html
//! [`timer.rs`]: ../src/dormouse/timer.rs.html
//! [`parts.rs`]: ../src/dormouse/parts.rs.html
//! [`net/`]: ../src/dormouse/net/async_io.rs.html
//! [`time/`]: ../src/dormouse/time/sleep.rs.html
//! [`runtime.rs`]: ../src/dormouse/runtime.rs.html
//! [`snapshot.rs`]: ../src/dormouse/snapshot.rs.html
//! [`handle.rs`]: ../src/dormouse/handle.rs.html
//! [`spawner.rs`]: ../src/dormouse/spawner.rs.html
//! [`watchdog.rs`]: ../src/dormouse/watchdog.rs.html
//! [`builder.rs`]: ../src/dormouse/builder.rs.html
//! [`testing.rs`]: ../src/dormouse/testing.rs.html
//!
//! # What it leaves out, on purpose
//!
//! A second thread: a task stays on its thread, and many cores are many runtimes. Code that the
//! compiler can't check: it is forbidden, below. Channels, locks, `select!`, `join!`: those of
//! `futures` and its like run on it.
#![forbid(unsafe_code)]

mod slots;
mod metrics;
mod names;
mod observe;
mod sync;
mod wake;
mod queue;
mod task;
mod join;
mod executor;
mod yield_now;
mod source;
mod reactor;
mod timer;
mod parts;
pub mod net;
pub mod time;
mod runtime;
mod snapshot;
mod handle;
mod spawner;
mod watchdog;
mod builder;
pub mod testing;
pub mod guide;

pub use builder::Builder;
pub use handle::{Handle, RemoteJoinHandle};
pub use join::{JoinError, JoinHandle};
pub use metrics::Metrics;
pub use net::async_io::Async;
pub use observe::{Call, Cause, Moment};
pub use parts::{metrics, set_task_name, spawn};
pub use runtime::{Runtime, block_on};
pub use slots::Key;
pub use snapshot::{SideSeen, Snapshot, SourceSeen, TaskSeen, TaskState, Way, snapshot};
pub use spawner::LocalSpawner;
pub use watchdog::Watchdog;
pub use yield_now::{YieldNow, yield_now};
