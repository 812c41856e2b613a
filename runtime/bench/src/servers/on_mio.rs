//! The server without a runtime: a loop around `mio::Poll`, and a state machine per connection.

use std::io::{self, Read, Write};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);

pub(super) fn serve(listener: std::net::TcpListener, buffer: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections = Slab::new();
    loop {
        match poll.poll(&mut events, None) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
        for event in &events {
            match event.token() {
                LISTENER => accept_all(&listener, &poll, &mut connections, buffer)?,
                Token(key) => {
                    // Its end may have come in the same batch, but not twice.
                    let ended = connections.get_mut(key).is_some_and(|c| !c.go_on(event));
                    if ended {
                        let mut connection = connections.remove(key);
                        poll.registry().deregister(&mut connection.stream)?;
                    }
                }
            }
        }
    }
}

fn accept_all(
    listener: &TcpListener,
    poll: &Poll,
    connections: &mut Slab<Connection>,
    buffer: usize,
) -> io::Result<()> {
    loop {
        let (mut stream, _peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        };
        let entry = connections.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(entry.key()), both)?;
        let buffer = vec![0; buffer];
        let (from, to, may_have_more, closed) = (0, 0, false, false);
        entry.insert(Connection { stream, buffer, from, to, may_have_more, closed });
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// `buffer[from..to]` was read, and is not written yet.
    from: usize,
    to: usize,
    may_have_more: bool,
    /// The peer has closed: what it sent may be left, and the end is.
    closed: bool,
}

impl Connection {
    /// Writes and reads until the kernel says 'not yet'; false when the connection has ended.
    fn go_on(&mut self, event: &Event) -> bool {
        self.closed |= event.is_read_closed() || event.is_error();
        self.may_have_more |= event.is_readable() || self.closed;
        loop {
            let step = if self.from < self.to { self.write() } else { self.read() };
            match step {
                Ok(true) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return true,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(false) | Err(_) => return false,
            }
        }
    }

    fn read(&mut self) -> io::Result<bool> {
        if !self.may_have_more {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = self.stream.read(&mut self.buffer)?;
        (self.from, self.to) = (0, n);
        // Short: all was read, and what comes now brings an event of its own.
        self.may_have_more = n == self.buffer.len() || self.closed;
        Ok(n > 0)
    }

    fn write(&mut self) -> io::Result<bool> {
        let n = self.stream.write(&self.buffer[self.from..self.to])?;
        self.from += n;
        Ok(n > 0)
    }
}
