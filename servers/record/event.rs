//! # Event: one thing that a server did, and when
//!
//! Problem: nine models wait, read and write in nine ways, and one picture has to show them all.
//! Idea: one shape for everything that has a begin and an end; a run of calls that all said 'not
//! yet' is one event, with its count.
//! Leaves out: the bytes themselves.
//! Read before: `counters.rs`. Read next: `record/clock.rs`.
//! Try: `cargo run -- serve mio --record target/mio.json`, a client, and Ctrl-C

use serde::{Deserialize, Serialize};

use crate::stats::Stats;

/// What [`Recording::schema`] says: the number grows when a key changes its meaning or goes.
pub const SCHEMA: &str = "dormouse-recording/1";

/// All that one server did, in the order of its begin: the file of `serve --record`, described in
/// DESIGN.md, "Recordings".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// [`SCHEMA`].
    pub schema: String,
    /// The name of the model.
    pub model: String,
    /// The server's threads, by name; events name them by their place here.
    pub threads: Vec<String>,
    /// The peers that were connected, likewise.
    pub connections: Vec<String>,
    /// The tasks of the runtime, likewise: each by the peer that it serves, the one that accepts as
    /// the acceptor, others by their number.
    pub tasks: Vec<String>,
    /// What the server counted until its last event: `--stats`.
    pub stats: Stats,
    /// Events for which there was no room.
    pub dropped: u64,
    /// What happened.
    pub events: Vec<Event>,
}

/// One thing that a server did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// On which thread.
    pub thread: usize,
    /// For whom, where it was for one peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<usize>,
    /// In or about which task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<usize>,
    /// When it began, in nanoseconds of `CLOCK_MONOTONIC`; of the first call, where there are many.
    pub begin: i64,
    /// When it ended; the same where it takes no time. Of the last call, where there are many.
    pub end: i64,
    /// What came of it.
    pub outcome: Outcome,
    /// How many calls these were, one after the other, all in vain.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u64,
    /// When each of them but the first began, in nanoseconds after `begin`. It may hold fewer: of
    /// calls for which there was no room only the number is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<u32>,
}

fn one() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

/// What a server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A call that takes a connection; `connection` is the one that came.
    Accept,
    /// A call that reads.
    Read,
    /// A call that writes.
    Write,
    /// A call that does nothing but wait: `select`, `poll`, `epoll_wait`, a read of the queue of
    /// signals, `io_uring_enter`, a sleep.
    Wait,
    /// A signal was taken from the queue.
    Signal,
    /// Work was handed to the kernel (`uring`).
    Submit,
    /// The kernel has done it (`uring`).
    Complete,
    /// A connection ended.
    Close,
    /// The runtime's thread slept.
    Park,
    /// The kernel reported a source to the runtime.
    Event,
    /// A waker was called.
    Wake,
    /// A task was in the run queue.
    Queued,
    /// A task was polled.
    Poll,
    /// A timer fired.
    Timer,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// So many bytes moved.
    Bytes(usize),
    /// So many were ready.
    Ready(usize),
    /// 'Not yet': in vain.
    NotYet,
    /// A wait brought nothing: in vain.
    Nothing,
    /// The peer has no more to say.
    End,
    /// It failed.
    Error(String),
}

impl Outcome {
    /// Whether the call was made in vain.
    pub fn is_vain(&self) -> bool {
        matches!(self, Outcome::NotYet | Outcome::Nothing)
    }
}

impl Recording {
    /// How many calls were made in vain.
    pub fn vain(&self) -> u64 {
        let vain = self.events.iter().filter(|event| event.outcome.is_vain());
        vain.map(|event| event.count).sum()
    }
}
