//! # 05 Ask for ever: the loop of the article, and its price
//!
//! Problem: step 4's sockets say 'not yet' instead of waiting. When is the right moment to ask
//! again?
//! Idea: always. One thread asks all sockets in turn, and begins again.
//! Leaves out: new connections; this server has all of its clients from the start.
//! Try: `cargo run --example 05_ask_forever`
//!
//! You should see, with figures of your own:
//!
//!     100 clients, of which one says 4 words in 400.9 ms
//!     asked 976,501 times, 976,397 in vain
//!     99.8 % of a core: 100.1 ms of CPU time per word
//!
//! It serves them all, with one thread and without waiting for anybody: no client is in another's
//! way. And it "eats the CPU while most of the time there is nothing to do", as the article says:
//! for each word it asked more than a hundred thousand times in vain. (What was not: 4 words, and
//! 100 ends.) A loop that does so *spins*. (`support::connected` connects the clients, and lets
//! them `talk`.)
//!
//! Break it: put `thread::sleep(Duration::from_millis(50));` in place of `// No pause.`. That is
//! the next step, and this one's claim does not hold any more.
//!
//! Read next: `servers/models/connection.rs`, where `exchange` reads and answers once, and
//! `nonblocking.rs`. Run next: `cargo run --example 06_every`.

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use dormouse_study::figures::grouped;
use support::{Stopwatch, connected, ms};

const CLIENTS: usize = 100;
const WORDS: u32 = 4;

fn main() -> io::Result<()> {
    let (mut streams, clients) = connected(CLIENTS, talk)?;
    streams.iter().try_for_each(|stream| stream.set_nonblocking(true))?;

    let stopwatch = Stopwatch::start();
    let (mut asked, mut vain) = (0, 0);
    let mut buffer = [0; 64];
    while !streams.is_empty() {
        let mut left = Vec::new();
        for (number, stream) in streams.iter_mut().enumerate() {
            asked += 1;
            match stream.read(&mut buffer) {
                Ok(0) => left.push(number),
                Ok(n) => stream.write_all(&buffer[..n])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => vain += 1,
                Err(error) => return Err(error),
            }
        }
        for number in left.into_iter().rev() {
            streams.remove(number);
        }
        // No pause.
    }
    let (time, cpu) = (stopwatch.time(), stopwatch.cpu());
    clients.join().expect("the clients do not panic")?;

    println!("{CLIENTS} clients, of which one says {WORDS} words in {}", ms(time));
    println!("asked {} times, {} in vain", grouped(asked), grouped(vain));
    let share = 100.0 * cpu.as_secs_f64() / time.as_secs_f64();
    println!("{share:.1} % of a core: {} of CPU time per word", ms(cpu / WORDS));
    let (words, ends) = (u64::from(WORDS), CLIENTS as u64);
    assert_eq!(asked - vain, words + ends, "each word was read once, and the end of each client");
    assert!(vain > 1000 * words, "it asks for ever: thousands of times for each word");
    assert!(cpu / WORDS > Duration::from_millis(1), "it takes whatever it can get of a core");
    support::next(include_str!("05_ask_forever.rs"));
    Ok(())
}

/// A hundred clients are there, and one of them says a word now and then.
fn talk(mut clients: Vec<TcpStream>) -> io::Result<()> {
    for _ in 0..WORDS {
        thread::sleep(Duration::from_millis(100));
        clients[0].write_all(b"word")?;
        clients[0].read_exact(&mut [0; 4])?;
    }
    Ok(())
}
