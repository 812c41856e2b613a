//! # What timers cost: armed and cancelled, and fired
//!
//! Problem: nearly every timer is a timeout that never comes, so what counts is how cheaply one
//! is armed and cancelled, beside however many others; and those that come must come in time.
//! Idea: the same timers on three runtimes. First more and more of them are alive while one after
//! the other is armed and dropped. Then 10,000 tasks sleep, and tell how late they went on.
//! Leaves out: how early a timer is. None may be: the first that was would end the program.
//! Read before: `runtime.rs`.
//! Try: `cargo bench -p dormouse-bench --bench timers -- fired`

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use dormouse_bench::machine::cpu_time;
use dormouse_bench::options::{Effort, Options};
use dormouse_bench::peer::{Dormouse, Peer, Smol, Tokio};
use dormouse_bench::table::{Measure, Row, each, print_table, since};

fn main() -> io::Result<()> {
    let options = Options::from_args();
    print_table(&options, rows(options.effort))
}

/// What is measured, and how often.
fn rows(effort: Effort) -> Vec<Row> {
    let spread = [arm_and_cancel::<Dormouse>, arm_and_cancel::<Tokio>, arm_and_cancel::<Smol>];
    let latest = [arm_the_latest::<Dormouse>, arm_the_latest::<Tokio>, arm_the_latest::<Smol>];
    let cost = [fire_cost::<Dormouse>, fire_cost::<Tokio>, fire_cost::<Smol>];
    let late = [fire_late::<Dormouse>, fire_late::<Tokio>, fire_late::<Smol>];
    let latest_of_all = [fire_max::<Dormouse>, fire_max::<Tokio>, fire_max::<Smol>];
    let row = |name: String, at_once, times, measures: [Measure; 3]| Row {
        name,
        at_once,
        times,
        measures,
    };
    let most = effort.pick(1000, 1_000_000, 1_000_000);
    let alive = (0..=6).map(|zeros| 10_u32.pow(zeros)).filter(|alive| *alive <= most);
    let cancelled =
        alive.map(|alive| row(format!("cancelled, {alive} alive, ns"), alive, 100_000, spread));
    let others = [
        row("timeout, 100000 alive, ns".into(), 100_000, 100_000, latest),
        row("fired, 10k, CPU ns each".into(), 10_000, 1, cost),
        row("fired, 10k, mean µs late".into(), 10_000, 1, late),
        row("fired, 10k, most µs late".into(), 10_000, 1, latest_of_all),
    ];
    cancelled.chain(others).collect()
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
fn fire_cost<P: Peer>(at_once: u32, _times: u32) -> f64 {
    each(fire::<P>(at_once).cpu, at_once)
}

/// The same: by how many microseconds they were late in the mean. None may be early.
fn fire_late<P: Peer>(at_once: u32, _times: u32) -> f64 {
    each(fire::<P>(at_once).late, at_once) / 1000.0
}

/// The same: by how many microseconds the latest was late.
fn fire_max<P: Peer>(at_once: u32, _times: u32) -> f64 {
    fire::<P>(at_once).latest.as_secs_f64() * 1e6
}

/// What timers that fired have shown.
struct Fired {
    cpu: Duration,
    /// All together.
    late: Duration,
    latest: Duration,
}

fn fire<P: Peer>(at_once: u32) -> Fired {
    let runtime = P::new();
    runtime.block_on(async {
        let begin = cpu_time();
        let sleeps = (0..at_once).map(|n| {
            // 7919 is prime: all lengths come up, equally often, in no order.
            let micros = 1000 + u64::from(n) * 7919 % 99_000;
            runtime.spawn_sleep(Duration::from_micros(micros))
        });
        let sleeps: Vec<_> = sleeps.collect();
        let (mut late, mut latest) = (Duration::ZERO, Duration::ZERO);
        for sleep in sleeps {
            let this = sleep.await;
            late += this;
            latest = latest.max(this);
        }
        Fired { cpu: since(begin), late, latest }
    })
}
