//! # Snapshot: who is there, and what each waits for
//!
//! Problem: a program hangs, and nothing says which task waits for what.
//! Idea: it is all in the runtime's tables; whoever waits left a waker, and a waker tells its task.
//! So a look at the tables answers, and nothing has to be noted for it beforehand.
//! Leaves out: what a task waits for that is not the runtime's (a channel, a lock), and waits by a
//! waker that a combinator made of its own (`FuturesUnordered`).
//! Read before: `runtime.rs`. Read next: `snapshot/table.rs`.
//! Try: `cargo test -p dormouse --test snapshot`

mod table;

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use crate::parts::Parts;
use crate::runtime::Runtime;
use crate::slots::Key;
use crate::source::{Direction, Side};

/// What a runtime holds at one moment: a copy, that does not change any more.
///
/// Its `Display` is a table. A task that waits, with nothing in the column 'waits for', waits for
/// what is not the runtime's: a channel, a lock, another task. Or by a waker that a combinator made
/// of its own; then its sources say that somebody else waits ([`SideSeen::WaitedForByOther`]).
///
/// ```
/// use std::time::Duration;
/// use dormouse::{SideSeen, TaskState, Way, net::TcpListener, time::timeout};
/// use dormouse::{set_task_name, snapshot, spawn, yield_now};
///
/// let seen = dormouse::block_on(async {
///     let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
///     spawn(async move {
///         set_task_name("acceptor");
///         timeout(Duration::from_secs(3600), listener.accept()).await
///     });
///     yield_now().await;
///     Ok::<_, std::io::Error>(snapshot())
/// })?;
/// println!("{seen}");
/// assert_eq!(seen.tasks[0].state, TaskState::Runs); // Who took it comes first.
/// let (acceptor, source) = (&seen.tasks[1], &seen.sources[0]);
/// assert_eq!((acceptor.name.as_deref(), acceptor.polls), (Some("acceptor"), 1));
/// assert_eq!(acceptor.state, TaskState::Waits);
/// assert_eq!(acceptor.sources, [(source.key, Way::Read)]);
/// assert_eq!(source.read, SideSeen::WaitedFor(acceptor.key));
/// assert_eq!(acceptor.deadline, seen.next_deadline);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was taken.
    pub taken: Instant,
    /// All tasks that have not ended; first the one that is being polled, if there is one.
    pub tasks: Vec<TaskSeen>,
    /// All sockets, and whatever else is registered.
    pub sources: Vec<SourceSeen>,
    /// The nearest deadline: the runtime's thread sleeps no longer than until then. `None`: there
    /// is none.
    pub next_deadline: Option<Instant>,
}

/// A task of a [`Snapshot`]; see its example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskSeen {
    /// The number that logs give it.
    pub key: Key,
    /// What it called itself: see [`set_task_name`](crate::set_task_name).
    pub name: Option<Arc<str>>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// What it does just now.
    pub state: TaskState,
    /// How often it was polled, up to [`u32::MAX`].
    pub polls: u32,
    /// How often it was woken, up to [`u32::MAX`]. Wakes of other threads that came together are
    /// one.
    pub wakes: u32,
    /// How many of its wakes it called itself, in the midst of its poll.
    pub self_wakes: u32,
    /// The sources that it waits for.
    pub sources: Vec<(Key, Way)>,
    /// The nearest deadline that it waits for.
    pub deadline: Option<Instant>,
}

/// What a task does at the moment of a [`Snapshot`]; see its example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It is being polled: it asked for the snapshot, or called who did.
    Runs,
    /// It is in the run queue.
    Queued,
    /// It has to be woken first.
    Waits,
}

/// A source of a [`Snapshot`]: a socket, or what else is registered with the kernel. See the
/// example there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceSeen {
    /// The number that logs give it.
    pub key: Key,
    /// The name of its type.
    pub kind: &'static str,
    /// The direction towards us.
    pub read: SideSeen,
    /// The direction away from us.
    pub write: SideSeen,
}

/// One direction of a source of a [`Snapshot`]; see its example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SideSeen {
    /// A call may succeed: none has said 'not yet' since the last event.
    Ready,
    /// The last call said 'not yet', or moved less than it could have, and nobody waits.
    NotReady,
    /// This task waits for the next event.
    WaitedFor(Key),
    /// Somebody waits, by a waker that is not a task's own: a combinator's, or another runtime's.
    WaitedForByOther,
}

/// Towards us, or away. See the example of [`Snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Bytes, datagrams or connections that come.
    Read,
    /// Bytes or datagrams that leave.
    Write,
}

/// Takes a snapshot of the runtime that this thread runs. See the example of [`Snapshot`].
///
/// From another thread: [`Handle::spawn`](crate::Handle::spawn) a task that does it,
/// `handle.spawn(async { dormouse::snapshot() })`.
///
/// # Panics
///
/// Outside of a runtime: see [`Runtime::snapshot`](crate::Runtime::snapshot).
#[track_caller]
pub fn snapshot() -> Snapshot {
    Snapshot::of(&Parts::for_call("snapshot", "Runtime::snapshot"))
}

impl Runtime {
    /// Looks at every task and source that there is.
    ///
    /// From within a task, use [`snapshot`](crate::snapshot()).
    ///
    /// ```
    /// let runtime = dormouse::Runtime::new()?;
    /// runtime.spawn(async {});
    /// assert_eq!(runtime.snapshot().tasks.len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.parts)
    }
}

impl Snapshot {
    fn of(parts: &Parts) -> Snapshot {
        let seen = parts.executor.seen();
        // IDEA: a waker tells its task, so nobody has to keep a list of who waits for what.
        let owners: HashMap<_, _> = seen.iter().map(|(task, _)| (task.waker, task.key)).collect();
        let mut tasks: Vec<TaskSeen> = seen
            .into_iter()
            .map(|(task, runs)| TaskSeen {
                key: task.key,
                name: parts.observer.names.get(task.key),
                spawned_at: task.place,
                state: match (runs, task.queued) {
                    (true, _) => TaskState::Runs,
                    (_, true) => TaskState::Queued,
                    _ => TaskState::Waits,
                },
                polls: task.polls,
                wakes: task.wakes,
                self_wakes: task.self_wakes,
                sources: Vec::new(),
                deadline: None,
            })
            .collect();
        let places: HashMap<_, _> = tasks.iter().map(|task| task.key).zip(0..).collect();
        let sources = see_sources(parts, &owners);
        for source in &sources {
            for (way, side) in [(Way::Read, source.read), (Way::Write, source.write)] {
                if let SideSeen::WaitedFor(task) = side {
                    tasks[places[&task]].sources.push((source.key, way));
                }
            }
        }
        for (deadline, waker) in parts.timers.seen() {
            if let Some(task) = owners.get(&waker) {
                let nearest = &mut tasks[places[task]].deadline;
                *nearest = Some(nearest.map_or(deadline, |other| other.min(deadline)));
            }
        }
        Snapshot { taken: Instant::now(), tasks, sources, next_deadline: parts.timers.nearest() }
    }
}

fn see_sources(parts: &Parts, owners: &HashMap<*const (), Key>) -> Vec<SourceSeen> {
    let see = |side: &Side| match side.waiter() {
        Some(waker) => {
            owners.get(&waker).map_or(SideSeen::WaitedForByOther, |task| SideSeen::WaitedFor(*task))
        }
        None if side.is_ready() => SideSeen::Ready,
        None => SideSeen::NotReady,
    };
    let sources = parts.reactor.seen().into_iter();
    let sources = sources.map(|(key, source)| SourceSeen {
        key,
        kind: (source.kind)(),
        read: see(source.side(Direction::Read)),
        write: see(source.side(Direction::Write)),
    });
    sources.collect()
}
