//! One direction of a source, without a kernel.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn counting() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

#[test]
fn an_event_wakes_who_waits_once() {
    let side = Side::default();
    let (count, waker) = counting();
    side.set_ready(false);
    side.wait(&waker);
    side.set_ready(false);
    side.set_ready(false);
    assert_eq!(count.0.load(Relaxed), 1, "neither before it waits nor twice");
}

#[test]
fn a_newer_waker_takes_the_place_of_an_older() {
    let side = Side::default();
    let ((old, old_waker), (new, new_waker)) = (counting(), counting());
    side.wait(&old_waker);
    side.wait(&new_waker);
    side.wake();
    assert_eq!((old.0.load(Relaxed), new.0.load(Relaxed)), (0, 1));
}

#[test]
fn waiting_again_does_not_clone_the_same_waker() {
    let side = Side::default();
    let (count, waker) = counting();
    side.wait(&waker);
    let references = Arc::strong_count(&count);
    for _ in 0..1000 {
        side.wake();
        side.wait(&waker);
    }
    assert_eq!((count.0.load(Relaxed), Arc::strong_count(&count)), (1000, references));
}

#[test]
fn a_short_call_clears_unless_something_is_unclear() {
    let side = Side::default();
    side.clear_after_short_call();
    assert!(!side.is_ready());
    side.set_ready(true);
    side.clear_after_short_call();
    assert!(side.is_ready(), "a close may have come along");
    side.clear();
    assert!(!side.is_ready(), "'not yet' is the truth");
}

#[test]
fn one_direction_leaves_the_other_alone() {
    let source = Source::new(|| "socket");
    source.side(Direction::Read).clear();
    assert!(source.side(Direction::Write).is_ready());
}
