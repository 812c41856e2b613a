//! # 08 Register once: the kernel keeps the list
//!
//! Problem: in step 7 each call hands over the list of all sockets, for one that has something.
//! Idea: each socket is registered once. A call then brings only those of which there is news.
//! Leaves out: writing, which makes a program out of it: the next step.
//! Try: `cargo run --example 08_register_once`
//!
//! You should see, with figures of your own:
//!
//!     10 silent clients: 100 words, 100 waits, 100 events, 0 in vain
//!     500 silent clients: 100 words, 100 waits, 100 events, 0 in vain
//!     edge: 10 bytes come, 4 are read: 0 events, though 6 are left
//!
//! The words: what one registers is a *source*, here a socket; the *interest* says what for,
//! reading or writing; the *token* is a number of one's own, by which an event names its source.
//! The kernel's part is epoll(7) on Linux, kqueue(2) on macOS; `mio` is the same for both.
//!
//! mio asks for events by *edge*: one comes when something changes, not while it lasts. So what an
//! event has said has to be remembered, until a read says 'not yet'. That is a source's
//! *readiness*. (The loop here can do without: one read takes a whole word, and each new word is a
//! new edge.)
//!
//! Break it: put `for _ in 0..9 {` in place of `for _ in 0..1 {`. Everything is read then, so that
//! the edge leaves nothing behind.
//!
//! Read next: `servers/models/readiness.rs`, then `mio.rs`. Run next:
//! `cargo run --example 09_state_machine`.

mod support;

use std::io::{self, Read, Write};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use support::{connected, uninterrupted, without_waiting};

const WORDS: u64 = 100;

fn main() -> io::Result<()> {
    if !support::may_open(1100)? {
        return Ok(());
    }
    let few = serve(10)?;
    let many = serve(500)?;
    assert_eq!(few, many, "silent clients cost nothing");
    leave_something()?;
    support::next(include_str!("08_register_once.rs"));
    Ok(())
}

/// Serves one client that speaks, beside some that don't; returns how many events there were.
fn serve(silent: usize) -> io::Result<u64> {
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    let (streams, clients) = connected(silent + 1, talk)?;
    let mut streams = streams.into_iter().map(without_waiting).collect::<io::Result<Vec<_>>>()?;
    for (number, stream) in streams.iter_mut().enumerate() {
        poll.registry().register(stream, Token(number), Interest::READABLE)?;
    }

    let (mut waits, mut told, mut vain, mut words) = (0, 0, 0, 0);
    let mut buffer = [0; 64];
    while words < WORDS {
        waits += 1;
        // Here the thread waits, for all of them at a time. There is no list to hand over.
        uninterrupted(|| poll.poll(&mut events, None))?;
        vain += u64::from(events.is_empty());
        for event in &events {
            told += 1;
            let stream = &mut streams[event.token().0];
            let n = stream.read(&mut buffer)?;
            stream.write_all(&buffer[..n])?;
            words += 1;
        }
    }
    clients.join().expect("the clients do not panic")?;
    println!(
        "{silent} silent clients: {words} words, {waits} waits, {told} events, {vain} in vain"
    );
    assert_eq!((waits, told, vain), (WORDS, WORDS, 0), "a wait and an event for each word");
    Ok(told)
}

/// Reads a part of what came: no event tells of the rest.
fn leave_something() -> io::Result<()> {
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    let ten_bytes = |mut clients: Vec<std::net::TcpStream>| {
        clients[0].write_all(b"ten bytes.")?;
        Ok(clients)
    };
    let (mut streams, clients) = connected(1, ten_bytes)?;
    let mut stream = without_waiting(streams.remove(0))?;
    poll.registry().register(&mut stream, Token(0), Interest::READABLE)?;
    uninterrupted(|| poll.poll(&mut events, None))?;
    let _stays = clients.join().expect("the client does not panic")?;
    let (mut taken, mut buffer) = (0, [0; 4]);
    for _ in 0..1 {
        taken += stream.read(&mut buffer).unwrap_or(0);
    }
    // Long enough for an event that is there: it would be reported at once.
    uninterrupted(|| poll.poll(&mut events, Some(Duration::from_millis(50))))?;
    let told = events.iter().count();
    let left = stream.peek(&mut [0; 64]).unwrap_or(0);
    println!("edge: 10 bytes come, {taken} are read: {told} events, though {left} are left");
    assert_eq!(
        (taken, told, left),
        (4, 0, 6),
        "one part is read, and no second event tells of the rest"
    );
    Ok(())
}

/// Some clients are there, and one of them says word after word.
fn talk(mut clients: Vec<std::net::TcpStream>) -> io::Result<()> {
    for _ in 0..WORDS {
        clients[0].write_all(b"word")?;
        clients[0].read_exact(&mut [0; 4])?;
    }
    Ok(())
}
