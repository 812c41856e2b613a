//! The timers against a sorted list.
//!
//! Broken once, to see it fail: equal deadlines in any order, a node that does not sink, one that
//! does not rise after it filled a gap, the waker of before, the stale key that cancels a stranger.

use std::sync::Arc;
use std::time::Duration;

use asleep::Wakes;
use proptest::prelude::*;

use super::*;

/// What can be done with timers. An index chooses among those that ever were.
#[derive(Clone, Copy, Debug)]
enum Op {
    Arm(Duration),
    Cancel(usize),
    /// Cancelled, and armed again: what `Sleep::reset` does.
    Reset(usize, Duration),
    /// It is polled by another task than before.
    Hand(usize),
    Advance(Duration),
}

/// Few distinct ones, that equal each other; many; and those that no clock ever reaches.
fn durations() -> impl Strategy<Value = Duration> {
    let micros = |most| (0..most).prop_map(Duration::from_micros);
    prop_oneof![
        3 => micros(4u64),
        3 => micros(1_000_000),
        1 => Just(Duration::MAX),
        1 => Just(Duration::from_secs(u64::from(u32::MAX))),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => durations().prop_map(Op::Arm),
        2 => any::<usize>().prop_map(Op::Cancel),
        1 => (any::<usize>(), durations()).prop_map(|(index, after)| Op::Reset(index, after)),
        1 => any::<usize>().prop_map(Op::Hand),
        1 => (0..300_000u64).prop_map(|micros| Op::Advance(Duration::from_micros(micros))),
    ];
    prop::collection::vec(op, 0..120)
}

/// What a timer must be like.
struct Line {
    deadline: Instant,
    key: Key,
    woken: Arc<Wakes>,
}

/// The timers, and beside them what they must be like: a list, by deadline and then by age.
struct Models {
    timers: Timers,
    lines: Vec<Line>,
    /// Every key that ever was.
    keys: Vec<Key>,
    now: Instant,
}

impl Models {
    fn new() -> Self {
        let timers = Timers::new(Rc::new(Observer::new(Vec::new())));
        Models { timers, lines: Vec::new(), keys: Vec::new(), now: Instant::now() }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Arm(after) => self.arm(after),
            Op::Cancel(index) => {
                self.cancel(index);
            }
            Op::Reset(index, after) => {
                if self.cancel(index) {
                    self.arm(after);
                }
            }
            Op::Hand(index) => self.hand(index),
            Op::Advance(by) => {
                self.now += by;
                self.fire();
            }
        }
        self.compare();
    }

    /// One that is out of reach is never armed: see `Sleep`.
    fn arm(&mut self, after: Duration) {
        let Some(deadline) = self.now.checked_add(after) else { return };
        let (woken, waker) = Wakes::new();
        let key = self.timers.arm(deadline, waker);
        assert!(!self.keys.contains(&key), "each has a key of its own");
        self.keys.push(key);
        let place = self.lines.partition_point(|line| line.deadline <= deadline);
        self.lines.insert(place, Line { deadline, key, woken });
    }

    fn any_key(&self, index: usize) -> Option<Key> {
        Some(*self.keys.get(index.checked_rem(self.keys.len())?)?)
    }

    /// Whether there was one to cancel.
    fn cancel(&mut self, index: usize) -> bool {
        let Some(key) = self.any_key(index) else { return false };
        self.timers.cancel(key);
        let before = self.lines.len();
        self.lines.retain(|line| line.key != key);
        self.lines.len() < before
    }

    fn hand(&mut self, index: usize) {
        let Some(key) = self.any_key(index) else { return };
        let (newer, waker) = Wakes::new();
        let waits = self.timers.is_waiting(key, &waker);
        let line = self.lines.iter_mut().find(|line| line.key == key);
        assert_eq!(waits, line.is_some());
        if let Some(line) = line {
            let older = std::mem::replace(&mut line.woken, newer);
            assert_eq!(Arc::strong_count(&older), 1, "the older waker is let go");
        }
    }

    /// As [`Timers::fire`], by the clock of the model.
    fn fire(&mut self) {
        let due = self.lines.partition_point(|line| line.deadline <= self.now);
        for line in self.lines.drain(..due) {
            let (key, waker) = self.timers.pop_due(self.now).expect("it is due");
            assert_eq!(key, line.key, "the earliest first, and the oldest of equals");
            waker.wake();
            assert_eq!(line.woken.count(), 1);
        }
        assert!(self.timers.pop_due(self.now).is_none(), "nobody else");
    }

    fn compare(&self) {
        assert_eq!(self.timers.nearest(), self.lines.first().map(|line| line.deadline));
        let heap = self.timers.heap.borrow();
        assert_eq!(heap.nodes.len(), self.lines.len());
        for (place, node) in heap.nodes.iter().enumerate() {
            assert_eq!(heap.timers.get(node.key).map(|timer| timer.place), Some(place));
        }
        assert!(self.lines.iter().all(|line| line.woken.count() == 0), "too early");
    }
}

proptest! {
    #![proptest_config(crate::slots::tests::config())]

    #[test]
    fn timers_are_a_sorted_list(ops in ops()) {
        let mut models = Models::new();
        for op in ops {
            models.run(op);
        }
        // Whoever is left comes in order, too.
        let never = Duration::from_secs(u64::from(u32::MAX));
        models.run(Op::Advance(never));
        assert!(models.lines.is_empty());
    }
}
