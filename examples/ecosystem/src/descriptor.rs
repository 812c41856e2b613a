//! # Descriptor: whatever the kernel can say 'ready' of
//!
//! Problem: sockets are not all that one can wait for: timers, signals, changes of files and
//! other processes have descriptors, too.
//! Idea: `mio` registers any descriptor by its number; a type that owns one is all that
//! `dormouse::Async` needs.
//! Leaves out: reading from it: what its bytes mean differs from kind to kind.
//! Read before: `answer.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example timerfd`

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, event};

/// A descriptor, which must be non-blocking, as something to wait for.
#[derive(Debug)]
pub struct Descriptor(pub OwnedFd);

impl event::Source for Descriptor {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(to, token, interest)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(to, token, interest)
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(from)
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
