//! A source without a kernel: against the definition of readiness, and one promise after the other.
//!
//! Broken once, to see the definition fail: an event wakes the other direction, a close does not
//! reach the writer, a close is forgotten by the next event, 'not yet' does not clear, who waited
//! once is woken again, a newer waker is dropped.

use std::sync::Arc;

use asleep::Wakes;
use proptest::prelude::*;

use super::*;

#[test]
fn an_event_wakes_who_waits_once() {
    let side = Side::default();
    let (count, waker) = Wakes::new();
    side.set_ready(false);
    side.wait(&waker);
    side.set_ready(false);
    side.set_ready(false);
    assert_eq!(count.count(), 1, "neither before it waits nor twice");
}

#[test]
fn a_newer_waker_takes_the_place_of_an_older() {
    let side = Side::default();
    let ((old, old_waker), (new, new_waker)) = (Wakes::new(), Wakes::new());
    side.wait(&old_waker);
    side.wait(&new_waker);
    side.wake();
    assert_eq!((old.count(), new.count()), (0, 1));
}

#[test]
fn waiting_again_does_not_clone_the_same_waker() {
    let side = Side::default();
    let (count, waker) = Wakes::new();
    side.wait(&waker);
    let references = Arc::strong_count(&count);
    for _ in 0..1000 {
        side.wake();
        side.wait(&waker);
    }
    assert_eq!((count.count(), Arc::strong_count(&count)), (1000, references));
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

/// What can happen to a source; a number says whose waker it is.
#[derive(Clone, Copy, Debug)]
enum Op {
    Hear(News),
    /// A call said 'not yet'.
    Clear(Direction),
    /// A call moved less than it could have.
    Short(Direction),
    Wait(Direction, usize),
    /// The runtime is gone.
    Wake(Direction),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    // A close is for ever: were it as frequent as data, most sequences would know nothing else.
    let rarely = || prop::bool::weighted(0.1);
    let news = (any::<bool>(), any::<bool>(), rarely(), 0..30);
    let news = news.prop_map(|(readable, writable, urgent, end)| News {
        readable,
        writable,
        read_closed: end == 0,
        write_closed: end == 1,
        error: end == 2,
        urgent,
    });
    let side = || prop_oneof![Just(Direction::Read), Just(Direction::Write)];
    let op = prop_oneof![
        3 => news.prop_map(Op::Hear),
        2 => side().prop_map(Op::Clear),
        2 => side().prop_map(Op::Short),
        3 => (side(), 0..3usize).prop_map(|(side, who)| Op::Wait(side, who)),
        1 => side().prop_map(Op::Wake),
    ];
    prop::collection::vec(op, 0..40)
}

/// Whether an event is of the kind that leaves both directions unclear.
fn is_end(news: News) -> bool {
    [news.read_closed, news.write_closed, news.error].contains(&true)
}

/// What a direction must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Defined {
    ready: bool,
    /// Something came that only 'not yet' can end.
    unclear: bool,
    waits: Option<usize>,
    wakes: [u64; 3],
}

impl Defined {
    const NEW: Self = Defined { ready: true, unclear: false, waits: None, wakes: [0; 3] };

    fn wake(&mut self) {
        if let Some(who) = self.waits.take() {
            self.wakes[who] += 1;
        }
    }

    /// Something came that concerns this direction.
    fn hear(&mut self, news: News) {
        self.ready = true;
        self.unclear |= is_end(news) || news.urgent;
        self.wake();
    }
}

fn run(op: Op, source: &Source, defined: &mut [Defined; 2], wakers: &[[Waker; 3]; 2]) {
    match op {
        Op::Hear(news) => {
            source.hear(news);
            let [read, write] = defined;
            if news.readable || is_end(news) || news.urgent {
                read.hear(news);
            }
            if news.writable || is_end(news) {
                write.hear(news);
            }
        }
        Op::Clear(direction) => {
            source.side(direction).clear();
            defined[direction as usize].ready = false;
        }
        Op::Short(direction) => {
            source.side(direction).clear_after_short_call();
            let defined = &mut defined[direction as usize];
            // Windows reports new arrivals only after a 'not yet'.
            defined.ready &= defined.unclear || cfg!(windows);
        }
        Op::Wait(direction, who) => {
            source.side(direction).wait(&wakers[direction as usize][who]);
            defined[direction as usize].waits = Some(who);
        }
        Op::Wake(direction) => {
            source.side(direction).wake();
            defined[direction as usize].wake();
        }
    }
}

/// What a direction is like.
fn seen(side: &Side, wakers: &[Waker; 3], counts: &[Arc<Wakes>; 3]) -> Defined {
    let waiter = side.waiter();
    Defined {
        ready: side.is_ready(),
        unclear: side.unclear.get(),
        waits: wakers.iter().position(|waker| Some(waker.data()) == waiter),
        wakes: counts.each_ref().map(|count| count.count()),
    }
}

proptest! {
    #![proptest_config(crate::slots::tests::config())]

    #[test]
    fn each_direction_is_what_readiness_is_defined_as(ops in ops()) {
        let source = Source::new(|| "socket");
        let pairs = [(); 2].map(|()| [(); 3].map(|()| Wakes::new()));
        let counts = pairs.each_ref().map(|side| side.each_ref().map(|(count, _)| count.clone()));
        let wakers = pairs.map(|side| side.map(|(_, waker)| waker));
        let mut defined = [Defined::NEW; 2];
        for op in ops {
            run(op, &source, &mut defined, &wakers);
            for side in [Direction::Read, Direction::Write] {
                let n = side as usize;
                let seen = seen(source.side(side), &wakers[n], &counts[n]);
                assert_eq!(seen, defined[n], "{side:?} after {op:?}");
            }
        }
        drop((source, wakers));
        assert!(counts.as_flattened().iter().all(|count| Arc::strong_count(count) == 1), "let go");
    }
}
