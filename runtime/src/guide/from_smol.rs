//! For who knows smol: name by name.
//!
//! smol's parts that are not its reactor (`futures-lite`, `async-channel`, `async-lock`,
//! `blocking`) are used here as they are. What differs, first:
//!
//! - **A dropped handle detaches.** In smol it cancels. So `task.detach()` is `drop(handle)`, and
//!   what shall end with its owner is [aborted](crate::JoinHandle::abort).
//! - **There is no thread but yours.** smol's reactor may run on a thread of its own, `async-io`;
//!   here the thread in [`block_on`](crate::block_on) waits itself. So sockets and timers of
//!   `async-io` work beside this runtime, but on that other thread, which costs a wake each time.
//! - **Readiness is remembered.** A socket is registered once, in all directions that it has, and a
//!   read is tried before anybody waits.
//!
//! ```
//! use std::time::Duration;
//! use futures_lite::future;
//!
//! dormouse::block_on(async {
//!     let forgotten = dormouse::spawn(async { dormouse::yield_now().await });
//!     drop(forgotten); // smol: forgotten.detach()
//!     let ended = dormouse::spawn(future::pending::<()>());
//!     ended.abort(); // smol: ended.cancel().await
//!     assert!(ended.await.is_err());
//!     dormouse::time::sleep(Duration::from_millis(1)).await; // smol: Timer::after(…).await
//! });
//! ```
//!
//! | smol | here |
//! |---|---|
//! | `block_on` | [`block_on`](crate::block_on) |
//! | `spawn`, `LocalExecutor` | [`spawn`](crate::spawn), [`Runtime`](crate::Runtime) |
//! | `Executor`, on several threads | none: a runtime per thread |
//! | `Task`: `detach`, `cancel`, `is_finished` | [`JoinHandle`](crate::JoinHandle): drop, `abort`, `is_finished`; awaited it gives a `Result`, as a panic stays in its task |
//! | `Task::fallible` | it always is |
//! | `Timer::after`, `Timer::at`, `Timer::interval` | [`sleep`](crate::time::sleep()), [`sleep_until`](crate::time::sleep_until), [`interval`](crate::time::interval()) |
//! | `future.or(Timer…)` | [`timeout`](crate::time::timeout()), or the same |
//! | `Async<T>` of std's sockets | [`Async`](crate::Async) of `mio`'s; [`net`](crate::net) takes std's by `from_std` |
//! | `net::{TcpListener, TcpStream, UdpSocket, unix::*}` | [the same](crate::net), with `&mut self`; `clone` is `split` |
//! | `unblock`, `Unblock`, `fs` | the crate `blocking`, the same one |
//! | `channel`, `lock`, `future`, `io`, `stream`, `prelude` | the crates `async-channel`, `async-lock`, `futures-lite` |
//! | `process` | std's, with its pipes through [`Async`](crate::Async): see `examples/ecosystem/` |
