//! # 01 Blocking: a read waits
//!
//! Problem: a server cannot know when its client will say something.
//! Idea: it asks the kernel to read; the kernel stops the thread until there is something.
//! Leaves out: a second client, which is the next step.
//! Try: `cargo run --example 01_blocking`
//!
//! You should see, with figures of your own:
//!
//!     read: 5 bytes, after 200.3 ms; the thread slept: 0.1 ms of CPU time
//!     read: the end
//!     asked 2 times, 0 in vain
//!
//! A *system call*, such as read(2), is a question to the kernel. One that comes back with 'not
//! yet' was asked *in vain*; here there is none, as the kernel answers only once it has something
//! to say.
//!
//! Break it: put `stream.set_nonblocking(true)?;` in place of `stream.set_nonblocking(false)?;`.
//! The kernel then does not wait, and the thread asks thousands of times, instead of sleeping.
//!
//! Read next: `talk` in `servers/models/blocking.rs`, where `counters.read(…)` is the read.
//! Run next: `cargo run --example 02_second_client`.

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use support::{Stopwatch, ms};

const SILENCE: Duration = Duration::from_millis(200);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let client = thread::spawn(move || talk(address));

    let (mut stream, _peer) = listener.accept()?;
    stream.set_nonblocking(false)?;
    let mut buffer = [0; 4096];
    let (mut asked, mut vain) = (0, 0);
    let stopwatch = Stopwatch::start();
    loop {
        asked += 1;
        // Here the thread waits: this loop goes round once for each message, and never in vain.
        match stream.read(&mut buffer) {
            Ok(0) => break println!("read: the end"),
            Ok(n) => {
                let (waited, cpu) = (stopwatch.time(), stopwatch.cpu());
                println!(
                    "read: {n} bytes, after {}; the thread slept: {} of CPU time",
                    ms(waited),
                    ms(cpu),
                );
                assert!(cpu < waited / 10, "a thread that waits in a read uses no CPU time");
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => vain += 1,
            Err(error) => return Err(error),
        }
    }
    client.join().expect("the client does not panic")?;

    println!("asked {asked} times, {vain} in vain");
    assert_eq!((asked, vain), (2, 0), "a read for the message, and one for the end");
    support::next(include_str!("01_blocking.rs"));
    Ok(())
}

/// Is silent for a while, says hello, and leaves.
fn talk(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    thread::sleep(SILENCE);
    stream.write_all(b"hello")
}
