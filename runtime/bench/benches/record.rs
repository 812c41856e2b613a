//! # What a recording costs, per call of a server
//!
//! Problem: who records changes what he records, and who does not must not pay for it.
//! Idea: the very methods that servers call, around a call that does nothing: what is left is what
//! counting costs, and what recording adds. CPU time; each round has a recorder of its own, whose
//! memory is touched for the first time, as a server's is.
//! Leaves out: what a slower call does to the clients, and the runtime's own steps in `async`.
//! Read before: `runtime.rs`.
//! Try: `cargo bench -p dormouse-bench --bench record`

use std::hint::black_box;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use dormouse_bench::machine::{cpu_time, describe};
use dormouse_bench::options::Options;
use dormouse_bench::rounds::{Samples, take_turns};
use dormouse_bench::table::{each, since};
use dormouse_study::counters::Counters;

/// Fewer than a recording has room for.
const CALLS: u32 = 100_000;

/// As many as it has room for.
const ROOM: u32 = 1 << 17;

/// What is measured: what a server has behind it, and then does `CALLS` times.
struct Row {
    name: &'static str,
    before: fn(&Counters),
    call: fn(&Counters, u32),
}

const ROWS: [Row; 6] = [
    Row { name: "a read, ns", before: |_| {}, call: brings },
    Row { name: "a vain read, ns", before: |_| {}, call: |counters, _| vain(counters, 0) },
    Row { name: "a vain read, 64 in turn, ns", before: |_| {}, call: |c, n| vain(c, n % 64) },
    Row { name: "a vain wait, ns", before: |_| {}, call: |counters, _| sleeps(counters) },
    Row { name: "a read, 1000 threads, ns", before: many_threads, call: brings },
    Row { name: "a read without room, ns", before: fill, call: brings },
];

fn main() -> io::Result<()> {
    let options = Options::from_args();
    let rounds = options.effort.pick(1, 3, 15);
    let calls = options.effort.pick(CALLS / 100, CALLS, CALLS);
    describe(options.effort, rounds);
    println!("\n{:31}{:>22}{:>22}{:>9}", "", "not recorded", "recorded", "adds");
    for row in ROWS.iter().filter(|row| options.wants(row.name)) {
        let mut samples = [const { Samples::new() }; 2];
        take_turns(rounds, 2, |who| {
            samples[who].add(measure(row, who == 1, calls));
            Ok(())
        })?;
        let adds = samples[1].median() - samples[0].median();
        let [off, on] = samples.map(|samples| format!("{samples:>22.1}"));
        println!("{:31}{off}{on}{adds:>9.1}", row.name);
    }
    Ok(())
}

fn measure(row: &Row, recorded: bool, calls: u32) -> f64 {
    let counters = Counters::new("benchmark", false);
    let counters = if recorded { counters.recorded() } else { counters };
    (row.before)(&counters);
    let begin = cpu_time();
    for n in 0..calls {
        (row.call)(&counters, n);
    }
    each(since(begin), calls)
}

fn peer(number: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from_bits(0x7f00_0001 + number), 12345))
}

fn brings(counters: &Counters, _: u32) {
    let mut buffer = [0; 16];
    let read = counters.read(black_box(peer(0)), &mut buffer, |_| Ok(black_box(1)));
    assert!(read.is_ok());
}

fn vain(counters: &Counters, socket: u32) {
    let mut buffer = [0; 16];
    let not_yet = |_: &mut [u8]| Err(black_box(ErrorKind::WouldBlock).into());
    assert!(counters.read(black_box(peer(socket)), &mut buffer, not_yet).is_err());
}

fn sleeps(counters: &Counters) {
    assert!(counters.wait(|| Ok(black_box(0))).is_ok());
}

/// A server that had a thread for each of its connections.
fn many_threads(counters: &Counters) {
    for _ in 0..1000 {
        thread::scope(|scope| drop(scope.spawn(|| brings(counters, 0))));
    }
}

fn fill(counters: &Counters) {
    (0..ROOM).for_each(|n| brings(counters, n));
}
