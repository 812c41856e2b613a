//! The three runtimes behind one trait, so that each benchmark is written once.
//!
//! Each is used as its own documentation does: `tokio::spawn` on a current-thread runtime, and
//! smol's `LocalExecutor` inside of its `block_on`, which drives the reactor as well.

use std::future::Future;
use std::time::{Duration, Instant};

/// A runtime, on the thread that made it.
pub trait Peer {
    /// What heads its column.
    const NAME: &'static str;

    /// Makes one.
    fn new() -> Self;

    /// Runs `future`, and the tasks beside it.
    fn block_on<F: Future>(&self, future: F) -> F::Output;

    /// Adds a task; from within `block_on`. (tokio asks for `Send`, the others don't.)
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> impl Future;

    /// Adds a task that sleeps, and tells how late it went on. It panics if that was too early.
    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = Duration>;

    /// Lets the other tasks go first.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// A future that is ready after `duration`.
    fn sleep(duration: Duration) -> impl Future;
}

/// Sleeps until `sleep` ends, and says how late that is.
async fn lateness(duration: Duration, sleep: impl Future) -> Duration {
    let deadline = Instant::now() + duration;
    sleep.await;
    let late = Instant::now().checked_duration_since(deadline);
    late.expect("a timer never fires early")
}

/// This project's.
#[derive(Debug)]
pub struct Dormouse(dormouse::Runtime);

impl Peer for Dormouse {
    const NAME: &'static str = "dormouse";

    fn new() -> Self {
        Dormouse(dormouse::Runtime::new().expect("descriptors are left"))
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> impl Future {
        dormouse::spawn(future)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = Duration> {
        // The sleep is made in the task, after the deadline it is compared with.
        let task = dormouse::spawn(lateness(duration, async move {
            dormouse::time::sleep(duration).await;
        }));
        async { task.await.expect("the timer was not early") }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        dormouse::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future {
        dormouse::time::sleep(duration)
    }
}

/// tokio's current-thread runtime.
#[derive(Debug)]
pub struct Tokio(tokio::runtime::Runtime);

impl Peer for Tokio {
    const NAME: &'static str = "tokio";

    fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Tokio(builder.enable_all().build().expect("descriptors are left"))
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> impl Future {
        tokio::spawn(future)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = Duration> {
        let task = tokio::spawn(lateness(duration, async move {
            tokio::time::sleep(duration).await;
        }));
        async { task.await.expect("the timer was not early") }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future {
        tokio::time::sleep(duration)
    }
}

/// smol's `LocalExecutor`.
#[derive(Debug)]
pub struct Smol(smol::LocalExecutor<'static>);

impl Peer for Smol {
    const NAME: &'static str = "smol";

    fn new() -> Self {
        Smol(smol::LocalExecutor::new())
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        smol::block_on(self.0.run(future))
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> impl Future {
        self.0.spawn(future)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = Duration> {
        self.0.spawn(lateness(duration, async move {
            smol::Timer::after(duration).await;
        }))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        smol::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future {
        smol::Timer::after(duration)
    }
}
