//! # Reactor: one place waits for every socket
//!
//! Problem: a thousand tasks wait, but a thread can sleep in only one call.
//! Idea: each socket is registered with the kernel once, under a number. One call waits for all of
//! them; each event names a number, and whoever waits there is woken.
//! Leaves out: several threads. Many cores are many runtimes.
//! Read before: `source.rs`. Read next: `timer.rs`.
//! Try: `RUST_LOG=dormouse=trace cargo run -- serve async`

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use crate::observe::{Cause, Moment, Observer};
use crate::slots::{Key, Slots};
use crate::source::{Direction, Source};
use crate::sync::Unparker;

/// Other threads' unparks arrive under this token; no source ever has it.
const UNPARK: Token = Token(Key::RESERVED.0);

/// How many events one call can bring. More wait in the kernel for the next call.
const EVENTS_AT_ONCE: usize = 1024;

/// The longest that every system can wait at a time: `epoll_wait(2)` takes an `int` of
/// milliseconds.
const LONGEST_WAIT: Duration = Duration::from_millis(i32::MAX as u64);

/// The sources of one runtime, and the kernel's list of them.
pub(crate) struct Reactor {
    poll: RefCell<Poll>,
    /// Taken out while it is read: a wake may run code that needs the reactor.
    events: Cell<Option<Events>>,
    sources: RefCell<Slots<Rc<Source>>>,
    /// The runtime is gone: nobody will ever report an event.
    closed: Cell<bool>,
    observer: Rc<Observer>,
}

impl Reactor {
    pub(crate) fn new(observer: Rc<Observer>) -> io::Result<Self> {
        Ok(Reactor {
            poll: RefCell::new(Poll::new()?),
            events: Cell::new(Some(Events::with_capacity(EVENTS_AT_ONCE))),
            sources: RefCell::default(),
            closed: Cell::new(false),
            observer,
        })
    }

    pub(crate) fn unparker(&self) -> io::Result<Unparker> {
        Unparker::new(self.poll.borrow().registry(), UNPARK)
    }

    /// Registers `io` with the kernel, once and for all, in the directions of `interest`.
    pub(crate) fn register<S: mio::event::Source>(
        &self,
        io: &mut S,
        interest: Interest,
    ) -> io::Result<(Key, Rc<Source>)> {
        let source = Rc::new(Source::new(std::any::type_name::<S>));
        let mut key = Key::RESERVED;
        self.sources.borrow_mut().insert_with(|given| {
            key = given;
            Rc::clone(&source)
        });
        let registered = self.poll.borrow().registry().register(io, Token(key.0), interest);
        if let Err(error) = registered {
            self.sources.borrow_mut().remove(key);
            return Err(error);
        }
        self.observer.saw(Moment::Registered(key));
        Ok((key, source))
    }

    /// Ends what [`Reactor::register`] began. It must come before `io` is closed: the kernel keeps
    /// a registration as long as any duplicate of the descriptor is open (epoll(7), question 6).
    pub(crate) fn deregister(&self, key: Key, io: &mut impl mio::event::Source) {
        self.sources.borrow_mut().remove(key);
        self.observer.saw(Moment::Deregistered(key));
        let deregistered = self.poll.borrow().registry().deregister(io);
        if let Err(error) = deregistered {
            log::warn!("source {key}: can't deregister: {error}");
        }
    }

    /// Blocks until something happens, or until `longest` has passed. The one place that blocks.
    /// Returns whether the kernel has said what there is: not if a signal came first.
    pub(crate) fn park(&self, longest: Option<Duration>) -> bool {
        self.observer.saw(Moment::Parked(longest));
        let timeout = longest.map(|longest| longest.min(LONGEST_WAIT));
        let (events, found) = self.wait(timeout);
        let cause = found.cause(timeout, longest);
        self.observer.saw(Moment::Returned(cause));
        self.deliver(events);
        cause != Cause::Interrupted
    }

    /// Asks the kernel what has happened, without waiting. Returns as [`Reactor::park`].
    pub(crate) fn ask(&self) -> bool {
        let (events, found) = self.wait(Some(Duration::ZERO));
        self.observer.saw(Moment::Asked(found.events));
        self.deliver(events);
        !found.interrupted
    }

    fn wait(&self, timeout: Option<Duration>) -> (Events, Found) {
        let mut events = self.events.take().expect("put back by the wait before");
        let waited = self.poll.borrow_mut().poll(&mut events, timeout);
        let interrupted = match waited {
            Ok(()) => false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            // epoll_wait(2) has no other error for a descriptor and a buffer that are our own.
            Err(error) => panic!("the reactor can't wait: {error}"),
        };
        if interrupted {
            events.clear();
        }
        let unparks = events.iter().filter(|event| event.token() == UNPARK).count();
        let found =
            Found { events: events.iter().count() - unparks, unparked: unparks > 0, interrupted };
        (events, found)
    }

    /// Wakes whoever an event concerns.
    fn deliver(&self, events: Events) {
        for event in events.iter().filter(|event| event.token() != UNPARK) {
            let key = Key(event.token().0);
            let source = self.sources.borrow().get(key).map(Rc::clone);
            match source {
                Some(source) => {
                    self.observer.saw(Moment::Event(key, event.is_readable()));
                    source.report(event);
                }
                // It was closed by a wake before it in this batch, or just before the wait.
                None => self.observer.saw(Moment::StaleEvent(key)),
            }
        }
        self.events.set(Some(events));
    }

    pub(crate) fn seen(&self) -> Vec<(Key, Rc<Source>)> {
        self.sources.borrow().iter().map(|(key, source)| (key, Rc::clone(source))).collect()
    }

    /// Tells everybody who still waits that nothing will come any more.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        for source in self.sources.take().into_values() {
            source.side(Direction::Read).wake();
            source.side(Direction::Write).wake();
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }
}

/// What a wait brought.
struct Found {
    events: usize,
    unparked: bool,
    interrupted: bool,
}

impl Found {
    /// Why a wait for `timeout` came back, where `longest` was asked for.
    fn cause(&self, timeout: Option<Duration>, longest: Option<Duration>) -> Cause {
        // IDEA: every return from the block has a cause; a loop that spins can't hide.
        match self {
            Found { interrupted: true, .. } => Cause::Interrupted,
            Found { events: 1.., .. } => Cause::Event,
            Found { unparked: true, .. } => Cause::Unpark,
            _ if timeout.is_none() => Cause::None,
            _ if timeout < longest => Cause::Clamped,
            _ => Cause::Deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_return_has_the_one_cause_that_comes_first() {
        let (second, longest) = (Some(Duration::from_secs(1)), Some(LONGEST_WAIT));
        let of = |events, unparked, interrupted, timeout, longest| {
            Found { events, unparked, interrupted }.cause(timeout, longest)
        };
        assert_eq!(of(1, true, true, second, second), Cause::Interrupted);
        assert_eq!(of(1, true, false, second, second), Cause::Event);
        assert_eq!(of(0, true, false, second, second), Cause::Unpark);
        assert_eq!(of(0, false, false, second, second), Cause::Deadline);
        assert_eq!(of(0, false, false, longest, Some(Duration::MAX)), Cause::Clamped);
        assert_eq!(of(0, false, false, None, None), Cause::None);
    }
}
