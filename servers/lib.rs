//! # dormouse-study: the same echo server once per I/O model, and what compares them
//!
//! Problem: I/O models are easy to name and hard to tell apart.
//! Idea: give each the same small task, and count what it asks of the kernel.
//! Leaves out: the runtime, a crate of its own: `dormouse`.
//! Read next: [`models::blocking`]; then follow each file's "Read next".
//! Try: `cargo run -- models`
//!
//! What the servers share is small: [`counters`] (what a server did), [`reply`] (what it answers),
//! [`options`] (what it was asked for), [`idle`] (who has been silent for too long) and [`accept`]
//! (whom to take). [`cli`] lists the commands.

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
pub mod reply;
pub mod serve;
pub mod stop;
pub mod study;
