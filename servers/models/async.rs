//! # Async: the same server, in straight lines again
//!
//! Problem: the state machine of `mio.rs` is fast, and hard to read: the order of the work is
//! spread over its states.
//! Idea: write it like `blocking.rs`, with `.await` where that one sleeps. The compiler turns each
//! function into a state machine, and the runtime runs those that can go on.
//! Leaves out: more cores than one: `shards.rs`.
//! Read before: `runtime/src/runtime.rs`. Read next: `shards.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve async --stats`, and `cargo run -- client --count 1`

use std::io::{self, Read};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::{sleep, timeout};
use dormouse::{Metrics, Runtime, set_task_name, spawn};
use futures_channel::oneshot;
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use socket2::SockRef;

use crate::accept::{admit, retry_after};
use crate::counters::{Counters, Stay};
use crate::idle::{or_silence, send_now};
use crate::look::Looks;
use crate::options::Options;
use crate::record::moments::new_runtime;
use crate::stop::Stop;

/// Serves all connections of `listener` on this thread, a task for each, until it is asked to stop.
///
/// # Errors
///
/// Only when there can be no runtime, or the listener can't accept any more.
pub fn serve(
    listener: std::net::TcpListener,
    options: &Options,
    counters: &Arc<Counters>,
    stop: &Stop,
) -> io::Result<()> {
    let runtime = new_runtime(counters)?;
    let (ask, asked) = oneshot::channel();
    let under_way = stop.subscribe(move || {
        // Nobody listens any more if the server has failed meanwhile.
        ask.send(()).ok();
    });
    let accepting = accept_all(listener, options, counters);
    let served = run(runtime, accepting, asked, counters, &stop.looks);
    drop(under_way);
    served.map(drop)
}

/// Runs a task that accepts, and those that it spawns, on this thread until it is `asked` to stop;
/// and says what the runtime did. Meanwhile it shows its tasks to who wants to look.
///
/// # Errors
///
/// When that one task has failed.
pub(super) fn run(
    runtime: Runtime,
    accepting: impl Future<Output = io::Result<()>>,
    asked: oneshot::Receiver<()>,
    counters: &Counters,
    looks: &Looks,
) -> io::Result<Metrics> {
    // These three are one task. This one is polled first, so it gives the name.
    let stopped = async {
        set_task_name("acceptor");
        // Whoever could ask is gone, or has asked.
        asked.await.ok();
        Ok(())
    };
    // Prints a snapshot at SIGUSR1 (`look.rs`), and never ends.
    let shown = async {
        looks.answer().await;
        future::pending().await
    };
    let served = runtime.block_on(future::or(stopped, future::or(shown, accepting)));
    let metrics = runtime.metrics();
    // Each connection is a task, and each task owns its socket: this closes them all.
    drop(runtime);
    count_what_the_runtime_did(&metrics, counters);
    served.map(|()| metrics)
}

/// Serves each connection of `listener` in a task of its own.
///
/// # Errors
///
/// When the listener can't accept any more.
pub(super) async fn accept_all(
    listener: std::net::TcpListener,
    options: &Options,
    counters: &Arc<Counters>,
) -> io::Result<()> {
    // listen
    let mut listener = TcpListener::from_std(listener)?;
    let options = Rc::new(options.clone());

    loop {
        // wait
        match counters.awaited_accept(listener.accept().await) {
            Ok((connection, peer)) if admit(peer, &options, counters) => {
                spawn(serve_one(connection, Stay::new(peer, counters), Rc::clone(&options)));
            }
            Ok(_) => {}
            Err(e) => sleep(retry_after(&e)?).await,
        }
    }
}

pub(super) async fn serve_one(mut connection: TcpStream, mut stay: Stay, options: Rc<Options>) {
    let end = talk(&mut connection, stay.peer, &options, &stay.counters).await;

    // close
    stay.end = end;
}

/// Answers one peer until it has no more to say; the others go on wherever this one waits.
async fn talk(
    connection: &mut TcpStream,
    peer: SocketAddr,
    options: &Options,
    counters: &Counters,
) -> io::Result<()> {
    let mut buffer = options.new_buffer()?;
    let limit = options.idle_timeout;
    loop {
        // read
        // IDEA: it reads like the blocking server, but `.await` gives the thread to the others.
        let read = read_within(limit, connection, peer, &mut buffer, counters).await;
        let n = match or_silence(read, limit)? {
            0 => return Ok(()),
            n => n,
        };

        // write
        let mut unsent = options.reply.answer(&mut buffer[..n]);
        while !unsent.is_empty() {
            let written = write_within(limit, connection, peer, unsent, counters).await;
            match or_silence(written, limit)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => unsent = &unsent[n..],
            }
        }
    }
}

/// Reads once; after `limit` without waiting, as something may have come unreported: see
/// `Idle::expired`.
async fn read_within(
    limit: Option<Duration>,
    connection: &mut TcpStream,
    peer: SocketAddr,
    buffer: &mut [u8],
    counters: &Counters,
) -> io::Result<usize> {
    match within(limit, connection.read(buffer)).await {
        Some(read) => counters.awaited_read(peer, read, buffer),
        None => counters.read(peer, buffer, |buffer| (&*SockRef::from(&*connection)).read(buffer)),
    }
}

/// The same for a write.
async fn write_within(
    limit: Option<Duration>,
    connection: &mut TcpStream,
    peer: SocketAddr,
    unsent: &[u8],
    counters: &Counters,
) -> io::Result<usize> {
    match within(limit, connection.write(unsent)).await {
        Some(written) => counters.awaited_write(peer, written),
        None => counters.write(peer, || send_now(connection, unsent)),
    }
}

/// Awaits one step of a connection, at most for `limit`.
async fn within<T>(limit: Option<Duration>, step: impl Future<Output = T>) -> Option<T> {
    match limit {
        None => Some(step.await),
        Some(limit) => timeout(limit, step).await.ok(),
    }
}

/// Adds the system calls that the runtime made: all waits, and the tries that said 'not yet',
/// which a task never sees.
fn count_what_the_runtime_did(metrics: &Metrics, counters: &Counters) {
    let add = |counter: &AtomicU64, n: u64| counter.fetch_add(n, Relaxed);
    add(&counters.accepts, metrics.vain_accepts);
    add(&counters.vain_accepts, metrics.vain_accepts);
    add(&counters.reads, metrics.vain_reads);
    add(&counters.vain_reads, metrics.vain_reads);
    add(&counters.writes, metrics.vain_writes);
    add(&counters.vain_writes, metrics.vain_writes);
    let vain_parks = metrics.parks - metrics.returned_event - metrics.returned_unpark;
    add(&counters.waits, metrics.parks + metrics.polls_nowait);
    add(&counters.vain_waits, vain_parks + metrics.vain_polls_nowait);
}
