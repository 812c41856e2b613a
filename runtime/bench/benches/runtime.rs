//! # What the runtime itself costs: spawn, yield, wake, timers
//!
//! Problem: a runtime's own work is lost in the kernel's as soon as a socket is involved.
//! Idea: no socket. The same code on three runtimes, in one process, taking turns. All figures
//! are CPU time, which other programs disturb less; only the lateness of timers is not.
//! Leaves out: many threads; each runtime stays on one.
//! Read next: `echo.rs`, for the whole that this is a small part of.
//! Try: `cargo bench -p dormouse-bench -- yield`

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use atomic_waker::AtomicWaker;
use dormouse_bench::machine::{cpu_time, describe, pin as pin_thread, two_cpus};
use dormouse_bench::options::{Effort, Options};
use dormouse_bench::peer::{Dormouse, Peer, Smol, Tokio};
use dormouse_bench::rounds::{Samples, take_turns};

/// One benchmark on one runtime: `at_once` tasks or timers, `times` over.
type Measure = fn(at_once: u32, times: u32) -> f64;

/// A line of the table.
struct Row {
    name: String,
    at_once: u32,
    times: u32,
    /// dormouse, tokio, smol.
    measures: [Measure; 3],
}

fn main() -> io::Result<()> {
    let options = Options::from_args();
    let rounds = options.effort.pick(1, 3, 7);
    let mut rows = rows(options.effort);
    rows.retain(|row| options.wants(&row.name));
    if rows.is_empty() {
        return Ok(());
    }
    describe(options.effort, rounds);
    let names = [Dormouse::NAME, Tokio::NAME, Smol::NAME].map(|name| format!("{name:>19}"));
    println!("\n{:31}{}{:>7}{:>6}", "", names.concat(), "/tokio", "/smol");
    for Row { name, at_once, times, measures } in rows {
        let mut samples = [const { Samples::new() }; 3];
        take_turns(rounds, measures.len(), |who| {
            samples[who].add(measures[who](at_once, times));
            Ok(())
        })?;
        let [ours, tokio, smol] = samples.each_ref().map(Samples::median);
        let figures = samples.map(|samples| format!("{samples:>19}"));
        println!("{name:31}{}{:>7.2}{:>6.2}", figures.concat(), ours / tokio, ours / smol);
    }
    Ok(())
}

/// What is measured, and how often.
fn rows(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |name: &str, at_once, times: u32, measures| {
        // Every round must be long beside what disturbs it, and short beside a cup of coffee.
        let times = effort.pick(times / 1000, times / 4, times).max(1);
        rows.push(Row { name: name.to_owned(), at_once, times, measures });
    };
    let spawn = [spawn_and_join::<Dormouse>, spawn_and_join::<Tokio>, spawn_and_join::<Smol>];
    row("spawn+join, 1000 tasks, ns", 1000, 1000, spawn);
    let yields = [yields::<Dormouse>, yields::<Tokio>, yields::<Smol>];
    row("yield, 1 task, ns", 1, 500_000, yields);
    row("yield, 100 tasks, ns", 100, 20_000, yields);
    let wakes = [round_trips::<Dormouse>, round_trips::<Tokio>, round_trips::<Smol>];
    row("wake there and back, ns", 2, 20_000, wakes);
    let spread = [arm_and_cancel::<Dormouse>, arm_and_cancel::<Tokio>, arm_and_cancel::<Smol>];
    let latest = [arm_the_latest::<Dormouse>, arm_the_latest::<Tokio>, arm_the_latest::<Smol>];
    for (alive, name) in [(1, "1"), (1000, "1000"), (100_000, "100k"), (1_000_000, "1M")] {
        if alive > effort.pick(1000, 100_000, 1_000_000) {
            continue;
        }
        row(&format!("timer cancelled, {name} alive, ns"), alive, 100_000, spread);
    }
    row("timeout, 100k alive, ns", 100_000, 100_000, latest);
    let cost = [fire::<Dormouse>, fire::<Tokio>, fire::<Smol>];
    let late = [fire_late::<Dormouse>, fire_late::<Tokio>, fire_late::<Smol>];
    row("timer fired, 10k, CPU ns each", 10_000, 1, cost);
    row("timer fired, 10k, µs late", 10_000, 1, late);
    rows
}

/// CPU time since it was `begin`.
fn since(begin: Duration) -> Duration {
    cpu_time().saturating_sub(begin)
}

/// Nanoseconds of each of `count` operations that took `total` together.
fn each(total: Duration, count: u32) -> f64 {
    total.as_secs_f64() * 1e9 / f64::from(count)
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
        two_cpus().and_then(|(cpu, _)| pin_thread(cpu)).expect("it is one of those allowed");
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

const HOUR: Duration = Duration::from_secs(3600);

/// The `n`th of many durations that are spread evenly, in no order, over the hour after next.
fn spread(n: u32) -> Duration {
    // Multiples of the golden ratio, cut to their fraction, never come close to each other.
    HOUR + HOUR.mul_f64((f64::from(n) * 0.618_033_988_749_895).fract())
}

/// Polls `future` once.
async fn poll_once(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
}

/// Timers that are armed by their first poll, and dropped: their deadlines lie anywhere among
/// those of the `alive` others.
fn arm_and_cancel<P: Peer>(alive: u32, times: u32) -> f64 {
    cancelled::<P>(alive, times, spread)
}

/// The same for the usual timeout: its deadline is later than those of all others.
fn arm_the_latest<P: Peer>(alive: u32, times: u32) -> f64 {
    cancelled::<P>(alive, times, |_| 3 * HOUR)
}

fn cancelled<P: Peer>(alive: u32, times: u32, duration: fn(u32) -> Duration) -> f64 {
    let runtime = P::new();
    runtime.block_on(async {
        let mut others = Vec::new();
        for n in 0..alive {
            let mut sleep = Box::pin(P::sleep(spread(n)));
            poll_once(sleep.as_mut()).await;
            others.push(sleep);
        }
        let begin = cpu_time();
        for n in 0..times {
            poll_once(P::sleep(duration(n + alive))).await;
        }
        each(since(begin), times)
    })
}

/// `at_once` tasks sleep 1 to 100 ms: CPU time of the process for each, its spawn included.
fn fire<P: Peer>(at_once: u32, _times: u32) -> f64 {
    fired::<P>(at_once).0
}

/// The same: by how many microseconds they were late in the mean. None may be early.
fn fire_late<P: Peer>(at_once: u32, _times: u32) -> f64 {
    fired::<P>(at_once).1
}

fn fired<P: Peer>(at_once: u32) -> (f64, f64) {
    let runtime = P::new();
    runtime.block_on(async {
        let begin = cpu_time();
        let sleeps = (0..at_once).map(|n| {
            // 7919 is prime: all lengths come up, equally often, in no order.
            let micros = 1000 + u64::from(n) * 7919 % 99_000;
            runtime.spawn_sleep(Duration::from_micros(micros))
        });
        let sleeps: Vec<_> = sleeps.collect();
        let mut late = Duration::ZERO;
        for sleep in sleeps {
            late += sleep.await;
        }
        (each(since(begin), at_once), each(late, at_once) / 1000.0)
    })
}
