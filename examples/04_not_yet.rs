//! # 04 Not yet: a read that does not wait
//!
//! Problem: in step 2 the silent client A kept the thread, and B was not answered.
//! Idea: a socket can be told not to wait. Then a read without data says 'not yet' at once, and the
//! thread is free to look at another socket.
//! Leaves out: how to learn when to ask again. That is the question of all steps from here on.
//! Try: `cargo run --example 04_not_yet`
//!
//! You should see, with figures of your own:
//!
//!     A: not yet, after 0.01 ms
//!     B: 7 bytes
//!     A: 5 bytes, once A had told the server
//!     asked A 2 times, 1 in vain
//!
//! 'Not yet' is the error `WouldBlock`: the call would have had to wait. It is no failure. One
//! thread now serves two clients, in whatever order they speak. Here A tells the server by another
//! way that it has spoken; real clients don't.
//!
//! Break it: put `a.set_nonblocking(false)?;` in place of `a.set_nonblocking(true)?;`. The first
//! read waits, as in step 2.
//!
//! Read next: the standard library's `TcpStream::set_nonblocking`, and fcntl(2), `O_NONBLOCK`. Run
//! next: `cargo run --example 05_ask_forever`.

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use support::Stopwatch;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (tell, has_spoken) = mpsc::channel();
    let clients = thread::spawn(move || talk(address, &tell));
    let (mut a, _) = listener.accept()?;
    let (mut b, _) = listener.accept()?;
    a.set_nonblocking(true)?;

    let stopwatch = Stopwatch::start();
    let early = a.read(&mut [0; 64]);
    let millis = stopwatch.time().as_secs_f64() * 1e3;
    let not_yet = early.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    assert!(not_yet, "A has said nothing yet, and its read does not wait");
    println!("A: not yet, after {millis:.2} ms");
    let (mut asked, mut vain) = (1, 1);

    // The thread is free for others.
    println!("B: {} bytes", answer(&mut b)?);
    has_spoken.recv().expect("the clients do not panic");
    let n = loop {
        asked += 1;
        match answer(&mut a) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => vain += 1,
            answered => break answered?,
        }
    };
    println!("A: {n} bytes, once A had told the server");
    println!("asked A {asked} times, {vain} in vain");
    assert_eq!((n, asked - vain), (5, 1), "what A has said is there when it is asked again");
    clients.join().expect("the clients do not panic")?;
    support::next(include_str!("04_not_yet.rs"));
    Ok(())
}

/// Reads what is there, and sends it back.
fn answer(stream: &mut TcpStream) -> io::Result<usize> {
    let mut buffer = [0; 64];
    let n = stream.read(&mut buffer)?;
    stream.write_all(&buffer[..n])?;
    Ok(n)
}

/// B speaks at once; A once B was answered, or has waited long enough.
fn talk(address: SocketAddr, tell: &Sender<()>) -> io::Result<()> {
    let mut a = TcpStream::connect(address)?;
    let mut b = TcpStream::connect(address)?;
    b.write_all(b"B hello")?;
    b.set_read_timeout(Some(Duration::from_secs(1)))?;
    // If it is not answered in this time, A speaks all the same.
    b.read_exact(&mut [0; 7]).ok();
    a.write_all(b"A bye")?;
    tell.send(()).ok();
    a.read_exact(&mut [0; 5])
}
