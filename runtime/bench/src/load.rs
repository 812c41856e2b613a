//! The client of all servers: it sends messages, and checks every byte that comes back.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// How long a message is.
const SIZE: usize = 64;

/// What messages are cut from: no lower-case letter, so that servers that send back in upper case
/// send the same.
const LETTERS: [u8; 4096] = {
    let mut letters = [0; 4096];
    let (mut i, mut random) = (0, 1_u32);
    while i < letters.len() {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        letters[i] = b'A' + (random >> 24) as u8 % 26;
        i += 1;
    }
    letters
};

/// Differs from client to client, and from one message of a client to its next.
fn message(client: usize, sequence: usize) -> &'static [u8] {
    let start = (client * 67 + sequence * 7) % (LETTERS.len() - SIZE);
    &LETTERS[start..start + SIZE]
}

/// What the clients do.
#[derive(Clone, Copy, Debug)]
pub enum Load {
    /// So many connections; a message is under way on each.
    PingPong(usize),
    /// So many at a time connect, send one message, and close.
    Churn(u32),
}

/// A load that can begin: it returns how many operations it came to.
pub type Run = Box<dyn FnMut() -> io::Result<u32>>;

impl Load {
    /// What is counted.
    pub fn operation(self) -> &'static str {
        match self {
            Load::PingPong(_) => "message",
            Load::Churn(_) => "connection",
        }
    }

    /// Warms `server` up for a load of about `duration`.
    pub fn prepare(self, server: SocketAddr, duration: Duration) -> io::Result<Run> {
        Ok(match self {
            Load::PingPong(count) => {
                let mut clients = Clients::connect(server, count)?;
                clients.ping_pong(duration / 4)?;
                Box::new(move || clients.ping_pong(duration))
            }
            Load::Churn(at_once) => {
                // Each leaves a port in TIME_WAIT for a minute, and there are 28,000 for a server.
                let each = u32::try_from(duration.as_millis()).unwrap_or(1000) * 8 / at_once;
                churn(server, at_once, each / 4)?;
                Box::new(move || churn(server, at_once, each))
            }
        })
    }
}

/// A connection that `poll` watches, to be read.
pub fn connect(server: SocketAddr, poll: &Poll, token: Token) -> io::Result<TcpStream> {
    let stream = std::net::TcpStream::connect(server)?;
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let mut stream = TcpStream::from_std(stream);
    poll.registry().register(&mut stream, token, Interest::READABLE)?;
    Ok(stream)
}

/// Connections to one server, all on this thread.
#[derive(Debug)]
pub struct Clients {
    poll: Poll,
    events: Events,
    all: Vec<Client>,
}

impl Clients {
    /// Connects `count` clients.
    pub fn connect(server: SocketAddr, count: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut all = Vec::with_capacity(count);
        for number in 0..count {
            let stream = connect(server, &poll, Token(number))?;
            all.push(Client { stream, number, sequence: 0, received: 0 });
        }
        Ok(Clients { poll, events: Events::with_capacity(1024), all })
    }

    /// Each client sends a message, and the next as soon as it is back, for `duration`. Returns
    /// their number, when the last one is back: nothing is under way before or after.
    pub fn ping_pong(&mut self, duration: Duration) -> io::Result<u32> {
        let begin = Instant::now();
        for client in &mut self.all {
            client.send()?;
        }
        let (mut under_way, mut messages) = (self.all.len(), 0);
        while under_way > 0 {
            self.poll.poll(&mut self.events, Some(Duration::from_secs(5)))?;
            if self.events.is_empty() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no reply for 5 s"));
            }
            let more = begin.elapsed() < duration;
            for event in &self.events {
                let client = &mut self.all[event.token().0];
                if !client.receive()? {
                    continue;
                }
                messages += 1;
                if more {
                    client.send()?;
                } else {
                    under_way -= 1;
                }
            }
        }
        Ok(messages)
    }
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    number: usize,
    sequence: usize,
    received: usize,
}

impl Client {
    fn send(&mut self) -> io::Result<()> {
        self.sequence += 1;
        self.received = 0;
        // The socket's buffer is empty, so it takes the whole of it.
        let n = self.stream.write(message(self.number, self.sequence))?;
        if n == SIZE { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Whether the whole message is back.
    fn receive(&mut self) -> io::Result<bool> {
        let expected = &message(self.number, self.sequence)[self.received..];
        let mut buffer = [0; SIZE + 1];
        let n = match self.stream.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(e) => return Err(e),
        };
        check(&buffer[..n], expected)?;
        self.received += n;
        Ok(self.received == SIZE)
    }
}

fn check(received: &[u8], expected: &[u8]) -> io::Result<()> {
    if expected.starts_with(received) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "something else came back than was sent"))
}

/// `threads` clients at a time, each again and again: connect, one message, close; `each` times.
/// Returns the number of connections.
fn churn(server: SocketAddr, threads: u32, each: u32) -> io::Result<u32> {
    let client = |number: u32| -> io::Result<()> {
        for sequence in 0..each {
            let mut stream = std::net::TcpStream::connect(server)?;
            let message = message(number as usize, sequence as usize);
            stream.write_all(message)?;
            let mut reply = [0; SIZE];
            stream.read_exact(&mut reply)?;
            check(&reply, message)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..threads).map(|n| scope.spawn(move || client(n))).collect();
        let mut ends = clients.into_iter().map(|client| client.join().expect("it can't panic"));
        ends.try_for_each(|end| end)
    })?;
    Ok(threads * each)
}
