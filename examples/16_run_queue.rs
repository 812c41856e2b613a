//! # 16 Run queue: many tasks, one thread
//!
//! Problem: `block_on` polls one future; a server has one for each client.
//! Idea: a future that is *spawned* becomes a *task*, with a number. Its waker puts the number into
//! the *run queue*, unless it is there; the *executor* polls who is in it, oldest first. When
//! nobody is, the thread parks in the reactor. Once around is a *turn*.
//! Leaves out: accepting, timers, other threads, results; a generation, against late wakes.
//! Try: `cargo run --example 16_run_queue`
//!
//! You should see, with figures of your own:
//!
//!     50 clients: polled 200 times, 50 in vain
//!     queued by a spawn 50 times, by a wake 150 times; parked 9 times, 0 in vain
//!
//! In the step before, a wake set a flag; here it queues a number. That is dormouse in small: each
//! part names the file of `runtime/src/` that it is the small form of. The reactor of step 15
//! stands in `support/reactor.rs` now, word for word.
//! `diff examples/15_reactor.rs examples/16_run_queue.rs`: 77 lines of code come, 74 go.
//! Break it: put `in batch.into_iter().rev()` in place of `in batch`. Then the newest comes first.
//!
//! Read next: `run` in `runtime/src/executor.rs`. Run next: `cargo run --example 17_async_fn`.

mod support;

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_task::{ArcWake, waker_ref};
use slab::Slab;

use support::clients::clients;
use support::echo::{Direction, Echo, Tally};
use support::reactor::Reactor;

const CLIENTS: usize = 50;

fn main() -> io::Result<()> {
    let (streams, clients) = clients::<CLIENTS>()?;
    let mut reactor = Reactor::new()?;
    let mut executor = Executor::default();
    for mut stream in streams {
        let source = reactor.register(&mut stream)?;
        let leave =
            move |side: Direction, waker: &Waker| source[side as usize].set(Some(waker.clone()));
        let task = executor.spawn(Echo::new(stream, leave));
        // Once more, before its poll: it is in the run queue already, and stays there once.
        ArcWake::wake_by_ref(&task);
    }
    executor.run(&mut reactor)?;
    clients.join().expect("the clients do not panic")?;
    let Reactor { parks, vain, wakes, .. } = reactor;
    let polls = executor.polled.len();

    println!("{CLIENTS} clients: polled {polls} times, {} in vain", executor.vain);
    print!("queued by a spawn {CLIENTS} times, by a wake {wakes} times; ");
    println!("parked {parks} times, {vain} in vain");
    assert_eq!(polls, CLIENTS + wakes, "a poll for each time in the run queue");
    assert!(executor.polled[..CLIENTS].is_sorted(), "first in, first out");
    assert!(executor.vain <= CLIENTS, "only the first poll of each can be in vain");
    assert_eq!(vain, 0, "the park ends when something has come");
    support::next(include_str!("16_run_queue.rs"));
    Ok(())
}

type Spawned = Pin<Box<dyn Future<Output = io::Result<Tally>>>>;

/// All tasks, of which it polls those in the run queue: the small form of `executor.rs`.
#[derive(Default)]
struct Executor {
    tasks: Slab<(Arc<Task>, Spawned)>,
    queue: Arc<RunQueue>,
    polled: Vec<usize>,
    vain: usize,
}

impl Executor {
    fn spawn(&mut self, future: impl Future<Output = io::Result<Tally>> + 'static) -> Arc<Task> {
        let (key, queue) = (self.tasks.vacant_key(), Arc::clone(&self.queue));
        let task = Arc::new(Task { key, queued: AtomicBool::new(false), queue });
        // Its spawn is its first wake.
        ArcWake::wake_by_ref(&task);
        self.tasks.insert((Arc::clone(&task), Box::pin(future)));
        task
    }

    /// Turn by turn, until all have ended: the small form of `runtime.rs`.
    fn run(&mut self, reactor: &mut Reactor) -> io::Result<()> {
        loop {
            let batch =
                std::mem::take(&mut *self.queue.lock().expect("nobody panics with the lock"));
            for key in batch {
                self.poll(key)?;
            }
            if self.tasks.is_empty() {
                return Ok(());
            }
            reactor.park()?;
        }
    }

    fn poll(&mut self, key: usize) -> io::Result<()> {
        self.polled.push(key);
        let (task, future) = &mut self.tasks[key];
        // Before the poll: a wake in the midst of it queues the task again.
        task.queued.store(false, SeqCst);
        if let Poll::Ready(end) = future.as_mut().poll(&mut Context::from_waker(&waker_ref(task))) {
            self.vain += end?.vain;
            drop(self.tasks.remove(key));
        }
        Ok(())
    }
}

/// All that a waker knows of the task that it wakes: the small form of `task.rs`.
struct Task {
    key: usize,
    queued: AtomicBool,
    queue: Arc<RunQueue>,
}

impl ArcWake for Task {
    fn wake_by_ref(task: &Arc<Task>) {
        if !task.queued.swap(true, SeqCst) {
            task.queue.lock().expect("nobody panics with the lock").push(task.key);
        }
    }
}

/// The tasks that can run, oldest first: the small form of `queue.rs`.
type RunQueue = Mutex<Vec<usize>>;
