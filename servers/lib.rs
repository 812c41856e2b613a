//! The same echo server once per I/O model, and the tools that drive, measure and compare them.
//!
//! Start with the servers, in the order of the reading path: [`models::blocking`],
//! [`models::nonblocking`], [`models::mio`]. What they share is small: [`counters`] (what a server
//! did), [`reply`] (what it answers), [`options`] (what it was asked for) and [`accept`] (what to
//! do when a connection can't be taken).

pub mod accept;
pub mod cli;
pub mod client;
pub mod counters;
pub mod limits;
pub mod listen;
pub mod models;
pub mod options;
pub mod output;
pub mod reply;
pub mod serve;
pub mod stop;
