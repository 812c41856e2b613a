//! # 07 Select, poll: ask the kernel about all
//!
//! Problem: step 6 asks each socket by itself, too often or too late, and always in vain.
//! Idea: one call hands the kernel the list of all sockets, and sleeps until one of them can be
//! read.
//! Leaves out: writing. A socket can be asked about room in the same call (step 9 needs it).
//! Try: `cargo run --example 07_select_poll`
//!
//! You should see, with figures of your own:
//!
//!     select: of 2 sockets 1 can be read; descriptor 1024 is refused
//!     poll: 10 silent clients: 100 words, 100 waits, 1,100 sockets asked about, 0 in vain
//!     poll: 500 silent clients: 100 words, 100 waits, 50,100 sockets asked about, 0 in vain
//!     in 200.3 ms of silence: 0.1 ms of CPU time
//!
//! select(2) is the older of the two calls. A *descriptor* is the number by which a process names
//! an open socket; select has room for those up to 1023, poll(2) for all. Nothing is asked in vain
//! any more, nobody waits longer than need be, and in silence the thread sleeps, in one place for
//! all. This is I/O multiplexing. What is left of the price: each call hands over the whole list,
//! and the kernel goes through it, for one socket that has something.
//!
//! Break it: put `poll(&mut list, Some(&Timespec::default()))?;` in place of
//! `poll(&mut list, None)?;`. Such a call does not wait.
//!
//! Read next: `servers/models/poll.rs`, after `select.rs`. Run next:
//! `cargo run --example 08_register_once`.

mod support;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::panic;

use dormouse_study::figures::grouped;
use nix::sys::select::{FD_SETSIZE, FdSet, select};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::fcntl_dupfd_cloexec;
use support::{Stopwatch, connected, ms};

const WORDS: u64 = 100;
const SILENCE_NS: i64 = 200_000_000;

fn main() -> io::Result<()> {
    if !support::may_open(1100)? {
        return Ok(());
    }
    ask_select()?;
    let few = serve(10)?;
    let many = serve(500)?;
    assert!(many > 20 * few, "the whole list is handed over in each call");

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stopwatch = Stopwatch::start();
    let silence = Timespec { tv_sec: 0, tv_nsec: SILENCE_NS };
    poll(&mut [PollFd::new(&listener, PollFlags::IN)], Some(&silence))?;
    let (time, cpu) = (stopwatch.time(), stopwatch.cpu());
    println!("in {} of silence: {} of CPU time", ms(time), ms(cpu));
    assert!(cpu < time / 10, "in silence the thread sleeps");
    support::next(include_str!("07_select_poll.rs"));
    Ok(())
}

/// The older call of the two: select(2). Its list is a set of bits, one for each descriptor.
fn ask_select() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let silent = TcpStream::connect(listener.local_addr()?)?;
    let (told, _) = listener.accept()?;
    // A client waits to be accepted, so the listener can be read; nobody has written to `told`.
    let _waiting = TcpStream::connect(listener.local_addr()?)?;
    let mut set = FdSet::new();
    set.insert(listener.as_fd());
    set.insert(told.as_fd());
    let ready = select(None, &mut set, None, None, None)?;
    // A third with a number above the last bit is refused: C does not look, and writes elsewhere.
    let third = fcntl_dupfd_cloexec(&told, i32::try_from(FD_SETSIZE).expect("it is 1024"))?;
    panic::set_hook(Box::new(|_| {}));
    let refused = panic::catch_unwind(|| FdSet::new().insert(third.as_fd())).is_err();
    drop(panic::take_hook());
    println!(
        "select: of 2 sockets {ready} can be read; descriptor {} is refused",
        third.as_raw_fd()
    );
    assert!(refused, "select takes no descriptor above 1023");
    assert!(set.contains(listener.as_fd()) && !set.contains(told.as_fd()), "what is left is ready");
    drop(silent);
    Ok(())
}

/// Serves one client that speaks, beside some that don't; returns how many sockets it asked about.
fn serve(silent: usize) -> io::Result<u64> {
    let (mut streams, clients) = connected(silent + 1, talk)?;
    streams.iter().try_for_each(|stream| stream.set_nonblocking(true))?;

    let (mut waits, mut asked_about, mut vain, mut words) = (0, 0, 0, 0);
    let mut buffer = [0; 64];
    while words < WORDS {
        let mut list: Vec<_> = streams.iter().map(|s| PollFd::new(s, PollFlags::IN)).collect();
        waits += 1;
        asked_about += list.len() as u64;
        // Here the thread waits, for all of them at a time.
        poll(&mut list, None)?;
        let ready: Vec<_> = list.iter().map(|entry| !entry.revents().is_empty()).collect();
        vain += u64::from(!ready.contains(&true));
        for (stream, _) in streams.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            let n = stream.read(&mut buffer)?;
            stream.write_all(&buffer[..n])?;
            words += 1;
        }
    }
    clients.join().expect("the clients do not panic")?;
    let asked = grouped(asked_about);
    println!(
        "poll: {silent} silent clients: {words} words, {waits} waits, {asked} sockets asked about, \
         {vain} in vain"
    );
    assert_eq!((waits, vain), (WORDS, 0), "a wait for each word, and none in vain");
    Ok(asked_about)
}

/// Some clients are there, and one of them says word after word.
fn talk(mut clients: Vec<TcpStream>) -> io::Result<()> {
    for _ in 0..WORDS {
        clients[0].write_all(b"word")?;
        clients[0].read_exact(&mut [0; 4])?;
    }
    Ok(())
}
