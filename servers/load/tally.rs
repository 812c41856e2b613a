//! # Tally: what came of a load
//!
//! Problem: a thousand clients report to one place, and only what falls into the measured window
//! counts.
//! Idea: one struct that every client writes to. All of them run on one thread, so plain cells do.
//! Leaves out: figures made of it: `report.rs`.
//! Read before: `load/slices.rs`. Read next: `load/lane.rs`.
//! Try: `cargo run -- load --addr 127.0.0.1:12345 --json`

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, Waker};
use std::time::Instant;

use hdrhistogram::Histogram;

use super::slices::{Slices, histogram, record};

/// What all clients of a load have seen.
pub struct Tally {
    window: Cell<Option<Window>>,
    /// Answers that came within the window; and from the moment that a message was due to its
    /// answer, in nanoseconds.
    pub slices: Slices,
    /// From the moment that a message was due to its write: the generator's own delay.
    pub late: RefCell<Histogram<u64>>,
    /// Messages of served clients that were never answered in full.
    pub unanswered: Cell<u64>,
    /// Clients that ever got an answer.
    pub served: Cell<usize>,
    /// Clients that could not connect, or were turned away without an answer.
    pub failed: Cell<usize>,
    /// Clients that the server left after it had served them.
    pub lost: Cell<usize>,
    /// Clients that got bytes which they should not have got.
    pub corrupt: Cell<usize>,
    /// The first thing that went wrong.
    pub fault: RefCell<Option<Fault>>,
    watcher: Cell<Option<Waker>>,
}

/// The time in which answers count.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Messages due before it are not measured.
    pub begin: Instant,
    /// Nothing new is sent from here on.
    pub end: Instant,
}

/// Why a client gave up.
#[derive(Debug)]
pub enum Fault {
    /// It could not connect.
    Connect(io::Error),
    /// The connection ended before it should.
    Ended(io::Error),
    /// Something else came back than was sent.
    Corrupt(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Connect(error) => write!(f, "{error}"),
            Fault::Ended(error) => write!(f, "a connection ended too early: {error}"),
            Fault::Corrupt(what) => write!(f, "{what}"),
        }
    }
}

impl Default for Tally {
    fn default() -> Self {
        Tally::new()
    }
}

impl Tally {
    /// Starts at zero, without a window.
    pub fn new() -> Tally {
        Tally {
            window: Cell::new(None),
            slices: Slices::default(),
            late: RefCell::new(histogram()),
            unanswered: Cell::new(0),
            served: Cell::new(0),
            failed: Cell::new(0),
            lost: Cell::new(0),
            corrupt: Cell::new(0),
            fault: RefCell::new(None),
            watcher: Cell::new(None),
        }
    }

    /// From now on answers count.
    pub fn measure(&self, window: Window) {
        self.window.set(Some(window));
        self.slices.cut(window.begin);
    }

    /// Whether the window has begun and not ended.
    pub fn is_measuring(&self, now: Instant) -> bool {
        self.window.get().is_some_and(|window| window.begin <= now && now < window.end)
    }

    /// Whether the window has ended: nothing new is sent then.
    pub fn is_over(&self, now: Instant) -> bool {
        self.window.get().is_some_and(|window| window.end <= now)
    }

    /// An answer came `now` to a message that was due at `due`.
    pub fn answer(&self, due: Instant, now: Instant) {
        if self.is_measuring(now) {
            self.slices.message();
        }
        if self.window.get().is_some_and(|window| window.begin <= due) {
            self.slices.latency(now.saturating_duration_since(due));
        }
    }

    /// No answer came to a message by `now`: its latency is at least what it has waited.
    pub fn no_answer(&self, due: Instant, now: Instant) {
        add(&self.unanswered, 1);
        if self.window.get().is_some_and(|window| window.begin <= due) {
            self.slices.latency(now.saturating_duration_since(due));
        }
    }

    /// A message that was due at `due` goes out `now`.
    pub fn sent(&self, due: Instant, now: Instant) {
        if self.window.get().is_some_and(|window| window.begin <= due) {
            record(&mut self.late.borrow_mut(), now.saturating_duration_since(due));
        }
    }

    /// A client got its first byte.
    pub fn client_is_served(&self) {
        self.served.set(self.served.get() + 1);
        self.tell_watcher();
    }

    /// A client, served before or not, gave up.
    pub fn client_gave_up(&self, fault: Fault, was_served: bool) {
        let count = match fault {
            Fault::Corrupt(_) => &self.corrupt,
            _ if was_served => &self.lost,
            _ => &self.failed,
        };
        count.set(count.get() + 1);
        self.fault.borrow_mut().get_or_insert(fault);
        self.tell_watcher();
    }

    /// How many clients know whether they are served; the others wait in a queue.
    pub fn decided(&self) -> usize {
        self.served.get() + self.failed.get()
    }

    /// Waits until so many clients know.
    pub async fn until_decided(&self, clients: usize) {
        poll_fn(|cx| {
            if self.decided() >= clients {
                return Poll::Ready(());
            }
            self.watcher.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn tell_watcher(&self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.wake();
        }
    }
}

fn add(count: &Cell<u64>, n: u64) {
    count.set(count.get() + n);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn second(begin: Instant) -> Window {
        Window { begin, end: begin + Duration::from_secs(1) }
    }

    #[test]
    fn only_answers_within_the_window_count() {
        let (tally, begin) = (Tally::new(), Instant::now());
        tally.answer(begin, begin);
        tally.measure(second(begin));
        let warm_up = begin.checked_sub(Duration::from_millis(1)).unwrap();
        tally.answer(warm_up, begin + Duration::from_millis(1));
        tally.answer(begin, begin + Duration::from_millis(2));
        tally.answer(begin, begin + Duration::from_secs(1));
        assert_eq!(tally.slices.messages(), 2, "one was warm-up, one came when it was over");
        assert_eq!(tally.slices.whole().len(), 2, "whatever was due in the window");
        assert!(!tally.is_over(begin) && tally.is_over(begin + Duration::from_secs(1)));
    }

    #[test]
    fn a_message_without_an_answer_is_not_left_out_of_the_latency() {
        let (tally, begin) = (Tally::new(), Instant::now());
        tally.measure(second(begin));
        tally.no_answer(begin, begin + Duration::from_millis(900));
        assert_eq!(tally.unanswered.get(), 1);
        assert!(tally.slices.whole().max() >= 899_000_000);
    }

    #[test]
    fn giving_up_counts_by_what_was_had_before() {
        let tally = Tally::new();
        let ended = || Fault::Ended(io::ErrorKind::UnexpectedEof.into());
        tally.client_gave_up(ended(), false);
        tally.client_gave_up(ended(), true);
        tally.client_gave_up(Fault::Corrupt("byte 0".into()), true);
        let counts = (tally.failed.get(), tally.lost.get(), tally.corrupt.get());
        assert_eq!(counts, (1, 1, 1));
        assert!(matches!(*tally.fault.borrow(), Some(Fault::Ended(_))), "the first is kept");
    }
}
