//! The load: connections that are kept alive, one request under way on each, every answer checked.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dormouse_bench::load::connect;
use mio::net::TcpStream;
use mio::{Events, Poll, Token};

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    /// A short text.
    Get,
    /// What the request brings: 64 bytes, different ones each time.
    Echo,
}

impl Request {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Request::Get => "GET /",
            Request::Echo => "POST /echo",
        }
    }

    /// The bytes of a request, and the body of its answer.
    fn make(self, client: usize, sequence: u32) -> (Vec<u8>, Vec<u8>) {
        match self {
            Request::Get => {
                let head = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
                (head.as_bytes().to_vec(), b"hello from a dormouse\n".to_vec())
            }
            Request::Echo => {
                let body = format!("{client:>16}{sequence:>48}");
                let head = "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 64\r\n\r\n";
                (format!("{head}{body}").into_bytes(), body.into_bytes())
            }
        }
    }
}

/// Connections to one server, all on this thread.
pub(crate) struct Clients {
    poll: Poll,
    events: Events,
    all: Vec<Client>,
    errors: u32,
}

impl Clients {
    pub(crate) fn connect(server: SocketAddr, count: usize, request: Request) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut all = Vec::with_capacity(count);
        for number in 0..count {
            let stream = connect(server, &poll, Token(number))?;
            let (received, body) = (Vec::with_capacity(1024), Vec::new());
            all.push(Client { stream, request, number, sequence: 0, received, body });
        }
        Ok(Clients { poll, events: Events::with_capacity(1024), all, errors: 0 })
    }

    /// Each client asks, and asks again when it was answered, for `time`. Returns how many answers
    /// were right; nothing is under way before or after.
    pub(crate) fn run(&mut self, time: Duration) -> io::Result<u32> {
        let begin = Instant::now();
        for client in &mut self.all {
            client.send()?;
        }
        let (mut under_way, mut right) = (self.all.len(), 0);
        while under_way > 0 {
            self.poll.poll(&mut self.events, Some(Duration::from_secs(5)))?;
            if self.events.is_empty() {
                let why = format!("{under_way} requests were not answered within 5 s");
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            let more = begin.elapsed() < time;
            for event in &self.events {
                let client = &mut self.all[event.token().0];
                match client.receive()? {
                    None => continue,
                    Some(true) => right += 1,
                    Some(false) => self.errors += 1,
                }
                if more {
                    client.send()?;
                } else {
                    under_way -= 1;
                }
            }
        }
        Ok(right)
    }

    /// How many answers were wrong.
    pub(crate) fn errors(&self) -> u32 {
        self.errors
    }
}

struct Client {
    stream: TcpStream,
    request: Request,
    number: usize,
    sequence: u32,
    /// What has come of the answer.
    received: Vec<u8>,
    /// What its body has to be.
    body: Vec<u8>,
}

impl Client {
    fn send(&mut self) -> io::Result<()> {
        self.sequence += 1;
        self.received.clear();
        let (request, body) = self.request.make(self.number, self.sequence);
        self.body = body;
        // The socket's buffer is empty, so it takes the whole of it.
        let n = self.stream.write(&request)?;
        if n == request.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Whether the answer is right, once the whole of it is there.
    fn receive(&mut self) -> io::Result<Option<bool>> {
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => self.received.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e),
        }
        Ok(self.check())
    }

    fn check(&self) -> Option<bool> {
        let end = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        let (head, body) = self.received.split_at(end + 4);
        let Ok(head) = std::str::from_utf8(head) else { return Some(false) };
        let lengths = head.lines().filter_map(|line| line.strip_prefix("content-length: "));
        let is_right = head.starts_with("HTTP/1.1 200 OK\r\n")
            && lengths.map(str::parse).eq([Ok(self.body.len())])
            && self.body.starts_with(body);
        (!is_right || body.len() == self.body.len()).then_some(is_right)
    }
}
