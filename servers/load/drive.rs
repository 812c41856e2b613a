//! # Drive: the course of a load
//!
//! Problem: a figure means something only if it is known what went on while it was taken.
//! Idea: three parts. Open: every client connects and sends one message, and it shows who is
//! served. Measure: a window of exactly the time asked for; whoever samples the server is called at
//! both its edges, and between its slices. Drain: what is under way may come back, for a while.
//! Leaves out: other threads: clients, clock and callbacks share one, and one runtime.
//! Read before: `load/pacer.rs`. Read next: `load/report.rs`.
//! Try: `cargo run -- load --addr 127.0.0.1:12345 --duration 1s`

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use dormouse::time::{sleep, sleep_until, timeout};
use dormouse::{JoinHandle, Runtime, spawn};
use futures_lite::future::zip;

use super::lane::{Lane, Run};
use super::pacer::pace;
use super::plan::{Pattern, Plan};
use super::report::Report;
use super::slices::SLICES;
use super::tally::{Fault, Window};

/// Opening may take so long, and the drain: together with [`SETTLE`] less than a second.
const OPENING: Duration = Duration::from_millis(500);
const DRAIN: Duration = Duration::from_millis(300);

/// After the last first message a server gets so long to come to rest, before silence is measured.
const SETTLE: Duration = Duration::from_millis(100);

/// An edge of the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Just before the first measured message is due.
    Begin,
    /// Between two slices.
    Between,
    /// Just after the last.
    End,
}

/// Puts a load on a server, and calls `at_edge` at each edge of the measured window and its slices.
///
/// # Errors
///
/// If nobody could connect.
pub fn drive(plan: Plan, at_edge: &mut dyn FnMut(Edge)) -> io::Result<Report> {
    Runtime::new()?.block_on(course(&Run::new(plan, OPENING), at_edge))
}

async fn course(run: &Rc<Run>, at_edge: &mut dyn FnMut(Edge)) -> io::Result<Report> {
    let clients = open(run).await;
    if run.tally.served.get() == 0
        && let Some(Fault::Connect(error)) = run.tally.fault.take()
    {
        return Err(error);
    }
    if run.plan.pattern == Pattern::Idle {
        sleep(SETTLE).await;
    }
    at_edge(Edge::Begin);
    let begin = Instant::now();
    let window = Window { begin, end: begin + run.plan.duration };
    run.tally.measure(window);
    clients.lanes.iter().for_each(|lane| lane.fill(run, begin));
    let measured = async {
        if let Some(rate) = run.plan.rate {
            return pace(&clients.lanes, rate, window).await;
        }
        sleep_until(window.end).await;
        Ok(())
    };
    zip(measured, cut(run, window, at_edge)).await.0?;
    at_edge(Edge::End);
    run.tally.slices.end(window.end);
    clients.drain(run).await?;
    Ok(Report::new(run))
}

/// Cuts the window into slices.
async fn cut(run: &Run, window: Window, at_edge: &mut dyn FnMut(Edge)) {
    for number in 1..SLICES {
        sleep_until(window.begin + run.plan.duration / SLICES * number).await;
        at_edge(Edge::Between);
        // Whoever comes late: after the window nothing counts.
        run.tally.slices.cut(Instant::now().min(window.end));
    }
}

struct Clients {
    lanes: Vec<Rc<Lane>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts all clients, and waits until it is known who is served.
async fn open(run: &Rc<Run>) -> Clients {
    /// So many at once overflow no server's listen queue; a refused SYN costs a second (tcp(7)).
    const AT_ONCE: usize = 256;
    const BREATH: Duration = Duration::from_millis(20);
    /// Nobody new was served for so long: the others are queued.
    const QUIET: Duration = Duration::from_millis(200);

    let begin = Instant::now();
    let all = run.plan.connections;
    let mut clients = Clients { lanes: Vec::with_capacity(all), tasks: Vec::with_capacity(all) };
    for number in 1..=all {
        clients.start(run);
        if number % AT_ONCE == 0 && begin.elapsed() < OPENING / 2 {
            // Where it takes longer, some are queued, and the next are none the worse for it.
            timeout(BREATH, run.tally.until_decided(number)).await.ok();
        }
    }
    loop {
        let before = run.tally.decided();
        let left = OPENING.saturating_sub(begin.elapsed()).min(QUIET);
        let decided = timeout(left, run.tally.until_decided(all)).await.is_ok();
        if decided || run.tally.decided() == before {
            return clients;
        }
    }
}

impl Clients {
    fn start(&mut self, run: &Rc<Run>) {
        let lane = Rc::new(Lane::default());
        self.lanes.push(Rc::clone(&lane));
        let run = Rc::clone(run);
        self.tasks.push(spawn(async move { lane.live(&run).await }));
    }

    /// Waits a while for what is under way; what then is still missing counts as such.
    async fn drain(self, run: &Run) -> io::Result<()> {
        let limit = Instant::now() + DRAIN;
        self.lanes.iter().for_each(|lane| lane.ledger.close());
        for (lane, task) in self.lanes.iter().zip(self.tasks) {
            if lane.is_served() {
                let left = limit.saturating_duration_since(Instant::now());
                if let Ok(Err(panicked)) = timeout(left, task).await {
                    return Err(io::Error::other(format!("a client: {panicked}")));
                }
            }
        }
        let now = Instant::now();
        for lane in self.lanes.iter().filter(|lane| lane.is_served()) {
            lane.ledger.unanswered().into_iter().for_each(|due| run.tally.no_answer(due, now));
        }
        Ok(())
    }
}
