//! # Course: one model's torture, from its start to its end
//!
//! Problem: 'as before' needs a before: a server that has just begun has tables that have not grown
//! yet, and memory that it never used.
//! Idea: a short torture comes first, that grows all there is to grow; then the holdings are taken,
//! then comes the torture that counts, and then they are taken again.
//! Leaves out: threads: all clients share one, and one runtime.
//! Read before: `torture/verdict.rs`. Read next: `torture.rs`.
//! Try: `cargo run -- torture mio --duration 2s`

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dormouse::{Runtime, spawn};
use fastrand::Rng;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::crowd::{crowd, crowds};
use super::guest::{stay, visit};
use super::holdings::{Holdings, descriptors};
use super::rogue::rogues;
use super::tally::Run;
use super::verdict::Verdict;
use crate::models::Model;
use crate::stats::Stats;
use crate::study::child::{Current, Server};

/// What begin and end take beside the torture itself, about.
pub(super) const REST: Duration = Duration::from_secs(2);

/// How long the torture is that comes first.
const WARM_UP: Duration = Duration::from_millis(300);

/// Lets silent peers go: far longer than any deed, and short enough that some outstay it.
const IDLE_TIMEOUT: &str = "2s";

/// At the start, and at each rest.
const GREETINGS: u64 = 3;

/// Who comes to a server.
#[derive(Clone, Copy)]
struct Company {
    stay: usize,
    come_and_go: usize,
    rogues: usize,
    /// Rogues may keep a connection until the server ends it.
    may_outstay: bool,
    /// How many connections the server has descriptors for.
    room: usize,
}

impl Company {
    fn of(model: Model) -> Company {
        if model == Model::Blocking {
            // It serves one at a time: who stays keeps all others away.
            Company { stay: 0, come_and_go: 2, rogues: 4, may_outstay: false, room: 16 }
        } else {
            Company { stay: 8, come_and_go: 4, rogues: 24, may_outstay: true, room: 64 }
        }
    }
}

/// Tortures a server of `model`.
///
/// # Errors
///
/// When it can't serve here, or has ended before it was asked to.
pub(super) fn torture(
    model: Model,
    seed: u64,
    duration: Duration,
    current: &Current,
) -> io::Result<Verdict> {
    let server = Server::start(model, &["--idle-timeout", IDLE_TIMEOUT], current)?;
    // One connection, that is served: all that the server itself needs is there by now.
    let own = server.greet().and_then(|_held| descriptors(server.pid()))? - 1;
    let company = Company::of(model);
    let in_haste = Company { may_outstay: false, ..company };
    limit_descriptors(server.pid(), own + company.room)?;
    // Its own seed, so that a warm-up that is changed changes no torture.
    let warm_up = clients(server.addr(), &in_haste, Rng::with_seed(0), WARM_UP)?;
    let before = Holdings::at_rest(&server, model, own)?;
    let run = clients(server.addr(), &company, Rng::with_seed(seed), duration)?;
    let after = Holdings::at_rest(&server, model, own)?;
    let made = warm_up.tally.connections.get() + run.tally.connections.get() + GREETINGS;
    let miscounted = server.stop()?.and_then(|stats| miscounted(&stats, made));
    Ok(Verdict::new(model, &run.tally, [before, after], miscounted))
}

fn limit_descriptors(pid: u32, most: usize) -> io::Result<()> {
    let most = Some(most as u64);
    let limit = Rlimit { current: most, maximum: most };
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    Ok(prlimit(pid, Resource::Nofile, limit).map(drop)?)
}

/// Each connection that was made must have been accepted, and closed.
fn miscounted(stats: &Stats, made: u64) -> Option<String> {
    let Stats { accepted, closed, .. } = *stats;
    (accepted != made || closed != made)
        .then(|| format!("{made} connections were made, {accepted} accepted, {closed} closed"))
}

/// Sends in the clients, and returns when all have left.
fn clients(
    addr: SocketAddr,
    company: &Company,
    mut random: Rng,
    duration: Duration,
) -> io::Result<Rc<Run>> {
    let run = Run::new(addr, duration);
    Runtime::new()?.block_on(async {
        let mut tasks = Vec::new();
        // Those who stay are there before the descriptors run out.
        for _ in 0..company.stay {
            let (run, random) = (run.clone(), random.fork());
            match run.connect().await {
                Ok(wire) => tasks.push(spawn(async move { stay(&run, wire, random).await })),
                Err(fault) => run.tally.fault("a guest who stays", &fault),
            }
        }
        crowd(&run, &mut random.fork(), company.room).await;
        for _ in 0..company.come_and_go {
            let (run, random) = (run.clone(), random.fork());
            tasks.push(spawn(async move { visit(&run, random).await }));
        }
        for _ in 0..company.rogues {
            let (run, random, may) = (run.clone(), random.fork(), company.may_outstay);
            tasks.push(spawn(async move { rogues(&run, random, may).await }));
        }
        crowds(&run, random, company.room).await;
        for task in tasks {
            task.await.map_err(|e| io::Error::other(format!("a client: {e}")))?;
        }
        Ok(run)
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::thread;

    use super::*;

    const COMPANY: Company =
        Company { stay: 2, come_and_go: 2, rogues: 4, may_outstay: false, room: 8 };

    /// What the clients find wrong with a server that answers with what `reply` makes of each read.
    fn found(reply: fn(&mut TcpStream, &[u8]) -> io::Result<()>) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(n @ 1..) = stream.read(&mut buffer) {
                        if reply(&mut stream, &buffer[..n]).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        let run = clients(addr, &COMPANY, Rng::with_seed(1), Duration::from_millis(500)).unwrap();
        let faults = run.tally.faults.take();
        assert_eq!(faults.count == 0, faults.told.is_empty());
        faults.told
    }

    #[test]
    fn a_sound_server_is_found_sound() {
        assert_eq!(found(Write::write_all), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_byte_is_found() {
        let found = found(|stream, bytes| {
            let changed: Vec<u8> =
                bytes.iter().map(|byte| byte ^ u8::from(bytes.len() > 4000)).collect();
            stream.write_all(&changed)
        });
        assert!(found.iter().any(|fault| fault.contains("came back")), "{found:?}");
    }

    #[test]
    fn a_byte_too_many_is_found() {
        let found = found(|stream, bytes| {
            stream.write_all(bytes)?;
            if bytes.len() > 4000 { stream.write_all(b"!") } else { Ok(()) }
        });
        assert!(!found.is_empty());
    }

    #[test]
    fn a_connection_that_is_ended_too_early_is_found() {
        let found = found(|stream, bytes| {
            stream.write_all(bytes)?;
            if bytes.len() > 4000 { stream.shutdown(Shutdown::Both) } else { Ok(()) }
        });
        assert!(!found.is_empty());
    }

    #[test]
    fn an_answer_that_never_comes_is_found() {
        let found = found(
            |stream, bytes| {
                if bytes.len() > 3000 { Ok(()) } else { stream.write_all(bytes) }
            },
        );
        assert!(found.iter().any(|fault| fault.contains("no answer within")), "{found:?}");
    }

    #[test]
    fn a_connection_that_was_not_closed_is_found() {
        let stats = Stats { accepted: 7, closed: 7, ..Stats::default() };
        assert_eq!(miscounted(&stats, 7), None);
        assert!(miscounted(&Stats { closed: 6, ..stats }, 7).is_some());
        assert!(miscounted(&stats, 8).is_some());
    }
}
