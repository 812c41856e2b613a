//! # 11 Completion: the kernel hands over the bytes
//!
//! Problem: all steps so far learn that a socket can be read, and then read: two calls, at the
//! least.
//! Idea: hand the kernel the work itself, 'receive into this buffer', and sleep until it is done.
//! When the thread wakes, the bytes are there: a *completion*, where the steps before had
//! readiness.
//! Leaves out: a buffer for each of many clients, and who owns it meanwhile:
//! `servers/models/uring/ring.rs`.
//! Try: `cargo run --example 11_completion`
//!
//! You should see, with figures of your own:
//!
//!     100 words: 101 system calls
//!     in 100.3 ms of silence: 0.0 ms of CPU time
//!
//! `io_uring(7)` has two rings in memory that program and kernel share. Into one the program puts
//! what is to be done; in the other it finds what is done. One call, `io_uring_enter(2)`, hands
//! over an answer to be sent and the next receive, and sleeps. The price is ownership: from that
//! call to the completion the buffer is the kernel's, and must neither be freed nor touched. No
//! compiler checks that.
//!
//! Break it: put `ring.submit_and_wait(0)` in place of `ring.submit_and_wait(work.len())`. The call
//! does not wait then, and the thread asks again and again.
//!
//! Read next: `servers/models/uring.rs`, after its folder. Run next:
//! `cargo run --example 12_future`.
#![cfg_attr(not(target_os = "linux"), allow(unused))]
#![allow(unsafe_code, reason = "the kernel writes into memory that was handed to it")]

mod support;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::process;
use std::thread;
use std::time::Duration;

#[cfg(target_os = "linux")]
use io_uring::{IoUring, opcode, types::Fd};
use support::{Stopwatch, connected, ms};

const WORDS: u32 = 100;
/// The numbers by which completions name what is done.
const RECEIVE: u64 = 0;
const SEND: u64 = 1;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: io_uring is Linux's");
}

#[cfg(target_os = "linux")]
fn main() -> io::Result<()> {
    if let Err(why) = dormouse_study::models::uring::available() {
        println!("skipped: {why}");
        return Ok(());
    }
    let mut ring = IoUring::new(8)?;
    let (mut streams, client) = connected(1, talk)?;
    let (stream, mut buffer, mut answer) = (streams.remove(0), [0; 64], Vec::new());
    let (mut words, mut calls) = (0, 0);
    let stopwatch = Stopwatch::start();
    let mut silence = None;
    loop {
        let n = exchange(&mut ring, &stream, &answer, &mut buffer, &mut calls)?;
        silence.get_or_insert_with(|| (stopwatch.time(), stopwatch.cpu()));
        if n == 0 {
            break;
        }
        // No read: the bytes are here.
        answer = buffer[..n].to_vec();
        words += 1;
    }
    client.join().expect("the client does not panic")?;
    println!("{words} words: {calls} system calls");
    let (time, cpu) = silence.expect("there was a first call");
    println!("in {} of silence: {} of CPU time", ms(time), ms(cpu));
    assert_eq!((words, calls), (WORDS, WORDS + 1), "a call for each word, and one for the end");
    assert!(cpu < time / 10, "the thread sleeps until the work is done");
    support::next(include_str!("11_completion.rs"));
    Ok(())
}

/// Has the kernel send `answer`, and receive into `buffer`; returns how much came, after both.
#[cfg(target_os = "linux")]
fn exchange(
    ring: &mut IoUring,
    stream: &TcpStream,
    answer: &[u8],
    buffer: &mut [u8; 64],
    calls: &mut u32,
) -> io::Result<usize> {
    let (fd, length) = (Fd(stream.as_raw_fd()), u32::try_from(answer.len()).unwrap_or(u32::MAX));
    let send = opcode::Send::new(fd, answer.as_ptr(), length).build().user_data(SEND);
    let receive = opcode::Recv::new(fd, buffer.as_mut_ptr(), 64).build().user_data(RECEIVE);
    let work = if answer.is_empty() { vec![receive] } else { vec![send, receive] };
    // SAFETY: socket and buffers are borrowed until this function returns, and it returns when each
    // entry has its completion: until then nobody frees them, or touches what is received to.
    unsafe { ring.submission().push_multiple(&work) }.expect("eight entries fit");
    let (mut done, mut received) = (0, 0);
    while done < work.len() {
        *calls += 1;
        if let Err(error) = ring.submit_and_wait(work.len()) {
            // The kernel may still write to the buffer: this is no place to return from.
            eprintln!("error: io_uring_enter: {error}");
            process::exit(1);
        }
        for completion in ring.completion() {
            done += 1;
            if completion.user_data() == RECEIVE {
                received = completion.result();
            }
        }
    }
    usize::try_from(received).map_err(|_| io::Error::from_raw_os_error(-received))
}

/// Is silent for a while, and then says word after word.
fn talk(mut clients: Vec<TcpStream>) -> io::Result<()> {
    thread::sleep(Duration::from_millis(100));
    for _ in 0..WORDS {
        clients[0].write_all(b"word")?;
        clients[0].read_exact(&mut [0; 4])?;
    }
    Ok(())
}
