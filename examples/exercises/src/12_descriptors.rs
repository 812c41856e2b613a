//! # Descriptors: when there are none left
//!
//! Problem: a server accepts whoever comes, until the process has as many descriptors as it may.
//! Happened: `nanomsg/nanomsg#152`, `tokio-rs/tokio#3529`, `oven-sh/bun#32705` and many more: at
//! the limit, the loop that accepts burns a core: in the last one 98,000 calls in ten seconds.
//! Number: how often it asks for a connection in 250 ms at the limit. Three times would do.
//! Try: `cargo test -p dormouse-exercises --test exercises descriptors`
//! Hint: accept(2) has failed. Where is the connection now, and what does poll(2) say of that?

use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Takes in connections.
pub struct Acceptor {
    listener: TcpListener,
    open: Vec<TcpStream>,
    asked: u64,
}

impl Acceptor {
    /// Will take the connections that `listener` has.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Acceptor { listener, open: Vec::new(), asked: 0 })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// How often accept(2) was called.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Waits for a connection, at most so long, and takes it. A connection that fails is no reason
    /// to end the server.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        if !self.wait(timeout)? {
            return Ok(());
        }
        self.asked += 1;
        match self.listener.accept() {
            Ok((stream, _peer)) => self.open.push(stream),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => println!("accept: {e}"),
        }
        Ok(())
    }

    /// Returns whether there is a connection to take.
    fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}
