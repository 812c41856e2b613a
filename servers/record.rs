//! # Record: when each call began, and when it ended
//!
//! Problem: counters say how often a server asked, and nothing of when; and who writes down each
//! call of a server that spins has soon written a book.
//! Idea: two looks at the clock and one entry per call; calls in vain, one after the other, are one
//! entry.
//! Leaves out: what a thread does between its calls.
//! Read before: `record/clock.rs`, `record/threads.rs`. Read next: `record/moments.rs`.
//! Try: `cargo run -- serve nonblocking --record target/spin.json --stats`, a client, and Ctrl-C

pub mod clock;
pub mod event;
pub mod moments;
mod threads;

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dormouse::Key;
use rustc_hash::FxHashMap;

use self::clock::now;
use self::event::{Event, Kind, Outcome, Recording, SCHEMA};
use self::threads::Threads;
use crate::stats::Stats;

/// So many events have room: enough for minutes of a server that sleeps.
const EVENTS: usize = 1 << 17;

/// So many calls in vain keep the time of each; of those that follow only their number is known.
const MARKS: usize = 1 << 18;

/// Takes down what one server does.
#[derive(Debug)]
pub struct Recorder(Mutex<Recorded>);

/// Who an event is about, as far as is known when it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct About {
    /// The peer.
    pub peer: Option<SocketAddr>,
    /// The source of the runtime: its peer may be known later.
    pub source: Option<Key>,
    /// The task of the runtime.
    pub task: Option<Key>,
}

/// While it lives, nobody else records, or reads what is recorded.
pub type Held<'a> = MutexGuard<'a, Recorded>;

/// What is recorded so far.
#[derive(Debug)]
pub struct Recorded {
    entries: Vec<Entry>,
    marks: usize,
    dropped: u64,
    threads: Threads,
    /// Where the last event of each thread is; nowhere, if it found no room.
    last: Vec<Option<usize>>,
    /// The entries to which the next call in vain of that kind is added.
    runs: FxHashMap<(usize, Kind, About), usize>,
    /// Whose a source or a task is, each of one thread's runtime.
    sources: HashMap<(usize, Key), SocketAddr>,
    tasks: HashMap<(usize, Key), SocketAddr>,
}

#[derive(Debug)]
struct Entry {
    about: About,
    event: Event,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder(Mutex::new(Recorded {
            entries: Vec::with_capacity(EVENTS),
            marks: 0,
            dropped: 0,
            threads: Threads::default(),
            last: Vec::new(),
            runs: FxHashMap::default(),
            sources: HashMap::new(),
            tasks: HashMap::new(),
        }))
    }
}

impl Recorder {
    /// Takes down something that began at `begin`, and ends now.
    pub fn ends(&self, kind: Kind, about: About, begin: u64, outcome: Outcome) -> Held<'_> {
        self.add(kind, about, [begin, now()], outcome)
    }

    /// Takes down something that takes no time.
    pub fn happens(&self, kind: Kind, about: About, outcome: Outcome) -> Held<'_> {
        let now = now();
        self.add(kind, about, [now, now], outcome)
    }

    fn add(&self, kind: Kind, about: About, time: [u64; 2], outcome: Outcome) -> Held<'_> {
        let mut recorded = self.hold();
        recorded.add(kind, about, time.map(u64::cast_signed), outcome);
        recorded
    }

    /// Says that what this thread's runtime did last, it did for `peer`: an accept brought it, a
    /// source and a task are its own.
    pub fn was_for(&self, peer: SocketAddr) {
        let mut recorded = self.hold();
        // Of its own thread: others record meanwhile.
        let Some(thread) = recorded.thread() else { return };
        let Recorded { entries, last, sources, tasks, .. } = &mut *recorded;
        let Some(last) = last[thread].map(|place| &mut entries[place]) else { return };
        let About { source, task, .. } = last.about;
        if last.event.kind == Kind::Accept {
            last.about.peer = Some(peer);
        } else {
            sources.extend(source.map(|key| ((thread, key), peer)));
            tasks.extend(task.map(|key| ((thread, key), peer)));
        }
    }

    fn hold(&self) -> Held<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the recording: whoever would add to it waits until the returned guard is dropped.
    pub fn end(&self) -> Held<'_> {
        self.hold()
    }
}

impl Recorded {
    fn add(&mut self, kind: Kind, about: About, [begin, end]: [i64; 2], outcome: Outcome) {
        let Some(thread) = self.thread() else {
            self.dropped += 1;
            return;
        };
        let run = (thread, kind, about);
        if outcome.is_vain() {
            // IDEA: what was in vain before, and is so again, is the same event, a call longer.
            if let Some(entry) = self.runs.get(&run).map(|place| &mut self.entries[*place].event)
                && let Ok(after) = u32::try_from(begin - entry.begin)
            {
                entry.count += 1;
                entry.end = end;
                if self.marks < MARKS {
                    self.marks += 1;
                    entry.at.push(after);
                }
                return;
            }
        } else {
            self.runs.clear();
        }
        self.last[thread] = None;
        if self.is_full() {
            self.dropped += 1;
            return;
        }
        self.last[thread] = Some(self.entries.len());
        if outcome.is_vain() {
            self.runs.insert(run, self.entries.len());
        }
        let (count, at) = (1, Vec::new());
        let event =
            Event { kind, thread, connection: None, task: None, begin, end, outcome, count, at };
        self.entries.push(Entry { about, event });
    }

    fn is_full(&self) -> bool {
        self.entries.len() == EVENTS
    }

    /// The number of the thread that calls; none for one that comes when there is no room any more:
    /// threads may come and go for as long as the server runs.
    fn thread(&mut self) -> Option<usize> {
        let number = self.threads.number(!self.is_full())?;
        if number >= self.last.len() {
            self.last.resize(number + 1, None);
        }
        Some(number)
    }

    /// All of it, as a file has it.
    pub fn recording(&self, model: &str, stats: Stats) -> Recording {
        let (mut connections, mut tasks) = (Numbers::default(), Numbers::default());
        let resolve = |entry: &Entry| {
            let Entry { about, event } = entry;
            let of_source = |key| self.sources.get(&(event.thread, key)).copied();
            let peer = about.peer.or_else(|| about.source.and_then(of_source));
            let task = about.task.map(|key| (event.thread, key));
            Event {
                connection: peer.map(|peer| connections.of(peer)),
                task: task.map(|task| tasks.of(task)),
                ..event.clone()
            }
        };
        let mut events: Vec<Event> = self.entries.iter().map(resolve).collect();
        // They were taken down as they ended.
        events.sort_by_key(|event| event.begin);
        let accepts = |Entry { about, event }: &Entry| {
            about.task.filter(|_| event.kind == Kind::Accept).map(|task| (event.thread, task))
        };
        let acceptors: HashSet<_> = self.entries.iter().filter_map(accepts).collect();
        let name = |task: (usize, Key)| match self.tasks.get(&task) {
            Some(peer) => peer.to_string(),
            None if acceptors.contains(&task) => "acceptor".to_owned(),
            None => format!("task {}", task.1),
        };
        Recording {
            schema: SCHEMA.to_owned(),
            model: model.to_owned(),
            threads: self.threads.names.clone(),
            connections: connections.named(|peer| peer.to_string()),
            tasks: tasks.named(name),
            stats,
            dropped: self.dropped,
            events,
        }
    }
}

/// Gives numbers to things, in the order in which they come.
struct Numbers<T>(Vec<T>, HashMap<T, usize>);

impl<T> Default for Numbers<T> {
    fn default() -> Numbers<T> {
        Numbers(Vec::new(), HashMap::new())
    }
}

impl<T: Copy + Eq + std::hash::Hash> Numbers<T> {
    fn of(&mut self, thing: T) -> usize {
        let Numbers(things, numbers) = self;
        *numbers.entry(thing).or_insert_with(|| {
            things.push(thing);
            things.len() - 1
        })
    }

    fn named(self, name: impl FnMut(T) -> String) -> Vec<String> {
        self.0.into_iter().map(name).collect()
    }
}

impl About {
    /// About a peer.
    pub fn peer(peer: SocketAddr) -> About {
        About { peer: Some(peer), ..About::default() }
    }
}

/// What came of a call that moves bytes; `end` is what none of them means.
pub(crate) fn bytes(result: &io::Result<usize>, end: Outcome) -> Outcome {
    match result {
        Ok(0) => end,
        Ok(n) => Outcome::Bytes(*n),
        Err(e) => failure(e),
    }
}

/// What came of a call that failed.
pub(crate) fn failure(error: &io::Error) -> Outcome {
    match error.kind() {
        ErrorKind::WouldBlock => Outcome::NotYet,
        _ => Outcome::Error(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
