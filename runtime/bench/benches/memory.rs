//! # What an idle connection costs in memory
//!
//! Problem: ten thousand connections that wait are the reason to have a runtime, and each holds
//! memory for as long as it waits.
//! Idea: an allocator that counts. The server, a process of its own, tells what is alive on its
//! heap with one connection, and with 5000 more that have sent a message, got it back, and are
//! silent. The difference, by the size of the blocks, shows where the bytes are.
//! Leaves out: the buffer, 4096 bytes that each of these servers keeps for a connection: they are
//! subtracted. What `malloc(3)` adds to a block, and what the kernel keeps for a socket.
//! Read before: `echo.rs`.
//! Try: `cargo bench -p dormouse-bench --bench memory -- dormouse tokio`

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use dormouse_bench::child::{Server, serve_if_asked};
use dormouse_bench::heap::{self, Heap};
use dormouse_bench::load::Clients;
use dormouse_bench::machine::{describe, two_cpus};
use dormouse_bench::options::Options;
use dormouse_bench::rounds::{Samples, take_turns};
use dormouse_bench::servers::BUFFER;
use dormouse_study::limits::raise_descriptor_limit;
use tracking_allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

/// The one that the others are compared with comes first.
const SERVERS: [&str; 4] = ["tokio", "dormouse", "smol", "mio"];

/// What one server had on its heap for its connections, in each round, and in the last.
#[derive(Default)]
struct Figures {
    bytes: Samples,
    last: Heap,
}

fn main() -> io::Result<()> {
    heap::count();
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
    let mut figures: Vec<Figures> = servers.iter().map(|_| Figures::default()).collect();
    take_turns(rounds, servers.len(), |who| {
        let heap = of_idle_connections(servers[who], connections)?;
        figures[who].bytes.add(each(heap.bytes(), connections));
        figures[who].last = heap;
        Ok(())
    })?;
    print(&servers, &figures, connections);
    Ok(())
}

/// What each connection has of it.
#[allow(clippy::cast_precision_loss)]
fn each(all: i64, connections: u32) -> f64 {
    all as f64 / f64::from(connections)
}

/// What the server `name` keeps for so many silent connections, without their buffers.
fn of_idle_connections(name: &str, connections: u32) -> io::Result<Heap> {
    let mut server = Server::start(name, two_cpus()?.0)?;
    // The first one pays for what the server makes once.
    let mut first = Clients::connect(server.address(), 1)?;
    first.ping_pong(Duration::ZERO)?;
    let before = at_rest(&mut server)?;
    let mut clients = Clients::connect(server.address(), connections as usize)?;
    clients.ping_pong(Duration::ZERO)?;
    let with_all = at_rest(&mut server)?;
    Ok(with_all.since(&before).without(connections, BUFFER))
}

/// The heap of a server that has nothing more to do: its clients see their bytes before it
/// returns to waiting.
fn at_rest(server: &mut Server) -> io::Result<Heap> {
    let limit = Instant::now() + Duration::from_secs(10);
    let mut last = (server.cpu_time()?, server.heap()?);
    loop {
        thread::sleep(Duration::from_millis(20));
        let now = (server.cpu_time()?, server.heap()?);
        // To answer these questions is all that it did.
        let rested = now.0.saturating_sub(last.0) < Duration::from_millis(2);
        if rested && now.1 == last.1 {
            return Ok(now.1);
        }
        if Instant::now() > limit {
            return Err(io::Error::other("the server does not come to rest within 10 s"));
        }
        last = now;
    }
}

fn print(servers: &[&str], figures: &[Figures], connections: u32) {
    println!("\nheap of the server, {connections} idle connections: bytes for each, buffer apart");
    println!("{:14}{:>19}{:>9}", "", "bytes", "/ tokio");
    let tokio = servers.iter().position(|name| *name == SERVERS[0]);
    let tokio = tokio.map_or(f64::NAN, |tokio| figures[tokio].bytes.median());
    for (name, Figures { bytes, .. }) in servers.iter().zip(figures) {
        println!("{name:14}{bytes:>19}{:>9.2}", bytes.median() / tokio);
    }
    println!("\nof what blocks: their number for each connection, their size, and the bytes");
    for (name, Figures { last, .. }) in servers.iter().zip(figures) {
        print_blocks(name, last, connections);
    }
}

/// One line for each size of which many connections have a block; what is left are tables that
/// all connections share, and which have room for more.
fn print_blocks(name: &str, heap: &Heap, connections: u32) {
    let mut tables = 0;
    for (size, count, bytes) in heap.blocks() {
        if count.unsigned_abs() < u64::from(connections / 10) {
            tables += bytes;
            continue;
        }
        let (count, bytes) = (each(count, connections), each(bytes, connections));
        println!("{name:14}{count:>9.2} x {size:>5}{bytes:>9.1}");
    }
    println!("{name:14}{:>17}{:>9.1}", "in tables", each(tables, connections));
}
