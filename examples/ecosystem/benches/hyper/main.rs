//! # hyper on dormouse, beside hyper on tokio
//!
//! Problem: what a runtime costs shows only under the work that people run on it.
//! Idea: the same service, the same hyper, the same load; only the runtime differs. Each server
//! is a process of its own on one CPU, the load is on another, and checks every answer.
//! Leaves out: HTTP/2, TLS, and latency.
//! Read next: `load.rs`.
//! Try: `cargo bench -p dormouse-ecosystem --bench hyper`

use std::io;
use std::time::{Duration, Instant};

use dormouse_bench::child::{Server, serve_one_of};
use dormouse_bench::machine::{describe, pin, two_cpus};
use dormouse_bench::options::Options;
use dormouse_bench::rounds::{Samples, take_turns};
use load::{Clients, Request};

mod load;
mod servers;

const CONNECTIONS: usize = 64;

/// What one server needed in each round.
#[derive(Default)]
struct Figures {
    per_second: Samples,
    cpu_us: Samples,
    requests: u32,
    errors: u32,
    /// System calls of a request, from a run of its own; `None` where nothing can count them.
    calls: Option<f64>,
}

fn main() -> io::Result<()> {
    serve_one_of(&servers::SERVERS)?;
    let options = Options::from_args();
    let rounds = options.effort.pick(1, 3, 9);
    let duration = Duration::from_millis(options.effort.pick(20, 300, 1000));
    describe(options.effort, rounds);
    let mut errors = 0;
    for request in [Request::Get, Request::Echo] {
        if !options.wants(request.name()) {
            continue;
        }
        let mut figures = servers::SERVERS.map(|_| Figures::default());
        take_turns(rounds, figures.len(), |who| {
            measure(servers::SERVERS[who].0, request, duration, &mut figures[who])
        })?;
        for ((name, _), figures) in servers::SERVERS.iter().zip(&mut figures) {
            figures.calls = count_calls(name, request, duration / 2)?;
        }
        print(request, &figures);
        errors += figures.iter().map(|figures| figures.errors).sum::<u32>();
    }
    if errors > 0 {
        return Err(io::Error::other(format!("{errors} answers were wrong, or did not come")));
    }
    Ok(())
}

/// The server on its CPU, this thread on another, and the connections between them.
fn start(name: &str, request: Request, time: Duration) -> io::Result<(Server, Clients)> {
    let (first, second) = two_cpus()?;
    let server = Server::start(name, first)?;
    pin(second)?;
    let mut clients = Clients::connect(server.address(), CONNECTIONS, request)?;
    // Until all that is made once has been made.
    clients.run(time / 4)?;
    Ok((server, clients))
}

fn measure(name: &str, request: Request, time: Duration, figures: &mut Figures) -> io::Result<()> {
    let (mut server, mut clients) = start(name, request, time)?;
    let (cpu, begin) = (server.cpu_time()?, Instant::now());
    let done = clients.run(time)?;
    let wall = begin.elapsed();
    let cpu = server.cpu_time()?.saturating_sub(cpu);
    figures.per_second.add(f64::from(done) / wall.as_secs_f64());
    figures.cpu_us.add(cpu.as_secs_f64() * 1e6 / f64::from(done));
    figures.requests += done;
    figures.errors += clients.errors();
    Ok(())
}

fn count_calls(name: &str, request: Request, time: Duration) -> io::Result<Option<f64>> {
    let (server, mut clients) = start(name, request, time)?;
    server.count_calls(|| clients.run(time))
}

fn print(request: Request, figures: &[Figures; 2]) {
    let name = request.name();
    println!("\n{name}, {CONNECTIONS} connections kept alive; server and load on a CPU each");
    let [calls, errors] = ["calls", "errors"];
    println!("{:18}{:>24}{:>23}{calls:>7}{errors:>15}", "", "requests/s", "CPU µs each");
    for ((name, _), figures) in servers::SERVERS.iter().zip(figures) {
        let Figures { per_second, cpu_us, requests, errors, calls } = figures;
        let calls = calls.map_or("-".to_owned(), |calls| format!("{calls:.2}"));
        let errors = format!("{errors} of {requests}");
        println!("{name:18}{per_second:>24.0}{cpu_us:>23.2}{calls:>7}{errors:>15}");
    }
    let [ours, tokio] = figures;
    let (many, cheap) = (
        ours.per_second.median() / tokio.per_second.median(),
        ours.cpu_us.median() / tokio.cpu_us.median(),
    );
    println!("{:18}{many:>24.3}{cheap:>23.3}", "dormouse / tokio");
}
