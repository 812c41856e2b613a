//! # Watch: another thread looks, while the one that it looks at sleeps
//!
//! Problem: a thread that sleeps can't look at itself, and one that measures does not sleep.
//! Idea: a thread of our own waits until the watched one has gone to sleep, looks, lets the span
//! pass, and looks again. Looking is reading files: it wakes nobody.
//! Leaves out: what follows from it: `idle.rs`.
//! Read before: `account.rs`. Read next: `idle.rs`.
//! Try: `watch -n 0.1 cat /proc/PID/status`: its switches stay, however often you look

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use crate::account::{Look, kernel};

/// How long a thread must show the same account before it counts as gone to sleep. A thread that
/// is about to sleep already shows state 'S', and may lose its CPU to another for some
/// milliseconds before it really does.
const STILL: Duration = Duration::from_millis(20);

/// How long the watcher waits for that. A spinner never sleeps, and must be caught all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whom to watch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// The thread that calls [`Watch::begin`].
    Thread,
    /// All threads but the watcher.
    Process,
}

/// A watcher at work. Dropped, the watcher ends at once, and wakes nobody.
pub(crate) struct Watch {
    pub(crate) begun: Instant,
    shared: Arc<Shared>,
    /// Never sent to: its end is the message.
    _stop: Sender<()>,
}

/// What the watcher found.
pub(crate) struct Verdict {
    /// Everything that was done, a sentence each. Empty: nothing was.
    pub(crate) findings: Vec<String>,
    /// Why the threads could not be looked at, where the system does not tell of them.
    pub(crate) untold: Option<String>,
}

struct Shared {
    /// Not under the lock: whoever polls must not be put to sleep by the watcher that looks.
    polls: AtomicU64,
    end: Mutex<End>,
}

/// How the two threads meet again.
struct End {
    /// Taken for the last wake.
    waker: Option<Waker>,
    verdict: Option<Verdict>,
}

impl Watch {
    /// Watches over a span of `span`, and then wakes `waker`, or whichever came after it.
    pub(crate) fn begin(scope: Scope, span: Duration, waker: &Waker) -> io::Result<Watch> {
        let end = Mutex::new(End { waker: Some(waker.clone()), verdict: None });
        let shared = Arc::new(Shared { polls: AtomicU64::default(), end });
        let (stop, stopped) = mpsc::channel();
        let watcher = Watcher {
            scope,
            // Where it is not told, the looks say why.
            watched: kernel::this_thread().unwrap_or_default(),
            shared: Arc::clone(&shared),
            stopped,
        };
        thread::Builder::new().name("asleep".into()).spawn(move || watcher.run(span))?;
        Ok(Watch { begun: Instant::now(), shared, _stop: stop })
    }

    /// To be called at each poll but the first: gives the verdict, or keeps the waker for it.
    pub(crate) fn polled(&self, waker: &Waker) -> Option<Verdict> {
        self.shared.polls.fetch_add(1, Ordering::Relaxed);
        // Foreign code runs where a waker is cloned or dropped: not under the lock.
        let waker = waker.clone();
        let mut end = self.shared.lock();
        let old = end.waker.replace(waker);
        let verdict = end.verdict.take();
        drop(end);
        drop(old);
        verdict
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, End> {
        self.end.lock().expect("nothing that can panic is done under it")
    }
}

struct Watcher {
    scope: Scope,
    watched: u32,
    shared: Arc<Shared>,
    stopped: Receiver<()>,
}

/// All that is seen at one moment.
struct Sight {
    polls: u64,
    threads: io::Result<BTreeMap<u32, Look>>,
}

impl Watcher {
    fn run(self, span: Duration) {
        let Some(verdict) = self.watch(span) else { return };
        let mut end = self.shared.lock();
        end.verdict = Some(verdict);
        let waker = end.waker.take();
        drop(end);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// `None` when nobody wants to know any more.
    fn watch(&self, span: Duration) -> Option<Verdict> {
        let begin = Instant::now();
        let mut before = self.look();
        loop {
            self.pause(STILL)?;
            let now = self.look();
            let still = now.is_still_as(&before);
            before = now;
            if still || begin.elapsed() > PATIENCE {
                break;
            }
        }
        let begin = Instant::now();
        self.pause(span)?;
        Some(self.look().compare(&before, begin.elapsed()))
    }

    /// `None` when nobody wants to know any more.
    fn pause(&self, time: Duration) -> Option<()> {
        (self.stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout)).then_some(())
    }

    fn look(&self) -> Sight {
        Sight { polls: self.shared.polls.load(Ordering::Relaxed), threads: self.look_at_threads() }
    }

    fn look_at_threads(&self) -> io::Result<BTreeMap<u32, Look>> {
        match self.scope {
            Scope::Thread => match kernel::look(process::id(), self.watched) {
                Ok(look) => Ok(BTreeMap::from([(self.watched, look)])),
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {
                    Err(io::Error::new(gone.kind(), "the one that polled the future has ended"))
                }
                Err(error) => Err(error),
            },
            Scope::Process => {
                let mut all = kernel::look_at_all(process::id())?;
                all.remove(&kernel::this_thread()?);
                Ok(all)
            }
        }
    }
}

impl Sight {
    fn is_still_as(&self, before: &Sight) -> bool {
        let slept = match (&before.threads, &self.threads) {
            (Ok(before), Ok(now)) => before == now && now.values().all(|look| look.asleep),
            // There is nothing to wait for.
            _ => true,
        };
        slept && self.polls == before.polls
    }

    fn compare(&self, before: &Sight, span: Duration) -> Verdict {
        let (mut findings, mut untold) = (Vec::new(), None);
        match (&before.threads, &self.threads) {
            (Ok(before), Ok(after)) => findings = differences(before, after, span),
            (Err(e), _) | (_, Err(e)) if e.kind() == io::ErrorKind::Unsupported => {
                untold = Some(e.to_string());
            }
            (Err(e), _) | (_, Err(e)) => {
                findings.push(format!("the watched threads can't be seen: {e}"));
            }
        }
        if self.polls != before.polls {
            let polls = self.polls - before.polls;
            findings.push(format!("in {span:?} the future was polled {polls} times"));
        }
        Verdict { findings, untold }
    }
}

fn differences(
    before: &BTreeMap<u32, Look>,
    after: &BTreeMap<u32, Look>,
    span: Duration,
) -> Vec<String> {
    let threads: BTreeSet<&u32> = before.keys().chain(after.keys()).collect();
    let finding = |thread: &u32| match (before.get(thread), after.get(thread)) {
        (Some(before), Some(after)) => difference(before, after, span),
        (Some(before), None) => Some(format!("'{}' ended", before.name)),
        (None, Some(after)) => Some(format!("'{}' began", after.name)),
        (None, None) => None,
    };
    let findings = threads.into_iter().map(|thread| (thread, finding(thread)));
    findings.filter_map(|(thread, found)| Some(format!("thread {thread} {}", found?))).collect()
}

fn difference(before: &Look, after: &Look, span: Duration) -> Option<String> {
    let done = after.account.since(before.account);
    // IDEA: asleep at both ends, and never gave up or lost a CPU: so it never had one. No look in
    // between is needed, and no limit that a busy machine could break.
    if done.is_idle() && before.asleep && after.asleep {
        return None;
    }
    let ran = if after.asleep { "" } else { ", and was not asleep at the end" };
    Some(format!(
        "'{}' did not sleep: in {span:?} it used {:?} of CPU, gave its CPU up {} times and lost it \
         {} times{ran}",
        after.name, done.cpu, done.voluntary, done.involuntary,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Account;

    const SPAN: Duration = Duration::from_millis(100);

    fn look(asleep: bool, cpu: Duration, voluntary: u64, involuntary: u64) -> Look {
        let account = Account { cpu, voluntary, involuntary };
        Look { name: "worker".into(), asleep, account }
    }

    #[test]
    fn a_thread_is_idle_if_it_slept_at_both_ends_and_did_nothing_in_between() {
        let ms = Duration::from_millis;
        let before = look(true, ms(5), 7, 2);
        assert_eq!(difference(&before, &before, SPAN), None);
        for after in [
            look(true, ms(6), 7, 2),
            look(true, ms(5), 8, 2),
            look(true, ms(5), 7, 3),
            look(false, ms(5), 7, 2),
        ] {
            assert_ne!(difference(&before, &after, SPAN), None, "{after:?}");
        }
        assert_eq!(
            difference(&look(false, ms(5), 7, 2), &look(false, ms(103), 8, 9), SPAN).as_deref(),
            Some(
                "'worker' did not sleep: in 100ms it used 98ms of CPU, gave its CPU up 1 times and \
                 lost it 7 times, and was not asleep at the end"
            )
        );
    }

    #[test]
    fn a_thread_that_begins_or_ends_is_named() {
        let look = look(true, SPAN, 7, 2);
        let with = BTreeMap::from([(1, look.clone()), (2, look.clone())]);
        let without = BTreeMap::from([(1, look)]);
        assert!(differences(&with, &with, SPAN).is_empty());
        assert_eq!(differences(&without, &with, SPAN), ["thread 2 'worker' began"]);
        assert_eq!(differences(&with, &without, SPAN), ["thread 2 'worker' ended"]);
    }

    #[test]
    fn where_threads_are_not_told_of_it_says_so_and_still_counts_polls() {
        let told = |polls, error| Sight { polls, threads: Err(io::Error::new(error, "not here")) };
        let nothing = told(1, io::ErrorKind::Unsupported);
        let verdict = nothing.compare(&nothing, SPAN);
        assert!(verdict.findings.is_empty());
        assert_eq!(verdict.untold.as_deref(), Some("not here"));
        let polled = told(3, io::ErrorKind::Unsupported).compare(&nothing, SPAN);
        assert_eq!(polled.findings, ["in 100ms the future was polled 2 times"]);
        let denied = told(1, io::ErrorKind::PermissionDenied);
        assert_eq!(
            denied.compare(&denied, SPAN).findings,
            ["the watched threads can't be seen: not here"]
        );
    }
}
