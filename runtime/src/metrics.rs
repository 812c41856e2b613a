//! # Metrics: what a runtime has done, in numbers
//!
//! Problem: from outside nobody sees whether a runtime spins; a count can be asserted.
//! Idea: a figure for each kind of thing that happens in the loop. They are always on: one
//! addition each.
//! Leaves out: when it happened, and to whom (`snapshot.rs`).
//! Read before: `slots.rs`. Read next: `names.rs`.
//! Try: `cargo test -p dormouse --test laws`

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
    // IDEA: a figure for each kind of thing that happens, so that a test can name all of them.
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
    /// Parks that ended because the longest wait that the system knows was over.
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
