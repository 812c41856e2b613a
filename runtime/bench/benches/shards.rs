//! # Two cores: two shards beside tokio's two workers
//!
//! Problem: a runtime on one thread is only half an answer where there are two cores.
//! Idea: the same load on servers with two threads each: shards, whose connections stay where they
//! came, and workers, which take tasks from each other. Two threads of clients share the cores with
//! the server, and nothing is pinned: that is the same for all, and so is what it costs.
//! Leaves out: more cores than two, and a load that is uneven: there stealing has its use.
//! Read before: `echo.rs`.
//! Try: `cargo bench -p dormouse-bench --bench shards`

use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use dormouse_bench::child::{Server, serve_if_asked};
use dormouse_bench::load::Load;
use dormouse_bench::machine::describe;
use dormouse_bench::options::Options;
use dormouse_bench::rounds::{Samples, take_turns};
use dormouse_bench::servers::SHARDED;
use dormouse_study::limits::raise_descriptor_limit;

/// As many threads send as serve.
const CLIENTS: usize = 2;

/// Whom the others are compared with.
const TOKIO: &str = "tokio, 2 workers";

/// What one server came to, round by round.
#[derive(Default)]
struct Figures {
    per_second: Vec<f64>,
    cpu_us: Vec<f64>,
}

fn main() -> io::Result<()> {
    serve_if_asked()?;
    let options = Options::from_args();
    let rounds = options.effort.pick(1, 5, 15);
    let duration = Duration::from_millis(options.effort.pick(10, 100, 400));
    let wanted = [64, 1000].map(|connections| (format!("shards c={connections}"), connections));
    let wanted: Vec<_> = wanted.into_iter().filter(|(name, _)| options.wants(name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    raise_descriptor_limit()?;
    describe(options.effort, rounds);
    for (name, connections) in wanted {
        let mut figures: Vec<Figures> = SHARDED.iter().map(|_| Figures::default()).collect();
        take_turns(rounds, SHARDED.len(), |who| {
            measure(SHARDED[who].name, connections / CLIENTS, duration, &mut figures[who])
        })?;
        print(&name, &figures);
    }
    Ok(())
}

fn measure(
    name: &str,
    connections: usize,
    duration: Duration,
    figures: &mut Figures,
) -> io::Result<()> {
    let mut server = Server::start_anywhere(name)?;
    let address = server.address();
    let (warm, go) = (Barrier::new(CLIENTS + 1), Barrier::new(CLIENTS + 1));
    let client = || send(address, connections, duration, &warm, &go);
    let (messages, wall, cpu) = thread::scope(|scope| -> io::Result<_> {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        warm.wait();
        let cpu = server.cpu_time();
        let begin = Instant::now();
        go.wait();
        let ends = clients.into_iter().map(|client| client.join().expect("it does not panic"));
        let messages = ends.sum::<io::Result<u32>>()?;
        Ok((f64::from(messages), begin.elapsed(), cpu?))
    })?;
    let cpu = server.cpu_time()?.saturating_sub(cpu);
    figures.per_second.push(messages / wall.as_secs_f64());
    figures.cpu_us.push(cpu.as_secs_f64() * 1e6 / messages);
    Ok(())
}

/// Connects, and sends once all others are ready, too. Who fails waits all the same.
fn send(
    server: SocketAddr,
    connections: usize,
    duration: Duration,
    warm: &Barrier,
    go: &Barrier,
) -> io::Result<u32> {
    let run = Load::PingPong(connections).prepare(server, duration);
    warm.wait();
    go.wait();
    run?()
}

/// The ratios are those of each round, where the machine was in one mood, and their median.
fn print(name: &str, figures: &[Figures]) {
    println!("\n{name}: each sends when it was answered; server and load on the same CPUs");
    let titles = ("messages a second", "/ tokio", "CPU µs a message", "/ tokio");
    println!("{:22}{:>28}{:>19}{:>20}{:>19}", "", titles.0, titles.1, titles.2, titles.3);
    let tokio = SHARDED.iter().position(|server| server.name == TOKIO).expect("it is listed");
    let Figures { per_second: most, cpu_us: least } = &figures[tokio];
    for (server, Figures { per_second, cpu_us }) in SHARDED.iter().zip(figures) {
        let (faster, dearer) = (ratios(per_second, most), ratios(cpu_us, least));
        let (per_second, cpu_us) = (samples(per_second), samples(cpu_us));
        let name = server.name;
        println!("{name:22}{per_second:>28}{faster:>19.2}{cpu_us:>20.2}{dearer:>19.2}");
    }
}

fn ratios(ours: &[f64], theirs: &[f64]) -> Samples {
    samples(&ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
}

fn samples(rounds: &[f64]) -> Samples {
    let mut samples = Samples::new();
    for round in rounds {
        samples.add(*round);
    }
    samples
}
