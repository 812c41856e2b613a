//! What runs on dormouse: an example for each crate, in `examples/`, and a test with a foreign
//! peer for each example, in `tests/run/`.
//!
//! `cargo run -p dormouse-ecosystem --example http1` serves, talks to itself, and ends. With
//! `-- --serve` it says where it listens, and serves others until its standard input ends.
//!
//! Here is only what several examples share.
//!
//! | file | what it holds |
//! |---|---|
//! | `serve.rs` | a listener, a task per connection, and who talks to them |
//! | `for_hyper.rs` | what hyper wants of a runtime: sockets, tasks, sleeps |
//! | `answer.rs` | what the HTTP servers answer |
//! | `descriptor.rs` | whatever the kernel can say 'ready' of |
#![forbid(unsafe_code)]

pub mod answer;
#[cfg(unix)]
pub mod descriptor;
pub mod for_hyper;
mod serve;

pub use serve::{Outcome, serve_or_try};
