//! # What an idle connection costs in memory, as the system counts it
//!
//! Problem: an allocator that counts (`memory.rs`) sees what was asked for, not what it took:
//! blocks are rounded up, and aligned.
//! Idea: the same clients, and the pages that the server has written to (`Private_Dirty` in
//! `smaps_rollup`, proc(5)), before and after. Tables that have room for more show what they use.
//! Leaves out: the buffer, and what the kernel keeps for a socket.
//! Read before: `memory.rs`.
//! Try: `cargo bench -p dormouse-bench --bench resident -- dormouse tokio`

use std::io;
use std::thread;
use std::time::Duration;

use dormouse_bench::child::{Server, serve_if_asked};
use dormouse_bench::load::Clients;
use dormouse_bench::machine::{describe, two_cpus};
use dormouse_bench::options::Options;
use dormouse_bench::rounds::{Samples, take_turns};
use dormouse_bench::servers::BUFFER;
use dormouse_study::limits::raise_descriptor_limit;

/// The one that the others are compared with comes first.
const SERVERS: [&str; 4] = ["tokio", "dormouse", "smol", "mio"];

fn main() -> io::Result<()> {
    serve_if_asked()?;
    let options = Options::from_args();
    let servers: Vec<_> = SERVERS.into_iter().filter(|name| options.wants(name)).collect();
    if servers.is_empty() {
        return Ok(());
    }
    let rounds = options.effort.pick(1, 1, 3);
    let connections = options.effort.pick(50, 5000, 5000);
    raise_descriptor_limit()?;
    describe(options.effort, rounds);
    let mut figures: Vec<Samples> = servers.iter().map(|_| Samples::default()).collect();
    take_turns(rounds, servers.len(), |who| {
        figures[who].add(of_idle_connections(servers[who], connections)?);
        Ok(())
    })?;
    println!("\nmemory written to, {connections} idle connections: bytes for each, buffer apart");
    println!("{:14}{:>19}{:>9}", "", "bytes", "/ tokio");
    let tokio = servers.iter().position(|name| *name == SERVERS[0]);
    let tokio = tokio.map_or(f64::NAN, |tokio| figures[tokio].median());
    for (name, bytes) in servers.iter().zip(&figures) {
        println!("{name:14}{bytes:>19}{:>9.2}", bytes.median() / tokio);
    }
    Ok(())
}

/// What the server `name` has written to for each of so many silent connections, buffers apart.
#[allow(clippy::cast_precision_loss)]
fn of_idle_connections(name: &str, connections: u32) -> io::Result<f64> {
    let server = Server::start(name, two_cpus()?.0)?;
    // The first ones pay for what the server makes once.
    let mut first = Clients::connect(server.address(), 20)?;
    first.ping_pong(Duration::ZERO)?;
    let before = at_rest(&server)?;
    let mut clients = Clients::connect(server.address(), connections as usize)?;
    clients.ping_pong(Duration::ZERO)?;
    let all = at_rest(&server)? - before;
    Ok(all as f64 / f64::from(connections) - BUFFER as f64)
}

/// Once it is the same twice: its clients see their bytes before the server waits again.
fn at_rest(server: &Server) -> io::Result<u64> {
    let mut last = server.memory()?;
    loop {
        thread::sleep(Duration::from_millis(50));
        let now = server.memory()?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}
