//! # How long quiet connections wait beside a firehose
//!
//! Problem: a peer that sends as fast as it can keeps its task busy for ever, on a thread that it
//! shares with everybody else.
//! Idea: the server on one CPU; on another a firehose, whose bytes come back to it, and 100 quiet
//! clients that send ten messages a second each, on a schedule. Their latency counts from the
//! moment that a message was due. A server that reads much at a time now and then comes to the
//! end of what a firehose can send; one that reads little never does. If it echoes each bit, the
//! kernel's own thread for packets (`ksoftirqd`) has to share the CPU with it, which takes up to a
//! slice of some milliseconds; less so if it swallows them. That is in the p99 of all, so compare
//! them, and the p50. Without a firehose, what is left is the machine's and the load generator's.
//! Leaves out: several firehoses. They wait for each other, and the quiet ones for all of them.
//! Read before: `echo.rs`.
//! Try: `cargo bench -p dormouse-bench --bench fairness -- swallowed`

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dormouse_bench::child::{Server, serve_if_asked};
use dormouse_bench::firehose::Firehose;
use dormouse_bench::machine::{describe, pin, two_cpus};
use dormouse_bench::options::Options;
use dormouse_bench::rounds::{Samples, take_turns};
use dormouse_study::load::drive::drive;
use dormouse_study::load::plan::{Pattern, Plan};

const SERVERS: [&str; 3] = ["dormouse", "tokio", "smol"];

/// The quiet ones, and how many messages per second they send together.
const QUIET: usize = 100;
const RATE: u32 = 1000;

/// A table: how much the server reads at a time; whether there is a firehose, and gets answers.
struct Scenario {
    name: &'static str,
    buffer: usize,
    firehose: Option<Answers>,
}

#[derive(Clone, Copy, PartialEq)]
enum Answers {
    Echoed,
    Swallowed,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario { name: "among themselves", buffer: 4096, firehose: None },
    Scenario { name: "beside a firehose, echoed", buffer: 4096, firehose: Some(Answers::Echoed) },
    Scenario { name: "the same, read in bits", buffer: 256, firehose: Some(Answers::Echoed) },
    Scenario { name: "the same, swallowed", buffer: 256, firehose: Some(Answers::Swallowed) },
];

/// What the quiet clients of one server saw, once per round: microseconds.
#[derive(Default)]
struct Figures {
    p50: Samples,
    p99: Samples,
    most: Samples,
    /// What the firehose sent, in megabytes per second.
    sent: Samples,
}

fn main() -> io::Result<()> {
    serve_if_asked()?;
    let options = Options::from_args();
    let wanted = |scenario: &Scenario| options.wants(&format!("fairness {}", scenario.name));
    let wanted: Vec<_> = SCENARIOS.into_iter().filter(wanted).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let rounds = options.effort.pick(1, 3, 5);
    let duration = Duration::from_millis(options.effort.pick(100, 500, 2000));
    describe(options.effort, rounds);
    for scenario in wanted {
        let mut figures = SERVERS.map(|_| Figures::default());
        take_turns(rounds, SERVERS.len(), |who| {
            scenario.measure(SERVERS[who], duration, &mut figures[who])
        })?;
        scenario.print(&figures);
    }
    Ok(())
}

impl Scenario {
    fn measure(&self, name: &str, duration: Duration, figures: &mut Figures) -> io::Result<()> {
        let (ours, theirs) = two_cpus()?;
        let server = Server::start_with(name, theirs, self.buffer)?;
        pin(ours)?;
        let open = |answers| Firehose::open(server.address(), answers == Answers::Swallowed);
        let firehose = self.firehose.map(open).transpose()?;
        let sent = || firehose.as_ref().map_or(0, Firehose::sent);
        let (begin, before) = (Instant::now(), sent());
        let report = drive(plan(server.address(), duration), &mut |_| ())?;
        figures.sent.add(megabytes(sent() - before) / begin.elapsed().as_secs_f64());
        if let Some(fault) = report.fault {
            return Err(io::Error::other(format!("{name}: {fault}")));
        }
        let Some(latency) = report.latency_us.filter(|_| report.served == QUIET) else {
            return Err(io::Error::other(format!("{name}: of {QUIET} clients not all are served")));
        };
        figures.p50.add(latency.p50);
        figures.p99.add(latency.p99);
        figures.most.add(latency.max);
        Ok(())
    }

    fn print(&self, figures: &[Figures]) {
        let Scenario { name, buffer, .. } = self;
        println!("\n{QUIET} quiet clients {name}; reads of {buffer} bytes: latency in µs");
        println!("{:10}{:>19}{:>21}{:>23}{:>17}", "", "p50", "p99", "most", "firehose MB/s");
        for (name, Figures { p50, p99, most, sent }) in SERVERS.iter().zip(figures) {
            println!("{name:10}{p50:>19}{p99:>21}{most:>23}{:>17.0}", sent.median());
        }
    }
}

/// The load of the quiet ones.
fn plan(addr: SocketAddr, duration: Duration) -> Plan {
    let (pattern, rate) = (Pattern::Pingpong, Some(RATE));
    Plan { addr, connections: QUIET, size: 64, duration, pattern, rate }
}

#[allow(clippy::cast_precision_loss)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
