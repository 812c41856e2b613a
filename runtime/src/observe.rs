//! # Observe: everything that happens in the loop is reported here, once
//!
//! Problem: counters, log lines and diagnostics all want to know what the loop does; five calls
//! at every step would bury the code that people come to read.
//! Idea: the loop says `observer.saw(Moment::…)` at each step, and who wants to know listens here.
//! Leaves out: time. A [`Moment`] says what happened, not when.
//! Read before: `slots.rs`. Read next: `wake.rs`.
//! Try: `RUST_LOG=dormouse=trace cargo run -- serve async`

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::Duration;

use crate::slots::Key;

/// What a runtime has done since it was made. All figures count up; none is ever reset.
///
/// At rest, while no task is queued: `polls + discarded == spawns + enqueued`, and
/// `wakes_local + wakes_remote == enqueued + wakes_queued + wakes_finished`.
///
/// ```
/// let runtime = dormouse::Runtime::new()?;
/// runtime.block_on(dormouse::yield_now());
/// let metrics = runtime.metrics();
/// assert_eq!((metrics.spawns, metrics.wakes_local, metrics.polls), (1, 1, 2));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Passes of the loop: look at the world, then poll the tasks that can run.
    pub turns: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// Tasks spawned; the future of a `block_on` is one.
    pub spawns: u64,
    /// Tasks put into the run queue by a wake.
    pub enqueued: u64,
    /// Queued tasks that ended before their poll.
    pub discarded: u64,
    /// Wakes by the runtime's own thread while it runs.
    pub wakes_local: u64,
    /// Wakes from elsewhere: another thread, or this one while it does not run the runtime.
    pub wakes_remote: u64,
    /// Wakes of a task that was queued already.
    pub wakes_queued: u64,
    /// Wakes of a task that had finished.
    pub wakes_finished: u64,
    /// Times the thread blocked, in the one place where it does.
    pub parks: u64,
    /// Parks that ended because the kernel reported something.
    pub returned_event: u64,
    /// Parks that ended because a deadline had come.
    pub returned_deadline: u64,
    /// Parks that ended because another thread woke a task.
    pub returned_unpark: u64,
    /// Parks that a signal interrupted.
    pub returned_interrupted: u64,
    /// Parks that ended because the system can't wait any longer at a time.
    pub returned_clamped: u64,
    /// Parks that ended for no reason known. A fault where it is not 0.
    pub returned_none: u64,
    /// Questions to the kernel that did not wait: tasks could run, or a deadline had already come.
    pub polls_nowait: u64,
    /// Those of them that brought nothing.
    pub vain_polls_nowait: u64,
    /// Events that the kernel reported.
    pub events: u64,
    /// Events about a source that was gone.
    pub events_stale: u64,
    /// Timers that began to wait.
    pub timers_armed: u64,
    /// Timers whose deadline came.
    pub timers_fired: u64,
    /// Timers that were dropped, or finished otherwise, before their deadline.
    pub timers_cancelled: u64,
    /// Accept calls that came back with 'not yet'.
    pub vain_accepts: u64,
    /// Read calls that came back with 'not yet'.
    pub vain_reads: u64,
    /// Write calls that came back with 'not yet'.
    pub vain_writes: u64,
}

impl Metrics {
    /// What was done from `before` to here.
    ///
    /// # Panics
    ///
    /// If `before` is the later of the two, or of another runtime.
    ///
    /// ```
    /// let runtime = dormouse::Runtime::new()?;
    /// let before = runtime.metrics();
    /// runtime.block_on(async {});
    /// assert_eq!(runtime.metrics().since(before).polls, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn since(mut self, mut before: Metrics) -> Metrics {
        for ((name, now), (_, then)) in self.fields().into_iter().zip(before.fields()) {
            let since = now.checked_sub(*then);
            *now = since.unwrap_or_else(|| panic!("{name} was {then} before, and is {now} now"));
        }
        self
    }

    /// All figures by name: whoever compares or shows them can't forget one.
    pub(crate) fn fields(&mut self) -> [(&'static str, &mut u64); 26] {
        // Taken apart, so that a new field is missed here by the compiler.
        let Metrics {
            turns,
            polls,
            spawns,
            enqueued,
            discarded,
            wakes_local,
            wakes_remote,
            wakes_queued,
            wakes_finished,
            parks,
            returned_event,
            returned_deadline,
            returned_unpark,
            returned_interrupted,
            returned_clamped,
            returned_none,
            polls_nowait,
            vain_polls_nowait,
            events,
            events_stale,
            timers_armed,
            timers_fired,
            timers_cancelled,
            vain_accepts,
            vain_reads,
            vain_writes,
        } = self;
        [
            ("turns", turns),
            ("polls", polls),
            ("spawns", spawns),
            ("enqueued", enqueued),
            ("discarded", discarded),
            ("wakes_local", wakes_local),
            ("wakes_remote", wakes_remote),
            ("wakes_queued", wakes_queued),
            ("wakes_finished", wakes_finished),
            ("parks", parks),
            ("returned_event", returned_event),
            ("returned_deadline", returned_deadline),
            ("returned_unpark", returned_unpark),
            ("returned_interrupted", returned_interrupted),
            ("returned_clamped", returned_clamped),
            ("returned_none", returned_none),
            ("polls_nowait", polls_nowait),
            ("vain_polls_nowait", vain_polls_nowait),
            ("events", events),
            ("events_stale", events_stale),
            ("timers_armed", timers_armed),
            ("timers_fired", timers_fired),
            ("timers_cancelled", timers_cancelled),
            ("vain_accepts", vain_accepts),
            ("vain_reads", vain_reads),
            ("vain_writes", vain_writes),
        ]
    }
}

/// Why a park ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Event,
    Unpark,
    Deadline,
    Interrupted,
    Clamped,
    None,
}

/// A call that was tried on a source, for the count of those in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Accept,
    Read,
    Write,
    /// One whose name the runtime does not know: it is the caller's own.
    Other,
}

/// One thing that happened in the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Turn,
    /// A task came, spawned at this place of the program.
    Spawned(Key, &'static Location<'static>),
    /// A poll begins,
    Polled(Key),
    /// and ends: the task waits,
    Waits(Key),
    /// or has come to its end.
    Ended(Key),
    Discarded(Key),
    /// A wake by this thread, whatever came of it.
    Woken(Key),
    /// What came of a wake: the task was put into the run queue,
    Enqueued(Key),
    /// or was in it already,
    AlreadyQueued(Key),
    /// or had finished.
    AlreadyFinished(Key),
    Parked(Option<Duration>),
    Returned(Cause),
    /// Asked the kernel without waiting; so many events.
    Asked(usize),
    Registered(Key),
    Deregistered(Key),
    /// The kernel reported something; whether a read may bring something now.
    Event(Key, bool),
    StaleEvent(Key),
    Armed(Key),
    Fired(Key),
    Cancelled(Key),
    /// A call on a source moved something, or said 'not yet'.
    Done(Key, Call),
    Vain(Key, Call),
}

/// Is told of every moment. It must not come back to the runtime while it borrows something.
pub(crate) type Listener = Box<dyn Fn(Moment)>;

/// Listens to one runtime, and lets others listen.
pub(crate) struct Observer {
    metrics: RefCell<Metrics>,
    listener: Option<Listener>,
    /// Whether anybody listens beside the metrics. Looked up once a turn, as it is asked at every
    /// step.
    is_told: Cell<bool>,
}

impl Observer {
    pub(crate) fn new(listener: Option<Listener>) -> Self {
        let observer =
            Observer { metrics: RefCell::default(), listener, is_told: Cell::new(false) };
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
        self.is_told.set(self.listener.is_some() || log::log_enabled!(log::Level::Trace));
    }

    #[cold]
    fn tell(&self, moment: Moment) {
        // A logger is foreign code: its panic is its own, and the loop goes on.
        let told = catch_unwind(AssertUnwindSafe(|| {
            log::trace!("{moment}");
            if let Some(listener) = &self.listener {
                listener(moment);
            }
        }));
        // Nor can that be logged.
        drop(told);
    }

    pub(crate) fn metrics(&self) -> Metrics {
        *self.metrics.borrow()
    }
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
            | Moment::Done(..)
            | Moment::Registered(_)
            | Moment::Deregistered(_)
            | Moment::Waits(_)
            | Moment::Ended(_) => return,
        } += 1;
    }
}

/// The narration: one sentence for each thing that happens.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Turn => write!(f, "turn"),
            Moment::Spawned(task, place) => write!(f, "task {task}: spawned at {place}, queued"),
            Moment::Polled(task) => write!(f, "task {task}: poll"),
            Moment::Waits(task) => write!(f, "task {task}: waits"),
            Moment::Ended(task) => write!(f, "task {task}: ends"),
            Moment::Discarded(task) => write!(f, "task {task}: ended before its poll"),
            Moment::Woken(task) => write!(f, "task {task}: wake"),
            Moment::Enqueued(task) => write!(f, "task {task}: queued"),
            Moment::AlreadyQueued(task) => write!(f, "task {task}: is queued already"),
            Moment::AlreadyFinished(task) => write!(f, "task {task}: has finished"),
            Moment::Parked(None) => write!(f, "park: nothing to do, no deadline"),
            Moment::Parked(Some(left)) => write!(f, "park: nothing to do for {left:?}"),
            Moment::Returned(cause) => write!(f, "the park ends: {cause:?}"),
            Moment::Asked(events) => write!(f, "ask the kernel without waiting: {events} events"),
            Moment::Registered(source) => write!(f, "source {source}: registered"),
            Moment::Deregistered(source) => write!(f, "source {source}: deregistered"),
            Moment::Event(source, true) => write!(f, "source {source}: an event: readable"),
            Moment::Event(source, false) => write!(f, "source {source}: an event: writable"),
            Moment::StaleEvent(source) => write!(f, "source {source}: an event, but it is gone"),
            Moment::Armed(timer) => write!(f, "timer {timer}: armed"),
            Moment::Fired(timer) => write!(f, "timer {timer}: fires"),
            Moment::Cancelled(timer) => write!(f, "timer {timer}: cancelled"),
            Moment::Done(source, call) => write!(f, "source {source}: {call:?} is done"),
            Moment::Vain(source, call) => write!(f, "source {source}: {call:?} says 'not yet'"),
        }
    }
}
