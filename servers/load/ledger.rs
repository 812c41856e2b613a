//! # Ledger: what one connection may send, and what it waits for
//!
//! Problem: who decides when to send (an answer that came, or a schedule) is not who sends, and an
//! answer must find the moment at which its message was due.
//! Idea: a queue of those moments, one per message under way. Granting a message adds its moment at
//! the end, and wakes the sender; the answer takes the oldest away.
//! Leaves out: bytes.
//! Read before: `load/payload.rs`. Read next: `load/slices.rs`.
//! Try: `cargo test ledger`

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Instant;

/// The messages under way on one connection.
#[derive(Default)]
pub struct Ledger {
    /// When each message was due, the oldest first: those sent, then those not sent yet.
    due: RefCell<VecDeque<Instant>>,
    unsent: Cell<usize>,
    closed: Cell<bool>,
    sender: Cell<Option<Waker>>,
}

impl Ledger {
    /// Lets one more message be sent; its latency counts from `due`.
    pub fn grant(&self, due: Instant) {
        if self.closed.get() {
            return;
        }
        self.due.borrow_mut().push_back(due);
        self.unsent.set(self.unsent.get() + 1);
        self.wake();
    }

    /// Lets nothing more be sent; what is under way may come to its end.
    pub fn close(&self) {
        self.closed.set(true);
        self.wake();
    }

    /// Begins anew, after it was closed and done.
    pub fn open(&self) {
        self.closed.set(false);
    }

    /// Waits until a message may be sent, and says when it was due. `None`: never again.
    pub async fn next(&self) -> Option<Instant> {
        poll_fn(|cx| {
            if let Some(due) = self.take_unsent() {
                return Poll::Ready(Some(due));
            }
            if self.closed.get() {
                return Poll::Ready(None);
            }
            self.sender.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }

    fn take_unsent(&self) -> Option<Instant> {
        let due = self.due.borrow();
        let moment = due.get(due.len() - self.unsent.get()).copied()?;
        self.unsent.set(self.unsent.get() - 1);
        Some(moment)
    }

    /// Notes that the oldest message was answered, and says when it was due.
    pub fn answered(&self) -> Option<Instant> {
        self.due.borrow_mut().pop_front()
    }

    /// How many messages wait for their answer, or to be sent.
    pub fn under_way(&self) -> usize {
        self.due.borrow().len()
    }

    /// Whether nothing is under way, and nothing will be.
    pub fn is_done(&self) -> bool {
        self.closed.get() && self.under_way() == 0
    }

    /// The moments of all messages that were not answered.
    pub fn unanswered(&self) -> Vec<Instant> {
        self.due.borrow().iter().copied().collect()
    }

    fn wake(&self) {
        if let Some(sender) = self.sender.take() {
            sender.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_lite::future::{block_on, poll_once};

    use super::*;

    #[test]
    fn an_answer_finds_the_moment_of_its_message() {
        let ledger = Ledger::default();
        let first = Instant::now();
        let second = first + Duration::from_millis(1);
        ledger.grant(first);
        ledger.grant(second);
        assert_eq!(block_on(ledger.next()), Some(first));
        assert_eq!(ledger.answered(), Some(first));
        assert_eq!(block_on(ledger.next()), Some(second), "an answer does not shift who is next");
        assert_eq!(ledger.under_way(), 1);
        assert_eq!((ledger.answered(), ledger.answered()), (Some(second), None));
    }

    #[test]
    fn the_sender_waits_for_a_grant() {
        let ledger = Ledger::default();
        assert_eq!(block_on(poll_once(ledger.next())), None);
        ledger.grant(Instant::now());
        assert!(block_on(poll_once(ledger.next())).is_some());
        assert_eq!(block_on(poll_once(ledger.next())), None);
    }

    #[test]
    fn a_closed_one_is_done_when_its_last_message_was_answered() {
        let ledger = Ledger::default();
        ledger.grant(Instant::now());
        ledger.close();
        ledger.grant(Instant::now());
        assert!(block_on(ledger.next()).is_some(), "what was granted is still sent");
        assert_eq!(block_on(ledger.next()), None);
        assert!(!ledger.is_done());
        ledger.answered();
        assert!(ledger.is_done());
    }
}
