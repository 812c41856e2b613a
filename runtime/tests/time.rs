//! Deadlines: their order, their limits, and that a cancelled one leaves nothing behind.
//!
//! Guards against: equal deadlines that replace one another (eventmachine/eventmachine#20), a far
//! one that overflows (tokio-rs/tokio#6634, #5183, niklata/ndhc#7), a zero one that never comes
//! (monoio-rs/monoio#370), a dropped one that stays (socketry/async#176), one that the loop's idea
//! of 'now' makes early (libuv/libuv#1068), a timer that needs an event to fire
//! (cfsamson/book-exploring-async-basics#61), a timeout starved by the future that it limits
//! (tokio-rs/tokio#4291).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]
#![allow(clippy::async_yields_async, reason = "a future begun in one block_on, ended in another")]

mod support;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use asleep::Wakes;
use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::{interval, interval_at, sleep, sleep_until, timeout, timeout_at};
use dormouse::{spawn, yield_now};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, StreamExt};

use support::{
    SILENCE, add_one_timer, add_one_unpark, any_port, expect, lab, until, wait_until_asleep,
};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn equal_deadlines_fire_in_the_order_they_came() {
    lab(|runtime| {
        runtime.block_on(async {
            let deadline = Instant::now() + SILENCE;
            let order = Rc::new(RefCell::new(Vec::new()));
            let mut sleepers = Vec::new();
            for i in 0..1000 {
                let order = Rc::clone(&order);
                sleepers.push(spawn(async move {
                    sleep_until(deadline).await;
                    order.borrow_mut().push(i);
                }));
            }
            yield_now().await;
            // Every third one leaves, and takes nobody's place with it.
            let before = runtime.metrics();
            for i in (0..1000).step_by(3) {
                sleepers[i].abort();
            }
            for sleeper in sleepers {
                let _ = sleeper.await;
            }
            let expected: Vec<_> = (0..1000).filter(|i| i % 3 != 0).collect();
            assert_eq!(*order.borrow(), expected);
            let fired = runtime.metrics().timers_fired - before.timers_fired;
            assert_eq!(fired, expected.len() as u64);
        });
    });
}

#[test]
fn deadlines_fire_in_their_order_whoever_came_first() {
    lab(|runtime| {
        runtime.block_on(async {
            let begin = Instant::now() + SILENCE;
            let order = Rc::new(RefCell::new(Vec::new()));
            let mut sleepers = Vec::new();
            for i in [5, 2, 7, 1, 8, 3, 6, 4] {
                let order = Rc::clone(&order);
                sleepers.push(spawn(async move {
                    sleep_until(begin + i * Duration::from_micros(10)).await;
                    order.borrow_mut().push(i);
                }));
            }
            for sleeper in sleepers {
                sleeper.await.unwrap();
            }
            assert_eq!(*order.borrow(), [1, 2, 3, 4, 5, 6, 7, 8]);
        });
    });
}

#[test]
fn a_deadline_beyond_all_time_harms_nobody() {
    const LONGEST_WAIT_MS: u64 = i32::MAX as u64;
    let far = [
        Duration::MAX,
        Duration::from_millis(u64::MAX),
        Duration::from_secs(u64::from(u32::MAX)),
        Duration::from_millis(u64::from(u32::MAX)),
        Duration::from_millis(u64::from(u32::MAX) + 1),
        Duration::from_millis(LONGEST_WAIT_MS - 1),
        Duration::from_millis(LONGEST_WAIT_MS),
        Duration::from_millis(LONGEST_WAIT_MS + 1),
    ];
    lab(|runtime| {
        for left in far {
            runtime.block_on(async {
                let mut sleeps = pin!(timeout(left, sleep(left)));
                assert!(poll_once(&mut sleeps).await.is_none());
                // The thread sleeps as long as if there were no deadline at all.
                let before = runtime.metrics();
                let parking = nix::unistd::gettid();
                let mut woken = false;
                poll_fn(|cx| {
                    if std::mem::replace(&mut woken, true) {
                        return Poll::Ready(());
                    }
                    let waker = cx.waker().clone();
                    drop(thread::spawn(move || {
                        wait_until_asleep(parking);
                        waker.wake();
                    }));
                    Poll::Pending
                })
                .await;
                expect(runtime, &before, add_one_unpark);
                let before = runtime.metrics();
                sleep(SILENCE / 5).await;
                expect(runtime, &before, add_one_timer);
            });
        }
        let metrics = runtime.metrics();
        assert_eq!(metrics.timers_armed, metrics.timers_fired + metrics.timers_cancelled);
    });
}

#[test]
fn a_deadline_that_has_come_needs_no_timer() {
    lab(|runtime| {
        runtime.block_on(async {
            let before = runtime.metrics();
            sleep(Duration::ZERO).await;
            let past = Instant::now();
            support::spin(Duration::from_millis(1));
            sleep_until(past).await;
            assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
            assert_eq!(timeout(Duration::ZERO, async { 7 }).await, Ok(7), "ready wins");
            expect(runtime, &before, |_| ());
        });
    });
}

#[test]
fn a_runtime_with_nothing_but_a_timer_works() {
    lab(|runtime| {
        let begin = Instant::now();
        let before = runtime.metrics();
        runtime.block_on(sleep(SILENCE));
        assert!(begin.elapsed() >= SILENCE);
        expect(runtime, &before, |m| {
            add_one_timer(m);
            m.spawns = 1;
            m.polls += 1;
            m.turns += 1;
        });
    });
}

#[test]
fn a_timer_armed_by_the_last_task_of_a_batch_is_waited_for() {
    lab(|runtime| {
        let slept = runtime.block_on(async {
            let sleepers: Vec<_> = (0..3).map(|_| spawn(yield_now())).collect();
            let last = spawn(sleep(SILENCE / 5));
            for sleeper in sleepers {
                sleeper.await.unwrap();
            }
            last
        });
        runtime.block_on(slept).unwrap();
    });
}

#[test]
fn a_timeout_drops_what_took_too_long() {
    lab(|runtime| {
        runtime.block_on(async {
            let held = Rc::new(());
            let holds = Rc::clone(&held);
            let late = timeout(SILENCE / 5, async move {
                pending::<()>().await;
                drop(holds);
            });
            assert_eq!(late.await.unwrap_err().to_string(), "the time was up");
            assert_eq!(Rc::strong_count(&held), 1);
        });
    });
}

#[test]
fn a_hundred_thousand_timeouts_leave_nothing_behind() {
    const TIMEOUTS: u64 = 100_000;
    lab(|runtime| {
        let timeouts = async |n| {
            for _ in 0..n {
                timeout(HOUR, async {}).await.unwrap();
                let mut dropped = pin!(timeout(HOUR, pending::<()>()));
                assert!(poll_once(&mut dropped).await.is_none());
            }
        };
        runtime.block_on(timeouts(1000));
        let before = runtime.metrics();
        let counted = allocation_counter::measure(|| runtime.block_on(timeouts(TIMEOUTS)));
        assert_eq!(counted.count_current, 0, "{counted:?}");
        let after = runtime.metrics();
        // Who is ready at once needs no timer; who is dropped takes its timer along.
        assert!(after.timers_armed - before.timers_armed <= TIMEOUTS);
        assert_eq!(after.timers_armed, after.timers_cancelled + after.timers_fired);
        runtime.block_on(async {
            let before = runtime.metrics();
            sleep(SILENCE).await;
            expect(runtime, &before, add_one_timer);
        });
    });
}

#[test]
fn a_timeout_ends_a_future_that_is_always_ready() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            let sends = thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                while std::io::Write::write_all(&mut stream, &[7; 4096]).is_ok() {}
            });
            let (mut stream, _) = listener.accept().await.unwrap();
            let reads = async move { while stream.read(&mut [0; 16]).await.unwrap() > 0 {} };
            let mut reads = Box::pin(reads);
            for left in [SILENCE, Duration::ZERO] {
                assert!(timeout(left, &mut reads).await.is_err());
                // The same, put together by hand.
                futures_lite::future::or(&mut reads, sleep(left)).await;
            }
            drop(reads);
            sends.join().unwrap();
        });
    });
}

#[test]
fn a_new_deadline_takes_the_place_of_an_old_one() {
    lab(|runtime| {
        runtime.block_on(async {
            let armed = async |left| {
                let mut sleep = Box::pin(sleep(left));
                assert!(poll_once(&mut sleep).await.is_none());
                sleep
            };
            let before = runtime.metrics();
            let mut later = armed(SILENCE / 4).await;
            assert!(poll_once(&mut later).await.is_none());
            later = armed(SILENCE).await;
            let mut earlier = armed(HOUR).await;
            assert!(poll_once(&mut earlier).await.is_none());
            earlier = armed(SILENCE / 2).await;
            earlier.await;
            drop(later);
            expect(runtime, &before, |m| {
                add_one_timer(m);
                m.timers_armed += 3;
                m.timers_cancelled = 3;
            });
        });
    });
}

#[test]
fn a_sleep_can_move_to_another_runtime() {
    lab(|first| {
        let mut sleep = Box::pin(sleep(SILENCE));
        first.block_on(async { assert!(poll_once(&mut sleep).await.is_none()) });
        let before = first.metrics();
        lab(|second| {
            let ours = second.metrics();
            second.block_on(async { assert!(poll_once(&mut sleep).await.is_none()) });
            expect(first, &before, |m| m.timers_cancelled = 1);
            second.block_on(&mut sleep);
            let armed = second.metrics().timers_armed - ours.timers_armed;
            let fired = second.metrics().timers_fired - ours.timers_fired;
            assert_eq!((armed, fired), (1, 1));
        });
        expect(first, &before, |m| m.timers_cancelled = 1);
    });
}

#[test]
fn a_sleep_counts_from_its_call_however_long_the_thread_was_busy() {
    lab(|runtime| {
        runtime.block_on(async {
            sleep(Duration::from_millis(1)).await;
            thread::sleep(SILENCE);
            let begin = Instant::now();
            sleep(SILENCE / 2).await;
            assert!(begin.elapsed() >= SILENCE / 2);
        });
    });
}

#[test]
fn a_sleep_outside_of_a_runtime_says_so() {
    let (_, waker) = Wakes::new();
    let poll = catch_unwind(|| Pin::new(&mut sleep(HOUR)).poll(&mut Context::from_waker(&waker)));
    let panic = poll.unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("sleep outside of a runtime"));
}

#[test]
fn a_timeout_closes_the_socket_that_could_not_connect() {
    support::in_a_process("a_timeout_closes_the_socket_that_could_not_connect", || {
        lab(|runtime| {
            runtime.block_on(async {
                let (listener, _queued) = support::full_listener();
                let before = support::open_descriptors();
                let connects = TcpStream::connect(listener.local_addr().unwrap());
                let error = std::io::Error::from(timeout(SILENCE, connects).await.unwrap_err());
                assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
                assert_eq!(support::open_descriptors(), before);
                let before = runtime.metrics();
                until(|| true).await;
                sleep(SILENCE).await;
                expect(runtime, &before, add_one_timer);
            });
        });
    });
}

#[test]
fn an_interval_keeps_its_rhythm_and_skips_what_was_missed() {
    lab(|runtime| {
        runtime.block_on(async {
            let period = Duration::from_millis(10);
            let begin = Instant::now();
            let mut ticks = interval_at(begin, period);
            assert_eq!(ticks.tick().await, begin, "the first comes at once");
            for n in 1..=3 {
                assert!((ticks.tick().await - begin).as_nanos().is_multiple_of(period.as_nanos()));
                assert!(begin.elapsed() >= period * n);
            }
            // A stall over several ticks: one comes at once, the others never.
            let last = ticks.tick().await;
            thread::sleep(period * 5);
            let before = runtime.metrics();
            let next = ticks.tick().await;
            expect(runtime, &before, |_| {});
            // The one that was being waited for; on a machine that stalls itself not the very next.
            assert!(next > last && (next - last).as_nanos().is_multiple_of(period.as_nanos()));
            let late = ticks.tick().await - next;
            assert!(
                late >= period * 4 && late.as_nanos().is_multiple_of(period.as_nanos()),
                "{late:?}"
            );
        });
    });
}

#[test]
fn an_interval_is_a_stream_of_its_ticks_and_has_no_end() {
    lab(|runtime| {
        runtime.block_on(async {
            let (begin, period) = (Instant::now(), Duration::from_millis(2));
            let mut ticks = interval_at(begin, period);
            assert_eq!(ticks.period(), period);
            assert_eq!(ticks.next().await, Some(begin));
            assert!(ticks.next().await.is_some_and(|tick| tick >= begin + period));
        });
    });
}

#[test]
fn an_interval_that_is_not_awaited_costs_nothing() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut ticks = interval(Duration::from_millis(1));
            ticks.tick().await;
            let before = runtime.metrics();
            sleep(SILENCE).await;
            expect(runtime, &before, add_one_timer);
            ticks.tick().await;
        });
    });
}

#[test]
fn a_dropped_wait_loses_no_tick() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut ticks = interval(HOUR);
            let first = ticks.tick().await;
            for _ in 0..10 {
                assert_eq!(poll_once(ticks.tick()).await, None);
            }
            let before = runtime.metrics();
            drop(ticks);
            expect(runtime, &before, |m| m.timers_cancelled = 1);
            let mut again = interval_at(first, HOUR);
            assert_eq!(poll_once(again.tick()).await, Some(first));
        });
    });
}

#[test]
#[should_panic(expected = "an interval of zero would spin")]
fn an_interval_of_zero_is_refused() {
    interval(Duration::ZERO);
}

#[test]
fn a_sleep_that_is_reset_forgets_its_old_deadline() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut sleep = sleep(Duration::from_millis(5));
            assert!(poll_once(&mut sleep).await.is_none());
            // Later: the old deadline ends no park.
            let later = Instant::now() + Duration::from_millis(50);
            sleep.reset(later);
            assert_eq!(sleep.deadline(), Some(later));
            let before = runtime.metrics();
            (&mut sleep).await;
            assert!(Instant::now() >= later);
            expect(runtime, &before, add_one_timer);
            // Earlier, and once more after its end.
            sleep.reset(Instant::now() + HOUR);
            assert!(poll_once(&mut sleep).await.is_none());
            sleep.reset(Instant::now() + Duration::from_millis(1));
            sleep.await;
        });
    });
}

#[test]
fn several_timeouts_share_a_deadline() {
    lab(|runtime| {
        runtime.block_on(async {
            let deadline = Instant::now() + Duration::from_millis(20);
            for _ in 0..3 {
                assert!(timeout_at(deadline, pending::<()>()).await.is_err());
                assert!(Instant::now() >= deadline);
            }
            assert_eq!(timeout_at(deadline, async { 7 }).await, Ok(7), "ready wins");
        });
    });
}
