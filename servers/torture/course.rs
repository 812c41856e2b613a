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
use std::time::{Duration, Instant};

use dormouse::{Runtime, spawn};
use fastrand::Rng;

use super::counted::Made;
use super::crowd::{crowd, crowds};
use super::guest::{stay, visit};
use super::holdings::{Holdings, descriptors};
use super::rogue::rogues;
use super::tally::Run;
use super::verdict::Verdict;
use crate::models::Model;
use crate::study::child::{Current, Server};

/// What begin and end take beside the torture itself, about.
pub(super) const REST: Duration = Duration::from_secs(3);

/// How long the torture is that comes first.
const WARM_UP: Duration = Duration::from_millis(300);

/// Lets silent peers go: far longer than any deed, and than a server may take to come to rest; and
/// short enough that some outstay it.
const IDLE_TIMEOUT: &str = "2s";

/// Who comes to a server.
#[derive(Clone, Copy)]
struct Company {
    stay: usize,
    come_and_go: usize,
    rogues: usize,
    /// Rogues may keep a connection until the server ends it.
    may_outstay: bool,
    /// How many descriptors the server may have.
    descriptors: usize,
}

impl Company {
    fn of(model: Model) -> Company {
        if model == Model::Blocking {
            // It serves one at a time: who stays keeps all others away.
            Company { stay: 0, come_and_go: 2, rogues: 4, may_outstay: false, descriptors: 24 }
        } else {
            Company { stay: 8, come_and_go: 4, rogues: 24, may_outstay: true, descriptors: 72 }
        }
    }
}

/// Tortures a server of `model`. Whatever is wrong with it once it serves is in the verdict.
///
/// # Errors
///
/// When it can't begin to serve, or there can be no clients.
pub(super) fn torture(
    model: Model,
    seed: u64,
    duration: Duration,
    current: &Current,
) -> io::Result<Verdict> {
    let begin = Instant::now();
    let (company, args) = (Company::of(model), ["--idle-timeout", IDLE_TIMEOUT]);
    let server = Server::start_with_descriptors(model, &args, company.descriptors, current)?;
    // One connection, that is served: all that the server itself needs is there by now.
    let own = server.greet().and_then(|_held| descriptors(server.pid()))? - 1;
    let in_haste = Company { may_outstay: false, ..company };
    let room = company.descriptors.saturating_sub(own);
    // Its own seed, so that a warm-up that is changed changes no torture.
    let warm_up = clients(server.addr(), &in_haste, room, Rng::with_seed(0), WARM_UP)?;
    let before = Holdings::at_rest(&server, model, own);
    let run = clients(server.addr(), &company, room, Rng::with_seed(seed), duration)?;
    let after = Holdings::at_rest(&server, model, own);
    let made = Made::by(&warm_up.tally, &run.tally, begin.elapsed());
    let (mut faults, has) = match (before, after) {
        (Ok(before), Ok(after)) => {
            (after.left(&before), format!("{after}; memory {}", after.growth(&before)))
        }
        (Err(e), _) | (_, Err(e)) => (vec![format!("the server: {e}")], String::new()),
    };
    match server.stop_and_hear() {
        Ok((stats, dropped)) => {
            faults.extend(made.miscounted(model, &stats.unwrap_or_default(), dropped));
        }
        Err(e) => faults.push(format!("the server: {e}")),
    }
    Ok(Verdict::new(model, &warm_up.tally, &run.tally, faults, has))
}

/// Sends in the clients, to a server with `room` for so many; returns when all have left.
fn clients(
    addr: SocketAddr,
    company: &Company,
    room: usize,
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
        crowd(&run, random.fork(), room).await;
        run.begin();
        for _ in 0..company.come_and_go {
            let (run, random) = (run.clone(), random.fork());
            tasks.push(spawn(async move { visit(&run, random).await }));
        }
        for _ in 0..company.rogues {
            let (run, random, may) = (run.clone(), random.fork(), company.may_outstay);
            tasks.push(spawn(async move { rogues(&run, random, may).await }));
        }
        crowds(&run, random, room).await;
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
    use crate::torture::PATIENCE;

    const COMPANY: Company =
        Company { stay: 2, come_and_go: 2, rogues: 4, may_outstay: false, descriptors: 0 };

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
        let run =
            clients(addr, &COMPANY, 8, Rng::with_seed(1), Duration::from_millis(500)).unwrap();
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
        let found = found(|stream, bytes| {
            if bytes.len() > 3000 {
                thread::sleep(2 * PATIENCE);
            }
            stream.write_all(bytes)
        });
        assert!(found.iter().any(|fault| fault.contains("no answer within")), "{found:?}");
    }
}
