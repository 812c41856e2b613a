//! # Stats: what a server counted, as others read it
//!
//! Problem: a server counts in its own process, and whoever compares servers is in another.
//! Idea: the line of `--stats`, read back.
//! Leaves out: which server it was: whoever asked knows.
//! Read before: `counters.rs`. Read next: `record/event.rs`.
//! Try: `cargo run -- serve mio --stats`, then Ctrl-C

use serde::{Deserialize, Serialize};

/// What a server counted over its life: the line of `--stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of `Counters`, and described there")]
pub struct Stats {
    pub accepted: u64,
    pub closed: u64,
    pub resets: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub accepts: u64,
    pub vain_accepts: u64,
    pub reads: u64,
    pub vain_reads: u64,
    pub writes: u64,
    pub vain_writes: u64,
    pub waits: u64,
    pub vain_waits: u64,
}

impl Stats {
    /// System calls that came back with 'not yet', or with nothing.
    pub fn vain(&self) -> u64 {
        self.vain_accepts + self.vain_reads + self.vain_writes + self.vain_waits
    }

    /// All system calls that it counts.
    pub fn calls(&self) -> u64 {
        self.accepts + self.reads + self.writes + self.waits
    }
}
