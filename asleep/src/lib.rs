//! **asleep**: assertions that a thread sleeps, and that a task does not spin.
//!
//! A program that spins gives the right answers. Its tests pass; only the fan is heard, and the
//! bill is paid. Some tools count the wakes of a future that is polled by hand; none asserts that the
//! thread slept, and people find out by flame graph, from a machine that burns. Here is the
//! assertion, for a program of any async runtime, or of none:
//!
//! ```
//! use std::time::Duration;
//! use asleep::assert_idle;
//! use futures_channel::mpsc;
//! use futures_lite::{StreamExt, future::block_on};
//!
//! // #[test]
//! fn a_receiver_sleeps_until_there_is_a_message() {
//!     block_on(async {
//!         let (letters, mut inbox) = mpsc::unbounded();
//!         let mut next = inbox.next();
//!         assert_idle(Duration::from_millis(100), &mut next).await;
//!         letters.unbounded_send("hello").expect("somebody listens");
//!         assert_eq!(next.await, Some("hello"));
//!     });
//! }
//! # a_receiver_sleeps_until_there_is_a_message();
//! ```
//!
//! Put your own runtime's `block_on` there, and your own future; that of an `async` block or
//! function is pinned first: `let mut read = std::pin::pin!(stream.read(&mut buffer));`. (This one
//! needs the dev-dependencies `futures-channel` and `futures-lite`.) Under tokio it is:
//!
//! ```ignore
//! #[tokio::test]
//! async fn my_task_sleeps_until_it_is_told() {
//!     let (tell, told) = tokio::sync::oneshot::channel();
//!     let mut task = tokio::spawn(told); // your own task
//!     asleep::assert_idle(Duration::from_millis(100), &mut task).await;
//!     tell.send("hello").unwrap();
//!     assert_eq!(task.await.unwrap(), Ok("hello"));
//! }
//! ```
//!
//! The last line matters as much as the assertion: a runtime that lost every wake would be as quiet.
//!
//! A spinner is named, with what gave it away (this one ran beside others, on a busy machine):
//!
//! ```text
//! tests/idle.rs:96:29: thread 20453 'a_block_on_that' did not sleep: in 100.285565ms it used
//! 43.819767ms of CPU, gave its CPU up 0 times and lost it 12 times, and was not asleep at the end;
//! in 100.285565ms the future was polled 573804 times
//! ```
//!
//! # How to read it
//!
//! | file | the question that it answers |
//! |---|---|
//! | `account.rs` | What does the kernel say that a thread has done? |
//! | `watch.rs` | Who looks at a thread that sleeps? |
//! | `idle.rs` | When is a pending future free of cost? |
//! | `wakes.rs` | How is a wake seen? |
//! | `polls.rs` | How is a poll too many seen? |
//!
//! Read before: `polls.rs`. Read next: `servers/models/async.rs`.
//!
//! # What is exact, and what is not
//!
//! | what | exact? |
//! |---|---|
//! | that a thread slept, or not | yes: asleep at both ends of the span and the same context switches, so it never ran in between. However short the span, and however busy the machine with others |
//! | polls, wakes | yes |
//! | the CPU time of the message | to a few milliseconds: see [`Account`] |
//! | the span | no shorter than asked for; longer on a busy machine |
//!
//! So a spinner does not pass by luck. A sleeper can fail by it: on a machine so busy that a thread
//! which only wants to go to sleep gets no CPU for a whole second, or none for 20 ms just as it
//! falls asleep; and if it is woken from outside: by a signal, a debugger, a stop and a go on.
//!
//! What it can't see: other threads. On a runtime of several threads, as `flavor = "multi_thread"` of
//! tokio is, [`assert_idle`] sees the one that polls, and a task that spins on another passes: use
//! [`assert_process_idle`], in a test file of its own. Nor work that the kernel does for a thread
//! that sleeps; nor a spinner that is
//! silent for longer than the span, as a ticker of once per second: choose the span longer than
//! the period that you are afraid of.
//!
//! # Other systems
//!
//! Threads are looked at on Linux. Elsewhere the assertions count the polls of the future, which
//! finds a task that wakes itself but not a runtime that spins around it, and say so on stderr.
#![forbid(unsafe_code)]

mod account;
mod watch;
mod idle;
mod wakes;
mod polls;

pub use account::Account;
pub use idle::{AssertIdle, assert_idle, assert_process_idle};
pub use polls::{AssertPolls, CountPolls, assert_polls, count_polls};
pub use wakes::Wakes;
