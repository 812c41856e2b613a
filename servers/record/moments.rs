//! # Moments: what the runtime does, as events
//!
//! Problem: in `async` the runtime reads, waits and wakes; its server sees only what comes of it.
//! Idea: the runtime tells each step of its loop (`Builder::on_moment`); two of them, a begin and
//! an end, are an event.
//! Leaves out: turns, and wakers that are left: what they lead to is there.
//! Read before: `record.rs`. Read next: `serve.rs`.
//! Try: `cargo run -- serve async --record target/async.json`, a client, and Ctrl-C

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use dormouse::{Builder, Call, Cause, Key, Moment, Runtime};

use super::clock::now;
use super::event::{Kind, Outcome};
use super::{About, Recorder};
use crate::counters::Counters;

/// Makes a runtime for a server. Where the server is recorded, so are the runtime's steps.
///
/// # Errors
///
/// As [`Runtime::new`].
pub fn new_runtime(counters: &Arc<Counters>) -> io::Result<Runtime> {
    if counters.recorder.is_none() {
        return Runtime::new();
    }
    let steps = Mutex::new(Steps::default());
    let counters = Arc::clone(counters);
    let listener = move |moment| {
        if let Some(recorder) = &counters.recorder {
            steps.lock().unwrap_or_else(PoisonError::into_inner).take(moment, recorder);
        }
    };
    Builder::new().on_moment(listener).build()
}

/// What has begun, and not ended.
#[derive(Default)]
struct Steps {
    parked: u64,
    polled: Option<(Key, u64)>,
    tried: Option<(Key, Call, u64)>,
    queued: HashMap<Key, u64>,
}

impl Steps {
    fn take(&mut self, moment: Moment, recorder: &Recorder) {
        match moment {
            Moment::Parked(_) => self.parked = now(),
            Moment::Returned(cause) => {
                let outcome = match cause {
                    Cause::Event | Cause::Unpark => Outcome::Done,
                    _ => Outcome::Nothing,
                };
                drop(recorder.ends(Kind::Park, About::default(), self.parked, outcome));
            }
            Moment::Asked(events) => {
                let outcome = if events == 0 { Outcome::Nothing } else { Outcome::Ready(events) };
                drop(recorder.happens(Kind::Wait, About::default(), outcome));
            }
            Moment::Event(source, _) => {
                let about = About { source: Some(source), ..About::default() };
                drop(recorder.happens(Kind::Event, about, Outcome::Done));
            }
            Moment::Fired(_) => {
                drop(recorder.happens(Kind::Timer, About::default(), Outcome::Done));
            }
            Moment::Woken(task) => {
                drop(recorder.happens(Kind::Wake, of(task), Outcome::Done));
            }
            Moment::Spawned(task, _) | Moment::Enqueued(task) => {
                self.queued.insert(task, now());
            }
            Moment::Discarded(task) => drop(self.queued.remove(&task)),
            Moment::Polled(task) => self.poll_begins(task, recorder),
            Moment::Waits(task) | Moment::Ended(task) => self.poll_ends(task, recorder),
            Moment::Tried(source, call) => {
                self.call_ends(Outcome::End, recorder);
                self.tried = Some((source, call, now()));
            }
            Moment::Vain(..) => self.call_ends(Outcome::NotYet, recorder),
            Moment::Done(_, _, n) => {
                self.call_ends(n.map_or(Outcome::Done, Outcome::Bytes), recorder);
            }
            _ => {}
        }
    }

    fn poll_begins(&mut self, task: Key, recorder: &Recorder) {
        if let Some(since) = self.queued.remove(&task) {
            drop(recorder.ends(Kind::Queued, of(task), since, Outcome::Done));
        }
        self.polled = Some((task, now()));
    }

    fn poll_ends(&mut self, task: Key, recorder: &Recorder) {
        self.call_ends(Outcome::End, recorder);
        if let Some((polled, since)) = self.polled.take_if(|(polled, _)| *polled == task) {
            drop(recorder.ends(Kind::Poll, of(polled), since, Outcome::Done));
        }
    }

    /// Of an end, or an error, the runtime does not tell: it shows as something else follows.
    fn call_ends(&mut self, outcome: Outcome, recorder: &Recorder) {
        let Some((source, call, since)) = self.tried.take() else { return };
        let kind = match call {
            Call::Accept => Kind::Accept,
            Call::Read => Kind::Read,
            Call::Write => Kind::Write,
            // A call of the server's own: its counters time it.
            _ => return,
        };
        let outcome = match (kind, outcome) {
            (Kind::Accept | Kind::Write, Outcome::End) => Outcome::Error("not told".to_owned()),
            (_, outcome) => outcome,
        };
        let task = self.polled.map(|(task, _)| task);
        let about = About { source: Some(source), task, peer: None };
        drop(recorder.ends(kind, about, since, outcome));
    }
}

fn of(task: Key) -> About {
    About { task: Some(task), ..About::default() }
}
