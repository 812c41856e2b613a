//! # Shards: the async server once per core, and no lock between them
//!
//! Problem: a runtime uses one core, and most machines have several.
//! Idea: run the whole server once per core, each with a thread, a runtime and connections of its
//! own. Only who serves a newcomer has to be decided: by the kernel, where it spreads connections
//! over all listeners of a port; elsewhere one thread accepts, and hands them over in turn.
//! Leaves out: moving a connection afterwards. A shard whose clients are busy gets no help from
//! one whose clients are silent (DESIGN.md, "Many cores are many runtimes").
//! Read before: `async.rs`. Read next: `serve.rs`.
//! Try: `cargo run -- serve async --shards auto`, and `cargo run -- load --addr 127.0.0.1:12345`

use std::io;
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, Scope};

use dormouse::time::sleep;
use dormouse::{Async, Metrics, Runtime, spawn};
use futures_channel::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    oneshot,
};
use futures_lite::StreamExt;
use log::info;
use mio::Interest;

use super::r#async::{accept_all, run, serve_one};
use crate::accept::{admit, retry_after};
use crate::counters::{Counters, Stay};
use crate::options::Options;
use crate::record::moments::new_runtime;
use crate::stop::Stop;

/// Serves with a shard for each of `listeners`, which share a port, until all are asked to stop.
///
/// # Errors
///
/// When a shard can't begin, or can't accept any more: it ends the others, too.
pub fn serve(
    listeners: Vec<TcpListener>,
    options: &Options,
    counters: &Arc<Counters>,
    stop: &Stop,
) -> io::Result<()> {
    let shard = |(number, listener)| {
        // IDEA: a shard is the server of `async.rs`, unchanged: no other thread knows its tasks.
        Worker::shard(number, move |runtime, asked| {
            run(runtime, accept_all(listener, options, counters), asked, counters, &stop.looks)
        })
    };
    run_all((1..).zip(listeners).map(shard).collect(), counters, stop)
}

/// Serves on so many `shards`, for which one more thread accepts, until all are asked to stop.
///
/// # Errors
///
/// When a thread can't begin, or can't accept any more: it ends the others, too.
pub fn hand_over(
    listener: TcpListener,
    shards: usize,
    options: &Options,
    counters: &Arc<Counters>,
    stop: &Stop,
) -> io::Result<()> {
    let (doors, newcomers): (Vec<_>, Vec<_>) = (0..shards).map(|_| unbounded()).unzip();
    let shard = |(number, newcomers)| {
        Worker::shard(number, move |runtime, asked| {
            run(runtime, take_over(newcomers, options), asked, counters, &stop.looks)
        })
    };
    let mut workers: Vec<_> = (1..).zip(newcomers).map(shard).collect();
    workers.push(Worker::new("acceptor".into(), move |runtime, asked| {
        let accepting = accept_for(listener, &doors, options, counters);
        run(runtime, accepting, asked, counters, &stop.looks).map(drop)
    }));
    run_all(workers, counters, stop)
}

/// A connection on its way to its shard. Where it never arrives, its end is counted all the same.
type Newcomer = (TcpStream, Stay);

/// Accepts, and hands each connection to the next shard.
async fn accept_for(
    listener: TcpListener,
    doors: &[UnboundedSender<Newcomer>],
    options: &Options,
    counters: &Arc<Counters>,
) -> io::Result<()> {
    // listen
    // Not the runtime's own listener: its connections belong to the runtime that accepts them.
    listener.set_nonblocking(true)?;
    let listener = mio::net::TcpListener::from_std(listener);
    let mut listener = Async::new(listener, Interest::READABLE)?;
    let mut turns = doors.iter().cycle();

    loop {
        // wait
        match listener.read_with(|listener| counters.accept(|| listener.accept())).await {
            Ok((connection, peer)) if admit(peer, options, counters) => {
                let newcomer = (connection.into(), Stay::new(peer, counters));
                if let Some(door) = turns.next() {
                    // A shard that has ended ends all of us.
                    door.unbounded_send(newcomer).ok();
                }
            }
            Ok(_) => {}
            Err(e) => sleep(retry_after(&e)?).await,
        }
    }
}

/// Serves each connection that comes in a task of its own, until no more can come.
async fn take_over(
    mut newcomers: UnboundedReceiver<Newcomer>,
    options: &Options,
) -> io::Result<()> {
    let options = Rc::new(options.clone());
    while let Some((connection, mut stay)) = newcomers.next().await {
        match dormouse::net::TcpStream::from_std(connection) {
            Ok(connection) => drop(spawn(serve_one(connection, stay, Rc::clone(&options)))),
            Err(e) => stay.end = Err(e),
        }
    }
    Ok(())
}

/// What has a thread of its own, and a runtime on it.
struct Worker<'a> {
    name: String,
    work: Box<dyn FnOnce(Runtime, oneshot::Receiver<()>) -> io::Result<()> + Send + 'a>,
}

impl<'a> Worker<'a> {
    fn new(
        name: String,
        work: impl FnOnce(Runtime, oneshot::Receiver<()>) -> io::Result<()> + Send + 'a,
    ) -> Worker<'a> {
        Worker { name, work: Box::new(work) }
    }

    /// One that serves, and says at its end how many connections it had.
    fn shard(
        number: usize,
        serve: impl FnOnce(Runtime, oneshot::Receiver<()>) -> io::Result<Metrics> + Send + 'a,
    ) -> Worker<'a> {
        Worker::new(format!("shard {number}"), move |runtime, asked| {
            // One task accepts; each other one is a connection.
            let served = serve(runtime, asked)?.spawns - 1;
            info!("shard {number} served {served} connections");
            Ok(())
        })
    }

    /// Makes its runtime, says that it has, and works once all have theirs.
    fn run(
        self,
        counters: &Arc<Counters>,
        ready: Sender<()>,
        all_ready: &RwLock<bool>,
        asked: oneshot::Receiver<()>,
    ) -> io::Result<()> {
        let runtime = new_runtime(counters).map_err(|e| too_many("no runtime can be made", &e))?;
        ready.send(()).ok();
        drop(ready);
        // Who starts them holds it for writing until it is known whether all are ready.
        let go_on = *all_ready.read().unwrap_or_else(PoisonError::into_inner);
        if go_on { (self.work)(runtime, asked) } else { Ok(()) }
    }
}

fn too_many(what: &str, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("{what}: {e}; ask for fewer with --shards"))
}

/// Runs all `workers` until they are asked to stop. The first that ends by itself ends the others.
fn run_all(workers: Vec<Worker<'_>>, counters: &Arc<Counters>, stop: &Stop) -> io::Result<()> {
    let (asks, asked): (Vec<_>, Vec<_>) = workers.iter().map(|_| oneshot::channel::<()>()).unzip();
    let asks = Arc::new(Mutex::new(asks));
    // To drop a sender is to ask.
    let ask_all = move || asks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let under_way = stop.subscribe(ask_all.clone());
    let all_ready = RwLock::new(false);
    let served = thread::scope(|scope| {
        let ((ready, readies), (ended, ends)) = (channel(), channel());
        let all = workers.len();
        // All begin, or none: the first could take the descriptors that the last needs.
        let mut go_on = all_ready.write().unwrap_or_else(PoisonError::into_inner);
        for (worker, asked) in workers.into_iter().zip(asked) {
            let (name, ready, all_ready) = (worker.name.clone(), ready.clone(), &all_ready);
            start(scope, name, &ended, move || worker.run(counters, ready, all_ready, asked));
        }
        drop((ready, ended));
        *go_on = readies.iter().count() == all;
        drop(go_on);
        ends.iter().inspect(|_| ask_all()).fold(Ok(()), io::Result::and)
    });
    drop(under_way);
    served
}

/// Starts a thread for `work`, and sends what it came to; a panic is its end, and no silence.
fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    ended: &Sender<io::Result<()>>,
    work: impl FnOnce() -> io::Result<()> + Send + 'scope,
) {
    let builder = thread::Builder::new().name(name.clone());
    let by_name = move |e: io::Error| io::Error::new(e.kind(), format!("{name}: {e}"));
    let (sender, by_its_name) = (ended.clone(), by_name.clone());
    let thread = builder.spawn_scoped(scope, move || {
        let end = catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(io::Error::other("it panicked")));
        sender.send(end.map_err(by_its_name)).ok();
    });
    if let Err(e) = thread {
        ended.send(Err(by_name(too_many("no thread can be started", &e)))).ok();
    }
}
