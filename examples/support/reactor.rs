//! # Reactor: that of step 15, word for word
//!
//! Problem: step 16 builds on the reactor, and shows something else.
//! Idea: what a step has built stands here for the next ones. A test compares the two.
//! Leaves out: as step 15.
//! Read before: `15_reactor.rs`. Read next: `16_run_queue.rs`.
//! Try: `cargo run --example 16_run_queue`

use super::uninterrupted;

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::task::Waker;

use mio::net::TcpStream;
use mio::{Events, Interest, Token};
use slab::Slab;

/// Who waits for a socket: room for one waker on each side, to read and to write.
pub(crate) type Source = [Cell<Option<Waker>>; 2];

/// The one place that waits, for all sources.
pub(crate) struct Reactor {
    poll: mio::Poll,
    sources: Slab<Rc<Source>>,
    pub(crate) parks: usize,
    pub(crate) vain: usize,
    pub(crate) wakes: usize,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Reactor> {
        let (poll, sources) = (mio::Poll::new()?, Slab::new());
        Ok(Reactor { poll, sources, parks: 0, vain: 0, wakes: 0 })
    }

    pub(crate) fn register(&mut self, stream: &mut TcpStream) -> io::Result<Rc<Source>> {
        let source = Rc::new(Source::default());
        let token = Token(self.sources.insert(Rc::clone(&source)));
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(stream, token, interest)?;
        Ok(source)
    }

    pub(crate) fn park(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(64);
        uninterrupted(|| self.poll.poll(&mut events, None))?;
        self.parks += 1;
        self.vain += usize::from(events.is_empty());
        for event in &events {
            let readiness = [event.is_readable(), event.is_writable()];
            for (side, ready) in self.sources[event.token().0].iter().zip(readiness) {
                if ready && let Some(waker) = side.take() {
                    self.wakes += 1;
                    waker.wake();
                }
            }
        }
        Ok(())
    }
}
