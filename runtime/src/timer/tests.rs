//! The heap against a sorted list.

use std::time::Duration;

use super::*;

/// A sequence that looks random and is the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

/// What the heap must be like: a list, sorted by deadline and then by age.
fn check(seed: u64, distinct_deadlines: usize) {
    let (mut random, mut heap) = (Random(seed), Heap::default());
    let mut model: Vec<(Instant, u64, Key)> = Vec::new();
    let begin = Instant::now();
    for order in 0..4000 {
        // First it grows, then it shrinks.
        let grows = if order < 2000 { 6 } else { 3 };
        match random.below(10) {
            n if n < grows => {
                let after = u64::try_from(random.below(distinct_deadlines)).expect("small");
                let deadline = begin + Duration::from_micros(after);
                let key = heap.insert(deadline, Waker::noop().clone());
                model.push((deadline, order, key));
                model.sort_by_key(|(deadline, order, _)| (*deadline, *order));
            }
            n if n < 8 && !model.is_empty() => {
                let (.., key) = model.remove(random.below(model.len()));
                assert!(heap.remove(key).is_some());
                assert!(heap.remove(key).is_none(), "a key names one timer, once");
            }
            _ if !model.is_empty() => {
                let (.., key) = model.remove(0);
                assert_eq!(heap.nodes[0].key, key);
                assert!(heap.remove(key).is_some());
            }
            _ => {}
        }
        let first = heap.nodes.first().map(|node| (node.deadline, node.key));
        assert_eq!(first, model.first().map(|(deadline, _, key)| (*deadline, *key)));
        assert_eq!(heap.nodes.len(), model.len());
        for (place, node) in heap.nodes.iter().enumerate() {
            assert_eq!(heap.timers.get(node.key).map(|timer| timer.place), Some(place));
        }
    }
    for (.., key) in model {
        assert_eq!(heap.nodes[0].key, key, "out of order");
        heap.remove(key);
    }
    assert!(heap.nodes.is_empty());
}

#[test]
fn the_heap_is_a_sorted_list() {
    for seed in 1..=5 {
        check(seed * 0x2545_f491_4f6c_dd1d, 1_000_000);
    }
}

#[test]
fn the_heap_keeps_the_order_of_equal_deadlines() {
    for seed in 1..=5 {
        check(seed * 0x2545_f491_4f6c_dd1d, 3);
    }
}
