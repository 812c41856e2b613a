//! # 06 Every: ask now and then
//!
//! Problem: step 5 asks for ever, and burns a core.
//! Idea: "turn to other things, and ask again after a while". Between two rounds the thread sleeps.
//! Leaves out: a good length of the pause. There is none, as the table shows.
//! Try: `cargo run --example 06_every`
//!
//! You should see, with figures of your own:
//!
//!     pause        asked  in vain   % of a core  half within
//!     none       344,880  344,830          99.4      0.04 ms
//!     1 ms         4,230    4,180           3.0      0.54 ms
//!     10 ms          660      610           0.7      5.04 ms
//!
//! The longer the pause, the less CPU, and the longer a client waits: half of the answers came
//! within the time in the last column. And it still asks in vain, once for each round and socket.
//! What is missing is somebody who knows when there is something to read. (Where other programs
//! want the core, it is 'none' that makes clients wait: it has used up its share when somebody
//! speaks, and one that sleeps has not.)
//!
//! Break it: put `None` in place of `Some(Duration::from_millis(10))`. Without a pause nothing is
//! less than before.
//!
//! Read next: what `options.every` does in `servers/models/nonblocking.rs`. Run next:
//! `cargo run --example 07_select_poll`.

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use dormouse_study::figures::grouped;
use support::{Stopwatch, connected};

const CLIENTS: usize = 30;
const WORDS: u32 = 20;

/// What one pause costs.
struct Cost {
    vain: u64,
    cpu_percent: f64,
    answer_ms: f64,
}

fn main() -> io::Result<()> {
    println!(
        "{:8}{:>10}{:>9}{:>14}{:>13}",
        "pause", "asked", "in vain", "% of a core", "half within"
    );
    let none = cost("none", None)?;
    let short = cost("1 ms", Some(Duration::from_millis(1)))?;
    let long = cost("10 ms", Some(Duration::from_millis(10)))?;

    assert!(short.vain < none.vain / 2, "a pause spares questions");
    assert!(long.vain < short.vain, "a longer one spares more,");
    assert!(long.cpu_percent < none.cpu_percent / 2.0, "and CPU time");
    assert!(
        long.answer_ms > 2.0 && long.answer_ms > short.answer_ms,
        "but who speaks has to wait,"
    );
    assert!(long.vain > u64::from(WORDS), "and still asks in vain, more often than not");
    support::next(include_str!("06_every.rs"));
    Ok(())
}

/// Serves, with a pause between two rounds, until all clients have left.
fn cost(name: &str, pause: Option<Duration>) -> io::Result<Cost> {
    let (mut streams, clients) = connected(CLIENTS, talk)?;
    streams.iter().try_for_each(|stream| stream.set_nonblocking(true))?;

    let stopwatch = Stopwatch::start();
    let (mut asked, mut vain) = (0, 0);
    while !streams.is_empty() {
        // Step 5's round: those that stay are kept.
        let mut staying = Vec::with_capacity(CLIENTS);
        for mut stream in streams {
            asked += 1;
            let mut buffer = [0; 64];
            match stream.read(&mut buffer) {
                Ok(0) => continue,
                Ok(n) => stream.write_all(&buffer[..n])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => vain += 1,
                Err(error) => return Err(error),
            }
            staying.push(stream);
        }
        streams = staying;
        if let Some(pause) = pause {
            thread::sleep(pause);
        }
    }
    let cpu_percent = 100.0 * stopwatch.cpu().as_secs_f64() / stopwatch.time().as_secs_f64();
    let answer_ms = clients.join().expect("the clients do not panic")?.as_secs_f64() * 1e3;
    let (all, no) = (grouped(asked), grouped(vain));
    println!("{name:8}{all:>10}{no:>9}{cpu_percent:>14.1}{answer_ms:>10.2} ms");
    Ok(Cost { vain, cpu_percent, answer_ms })
}

/// One client says a word now and then; returns the time within which half of its answers came.
fn talk(mut clients: Vec<TcpStream>) -> io::Result<Duration> {
    let mut waits = Vec::new();
    for _ in 0..WORDS {
        thread::sleep(Duration::from_millis(5));
        let stopwatch = Stopwatch::start();
        clients[0].write_all(b"word")?;
        clients[0].read_exact(&mut [0; 4])?;
        waits.push(stopwatch.time());
    }
    waits.sort_unstable();
    Ok(waits[waits.len() / 2])
}
