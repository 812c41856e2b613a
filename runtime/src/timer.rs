//! # Timer: the nearest deadline sets how long to wait
//!
//! Problem: a thousand deadlines, one park. It must end for the nearest, and never for one that
//! was cancelled.
//! Idea: a binary heap, whose top is the nearest. Each timer knows its place in it, so that a
//! cancelled one leaves at once.
//! Leaves out: fractions of a millisecond: the reactor's wait counts whole ones, rounded up.
//! Read before: `reactor.rs`. Read next: `parts.rs`.
//! Try: `cargo test -p dormouse timer`

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

use crate::observe::{Moment, Observer};
use crate::slots::{Key, Slots};
use crate::task;

/// The deadlines of one runtime, each with who waits for it.
pub(crate) struct Timers {
    heap: RefCell<Heap>,
    observer: Rc<Observer>,
}

impl Timers {
    pub(crate) fn new(observer: Rc<Observer>) -> Self {
        Timers { heap: RefCell::default(), observer }
    }

    /// Wakes `waker` once `deadline` has come.
    pub(crate) fn arm(&self, deadline: Instant, waker: Waker) -> Key {
        let key = self.heap.borrow_mut().insert(deadline, waker);
        self.observer.saw(Moment::Armed(key));
        key
    }

    /// Whether the timer still waits; if so, it will wake `waker` from now on.
    pub(crate) fn is_waiting(&self, key: Key, waker: &Waker) -> bool {
        let same = match self.heap.borrow().timers.get(key) {
            Some(timer) => timer.waker.will_wake(waker),
            None => return false,
        };
        if !same {
            let newer = waker.clone();
            let older = self.heap.borrow_mut().replace_waker(key, newer);
            drop(older);
        }
        true
    }

    pub(crate) fn cancel(&self, key: Key) {
        let removed = self.heap.borrow_mut().remove(key);
        if removed.is_some() {
            self.observer.saw(Moment::Cancelled(key));
        }
    }

    pub(crate) fn nearest(&self) -> Option<Instant> {
        // IDEA: the top of the heap is the nearest that still waits: whoever is cancelled has left.
        self.heap.borrow().nodes.first().map(|node| node.deadline)
    }

    /// Wakes all whose deadline has come: the earliest first, equal ones in the order they came.
    pub(crate) fn fire(&self) {
        if self.nearest().is_none() {
            return;
        }
        let now = Instant::now();
        // One at a time, and none under the borrow: a wake may run code that arms or cancels.
        while let Some((key, waker)) = self.pop_due(now) {
            self.observer.saw(Moment::Fired(key));
            task::wake_and_let_go(waker);
        }
    }

    /// All deadlines that still wait, and which task waits for each: see [`Waker::data`].
    pub(crate) fn seen(&self) -> Vec<(Instant, *const ())> {
        let heap = self.heap.borrow();
        let waker = |node: &Node| heap.timers.get(node.key).map(|timer| timer.waker.data());
        heap.nodes.iter().filter_map(|node| Some((node.deadline, waker(node)?))).collect()
    }

    /// Wakes everybody: no deadline will be looked at any more.
    pub(crate) fn close(&self) {
        for timer in self.heap.take().timers.into_values() {
            task::wake_and_let_go(timer.waker);
        }
    }

    fn pop_due(&self, now: Instant) -> Option<(Key, Waker)> {
        let mut heap = self.heap.borrow_mut();
        let first = heap.nodes.first().filter(|node| node.deadline <= now)?;
        let key = first.key;
        heap.remove(key).map(|waker| (key, waker))
    }
}

/// A binary heap of deadlines, from which any one can be removed: O(log n) at most, and O(1) for
/// the usual timeout, which is armed as the latest of all and cancelled long before its time.
#[derive(Default)]
struct Heap {
    /// The children of node `i` are `2i + 1` and `2i + 2`; none is due before its parent.
    nodes: Vec<Node>,
    timers: Slots<Timer>,
    /// How many timers there have been: the order among equal deadlines.
    armed: u64,
}

struct Node {
    deadline: Instant,
    order: u64,
    key: Key,
}

struct Timer {
    /// Where its node is. Kept right by [`Heap::settle`].
    place: usize,
    waker: Waker,
}

impl Heap {
    fn insert(&mut self, deadline: Instant, waker: Waker) -> Key {
        let place = self.nodes.len();
        let mut key = Key::RESERVED;
        self.timers.insert_with(|given| {
            key = given;
            Timer { place, waker }
        });
        self.armed += 1;
        self.nodes.push(Node { deadline, order: self.armed, key });
        self.rise(place);
        key
    }

    fn remove(&mut self, key: Key) -> Option<Waker> {
        let Timer { place, waker } = self.timers.remove(key)?;
        // The last node fills the gap, and then moves to where it belongs.
        self.nodes.swap_remove(place);
        if place < self.nodes.len() {
            let place = self.rise(place);
            self.sink(place);
        }
        Some(waker)
    }

    fn replace_waker(&mut self, key: Key, waker: Waker) -> Option<Waker> {
        let timer = self.timers.get_mut(key)?;
        Some(std::mem::replace(&mut timer.waker, waker))
    }

    /// Moves a node up until its parent is due before it; returns where it came to rest.
    fn rise(&mut self, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.is_before(parent, place) {
                break;
            }
            self.nodes.swap(parent, place);
            self.settle(place);
            place = parent;
        }
        self.settle(place);
        place
    }

    /// Moves a node down until both its children are due after it.
    fn sink(&mut self, mut place: usize) {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let Some(mut earlier) = (left < self.nodes.len()).then_some(left) else { break };
            if right < self.nodes.len() && self.is_before(right, left) {
                earlier = right;
            }
            if self.is_before(place, earlier) {
                break;
            }
            self.nodes.swap(place, earlier);
            self.settle(place);
            place = earlier;
        }
        self.settle(place);
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.nodes[a], &self.nodes[b]);
        (a.deadline, a.order) < (b.deadline, b.order)
    }

    /// Tells the timer at `place` where it is now.
    fn settle(&mut self, place: usize) {
        let key = self.nodes[place].key;
        self.timers.get_mut(key).expect("a node has its timer").place = place;
    }
}

#[cfg(test)]
mod tests;
