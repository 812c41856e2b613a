//! The laws of no busy-spin, with exact figures: what the runtime did is compared as a whole, so
//! that one turn, poll or park too many shows, and one too few as well.
//!
//! | law | module | says |
//! |---|---|---|
//! | 0 | `progress` | who is woken is polled before the thread next blocks |
//! | 1 | `park` | the thread blocks in one place, and only as long as nothing can be done |
//! | 2 | `poll` | one poll for each time in the run queue, where a task is at most once |
//! | 3 | `returns` | each park ends for one reason, and no event comes twice |
//! | 4 | `silence` | nothing happens, nothing is done |
//! | 5 | `cost` | a message is one return, one poll, three system calls |
//!
//! Three things are shared. [`witness::Span`] stands around what is measured, and hears two
//! witnesses: the runtime's counters, and the kernel. Every runtime here is a `lab`'s, whose books
//! are checked in the end by `dormouse::testing`, the tool that readers have too. Every silence
//! ends with something that is answered: law 0.
//!
//! And [`spinners`] breaks each law on purpose, to show that the same checks notice.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod cost;
mod park;
mod poll;
mod progress;
mod returns;
mod silence;
mod spinners;
mod witness;

use std::time::Duration;

use dormouse::Metrics;
use dormouse::net::TcpStream;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use socket2::SockRef;

const MILLISECOND: Duration = Duration::from_millis(1);

async fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 256];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        stream.write_all(&buffer[..n]).await.unwrap();
    }
}

/// One message there and back: law 0.
async fn assert_answers(client: &mut TcpStream) {
    client.write_all(b"are you there?").await.unwrap();
    let mut answer = [0; 14];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"are you there?");
}

/// Metrics with some figures filled in.
fn metrics(fill_in: impl FnOnce(&mut Metrics)) -> Metrics {
    let mut metrics = Metrics::default();
    fill_in(&mut metrics);
    metrics
}

/// A close that the other side sees as a reset.
fn reset(peer: std::net::TcpStream) {
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
}
