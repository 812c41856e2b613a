//! # 02 Second client: one thread for one connection
//!
//! Problem: step 1 served a single client. Now two come, and the first says nothing.
//! Idea: the thread waits in the read of the first connection, so nobody looks at the second.
//! Leaves out: the cure, which is the next step.
//! Try: `cargo run --example 02_second_client`
//!
//! You should see, with figures of your own:
//!
//!     B is connected after 0.1 ms, and has said hello
//!     A says bye after 200.2 ms, and leaves
//!     B is answered after 200.9 ms
//!     order of events: ["A bye", "A left", "B hello", "B left"]
//!
//! B's connection and its message are complete: the kernel keeps both, in the listener's queue and
//! in the socket's buffer. But the one thread of the server is in A's read, and stays there until A
//! says something, however long that takes. A silent client keeps all others waiting.
//!
//! Break it: put `thread::spawn(move || serve(stream, &events));` in place of
//! `serve(stream, &events)?;`. With a thread for each, B does not wait for A.
//!
//! Read next: `serve` in `servers/models/blocking.rs`. Run next: `cargo run --example 03_threads`.

mod support;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use support::{Stopwatch, ms};

const SILENCE: Duration = Duration::from_millis(200);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (events, order) = mpsc::channel();
    let clients = thread::spawn(move || talk(address));

    // listen: one connection after the other, as in the article.
    for _ in 0..2 {
        let (stream, _peer) = listener.accept()?;
        let events = events.clone();
        serve(stream, &events)?;
    }
    drop(events);
    clients.join().expect("the clients do not panic")?;

    let order: Vec<String> = order.iter().collect();
    println!("order of events: {order:?}");
    assert_eq!(order, ["A bye", "A left", "B hello", "B left"], "B waits until A has left");
    support::next(include_str!("02_second_client.rs"));
    Ok(())
}

/// Answers one client until it leaves.
fn serve(mut stream: TcpStream, events: &Sender<String>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut client = String::new();
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            note(events, format!("{client} left"));
            return Ok(());
        }
        let message = String::from_utf8_lossy(&buffer[..n]).into_owned();
        message[..1].clone_into(&mut client);
        note(events, message);
        stream.write_all(&buffer[..n])?;
    }
}

fn note(events: &Sender<String>, event: String) {
    events.send(event).expect("main reads the events to their end");
}

/// A is there first, and says nothing for a while; B says hello at once.
fn talk(address: SocketAddr) -> io::Result<()> {
    let stopwatch = Stopwatch::start();
    let mut a = TcpStream::connect(address)?;
    let mut b = TcpStream::connect(address)?;
    b.write_all(b"B hello")?;
    println!("B is connected after {}, and has said hello", ms(stopwatch.time()));

    thread::sleep(SILENCE);
    a.write_all(b"A bye")?;
    a.read_exact(&mut [0; 5])?;
    println!("A says bye after {}, and leaves", ms(stopwatch.time()));
    drop(a);
    b.read_exact(&mut [0; 7])?;
    println!("B is answered after {}", ms(stopwatch.time()));
    Ok(())
}
