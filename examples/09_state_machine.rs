//! # 09 State machine: what waiting for all makes you write
//!
//! Problem: in step 8 an answer was written at once. But a client that does not read fills the
//! kernel's buffers, and a write says 'not yet', too. The thread must not wait for it: others want
//! to be served.
//! Idea: where a thread would have stopped in the middle of its loop, a value keeps what is left to
//! do. The loop goes on there when the kernel reports room.
//! Leaves out: several connections; each would have such a value, found by its token.
//! Try: `cargo run --example 09_state_machine`
//!
//! You should see, with figures of your own:
//!
//!     180 writes, of which 62 took only a part
//!     52 times it had to go on later, in the middle of an answer
//!     4,194,304 bytes came back, as they were
//!
//! A blocking server keeps 'where am I' on the stack of its thread. Here it is `unsent`, a range of
//! the buffer: not empty says 'in the middle of an answer', empty says 'waits for the next
//! message'. That is a *state machine* of two states. It may be registered for writing all the
//! time: as an edge that is told once, when room comes back. It reads nothing while an answer is
//! unsent, so the memory for one client stays what it is, however much the client sends:
//! *backpressure*.
//!
//! Break it: put `self.unsent = 0..0;` in place of `self.unsent.start += n;`. That forgets what a
//! write has left over, the commonest fault of such programs.
//!
//! Read next: `servers/models/connection.rs`, `mio.rs`. Run next: `cargo run --example 10_signal`.

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use dormouse_study::figures::grouped;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;
use support::{connected, uninterrupted, without_waiting};

const SIZE: usize = 4 << 20;

fn main() -> io::Result<()> {
    let (mut streams, client) = connected(1, talk)?;
    let [writes, in_part, stuck] = serve(streams.remove(0))?;
    let came_back = client.join().expect("the client does not panic")?;

    println!("{writes} writes, of which {in_part} took only a part");
    println!("{stuck} times it had to go on later, in the middle of an answer");
    assert!(in_part > 0 && stuck > 0, "an answer gets stuck while nobody reads");
    assert_eq!(came_back, SIZE, "every byte comes back, in its order");
    println!("{} bytes came back, as they were", grouped(SIZE as u64));
    support::next(include_str!("09_state_machine.rs"));
    Ok(())
}

/// What is kept of a connection while its thread does something else.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The part of the buffer that is still to be sent back. Empty: a message is awaited.
    unsent: Range<usize>,
    writes: u32,
    in_part: u32,
}

/// Echoes to the end; returns how many writes there were, how many took only a part, and how often
/// it had to wait in the middle of an answer.
fn serve(stream: std::net::TcpStream) -> io::Result<[u32; 3]> {
    // Little room in the kernel, so that answers get stuck soon.
    SockRef::from(&stream).set_send_buffer_size(64 << 10)?;
    let (stream, buffer) = (without_waiting(stream)?, vec![0; 128 << 10]);
    let mut connection = Connection { stream, buffer, unsent: 0..0, writes: 0, in_part: 0 };
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(8));
    let both = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut connection.stream, Token(0), both)?;
    let mut stuck = 0;
    while !connection.go_on()? {
        stuck += u32::from(!connection.unsent.is_empty());
        // Here the others go on, where there are others.
        uninterrupted(|| poll.poll(&mut events, None))?;
    }
    Ok([connection.writes, connection.in_part, stuck])
}

impl Connection {
    /// Does what can be done without waiting; returns whether the client has left.
    fn go_on(&mut self) -> io::Result<bool> {
        loop {
            let moved = if self.unsent.is_empty() { self.read() } else { self.write() };
            match moved {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let n = self.stream.read(&mut self.buffer)?;
        self.unsent = 0..n;
        Ok(n)
    }

    fn write(&mut self) -> io::Result<usize> {
        self.writes += 1;
        let n = self.stream.write(&self.buffer[self.unsent.clone()])?;
        self.in_part += u32::from(n < self.unsent.len());
        self.unsent.start += n;
        Ok(n)
    }
}

/// Sends a lot, and begins to read after a while; returns how many bytes came back as they were.
fn talk(mut clients: Vec<std::net::TcpStream>) -> io::Result<usize> {
    let mut client = clients.remove(0);
    let data: Vec<u8> = (0..=250).cycle().take(SIZE).collect();
    let (mut writer, sent) = (client.try_clone()?, data.clone());
    let writing = thread::spawn(move || {
        writer.write_all(&sent)?;
        writer.shutdown(Shutdown::Write)
    });
    thread::sleep(Duration::from_millis(100));
    let mut answer = Vec::new();
    client.read_to_end(&mut answer)?;
    writing.join().expect("the writer does not panic")?;
    Ok(answer.iter().zip(&data).take_while(|(one, other)| one == other).count())
}
