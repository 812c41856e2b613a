//! # Idle: who has been silent for too long
//!
//! Problem: a peer that vanished without a word holds a connection for ever.
//! Idea: remember when something last moved on each connection; the oldest sets the deadline.
//! Leaves out: a limit per peer.
//! Read before: `options.rs`. Read next: `accept.rs`.
//! Try: `cargo run -- serve uring --idle-timeout 5s`, and connect without a word

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// When something last moved on each connection, where there is a limit.
pub struct Idle {
    limit: Option<Duration>,
    moved: HashMap<usize, Instant>,
}

impl Idle {
    /// Without a limit nothing is remembered, and nothing ever expires.
    pub fn new(limit: Option<Duration>) -> Idle {
        Idle { limit, moved: HashMap::new() }
    }

    /// Something moved on this connection just now.
    pub fn moved(&mut self, key: usize) {
        if self.limit.is_some() {
            self.moved.insert(key, Instant::now());
        }
    }

    /// This connection is no more.
    pub fn ended(&mut self, key: usize) {
        self.moved.remove(&key);
    }

    /// When the next one's time is up.
    pub fn deadline(&self) -> Option<Instant> {
        Some(*self.moved.values().min()? + self.limit?)
    }

    /// Takes out one whose time is up.
    pub fn expired(&mut self) -> Option<usize> {
        let (&key, &moved) = self.moved.iter().min_by_key(|(_, moved)| **moved)?;
        (moved + self.limit? <= Instant::now()).then(|| self.moved.remove(&key)).map(|_| key)
    }
}
