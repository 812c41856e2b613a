//! # What the runtime itself costs: spawn, yield, wake
//!
//! Problem: a runtime's own work is lost in the kernel's as soon as a socket is involved.
//! Idea: no socket. The same code on three runtimes, in one process, taking turns. All figures
//! are CPU time, which other programs disturb less.
//! Leaves out: many threads; each runtime stays on one.
//! Read next: `timers.rs`, then `echo.rs` for the whole that this is a small part of.
//! Try: `cargo bench -p dormouse-bench --bench runtime -- yield`

use std::future::poll_fn;
use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;

use atomic_waker::AtomicWaker;
use dormouse_bench::machine::{cpu_time, pin, two_cpus};
use dormouse_bench::options::Options;
use dormouse_bench::peer::{Dormouse, Peer, Smol, Tokio};
use dormouse_bench::table::{Measure, Row, each, print_table, since};

fn main() -> io::Result<()> {
    print_table(&Options::from_args(), rows())
}

/// What is measured, and how often.
fn rows() -> Vec<Row> {
    let row = |name: &str, at_once, times, measures: [Measure; 3]| Row {
        name: name.to_owned(),
        at_once,
        times,
        measures,
    };
    let spawn = [spawn_and_join::<Dormouse>, spawn_and_join::<Tokio>, spawn_and_join::<Smol>];
    let yields = [yields::<Dormouse>, yields::<Tokio>, yields::<Smol>];
    let wakes = [round_trips::<Dormouse>, round_trips::<Tokio>, round_trips::<Smol>];
    vec![
        row("spawn+join, 1000 tasks, ns", 1000, 1000, spawn),
        row("yield, 1 task, ns", 1, 500_000, yields),
        row("yield, 100 tasks, ns", 100, 20_000, yields),
        row("wake there and back, ns", 2, 20_000, wakes),
    ]
}

/// Empty tasks: `at_once` are spawned, then all are awaited.
fn spawn_and_join<P: Peer>(at_once: u32, times: u32) -> f64 {
    let runtime = P::new();
    runtime.block_on(async {
        let mut tasks = Vec::with_capacity(at_once as usize);
        let begin = cpu_time();
        for _ in 0..times {
            tasks.extend((0..at_once).map(|_| runtime.spawn(async {})));
            for task in tasks.drain(..) {
                task.await;
            }
        }
        each(since(begin), at_once * times)
    })
}

/// `at_once` tasks, each of which yields `times` times.
fn yields<P: Peer>(at_once: u32, times: u32) -> f64 {
    let runtime = P::new();
    let yielder = || async move {
        for _ in 0..times {
            P::yield_now().await;
        }
    };
    runtime.block_on(async {
        let begin = cpu_time();
        let tasks: Vec<_> = (0..at_once).map(|_| runtime.spawn(yielder())).collect();
        for task in tasks {
            task.await;
        }
        each(since(begin), at_once * times)
    })
}

/// A flag that one thread sets, and a task of the other waits for.
#[derive(Default)]
struct Signal {
    set: AtomicBool,
    waker: AtomicWaker,
}

impl Signal {
    fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.waker.wake();
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            // Register, then look: a flag set in between is seen.
            self.waker.register(cx.waker());
            if self.set.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Two threads with a runtime each wake each other in turn: CPU time of both. They share a CPU:
/// each on its own, they would mostly measure the waking of an idle CPU.
fn round_trips<P: Peer>(_at_once: u32, times: u32) -> f64 {
    let (there, back, ready) = (Signal::default(), Signal::default(), Barrier::new(2));
    let enter = || {
        two_cpus().and_then(|(cpu, _)| pin(cpu)).expect("it is one of those allowed");
        let runtime = P::new();
        ready.wait();
        runtime
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            enter().block_on(async {
                for _ in 0..times {
                    there.wait().await;
                    back.set();
                }
            });
        });
        let pinger = scope.spawn(|| {
            enter().block_on(async {
                let begin = cpu_time();
                for _ in 0..times {
                    there.set();
                    back.wait().await;
                }
                each(since(begin), times)
            })
        });
        pinger.join().expect("it does not panic")
    })
}
