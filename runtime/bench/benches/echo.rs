//! # What a message costs the server
//!
//! Problem: nine tenths of an echo's cost are the kernel's, so that a runtime's own nanoseconds
//! (`runtime.rs`) say little about it: what counts is how often it calls the kernel.
//! Idea: each server as a process of its own on one CPU, the same client on another; and the CPU
//! time that the server says it has used, and its system calls, per message.
//! Leaves out: latency. The study measures it.
//! Read before: `runtime.rs`.
//! Try: `cargo bench -p dormouse-bench -- c=64`

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use dormouse_bench::child::{Server, serve_if_asked};
use dormouse_bench::load::{Clients, churn};
use dormouse_bench::machine::{describe, pin, raise_descriptor_limit, two_cpus};
use dormouse_bench::options::Options;
use dormouse_bench::rounds::{Samples, take_turns};
use dormouse_bench::servers::SERVERS;

/// What the clients do.
#[derive(Clone, Copy)]
enum Load {
    /// So many connections, a message under way on each.
    PingPong(usize),
    /// So many at a time connect, send one message, and close.
    Churn(u32),
}

/// A table.
struct Scenario {
    name: &'static str,
    load: Load,
    /// Client and server share a CPU. Each on its own, they would sleep after every message, and
    /// the waking of an idle CPU would be all that is seen.
    one_cpu: bool,
}

const SCENARIOS: [Scenario; 5] = [
    Scenario { name: "echo c=1", load: Load::PingPong(1), one_cpu: true },
    Scenario { name: "echo c=64", load: Load::PingPong(64), one_cpu: false },
    Scenario { name: "echo c=1000", load: Load::PingPong(1000), one_cpu: false },
    Scenario { name: "echo churn c=1", load: Load::Churn(1), one_cpu: true },
    Scenario { name: "echo churn c=16", load: Load::Churn(16), one_cpu: false },
];

/// What one server needed, in the rounds and in the run that counted its calls.
#[derive(Default)]
struct Figures {
    cpu_us: Samples,
    per_second: Samples,
    calls: Option<(f64, &'static str)>,
}

fn main() -> io::Result<()> {
    serve_if_asked()?;
    let options = Options::from_args();
    let rounds = options.effort.pick(1, 3, 5);
    let duration = Duration::from_millis(options.effort.pick(20, 200, 800));
    let wanted: Vec<_> = SCENARIOS.iter().filter(|s| options.wants(s.name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    raise_descriptor_limit()?;
    describe(rounds);
    let cpus = two_cpus()?;
    for scenario in wanted {
        let mut figures: Vec<Figures> = SERVERS.iter().map(|_| Figures::default()).collect();
        take_turns(rounds, SERVERS.len(), |who| {
            let server = scenario.start(SERVERS[who].0, cpus)?;
            scenario.load.measure(server, duration, &mut figures[who])
        })?;
        for ((name, _), figures) in SERVERS.iter().zip(&mut figures) {
            let server = scenario.start(name, cpus)?;
            figures.calls = scenario.load.count_calls(&server, duration / 4)?;
        }
        scenario.print(&figures);
    }
    Ok(())
}

impl Scenario {
    /// Starts the server on its CPU, and keeps this thread to the client's.
    fn start(&self, name: &str, (first, second): (usize, usize)) -> io::Result<Server> {
        let server = Server::start(name, first)?;
        pin(if self.one_cpu { first } else { second })?;
        Ok(server)
    }

    fn print(&self, figures: &[Figures]) {
        let place = if self.one_cpu { "both on one CPU" } else { "each on its CPU" };
        let what = match self.load {
            Load::PingPong(_) => "message",
            Load::Churn(_) => "connection",
        };
        let title = format!("{}, {place}, per {what}", self.name);
        println!(
            "\n{title:37} {:>19} {:>6} {:>6} {:>22} {:>6}",
            "CPU µs", "/dorm.", "/mio", "a second", "calls"
        );
        let [dormouse, mio] = [0, 1].map(|who: usize| figures[who].cpu_us.median());
        for ((name, _), Figures { cpu_us, per_second, calls }) in SERVERS.iter().zip(figures) {
            let (to_dormouse, to_mio) = (cpu_us.median() / dormouse, cpu_us.median() / mio);
            let calls = calls
                .map_or_else(|| "-".to_owned(), |(calls, tool)| format!("{calls:.2} ({tool})"));
            println!(
                "{name:37} {cpu_us:>19.2} {to_dormouse:>6.2} {to_mio:>6.2} {per_second:>22} {calls}"
            );
        }
    }
}

impl Load {
    fn measure(
        self,
        mut server: Server,
        duration: Duration,
        figures: &mut Figures,
    ) -> io::Result<()> {
        let mut run = self.prepare(&server, duration)?;
        let (cpu, begin) = (server.cpu_time()?, Instant::now());
        let operations = run()?;
        let wall = begin.elapsed();
        // The server sees the last close a little later.
        thread::sleep(Duration::from_millis(20));
        let cpu = server.cpu_time()?.saturating_sub(cpu);
        figures.cpu_us.add(cpu.as_secs_f64() * 1e6 / f64::from(operations));
        figures.per_second.add(f64::from(operations) / wall.as_secs_f64());
        Ok(())
    }

    fn count_calls(
        self,
        server: &Server,
        duration: Duration,
    ) -> io::Result<Option<(f64, &'static str)>> {
        let run = self.prepare(server, duration)?;
        server.count_calls(run)
    }

    /// Warms the server up; what it returns is the load itself.
    fn prepare(
        self,
        server: &Server,
        duration: Duration,
    ) -> io::Result<Box<dyn FnMut() -> io::Result<u32>>> {
        let address = server.address();
        Ok(match self {
            Load::PingPong(count) => {
                let mut clients = Clients::connect(address, count)?;
                clients.ping_pong(duration / 4)?;
                Box::new(move || clients.ping_pong(duration))
            }
            Load::Churn(at_once) => {
                // Each leaves an address in TIME_WAIT; there are 28,000 of them.
                let each = u32::try_from(duration.as_millis()).unwrap_or(1000) * 4 / at_once;
                churn(address, at_once, each.div_ceil(4))?;
                Box::new(move || churn(address, at_once, each))
            }
        })
    }
}
