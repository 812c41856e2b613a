//! What the runtime has in the place of `reactor.rs` and `timer.rs` when the model checker runs it:
//! a park without a kernel, and no deadlines.

pub(crate) mod reactor {
    use std::cell::Cell;
    use std::io;
    use std::rc::Rc;
    use std::task::Waker;
    use std::time::Duration;

    use crate::observe::{Cause, Moment, Observer};
    use crate::slots::Key;
    use crate::sync::Unparker;

    pub(crate) struct Reactor {
        unparker: Unparker,
        closed: Cell<bool>,
        /// Who waits for the event.
        pub(crate) waits: Cell<Option<Waker>>,
        observer: Rc<Observer>,
    }

    impl Reactor {
        pub(crate) fn new(observer: Rc<Observer>) -> io::Result<Self> {
            let (unparker, closed, waits) = Default::default();
            Ok(Reactor { unparker, closed, waits, observer })
        }

        pub(crate) fn unparker(&self) -> io::Result<Unparker> {
            Ok(self.unparker.clone())
        }

        pub(crate) fn park(&self, longest: Option<Duration>) -> bool {
            self.observer.saw(Moment::Parked(longest));
            let cause = self.unparker.park();
            self.observer.saw(Moment::Returned(cause));
            if cause == Cause::Event {
                self.observer.saw(Moment::Event(Key::RESERVED, true));
                self.waits.take().into_iter().for_each(Waker::wake);
            }
            true
        }

        pub(crate) fn ask(&self) -> bool {
            self.observer.saw(Moment::Asked(0));
            true
        }

        pub(crate) fn close(&self) {
            self.closed.set(true);
        }

        pub(crate) fn is_closed(&self) -> bool {
            self.closed.get()
        }
    }
}

pub(crate) mod timer {
    use std::rc::Rc;
    use std::time::Instant;

    use crate::observe::Observer;

    pub(crate) struct Timers;

    impl Timers {
        pub(crate) fn new(_: Rc<Observer>) -> Self {
            Timers
        }

        pub(crate) fn nearest(&self) -> Option<Instant> {
            None
        }

        pub(crate) fn fire(&self) {}

        pub(crate) fn close(&self) {}
    }
}

/// In the place of `sync.rs`: the model checker's locks.
pub(crate) mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
    use loom::sync::{Arc, Condvar};

    use crate::observe::Cause;

    /// What an `eventfd(2)` in an epoll is: an unpark that comes early is kept for the next park.
    #[derive(Clone, Default)]
    pub(crate) struct Unparker(Arc<Epoll>);

    #[derive(Default)]
    struct Epoll {
        state: Mutex<State>,
        changed: Condvar,
    }

    #[derive(Default)]
    struct State {
        event: bool,
        unread: bool,
        unparks: u64,
    }

    impl Unparker {
        pub(crate) fn unpark(&self) {
            let mut state = self.0.state.lock().unwrap();
            state.unread = true;
            state.unparks += 1;
            self.0.changed.notify_one();
        }

        /// A socket is ready, say: ends a park beside all wakes.
        pub(crate) fn event(&self) {
            self.0.state.lock().unwrap().event = true;
            self.0.changed.notify_one();
        }

        pub(crate) fn park(&self) -> Cause {
            let mut state = self.0.state.lock().unwrap();
            while !state.unread && !state.event {
                state = self.0.changed.wait(state).unwrap();
            }
            // As `Reactor::park` has it: one wait may find both.
            state.unread = false;
            if std::mem::take(&mut state.event) { Cause::Event } else { Cause::Unpark }
        }

        /// How often it was unparked.
        pub(crate) fn unparks(&self) -> u64 {
            self.0.state.lock().unwrap().unparks
        }
    }
}
