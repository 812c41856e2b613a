//! # 10 Signal: the kernel speaks first
//!
//! Problem: the calls of steps 7 and 8 still ask, if only once for all.
//! Idea: ask nobody. Each socket is told once to send a *signal*, an interruption by the kernel,
//! when something happens to it. The thread sleeps until there are signals, and does not ask about
//! sockets.
//! Leaves out: what to do when the kernel's queue of signals is full. `signal.rs` does it.
//! Try: `cargo run --example 10_signal`
//!
//! You should see, with figures of your own:
//!
//!     50 silent clients: 100 words, 100 signals
//!     200 reads, 100 in vain: the last one of each signal
//!
//! A signal can interrupt a thread in the middle of anything, and kills a process that did not
//! expect it. So the thread *masks* it: it waits in a queue, which can be read like a file. Each
//! signal names the descriptor that it is about. It says that something happened, not what there is
//! now: the socket must be read until it says 'not yet', once in vain for each signal. The list of
//! step 8 costs no such read: that is why it won.
//!
//! Break it: put `for stream in &streams[1..] {` in place of `for stream in &streams {`. The client
//! that speaks is then not among those that the kernel tells of.
//!
//! Read next: `servers/models/signal/arm.rs`, `signal/queue.rs`, `signal.rs`. Run next:
//! `cargo run --example 11_completion`.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[cfg(target_os = "linux")]
use dormouse_study::models::signal::{
    arm::arm,
    queue::{Queue, Signal},
};
use support::connected;

const SILENT: usize = 50;
const WORDS: u32 = 100;
/// Reached only when a signal is missing.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: signals that name a descriptor are Linux's");
}

#[cfg(target_os = "linux")]
fn main() -> io::Result<()> {
    let (armed, start) = mpsc::channel();
    let (mut streams, clients) = connected(SILENT + 1, move |clients| {
        start.recv().expect("the server arms its sockets");
        talk(clients)
    })?;
    // Masked before the first one can come.
    let queue = Queue::open()?;
    for stream in &streams {
        stream.set_nonblocking(true)?;
        arm(stream)?;
    }
    armed.send(()).expect("the clients wait for it");

    let (mut words, mut told, mut reads, mut vain) = (0, 0, 0, 0);
    while words < WORDS && queue.wait(PATIENCE)? {
        let mut signals = Vec::new();
        queue.read(&mut signals)?;
        for signal in signals {
            told += 1;
            let Signal::Ready { fd, .. } = signal else { panic!("100 signals fit in the queue") };
            let named = |stream: &&mut TcpStream| stream.as_raw_fd() == fd;
            let stream = streams.iter_mut().find(named).expect("a signal names one of them");
            words += answer(stream, &mut reads, &mut vain)?;
        }
    }
    println!("{SILENT} silent clients: {words} words, {told} signals");
    println!("{reads} reads, {vain} in vain: the last one of each signal");
    assert_eq!(words, WORDS, "the kernel tells of each word");
    assert_eq!(vain, told, "each signal ends with a read in vain");
    // A word that comes while another is answered is read with it, and its signal finds nothing.
    assert!(told > words / 2, "by a signal of its own");
    clients.join().expect("the clients do not panic")?;
    support::next(include_str!("10_signal.rs"));
    Ok(())
}

/// Reads until 'not yet', and sends back what came; returns how many words that were.
fn answer(stream: &mut TcpStream, reads: &mut u32, vain: &mut u32) -> io::Result<u32> {
    let mut words = 0;
    let mut buffer = [0; 64];
    loop {
        *reads += 1;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(words),
            Ok(n) => {
                stream.write_all(&buffer[..n])?;
                words += 1;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                *vain += 1;
                return Ok(words);
            }
            Err(error) => return Err(error),
        }
    }
}

/// One of the clients says word after word. They stay: an end would be signalled, too.
fn talk(mut clients: Vec<TcpStream>) -> io::Result<Vec<TcpStream>> {
    for _ in 0..WORDS {
        thread::sleep(Duration::from_millis(1));
        clients[0].write_all(b"word")?;
        clients[0].read_exact(&mut [0; 4])?;
    }
    Ok(clients)
}
