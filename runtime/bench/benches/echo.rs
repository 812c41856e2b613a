//! # What a message costs the server
//!
//! Problem: nine tenths of an echo's cost are the kernel's. A runtime's own nanoseconds
//! (`runtime.rs`) say little about it: what counts is how often it calls the kernel.
//! Idea: each server as a process of its own on one CPU, the same client on another; what the
//! server says of its CPU time, and what the kernel says of its calls, for each message.
//! Leaves out: latency. The study measures it.
//! Read before: `runtime.rs`.
//! Try: `cargo bench -p dormouse-bench --bench echo -- c=64`

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use dormouse_bench::child::{Server, serve_if_asked};
use dormouse_bench::load::Load;
use dormouse_bench::machine::{describe, pin, two_cpus};
use dormouse_bench::options::Options;
use dormouse_bench::rounds::{Samples, take_turns};
use dormouse_bench::servers::possible;
use dormouse_study::limits::raise_descriptor_limit;

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

/// Whom the others are compared with: the columns of ratios.
const COMPARED: [&str; 3] = ["study's mio", "mio", "tokio"];

/// What one server needed, in the rounds and in the run that counted its calls.
#[derive(Default)]
struct Figures {
    cpu_us: Samples,
    per_second: Samples,
    calls: Option<f64>,
}

fn main() -> io::Result<()> {
    serve_if_asked()?;
    let options = Options::from_args();
    let rounds = options.effort.pick(1, 3, 5);
    let duration = Duration::from_millis(options.effort.pick(10, 100, 600));
    let wanted: Vec<_> = SCENARIOS.iter().filter(|s| options.wants(s.name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    raise_descriptor_limit()?;
    describe(options.effort, rounds);
    let cpus = two_cpus()?;
    let servers = possible();
    for scenario in wanted {
        let mut figures: Vec<Figures> = servers.iter().map(|_| Figures::default()).collect();
        take_turns(rounds, servers.len(), |who| {
            scenario.measure(servers[who], cpus, duration, &mut figures[who])
        })?;
        for (name, figures) in servers.iter().zip(&mut figures) {
            figures.calls = scenario.count_calls(name, cpus, duration / 2)?;
        }
        scenario.print(&servers, &figures);
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

    fn measure(
        &self,
        name: &str,
        cpus: (usize, usize),
        duration: Duration,
        figures: &mut Figures,
    ) -> io::Result<()> {
        let mut server = self.start(name, cpus)?;
        let mut run = self.load.prepare(server.address(), duration)?;
        let (cpu, begin) = (server.cpu_time()?, Instant::now());
        let operations = run()?;
        let wall = begin.elapsed();
        // The server sees the last close a little later.
        thread::sleep(Duration::from_millis(10));
        let cpu = server.cpu_time()?.saturating_sub(cpu);
        figures.cpu_us.add(cpu.as_secs_f64() * 1e6 / f64::from(operations));
        figures.per_second.add(f64::from(operations) / wall.as_secs_f64());
        Ok(())
    }

    fn count_calls(
        &self,
        name: &str,
        cpus: (usize, usize),
        duration: Duration,
    ) -> io::Result<Option<f64>> {
        let server = self.start(name, cpus)?;
        let run = self.load.prepare(server.address(), duration)?;
        server.count_calls(run)
    }

    fn print(&self, servers: &[&str], figures: &[Figures]) {
        let Scenario { name, load, one_cpu } = self;
        let place = if *one_cpu { "both on one CPU" } else { "server and load on a CPU each" };
        println!("\n{name}: for each {}; {place}", load.operation());
        let compared = COMPARED.map(|name| format!("{:>14}", format!("/ {name}")));
        println!("{:14}{:>19}{}{:>7}{:>11}", "", "CPU µs", compared.concat(), "calls", "a second");
        for (name, Figures { cpu_us, per_second, calls }) in servers.iter().zip(figures) {
            let per_second = per_second.median();
            let ratios = COMPARED.map(|other| {
                let other = servers.iter().position(|name| *name == other);
                let other = other.map_or(f64::NAN, |other| figures[other].cpu_us.median());
                format!("{:>14.2}", cpu_us.median() / other)
            });
            let calls = calls.map_or("-".to_owned(), |calls| format!("{calls:.2}"));
            println!("{name:14}{cpu_us:>19.2}{}{calls:>7}{per_second:>11.0}", ratios.concat());
        }
    }
}
