//! # 03 Threads: one for each connection
//!
//! Problem: in step 2 a silent client kept the one thread, and all others waited.
//! Idea: each connection gets a thread of its own. Each of them waits in its read, as in step 1.
//! Leaves out: how a server bounds the number of its threads.
//! Try: `cargo run --example 03_threads`
//!
//! You should see, with figures of your own:
//!
//!     100 clients are connected at a time, and served by 100 threads
//!     answered: 1,000 of 1,000 messages
//!     price of a thread: 10 KiB of memory in use
//!     price of a message: 1.00 context switches
//!
//! Nobody waits for another any more, and the code is that of step 1. The price: each thread has a
//! stack of its own (two megabytes are reserved for it, and a few pages used), and for each message
//! the kernel puts one thread to sleep and wakes another, a *context switch*. A hundred clients
//! don't matter; ten thousand do.
//!
//! Break it: put `serve(stream)` in place of `thread::spawn(move || serve(stream))`. Then the first
//! client alone is answered.
//!
//! Read next: `servers/models/threads.rs`. Run next: `cargo run --example 04_not_yet`.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

mod support;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use dormouse_study::figures::{float, grouped};
use nix::sys::resource::{UsageWho, getrusage};

const CLIENTS: u64 = 100;
const ROUNDS: u64 = 10;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: what a thread costs is read from /proc, which only Linux has");
}

#[cfg(target_os = "linux")]
fn main() -> io::Result<()> {
    dormouse_study::limits::raise_descriptor_limit()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let accept_all = move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    };
    thread::spawn(accept_all);
    let before = ["Threads", "VmRSS"].map(status);

    let clients = (0..CLIENTS).map(|_| TcpStream::connect(address));
    let mut clients = clients.collect::<io::Result<Vec<_>>>()?;
    assert_eq!(ask_all(&mut clients), CLIENTS, "each is answered while all are connected");
    let now = ["Threads", "VmRSS"].map(status);
    let [threads, in_use] = [0, 1].map(|i| now[i].saturating_sub(before[i]));
    println!("{CLIENTS} clients are connected at a time, and served by {threads} threads");

    let switches = server_switches()?;
    let answered: u64 = (0..ROUNDS).map(|_| ask_all(&mut clients)).sum();
    let switches = float(server_switches()? - switches) / float(answered);
    println!("answered: {} of {} messages", grouped(answered), grouped(CLIENTS * ROUNDS));
    println!("price of a thread: {} KiB of memory in use", in_use / CLIENTS);
    println!("price of a message: {switches:.2} context switches");
    assert_eq!(answered, CLIENTS * ROUNDS, "each is answered, again and again");
    assert!(threads >= CLIENTS, "a thread for each");
    assert!(switches > 0.5, "a thread goes to sleep after its message, and is woken for the next");
    support::next(include_str!("03_threads.rs"));
    Ok(())
}

/// Step 1's loop: waits, answers, waits.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// Says hello on all connections, and waits for the answers; counts up to the first missing one.
fn ask_all(clients: &mut [TcpStream]) -> u64 {
    for client in &mut *clients {
        client.write_all(b"hello").expect("a server on this machine takes five bytes");
    }
    let is_answered = |client: &mut TcpStream| {
        let patient = client.set_read_timeout(Some(Duration::from_secs(2)));
        patient.and_then(|()| client.read_exact(&mut [0; 5])).is_ok()
    };
    clients.iter_mut().map(is_answered).take_while(|answered| *answered).map(u64::from).sum()
}

/// A figure of this process: proc(5). Memory is in KiB.
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux keeps it");
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("proc(5) lists it")
}

/// How often threads other than this one gave the CPU up, to wait: getrusage(2).
#[cfg(target_os = "linux")]
fn server_switches() -> io::Result<u64> {
    let [all, own] = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_THREAD].map(getrusage);
    let switches = all?.voluntary_context_switches() - own?.voluntary_context_switches();
    Ok(switches.unsigned_abs())
}
