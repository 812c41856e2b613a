//! The laws of no busy-spin, seen from outside: what the kernel says of each server while nobody
//! says anything to it (DESIGN.md, "The laws").
//!
//! Two witnesses: the server's own counters, which must be exact, and the kernel's account of the
//! process. Each silence ends with a message that is answered: a server that lost every wake would
//! be as quiet. The very same checks find `nonblocking`, and servers that are broken on purpose.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod cost;
mod spinners;
#[path = "../support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dormouse_study::audit::verdict::{Calls, Source, Verdict};
use dormouse_study::limits::raise_descriptor_limit;
use dormouse_study::models::Model;
use dormouse_study::stats::Stats;
use serde_json::Value;

use crate::support::witness::{self, Seen};
use crate::support::{Server, ask};

const SPAN: Duration = Duration::from_secs(2);

/// Thousands of connections are too many for several tests at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());

    raise_descriptor_limit().unwrap();
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server with silent clients, and how often it may have waited for each of them, all in all.
struct Lab {
    name: String,
    server: Server,
    streams: Vec<TcpStream>,
    waits: u64,
    /// How often it may have waited besides.
    own_waits: u64,
}

/// What was found of one.
struct Finding {
    name: String,
    connections: usize,
    seen: Seen,
    stats: Value,
    /// The law that it breaks, and the number that gives it away.
    breach: Option<String>,
}

impl Lab {
    fn new(name: impl Into<String>, server: Server, connections: usize, waits: u64) -> Lab {
        let streams: Vec<TcpStream> = (0..connections).map(|_| server.connect()).collect();
        // Whoever was answered was accepted; and what an accept leaves to do is done by then, too.
        for stream in &streams {
            ask(stream, b"before");
        }
        Lab { name: name.into(), server, streams, waits, own_waits: 2 }
    }

    fn of_model(model: &str, args: &[&str], connections: usize, waits: u64) -> Lab {
        let name = [&[model], args].concat().join(" ");
        Lab::new(name, Server::start(model, args), connections, waits)
    }

    /// Ends the silence, and holds what was seen of it against the laws.
    fn examine(self, seen: Seen) -> Finding {
        let Lab { name, server, streams, waits, own_waits } = self;
        let answered = streams.iter().filter(|stream| is_answered(stream)).count();
        let stats = server.stop();
        let connections = streams.len();
        let most = waits * connections as u64 + own_waits;
        let (account, waited) = (seen.account(), count(&stats, "waits"));
        let breach = if answered < connections {
            let lost = connections - answered;
            Some(format!("law 0 (progress): {lost} of {connections} get no answer any more"))
        } else if !account.is_idle() {
            let (cpu, switches) = (account.cpu, account.switches());
            let (all, vain) = (counted(&stats).calls(), counted(&stats).vain());
            Some(format!(
                "law 4 (silence): {cpu:?} of CPU, {switches} switches, {vain} of {all} calls in vain"
            ))
        } else if waited > most {
            Some(format!("law 3 (return): {waited} waits, more than {most}"))
        } else {
            None
        };
        Finding { name, connections, seen, stats, breach }
    }
}

/// Law 0, with patience for a busy machine, and an end.
fn is_answered(mut stream: &TcpStream) -> bool {
    let mut answer = [0; 5];
    stream.write_all(b"after").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"AFTER"
}

fn count(stats: &Value, name: &str) -> u64 {
    stats[name].as_u64().unwrap()
}

/// The same as the study reads it.
fn counted(stats: &Value) -> Stats {
    serde_json::from_value(stats.clone()).unwrap()
}

impl Finding {
    /// What the audit says of it, with the server's own counters as evidence.
    fn verdict(&self) -> Verdict {
        self.seen.verdict(Some(&Calls {
            all: counted(&self.stats).calls(),
            vain: counted(&self.stats).vain(),
            during: self.seen.account(),
            source: Source::Counters,
        }))
    }

    fn print(&self) {
        let account = self.seen.account();
        println!(
            "{:24}{:>7}  {:10}{:>9.1}{:>10}  {}",
            self.name,
            self.connections,
            format!("{:?}", self.verdict()).to_lowercase(),
            account.cpu.as_secs_f64() * 1e3,
            account.switches(),
            self.breach.as_deref().unwrap_or("keeps the laws"),
        );
    }
}

fn print_titles() {
    println!("{:24}{:>7}  {:10}{:>9}{:>10}", "server", "silent", "verdict", "CPU ms", "switches");
}

/// Watches all of these at a time.
fn examine(labs: Vec<Lab>, span: Duration) -> Vec<Finding> {
    let pids: Vec<_> = labs.iter().map(|lab| lab.server.pid()).collect();
    let seen = witness::watch_all(&pids, span);
    labs.into_iter().zip(seen).map(|(lab, seen)| lab.examine(seen)).collect()
}

#[test]
fn in_silence_all_sleep_but_the_one_that_is_made_to_spin() {
    // How often each may have waited per connection: for its coming, for what its registration
    // says, and for its two messages. Signals tell of every packet, and of the room that an
    // acknowledged answer makes; who sleeps in the read does not wait at all.
    let rows: [(&str, &[usize], u64); 8] = [
        ("blocking", &[0, 1], 0),
        ("threads", &[0, 1, 1000], 0),
        ("select", &[0, 1, 900], 4),
        ("poll", &[0, 1, 1000], 4),
        ("mio", &[0, 1, 1000], 4),
        ("signal", &[0, 1, 1000], 8),
        ("uring", &[0, 1, 1000], 4),
        ("async", &[0, 1, 1000], 4),
    ];
    let _alone = alone();
    let mut labs = Vec::new();
    for (model, connections, waits) in rows {
        let known = Model::all().iter().find(|known| known.name() == model).unwrap();
        match known.check() {
            Ok(()) => labs.extend(connections.iter().map(|n| Lab::of_model(model, &[], *n, waits))),
            Err(why) => println!("{model}: skipped: {why}"),
        }
    }
    print_titles();
    let sleepers = examine(labs, SPAN);
    sleepers.iter().for_each(Finding::print);
    // Each by itself: they would take the CPU from each other.
    let [spins] = &examine(vec![Lab::of_model("nonblocking", &[], 1, 0)], SPAN)[..] else {
        panic!()
    };
    spins.print();
    let periodic = Lab::of_model("nonblocking", &["--every", "1ms"], 1, 0);
    let [periodic] = &examine(vec![periodic], SPAN)[..] else { panic!() };
    periodic.print();

    for finding in sleepers {
        assert_eq!(finding.breach, None, "{}: {}", finding.name, finding.stats);
        assert_eq!(finding.verdict(), Verdict::Asleep, "{}", finding.name);
        let messages = 11 * finding.connections as u64;
        assert_eq!(count(&finding.stats, "bytes_in"), messages, "{}", finding.stats);
    }
    for (finding, verdict) in [(spins, Verdict::Spinning), (periodic, Verdict::Periodic)] {
        assert_eq!(finding.verdict(), verdict, "{}", finding.stats);
        assert!(finding.breach.as_ref().unwrap().starts_with("law 4"), "{:?}", finding.breach);
        assert!(count(&finding.stats, "vain_reads") > 100, "{}", finding.stats);
    }
}

/// Each shard waits by itself; and where one thread accepts for all, two more waits a client.
#[test]
fn in_silence_all_shards_sleep() {
    let _alone = alone();
    let lab = |args: &[&str], connections, waits, own_waits| {
        let lab = Lab::of_model("async", args, connections, waits);
        Lab { own_waits, ..lab }
    };
    let labs = [0, 1, 1000].into_iter().flat_map(|connections| {
        let (spread, handed) = (["--shards", "2"], ["--shards", "2", "--hand-over"]);
        [lab(&spread, connections, 4, 4), lab(&handed, connections, 6, 6)]
    });
    let labs = labs.collect();
    print_titles();
    for finding in examine(labs, SPAN) {
        finding.print();
        assert_eq!(finding.breach, None, "{}: {}", finding.name, finding.stats);
        assert_eq!(finding.verdict(), Verdict::Asleep, "{}", finding.name);
        let messages = 11 * finding.connections as u64;
        assert_eq!(count(&finding.stats, "bytes_in"), messages, "{}", finding.stats);
    }
}

/// Ten thousand at a time, by the kernel's account, and by its count of system calls.
#[test]
fn ten_thousand_silent_connections_cost_async_nothing() {
    let _alone = alone();
    // Room for the descriptors that this process has besides.
    let possible = usize::try_from(raise_descriptor_limit().unwrap()).unwrap().saturating_sub(200);
    let connections = possible.min(10_000);
    if connections < 10_000 {
        println!("only {connections} connections: the limit of descriptors allows no more");
    }
    let lab = Lab::of_model("async", &[], connections, 4);
    let calls = witness::system_calls(lab.server.pid(), || std::thread::sleep(SPAN));
    match calls.as_deref().map(witness::finished) {
        Ok(calls) => {
            println!("async, {connections} silent: in {SPAN:?} these system calls: {calls:?}");
            assert!(calls.is_empty(), "{calls:?}");
        }
        Err(why) => println!("system calls: skipped: {why}"),
    }
    print_titles();
    for finding in examine(vec![lab], SPAN) {
        finding.print();
        assert_eq!(finding.breach, None, "{}", finding.stats);
    }
}
