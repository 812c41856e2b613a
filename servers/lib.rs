//! # dormouse-study: the same echo server once per I/O model, and what compares them
//!
//! Problem: I/O models are easy to name and hard to tell apart.
//! Idea: give each the same small task, and count what it asks of the kernel.
//! Leaves out: the runtime, a crate of its own: `dormouse`.
//! Read next: `models/blocking.rs`; then follow each file's "Read next".
//! Try: `cargo run -- models`
//!
//! # How to read it
//!
//! | file | the question that it answers |
//! |---|---|
//! | [`blocking.rs`](models::blocking) | Why does the second client wait? |
//! | [`threads.rs`](models::threads) | And with a thread for each? |
//! | [`connection.rs`], [`nonblocking.rs`](models::nonblocking) | What does it cost to never wait? |
//! | [`select.rs`](models::select), [`poll.rs`](models::poll) | How can one call ask about all? |
//! | [`readiness.rs`], [`mio.rs`](models::mio) | How can one call wait for all, and what does that make you write? |
//! | [`signal.rs`](models::signal) | And if the kernel speaks first? |
//! | [`uring.rs`](models::uring) | And if it does the reading, too? |
//! | the crate [`dormouse`] | How does a runtime write that for you? |
//! | [`async.rs`](models::async), [`shards.rs`](models::shards) | And what was it all for? |
//!
//! [`connection.rs`]: ../src/dormouse_study/models/connection.rs.html
//! [`readiness.rs`]: ../src/dormouse_study/models/readiness.rs.html
//!
//! What the servers share is small: [`counters`] (what a server did), [`reply`] (what it answers),
//! [`options`] (what it was asked for), [`idle`] (who has been silent for too long) and [`accept`]
//! (whom to take). [`cli`] lists the commands; the tools behind them read on their own: [`load`] and
//! [`study`] (what it costs), [`record`], [`scene`] and [`timeline`] (what a server does, and when),
//! [`audit`] (whether a program sleeps).

pub mod accept;
pub mod audit;
pub mod cli;
pub mod client;
pub mod counters;
pub mod figures;
pub mod idle;
pub mod limits;
pub mod listen;
pub mod load;
pub mod look;
pub mod models;
pub mod options;
pub mod output;
pub mod record;
pub mod reply;
pub mod scene;
pub mod serve;
pub mod stats;
pub mod stop;
pub mod study;
pub mod text;
pub mod timeline;
pub mod torture;
pub mod trace;
