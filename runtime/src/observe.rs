//! # Observe: everything that happens in the loop is reported here, once
//!
//! Problem: counters, log lines and diagnostics all want to know what the loop does; five calls
//! at every step would bury the code that people come to read.
//! Idea: the loop says `observer.saw(Moment::…)` at each step, and who wants to know listens here.
//! Leaves out: time. A [`Moment`] says what happened; who listens may look at the clock.
//! Read before: `names.rs`. Read next: `sync.rs`.
//! Try: `RUST_LOG=dormouse=trace cargo run -- serve async`

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::Duration;

use crate::metrics::Metrics;
use crate::names::Names;
use crate::slots::Key;

/// Why a park ended. See [`Moment::Returned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The kernel had news of a source.
    Event,
    /// Another thread, or a signal handler, ended it.
    Unpark,
    /// The nearest deadline has come.
    Deadline,
    /// A signal came, and the call ended with `EINTR`.
    Interrupted,
    /// The longest wait that the kernel knows was over, and no deadline had come.
    Clamped,
    /// None of these: it should not happen.
    None,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Event => "an event",
            Cause::Unpark => "an unpark",
            Cause::Deadline => "a deadline",
            Cause::Interrupted => "a signal",
            Cause::Clamped => "the longest wait that the kernel knows",
            Cause::None => "nothing",
        })
    }
}

/// A call that is tried on a source. See [`Moment::Tried`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// It takes a connection.
    Accept,
    /// It reads from a stream.
    Read,
    /// It writes to a stream.
    Write,
    /// One whose name the runtime does not know: it is the caller's own.
    Other,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Call::Accept => "accept",
            Call::Read => "read",
            Call::Write => "write",
            Call::Other => "call",
        })
    }
}

/// One thing that happened in the loop: what a task, a source or a timer with this key did, or what
/// was done to it. See the example of [`Builder::on_moment`](crate::Builder::on_moment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// A turn of the loop begins.
    Turn,
    /// A task came, spawned at this place of the program; it is queued.
    Spawned(Key, Place),
    /// This task has a name now.
    Named(Key),
    /// A poll of this task begins.
    Polled(Key),
    /// The poll ended: the task waits.
    Waits(Key),
    /// The poll ended, and so did the task.
    Ended(Key),
    /// This task was queued, and is gone before its poll.
    Discarded(Key),
    /// A waker of this task was called on this thread; what came of it is told by one of the next
    /// three.
    Woken(Key),
    /// It was woken, and put into the run queue.
    Enqueued(Key),
    /// It was woken, and was in the run queue already.
    AlreadyQueued(Key),
    /// It was woken, and had finished before.
    AlreadyFinished(Key),
    /// The thread is about to block, for at most so long.
    Parked(Option<Duration>),
    /// The thread runs again.
    Returned(Cause),
    /// The kernel was asked without waiting, and reported so many events.
    Asked(usize),
    /// A source was registered.
    Registered(Key),
    /// A source is gone.
    Deregistered(Key),
    /// The kernel reported something of this source; whether a read may bring something now.
    Event(Key, bool),
    /// The kernel reported something of a source that is gone.
    StaleEvent(Key),
    /// A timer was set.
    Armed(Key),
    /// The deadline of this timer has come.
    Fired(Key),
    /// This timer was dropped before its deadline.
    Cancelled(Key),
    /// A call on a source begins. What came of it is told by one of the next two, or is an error,
    /// or the end of a stream.
    Tried(Key, Call),
    /// The call said 'not yet'.
    Vain(Key, Call),
    /// The call was done; with how many bytes, where it is known.
    Done(Key, Call, Option<usize>),
    /// A waker was left with this source; whether for its read side.
    WakerLeft(Key, bool),
}

/// A place in the program.
pub(crate) type Place = &'static Location<'static>;

/// Is told of every moment. It must not call the runtime while it holds a borrow of its own.
pub(crate) type Listener = Box<dyn Fn(Moment, &Names)>;

/// Listens to one runtime, and lets others listen.
pub(crate) struct Observer {
    metrics: RefCell<Metrics>,
    pub(crate) names: Names,
    listeners: Vec<Listener>,
    /// Whether anybody listens beside the metrics. Looked up once a turn, as it is asked at every
    /// step.
    is_told: Cell<bool>,
}

impl Observer {
    pub(crate) fn new(listeners: Vec<Listener>) -> Self {
        let observer = Observer {
            metrics: RefCell::default(),
            names: Names::default(),
            listeners,
            is_told: Cell::new(false),
        };
        observer.look_who_listens();
        observer
    }

    /// Takes note of one thing that happened.
    // Inlined, what is left of a call is one addition and one comparison.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    pub(crate) fn saw(&self, moment: Moment) {
        // IDEA: one call per step of the loop; whoever wants to know what happens is called here.
        self.metrics.borrow_mut().count(moment);
        if moment == Moment::Turn {
            self.look_who_listens();
        }
        if self.is_told.get() {
            self.tell(moment);
        }
    }

    fn look_who_listens(&self) {
        self.is_told.set(!self.listeners.is_empty() || log::log_enabled!(log::Level::Trace));
    }

    #[cold]
    fn tell(&self, moment: Moment) {
        guarded(|| {
            // What comes of a call is told; that it begins need not be.
            if !matches!(moment, Moment::Tried(..)) {
                log::trace!("{}", Told(moment, &self.names));
            }
        });
        for listener in &self.listeners {
            guarded(|| listener(moment, &self.names));
        }
    }

    pub(crate) fn metrics(&self) -> Metrics {
        *self.metrics.borrow()
    }
}

/// Tells something to foreign code, like a logger: its panic is its own, and the loop goes on.
pub(crate) fn guarded(tell: impl FnOnce()) {
    let told = catch_unwind(AssertUnwindSafe(tell));
    // Nor can that be logged.
    drop(told);
}

impl Metrics {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn count(&mut self, moment: Moment) {
        *match moment {
            Moment::Turn => &mut self.turns,
            Moment::Spawned(..) => &mut self.spawns,
            Moment::Polled(_) => &mut self.polls,
            Moment::Discarded(_) => &mut self.discarded,
            Moment::Woken(_) => &mut self.wakes_local,
            Moment::Enqueued(_) => &mut self.enqueued,
            Moment::AlreadyQueued(_) => &mut self.wakes_queued,
            Moment::AlreadyFinished(_) => &mut self.wakes_finished,
            Moment::Parked(_) => &mut self.parks,
            Moment::Returned(Cause::Event) => &mut self.returned_event,
            Moment::Returned(Cause::Unpark) => &mut self.returned_unpark,
            Moment::Returned(Cause::Deadline) => &mut self.returned_deadline,
            Moment::Returned(Cause::Interrupted) => &mut self.returned_interrupted,
            Moment::Returned(Cause::Clamped) => &mut self.returned_clamped,
            Moment::Returned(Cause::None) => &mut self.returned_none,
            Moment::Asked(events) => {
                self.vain_polls_nowait += u64::from(events == 0);
                &mut self.polls_nowait
            }
            Moment::Event(..) => &mut self.events,
            Moment::StaleEvent(_) => {
                self.events += 1;
                &mut self.events_stale
            }
            Moment::Armed(_) => &mut self.timers_armed,
            Moment::Fired(_) => &mut self.timers_fired,
            Moment::Cancelled(_) => &mut self.timers_cancelled,
            Moment::Vain(_, Call::Accept) => &mut self.vain_accepts,
            Moment::Vain(_, Call::Read) => &mut self.vain_reads,
            Moment::Vain(_, Call::Write) => &mut self.vain_writes,
            Moment::Vain(_, Call::Other)
            | Moment::Tried(..)
            | Moment::Done(..)
            | Moment::WakerLeft(..)
            | Moment::Registered(_)
            | Moment::Deregistered(_)
            | Moment::Named(_)
            | Moment::Waits(_)
            | Moment::Ended(_) => return,
        } += 1;
    }
}

/// The narration: one sentence for each thing that happens. Those of one message's life are
/// numbered, as they are in DESIGN.md.
struct Told<'a>(Moment, &'a Names);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told(moment, names) = self;
        let task = |key| format!("task {}:", names.of(key));
        let side = |is_read| if is_read { "read" } else { "write" };
        match *moment {
            Moment::Spawned(key, place) => write!(f, "{} spawned at {place}, queued", task(key)),
            Moment::Named(key) => write!(f, "{} has this name from now on", task(key)),
            Moment::Polled(key) => write!(f, "(1) {} polled", task(key)),
            Moment::Tried(source, call) => write!(f, "source {source}: {call}"),
            Moment::Vain(source, call) => write!(f, "(2) source {source}: {call} says 'not yet'"),
            Moment::WakerLeft(source, is_read) => {
                write!(f, "(3) source {source}: a waker is left in its {} side", side(is_read))
            }
            Moment::Waits(key) => write!(f, "(4) {} waits", task(key)),
            Moment::Parked(None) => write!(f, "(5) park: nothing to do, no deadline"),
            Moment::Parked(Some(left)) => write!(f, "(5) park: nothing to do for {left:?}"),
            Moment::Returned(cause) => write!(f, "the park ends: {cause}"),
            Moment::Asked(events) => write!(f, "ask the kernel without waiting: {events} events"),
            Moment::Event(source, is_read) => {
                let what = if is_read { "readable" } else { "writable" };
                write!(f, "(6) source {source}: the kernel reports its token: {what}")
            }
            Moment::StaleEvent(source) => write!(f, "source {source}: an event, but it is gone"),
            Moment::Woken(key) => write!(f, "(7) {} its waker is called", task(key)),
            Moment::Enqueued(key) => write!(f, "(8) {} queued", task(key)),
            Moment::AlreadyQueued(key) => write!(f, "{} is queued already", task(key)),
            Moment::AlreadyFinished(key) => write!(f, "{} has finished", task(key)),
            Moment::Discarded(key) => write!(f, "{} ended before its poll", task(key)),
            Moment::Ended(key) => write!(f, "{} ends", task(key)),
            Moment::Turn => write!(f, "turn"),
            Moment::Registered(source) => write!(f, "source {source}: registered"),
            Moment::Deregistered(source) => write!(f, "source {source}: deregistered"),
            Moment::Armed(timer) => write!(f, "timer {timer}: armed"),
            Moment::Fired(timer) => write!(f, "timer {timer}: fires"),
            Moment::Cancelled(timer) => write!(f, "timer {timer}: cancelled"),
            Moment::Done(source, call, None) => write!(f, "(9) source {source}: {call} is done"),
            Moment::Done(source, call, Some(n)) => {
                write!(f, "(9) source {source}: {call} of {n} bytes")
            }
        }
    }
}
