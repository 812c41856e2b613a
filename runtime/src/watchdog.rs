//! # Watchdog: names the task that keeps the thread, and where it was spawned
//!
//! Problem: a task that spins, or that holds the thread for long, makes all others late, and
//! nothing says which of them it is.
//! Idea: listen to what happens in the loop, and keep three figures that a sound program keeps low.
//! Leaves out: a poll that never returns, which nobody on its thread can report; tasks that wake
//! each other in a circle; and the difference of a spin from work in small steps, which wakes
//! itself as well (a computation that yields, two futures of one task with a channel between).
//! Read before: `spawner.rs`. Read next: `builder.rs`.
//! Try: `cargo test -p dormouse --test watchdog`

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::names::Names;
use crate::observe::{Call, Listener, Moment, Place};
use crate::slots::Key;

/// Warns of tasks that spin, or keep others waiting: each once, through `log::warn!`, with the
/// place where the task was spawned.
///
/// It is off unless a [`Builder`](crate::Builder) is given one; then a poll and the wake before it
/// cost about 125 ns more, most of it for looks at the clock.
///
/// A logger must be installed, and let warnings pass; `env_logger` by itself shows errors only:
/// `env_logger::Builder::new().filter_level(log::LevelFilter::Warn).init()`.
///
/// ```
/// use std::time::Duration;
/// use dormouse::{Builder, Watchdog, yield_now};
///
/// # static SEEN: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
/// # struct Logger;
/// # impl log::Log for Logger {
/// #     fn enabled(&self, _: &log::Metadata) -> bool { true }
/// #     fn log(&self, told: &log::Record) { SEEN.lock().unwrap().push(told.args().to_string()) }
/// #     fn flush(&self) {}
/// # }
/// # log::set_logger(&Logger).unwrap();
/// # log::set_max_level(log::LevelFilter::Warn);
/// let sharp = Watchdog::default().self_wakes(100).unread_events(10);
/// let runtime = Builder::new().watchdog(sharp.longest_poll(Duration::from_secs(1))).build()?;
/// // Logs: task 0.1, spawned at …, has woken itself 101 times, while nobody else did …: it spins …
/// runtime.block_on(async { for _ in 0..200 { yield_now().await } });
/// # let seen = SEEN.lock().unwrap();
/// # assert!(seen.len() == 1 && seen[0].contains("woken itself 101 times, while"), "{seen:?}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Watchdog {
    self_wakes: u64,
    longest_poll: Duration,
    unread_events: u64,
}

impl Default for Watchdog {
    /// 1000 wakes by itself, 50 milliseconds in one poll, 1000 events that nobody reads.
    fn default() -> Self {
        let longest_poll = Duration::from_millis(50);
        Watchdog { self_wakes: 1000, longest_poll, unread_events: 1000 }
    }
}

impl Watchdog {
    /// How often a task may wake itself in a row: while nobody else wakes it, and none of its
    /// calls on a socket moves anything. See the example of [`Watchdog`].
    #[must_use]
    pub fn self_wakes(self, most: u64) -> Self {
        Watchdog { self_wakes: most, ..self }
    }

    /// How long one poll may take, while all other tasks wait. See the example of [`Watchdog`].
    #[must_use]
    pub fn longest_poll(self, longest: Duration) -> Self {
        Watchdog { longest_poll: longest, ..self }
    }

    /// How often a socket may be reported readable before somebody reads it. See the example of
    /// [`Watchdog`].
    #[must_use]
    pub fn unread_events(self, most: u64) -> Self {
        Watchdog { unread_events: most, ..self }
    }

    /// What a runtime calls at every step of its loop.
    pub(crate) fn listener(self) -> Listener {
        let known = RefCell::new(Known::default());
        Box::new(move |moment, names| {
            let warning = known.borrow_mut().note(moment, names, &self);
            // A logger is foreign code: it is called when the borrow has ended.
            if let Some(warning) = warning {
                log::warn!("{warning}");
            }
        })
    }
}

/// What is known of the tasks and sources that are there.
#[derive(Default)]
struct Known {
    tasks: HashMap<Key, Watched>,
    sources: HashMap<Key, Watched>,
    /// The poll that goes on, and since when.
    polling: Option<(Key, Instant)>,
}

/// A task, or a source, and what counts against it.
struct Watched {
    /// Where the task was spawned; of a source, the task that opened it.
    spawned: Option<Place>,
    /// Wakes of the task by itself, or events of the source that nobody read: in a row.
    in_vain: u64,
    warned_of: Vec<Fault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    WakesItself,
    LongPoll,
    Unread,
}

impl Watched {
    fn new(spawned: Option<Place>) -> Self {
        Watched { spawned, in_vain: 0, warned_of: Vec::new() }
    }

    /// Counts once more; returns whether that is more than `most`.
    fn is_once_too_often(&mut self, most: u64) -> bool {
        self.in_vain += 1;
        self.in_vain > most
    }

    /// The text of a warning, unless it was given before.
    fn warn_once(&mut self, fault: Fault, text: impl FnOnce(&Self) -> String) -> Option<String> {
        if self.warned_of.contains(&fault) {
            return None;
        }
        self.warned_of.push(fault);
        Some(text(self))
    }
}

impl Known {
    /// Takes note of what happens; returns a warning, if there is reason for one.
    fn note(&mut self, moment: Moment, names: &Names, limits: &Watchdog) -> Option<String> {
        match moment {
            Moment::Spawned(key, place) => self.remember_task(key, place),
            Moment::Polled(key) => self.polling = Some((key, Instant::now())),
            Moment::Waits(key) => return self.poll_ended(key, names, limits),
            Moment::Ended(key) => {
                let warning = self.poll_ended(key, names, limits);
                self.tasks.remove(&key);
                return warning;
            }
            // IDEA: who is queued in the midst of its own poll was woken by itself.
            Moment::Enqueued(key) if self.is_polled(key) => {
                return self.woke_itself(key, names, limits);
            }
            Moment::Enqueued(key) | Moment::AlreadyQueued(key) if !self.is_polled(key) => {
                self.tasks.entry(key).and_modify(|task| task.in_vain = 0);
            }
            Moment::Registered(key) => self.remember_source(key),
            Moment::Deregistered(key) => drop(self.sources.remove(&key)),
            Moment::Event(key, readable) if readable => return self.reported(key, limits),
            Moment::Done(key, ..) => {
                // A write counts, too: each time that there is room again, the kernel reports the
                // unread data with it.
                self.was_used(key);
                if let Some(task) = self.polled() {
                    task.in_vain = 0;
                }
            }
            Moment::Vain(key, call) if call != Call::Write => self.was_used(key),
            _ => {}
        }
        None
    }

    fn remember_task(&mut self, key: Key, place: Place) {
        self.tasks.insert(key, Watched::new(Some(place)));
    }

    fn remember_source(&mut self, key: Key) {
        let spawned = self.polled().and_then(|task| task.spawned);
        self.sources.insert(key, Watched::new(spawned));
    }

    fn is_polled(&self, key: Key) -> bool {
        self.polling.is_some_and(|(polled, _)| polled == key)
    }

    /// The task that is being polled just now.
    fn polled(&mut self) -> Option<&mut Watched> {
        self.tasks.get_mut(&self.polling?.0)
    }

    fn poll_ended(&mut self, key: Key, names: &Names, limits: &Watchdog) -> Option<String> {
        let (_, since) = self.polling.take_if(|(polled, _)| *polled == key)?;
        let took = since.elapsed();
        if took <= limits.longest_poll {
            return None;
        }
        self.tasks.get_mut(&key)?.warn_once(Fault::LongPoll, |task| {
            let name = names.of(key);
            format!(
                "task {name}, {task}, kept the thread for {took:?} in one poll: all others wait"
            )
        })
    }

    fn woke_itself(&mut self, key: Key, names: &Names, limits: &Watchdog) -> Option<String> {
        let task = self.tasks.get_mut(&key)?;
        if !task.is_once_too_often(limits.self_wakes) {
            return None;
        }
        task.warn_once(Fault::WakesItself, |task| {
            let (name, wakes) = (names.of(key), task.in_vain);
            format!(
                "task {name}, {task}, has woken itself {wakes} times, while nobody else did and no \
                 socket of it moved anything: it spins, or computes in small steps"
            )
        })
    }

    fn reported(&mut self, key: Key, limits: &Watchdog) -> Option<String> {
        let source = self.sources.get_mut(&key)?;
        if !source.is_once_too_often(limits.unread_events) {
            return None;
        }
        source.warn_once(Fault::Unread, |source| {
            let events = source.in_vain;
            format!(
                "source {key}, opened by a task {source}, was reported readable {events} times, \
                 and nobody reads it"
            )
        })
    }

    fn was_used(&mut self, key: Key) {
        self.sources.entry(key).and_modify(|source| source.in_vain = 0);
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spawned {
            Some(place) => write!(f, "spawned at {place}"),
            None => write!(f, "that is none of this runtime's"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::*;

    #[test]
    fn who_has_gone_is_forgotten() {
        let (mut known, names) = (Known::default(), Names::default());
        for n in 0..if cfg!(miri) { 10 } else { 1000 } {
            let (task, source) = (Key(n), Key(n + 1000));
            for moment in [
                Moment::Spawned(task, Location::caller()),
                Moment::Polled(task),
                Moment::Registered(source),
                Moment::Deregistered(source),
                Moment::Ended(task),
            ] {
                assert_eq!(known.note(moment, &names, &Watchdog::default()), None);
            }
        }
        assert!(known.tasks.is_empty() && known.sources.is_empty() && known.polling.is_none());
    }
}
