//! # Plan: what a load is asked for
//!
//! Problem: the command line and the study ask for the same loads.
//! Idea: one plain value that says all of it; who makes it has checked it.
//! Leaves out: how the load is run: `drive.rs`.
//! Read next: `load/payload.rs`.
//! Try: `cargo run -- load --help`

use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

/// A load on one server.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the server listens.
    pub addr: SocketAddr,
    /// How many clients there are.
    pub connections: usize,
    /// Bytes of one message.
    pub size: usize,
    /// How long the load is measured: opening and the last answers come on top.
    pub duration: Duration,
    /// What each client does.
    pub pattern: Pattern,
    /// Messages per second, of all clients together, sent on a schedule. Without it each client
    /// sends as soon as it may.
    pub rate: Option<u32>,
}

/// What each client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// One message under way per connection
    Pingpong,
    /// Sixteen messages under way per connection
    Pipeline,
    /// Connect, one message, its answer, close, and again
    Churn,
    /// One message to be sure of service, then silence
    Idle,
}

impl Plan {
    /// How many messages per connection the answers keep under way: none where a schedule does.
    pub fn under_way(&self) -> usize {
        match self.pattern {
            Pattern::Pingpong if self.rate.is_none() => 1,
            Pattern::Pipeline if self.rate.is_none() => 16,
            _ => 0,
        }
    }
}
