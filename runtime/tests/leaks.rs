//! What was given up, has ended or was refused leaves no memory behind; each test compares blocks
//! of the heap.
//!
//! Guards against: a dropped wait that leaves its waker (n0-computer/n0-watcher#62,
//! rust-lang/futures-rs#2156, smol-rs/async-io#13), a cancelled timer that stays in its heap
//! (socketry/async#176), a queue that grows with every wake (shd101wyy/Yo#561), a cycle of task
//! and waker (rust-lang/async-book#177, rust-lang/futures-rs#853), a reference count that is off
//! by one (cfsamson/books-futures-explained#22).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use dormouse::net::{TcpListener, TcpStream, UdpSocket};
use dormouse::time::{interval, sleep, sleep_until, timeout};
use dormouse::{Runtime, set_task_name, spawn, yield_now};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use support::{HangGuard, Ledger, any_port, connection, connection_to_std, expect, lab, until};

const HOUR: Duration = Duration::from_secs(3600);

/// So many bytes may change though nothing was added: a run queue swaps two buffers and keeps
/// the one or the other, and std's hash map may grow once more where names came and went.
const SWAPPED: u64 = 8192;

/// Every block that was taken since was given back.
#[track_caller]
fn assert_all_given_back(counted: &AllocationInfo) {
    assert_eq!(counted.count_current, 0, "{counted:?}");
    assert!(counted.bytes_current <= SWAPPED.cast_signed(), "{counted:?}");
}

/// Each of `tasks` begins a wait on `on`, gives it up, and ends.
async fn given_up<T: 'static>(
    tasks: usize,
    mut on: T,
    begin: impl AsyncFn(&mut T) + Copy + 'static,
) -> T {
    for _ in 0..tasks {
        let task = spawn(async move {
            assert!(poll_once(pin!(begin(&mut on))).await.is_none(), "it has nothing to wait for");
            on
        });
        on = task.await.unwrap();
    }
    on
}

/// Thousands of tasks that gave a wait up leave no more than ten do.
fn leaves_nothing<T: 'static>(
    make: impl AsyncFnOnce() -> T,
    begin: impl AsyncFn(&mut T) + Copy + 'static,
) {
    lab(|runtime| {
        let on = runtime.block_on(async { given_up(10, make().await, begin).await });
        let mut on = Some(on);
        let counted = measure(|| {
            let moved = on.take().unwrap();
            on = Some(runtime.block_on(given_up(3000, moved, begin)));
        });
        assert_all_given_back(&counted);
    });
}

/// What every [`lab`] checks in the end.
#[test]
fn a_source_or_a_timer_that_is_forgotten_is_noticed() {
    type Forget = fn();
    let source: Forget = || std::mem::forget(UdpSocket::bind(any_port()).unwrap());
    let timer: Forget = || {
        let mut sleep = Box::pin(sleep(HOUR));
        assert!(sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        std::mem::forget(sleep);
    };
    let nothing: Forget = || ();
    for (forget, found) in [(nothing, None), (source, Some("(1, 0)")), (timer, Some("(0, 1)"))] {
        // Noticed at once where no task is left, else once the runtime has dropped them all.
        for tasks in [0, 3] {
            let ledger = Arc::new(Ledger::default());
            let runtime = Ledger::keep(&ledger).build().unwrap();
            runtime.block_on(async {
                (0..tasks).for_each(|_| drop(spawn(pending::<()>())));
                forget();
            });
            let closed = catch_unwind(AssertUnwindSafe(|| ledger.close(runtime)));
            let said = closed.err().map(|panic| panic.downcast_ref::<String>().unwrap().clone());
            assert_eq!(said.is_some(), found.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(found.unwrap_or_default()));
        }
    }
}

#[test]
fn a_read_given_up_leaves_nothing() {
    let make = async || {
        let (mut stream, peer) = connection().await;
        assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
        (stream, peer)
    };
    leaves_nothing(make, async |(stream, _)| drop(stream.read(&mut [0; 8]).await));
    leaves_nothing(make, async |(stream, _)| drop(stream.readable().await));
    leaves_nothing(make, async |(stream, _)| drop(timeout(HOUR, stream.read(&mut [0; 8])).await));
}

#[test]
fn a_write_given_up_leaves_nothing() {
    let full = async || {
        let (mut stream, peer) = connection_to_std().await;
        while timeout(Duration::from_millis(20), stream.write(&[0; 1 << 14])).await.is_ok() {}
        (stream, peer)
    };
    leaves_nothing(full, async |(stream, _)| drop(stream.write(&[0; 8]).await));
}

#[test]
fn an_accept_given_up_leaves_nothing() {
    let make = async || TcpListener::bind(any_port()).unwrap();
    leaves_nothing(make, async |listener| drop(listener.accept().await));
    let make = async || UdpSocket::bind(any_port()).unwrap();
    leaves_nothing(make, async |socket| drop(socket.recv_from(&mut [0; 8]).await));
}

#[test]
fn a_deadline_given_up_leaves_nothing() {
    leaves_nothing(async || (), async |()| sleep(HOUR).await);
    leaves_nothing(async || (), async |()| timeout(HOUR, pending::<()>()).await.unwrap());
    let ticks = async || {
        let mut ticks = interval(HOUR);
        ticks.tick().await;
        ticks
    };
    leaves_nothing(ticks, async |ticks| assert!(ticks.tick().await > Instant::now()));
}

#[test]
fn a_task_that_is_waited_for_keeps_nobody_who_gave_up() {
    let make = async || spawn(pending::<()>());
    leaves_nothing(make, async |task| drop(task.await));
}

/// One timer stays; others come and go, with earlier deadlines and later ones.
#[test]
fn a_hundred_thousand_cancelled_timers_need_the_memory_of_one() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut stays = pin!(sleep(HOUR));
            assert!(poll_once(&mut stays).await.is_none());
            let come_and_go = |times: u32| {
                let (begin, cx) = (Instant::now(), &mut Context::from_waker(Waker::noop()));
                for n in 0..times {
                    let left = if n % 2 == 0 { 2 * HOUR } else { HOUR / 2 };
                    assert!(Pin::new(&mut sleep_until(begin + left)).poll(cx).is_pending());
                }
            };
            come_and_go(10);
            let before = runtime.metrics();
            assert_eq!(measure(|| come_and_go(100_000)).count_total, 0);
            expect(runtime, &before, |m| {
                m.timers_armed = 100_000;
                m.timers_cancelled = 100_000;
            });
        });
    });
}

#[test]
fn a_hundred_thousand_wakes_take_no_memory() {
    const WAKES: u64 = 100_000;
    lab(|runtime| {
        let before = runtime.metrics();
        let mut polls = 0;
        runtime.block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let call = |waker: Waker| {
                waker.wake_by_ref();
                let more = || (1..WAKES).for_each(|_| waker.wake_by_ref());
                assert_eq!(measure(more).count_total, 0, "one entry is enough");
            };
            call(cx.waker().clone());
            // The runtime's thread is in the midst of a poll meanwhile: nobody reads the letters.
            let theirs = cx.waker().clone();
            thread::spawn(move || call(theirs)).join().unwrap();
            Poll::Pending
        }));
        let did = runtime.metrics().since(before);
        assert_eq!((did.wakes_local, did.wakes_remote), (WAKES, WAKES));
        // One letter lies in the inbox still.
        assert_eq!((did.enqueued, did.wakes_queued), (1, 2 * (WAKES - 1)));
    });
}

/// A task takes three blocks: its future, what it shares with its handle, and what its wakers know.
/// The last one the next task takes over.
#[test]
fn a_task_that_ends_leaves_a_block_to_the_next() {
    const TASKS: u64 = 1000;
    lab(|runtime| {
        let one_after_the_other = async |tasks| {
            for _ in 0..tasks {
                spawn(async {}).await.unwrap();
            }
        };
        runtime.block_on(one_after_the_other(10));
        let counted = measure(|| runtime.block_on(one_after_the_other(TASKS)));
        assert!((2 * TASKS..2 * TASKS + 10).contains(&counted.count_total), "{counted:?}");
    });
}

#[test]
fn a_future_leaves_its_memory_though_its_waker_and_its_handle_stay() {
    const LARGE: usize = 1 << 16;
    lab(|runtime| {
        for aborts in [false, true] {
            let (waker, mut handle) = (Rc::new(Cell::new(None)), None);
            let keep = Rc::clone(&waker);
            runtime.block_on(yield_now());
            let counted = measure(|| {
                runtime.block_on(async {
                    let task = spawn(async move {
                        let large: [u64; LARGE / 8] = std::array::from_fn(|i| i as u64);
                        poll_fn(|cx| {
                            keep.set(Some(cx.waker().clone()));
                            Poll::Ready(())
                        })
                        .await;
                        if aborts {
                            pending::<()>().await;
                        }
                        assert_eq!(large[7], 7);
                    });
                    yield_now().await;
                    task.abort();
                    until(|| task.is_finished()).await;
                    handle = Some(task);
                });
            });
            assert!(counted.bytes_max >= LARGE as u64, "{counted:?}");
            assert!(counted.bytes_current < 1024, "{counted:?}");
            assert!(waker.take().is_some() && handle.is_some());
        }
    });
}

/// A hundred connections, each with a task that has a name and a deadline, all at once; then all
/// end.
async fn crowd(listener: &mut TcpListener) {
    let (mut servers, mut clients) = (Vec::new(), Vec::new());
    for n in 0..100 {
        let connects = spawn(TcpStream::connect(listener.local_addr().unwrap()));
        let (mut server, _) = listener.accept().await.unwrap();
        clients.push(connects.await.unwrap().unwrap());
        servers.push(spawn(async move {
            set_task_name(format!("server {n}"));
            timeout(HOUR, server.read(&mut [0; 8])).await.unwrap().unwrap();
        }));
    }
    yield_now().await;
    for client in &mut clients {
        client.write_all(b"x").await.unwrap();
    }
    for server in servers {
        server.await.unwrap();
    }
}

#[test]
fn a_crowd_that_comes_again_needs_no_more_memory() {
    lab(|runtime| {
        let mut listener = runtime.block_on(async { TcpListener::bind(any_port()).unwrap() });
        let first = measure(|| runtime.block_on(crowd(&mut listener)));
        let more = measure(|| (0..10).for_each(|_| runtime.block_on(crowd(&mut listener))));
        // What was kept of the first is used again.
        assert_all_given_back(&more);
        assert!(more.bytes_max <= first.bytes_max + SWAPPED, "{more:?}, after {first:?}");
    });
}

/// Tasks that keep their own wakers and never end, tasks that end, wakers used in every way.
fn a_whole_life() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let outlives = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let (mut stream, _peer) = connection().await;
        let keeps = Rc::clone(&outlives);
        spawn(async move {
            let own = RefCell::new(None);
            poll_fn(|cx| {
                *own.borrow_mut() = Some(cx.waker().clone());
                keeps.borrow_mut().push(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            let _patience = poll_once(pin!(sleep(HOUR))).await;
            stream.read(&mut [0; 8]).await
        });
        yield_now().await;
        for _ in 0..100 {
            let waker = outlives.borrow()[0].clone();
            waker.wake_by_ref();
            let by_value = waker.clone();
            by_value.wake();
            yield_now().await;
        }
        let remote = handle.spawn(async { set_task_name("remote") });
        remote.await.unwrap();
        drop(spawn(async { resume_unwind(Box::new("on purpose")) }));
        yield_now().await;
    });
    drop(runtime);
    outlives.borrow().iter().for_each(Waker::wake_by_ref);
}

#[test]
fn a_runtime_leaves_nothing() {
    let _watchdog = HangGuard::new();
    // What a thread keeps of its first time is not the runtime's.
    a_whole_life();
    assert_all_given_back(&measure(a_whole_life));
}

#[test]
fn a_block_on_that_panics_leaves_nothing() {
    lab(|runtime| {
        let panics = || {
            let future = async {
                poll_once(pin!(sleep(HOUR))).await;
                yield_now().await;
                resume_unwind(Box::new("on purpose"))
            };
            catch_unwind(AssertUnwindSafe(|| runtime.block_on::<_>(future))).unwrap_err();
        };
        let tasks = runtime.snapshot().tasks.len();
        panics();
        assert_all_given_back(&measure(|| (0..1000).for_each(|_| panics())));
        assert_eq!(runtime.snapshot().tasks.len(), tasks);
    });
}
