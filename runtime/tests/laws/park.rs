//! Law 1: the thread blocks in one place. While a task can run the kernel is only asked, at most
//! once per batch; when none can, it blocks until the earliest deadline, rounded up. One that has come
//! costs a question, and no wait; one that was cancelled never shortens it.
//!
//! Guards against: a timeout rounded down to a zero wait (smol-rs/smol#109, tokio-rs/mio#1614), a
//! queue that keeps the kernel unasked (smol-rs/smol#171, tokio-rs/tokio#5209), a timer or a wake
//! that does so (rakshasa/libtorrent#757).

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::io::Write;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use dormouse::time::{sleep, sleep_until, timeout};
use dormouse::{spawn, testing, yield_now};
use futures_lite::AsyncReadExt;
use futures_lite::future::poll_once;

use crate::support::{
    SILENCE, add_one_timer, connection, connection_to_std, lab, silence, spin, wake_from_elsewhere,
};
use crate::witness::Span;
use crate::{MILLISECOND, assert_answers, echo};

#[test]
fn a_timer_costs_one_park() {
    lab(|runtime| {
        runtime.block_on(async {
            silence(runtime).await;
            let span = Span::open(runtime);
            sleep(SILENCE).await;
            span.expect(add_one_timer);
        });
    });
}

#[test]
fn a_cancelled_timer_never_shortens_the_park() {
    lab(|runtime| {
        runtime.block_on(async {
            let span = Span::open(runtime);
            for part in [2, 4, 8] {
                assert!(poll_once(sleep(SILENCE / part)).await.is_none());
            }
            assert!(poll_once(timeout(SILENCE / 3, pending::<()>())).await.is_none());
            sleep(SILENCE).await;
            span.expect(|m| {
                add_one_timer(m);
                m.timers_armed += 4;
                m.timers_cancelled += 4;
            });
        });
    });
}

#[test]
fn ten_thousand_timers_in_one_millisecond_share_a_park() {
    const TIMERS: u32 = 10_000;
    lab(|runtime| {
        runtime.block_on(async {
            let first = Instant::now() + 10 * SILENCE;
            let mut sleeping = Vec::new();
            for i in 0..TIMERS {
                sleeping.push(spawn(sleep_until(first + i * (MILLISECOND / TIMERS))));
            }
            yield_now().await;
            assert!(Instant::now() < first, "this machine is too slow for the test");
            let span = Span::open(runtime);
            for task in sleeping {
                task.await.unwrap();
            }
            let did = span.close();
            let n = u64::from(TIMERS);
            assert_eq!((did.timers_fired, did.timers_armed), (n, 0));
            // Each task once; and the one that waits for them all, at most once for each.
            assert!((n..=2 * n).contains(&did.polls), "{did:#?}");
            // Whole milliseconds are waited for: the last may need a second one.
            assert!((1..=2).contains(&did.parks), "{did:#?}");
            assert_eq!(did.parks, did.returned_deadline, "{did:#?}");
        });
    });
}

#[test]
fn a_short_deadline_is_no_reason_to_spin() {
    lab(|runtime| {
        for nanoseconds in [1, 100_000, 999_000, 1_500_000] {
            let left = Duration::from_nanos(nanoseconds);
            let begin = Instant::now();
            let span = Span::open(runtime);
            runtime.block_on(sleep(left));
            let did = span.close();
            assert!(begin.elapsed() >= left);
            // It may be over before its first poll, or before the park; and one return may be early.
            let armed = did.timers_armed;
            assert!(armed <= 1 && did.parks <= 2 * armed, "{left:?}: {did:#?}");
            assert!(did.turns <= 1 + armed + did.parks, "{left:?}: {did:#?}");
            assert!(did.parks + did.polls_nowait <= 2 * armed, "{left:?}: {did:#?}");
            testing::expect(&did, |m| {
                (m.spawns, m.polls, m.turns) = (1, 1 + armed, did.turns);
                (m.parks, m.returned_deadline) = (did.parks, did.parks);
                // One that has come by then is no park: the kernel is asked once.
                let late = did.polls_nowait.min(1);
                (m.polls_nowait, m.vain_polls_nowait) = (late, late);
                (m.timers_armed, m.timers_fired) = (armed, armed);
                (m.wakes_local, m.enqueued) = (armed, armed);
            });
        }
    });
}

#[test]
fn a_hundred_short_sleeps_take_at_most_two_parks_each() {
    lab(|runtime| {
        let left = Duration::from_micros(900);
        let span = Span::open(runtime);
        runtime.block_on(async {
            for _ in 0..100 {
                let begin = Instant::now();
                sleep(left).await;
                assert!(begin.elapsed() >= left);
            }
        });
        let did = span.close();
        assert!(did.parks <= 200, "{did:#?}");
        assert_eq!(did.polls, 101, "{did:#?}");
        assert!(did.polls_nowait + did.returned_deadline <= 200, "{did:#?}");
        assert!(did.polls_nowait <= 100, "one for each that has come late: {did:#?}");
    });
}

/// The park has asked the kernel already.
#[test]
fn a_task_that_can_run_after_a_park_asks_nobody() {
    lab(|runtime| {
        runtime.block_on(async {
            let span = Span::open(runtime);
            for _ in 0..100 {
                sleep(MILLISECOND).await;
                yield_now().await;
            }
            let did = span.close();
            // A busy machine may let a deadline come before the park: the kernel is asked then.
            let late = 100_u64.saturating_sub(did.returned_deadline);
            assert!(did.polls_nowait <= late, "{did:#?}");
        });
    });
}

/// The thread was busy as it came: there is nothing to wait for, but something to ask.
#[test]
fn a_deadline_that_has_come_costs_no_park() {
    lab(|runtime| {
        runtime.block_on(async {
            silence(runtime).await;
            let mut late = pin!(sleep(MILLISECOND));
            assert!(poll_once(&mut late).await.is_none());
            spin(2 * MILLISECOND);
            let span = Span::open(runtime);
            let mut was_pending = false;
            poll_fn(|cx| {
                // Its own look at the clock would end it here.
                if std::mem::replace(&mut was_pending, true) {
                    return late.as_mut().poll(cx);
                }
                Poll::Pending
            })
            .await;
            span.expect(|m| {
                (m.polls_nowait, m.vain_polls_nowait, m.turns) = (1, 1, 1);
                (m.timers_fired, m.wakes_local, m.enqueued, m.polls) = (1, 1, 1, 1);
            });
        });
    });
}

/// The kernel has the first word: a message that came in time is no victim of a busy thread.
#[test]
fn who_was_ready_in_time_wins_against_a_deadline_that_is_seen_late() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection_to_std().await;
            silence(runtime).await;
            let busy = spawn(async move {
                peer.write_all(b"in time").unwrap();
                spin(20 * MILLISECOND);
                peer
            });
            let read = timeout(10 * MILLISECOND, stream.read(&mut [0; 16])).await;
            assert_eq!(read.expect("it was there in time").unwrap(), 7);
            drop(busy.await.unwrap());
        });
    });
}

/// A timer that is due whenever the loop looks must not keep it from looking at sockets.
#[test]
fn a_timer_that_is_always_due_keeps_no_socket_waiting() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut client, server) = connection().await;
            drop(spawn(echo(server)));
            let due = spawn(async {
                loop {
                    let mut late = pin!(sleep(MILLISECOND / 10));
                    poll_fn(|cx| {
                        let poll = late.as_mut().poll(cx);
                        // Slow enough that its own deadline has come when it returns.
                        spin(MILLISECOND / 5);
                        poll
                    })
                    .await;
                }
            });
            let span = Span::open(runtime);
            for _ in 0..3 {
                assert_answers(&mut client).await;
            }
            let did = span.close();
            assert_eq!(did.parks, 0, "a deadline had come all the time: {did:#?}");
            due.abort();
        });
    });
}

/// A letter that is always there must not keep the loop from sockets: another thread that wakes in
/// every poll.
#[test]
fn a_wake_that_always_comes_keeps_no_socket_waiting() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut client, server) = connection().await;
            drop(spawn(echo(server)));
            let woken = spawn(poll_fn(|cx| {
                wake_from_elsewhere(cx.waker());
                Poll::<()>::Pending
            }));
            for _ in 0..3 {
                assert_answers(&mut client).await;
            }
            woken.abort();
        });
    });
}

#[test]
fn a_task_that_wakes_itself_keeps_nobody_waiting() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut client, server) = connection().await;
            drop(spawn(echo(server)));
            silence(runtime).await;
            let polls_of_it = Rc::new(Cell::new(0));
            let count = Rc::clone(&polls_of_it);
            let task = spawn(async move {
                loop {
                    count.set(count.get() + 1);
                    yield_now().await;
                }
            });
            let span = Span::open(runtime);
            let ticks = spawn(async {
                for _ in 0..25 {
                    sleep(MILLISECOND).await;
                }
            });
            for _ in 0..20 {
                assert_answers(&mut client).await;
            }
            ticks.await.unwrap();
            let did = span.close();
            assert_eq!(did.parks, 0, "a task could run all the time: {did:#?}");
            assert!(did.polls_nowait <= did.polls / 64 + 1, "{did:#?}");
            assert!(did.polls_nowait <= did.turns, "{did:#?}");
            // The counters say who did it: all but few polls are its own, each by a wake of its
            // own. The others: two tasks for each answer, the ticks, and we.
            let others = did.polls - polls_of_it.get();
            assert!(others <= 2 * 20 + 25 + 20 + 2, "{others} others: {did:#?}");
            assert_eq!(did.wakes_local, did.enqueued + did.wakes_queued, "{did:#?}");
            assert!(did.timers_fired <= 25 && did.wakes_remote == 0, "{did:#?}");
            task.abort();
            task.await.unwrap_err();
            silence(runtime).await;
        });
    });
}
