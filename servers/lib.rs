//! The same echo server once per I/O model, and the tools that drive, measure and compare them.

pub mod accept;
pub mod counters;
pub mod limits;
pub mod listen;
pub mod options;
pub mod output;
pub mod reply;
pub mod stop;
