//! The laws of no busy-spin, with exact figures: what the runtime did is compared as a whole, so
//! that one turn, poll or park too many shows, and one too few as well.
//!
//! Guards against: an idle loop that turns (nim-lang/Nim#1990, smol-rs/smol#162), a timeout
//! rounded down to a zero wait (smol-rs/smol#109, tokio-rs/mio#1614), a queue that keeps the
//! kernel unasked (smol-rs/smol#171, tokio-rs/tokio#5209), a timer or a wake that does so
//! (rakshasa/libtorrent#757), an unpark per local wake (compio-rs/compio#250), a wake lost in the
//! midst of a poll (awslabs/shuttle#54) or before a park (monoio-rs/monoio#146), an event for
//! whoever took the place (redis/redis#4877), a hang-up that nobody waits for (apple/cups#4605),
//! a signal that ends the wait (tokio-rs/mio#132).
//!
//! Every silence here ends with something that is answered: law 0. The last tests break the laws
//! on purpose, and show the number that gives it away.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream as StdStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::{sleep, sleep_until, timeout};
use dormouse::{Metrics, Runtime, spawn, yield_now};
use futures_io::AsyncRead;
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use socket2::SockRef;

use support::{
    SILENCE, Wakes, add_one_event, add_one_timer, add_one_unpark, any_port, assert_falls_silent,
    connection, connection_to_std, difference, expect, lab, silence, spin, until,
    wait_until_asleep, wake_from_elsewhere,
};

const MILLISECOND: Duration = Duration::from_millis(1);

async fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 256];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        stream.write_all(&buffer[..n]).await.unwrap();
    }
}

/// One message there and back: law 0.
async fn assert_answers(client: &mut TcpStream) {
    client.write_all(b"are you there?").await.unwrap();
    let mut answer = [0; 14];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"are you there?");
}

/// Waits for a wake that another thread sends when this one has slept for [`SILENCE`].
async fn sleep_until_another_thread_wakes() {
    let (parking, woken) = (nix::unistd::gettid(), Arc::new(AtomicBool::new(false)));
    let mut waking = None;
    poll_fn(|cx| {
        if woken.load(SeqCst) {
            return Poll::Ready(());
        }
        waking.get_or_insert_with(|| {
            let (waker, woken) = (cx.waker().clone(), Arc::clone(&woken));
            thread::spawn(move || {
                wait_until_asleep(parking);
                thread::sleep(SILENCE);
                woken.store(true, SeqCst);
                waker.wake();
            })
        });
        Poll::Pending
    })
    .await;
    waking.unwrap().join().unwrap();
}

/// What the kernel knows of this thread.
fn usage() -> Usage {
    getrusage(UsageWho::RUSAGE_THREAD).unwrap()
}

/// The second witness, independent of the runtime's own counting: it slept once, for all the time.
#[track_caller]
fn assert_slept_since(before: &Usage) {
    let after = usage();
    let switches = after.voluntary_context_switches() - before.voluntary_context_switches();
    let busy = |u: &Usage| u.user_time().num_milliseconds() + u.system_time().num_milliseconds();
    // One switch for the sleep; the rest is room for page faults and the join of the thread.
    assert!(switches <= 10, "{switches} context switches in a silence");
    assert!(busy(&after) - busy(before) <= 20, "the processor was busy in a silence");
}

/// Law 4, then law 0.
fn silence_with(connections: usize) {
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            drop(spawn(async move {
                loop {
                    drop(spawn(echo(listener.accept().await.unwrap().0)));
                }
            }));
            let mut clients = Vec::new();
            for _ in 0..connections {
                clients.push(TcpStream::connect(address).await.unwrap());
            }
            silence(runtime).await;

            let (before, usage) = (runtime.metrics(), usage());
            sleep_until_another_thread_wakes().await;
            expect(runtime, &before, add_one_unpark);
            assert_slept_since(&usage);

            for client in clients.iter_mut().rev().take(1) {
                assert_answers(client).await;
            }
            assert_answers(&mut TcpStream::connect(address).await.unwrap()).await;
        });
    });
}

#[test]
fn an_idle_runtime_takes_no_turns() {
    silence_with(0);
}

#[test]
fn an_idle_connection_costs_nothing() {
    silence_with(1);
}

#[test]
fn a_thousand_idle_connections_cost_nothing() {
    let mut connections = 1000;
    // Two ends each; room for the other tests of this process.
    let possible = support::raise_descriptor_limit().saturating_sub(200) / 2;
    if possible < connections {
        println!("only {possible} connections: the limit of descriptors allows no more");
        connections = possible;
    }
    silence_with(usize::try_from(connections).unwrap());
}

/// Echoes `messages` of 64 bytes through a buffer of `buffer`; the client sends each when this
/// thread has parked. Returns the metrics as each message was read.
async fn warm_messages(runtime: &Runtime, messages: usize, buffer: usize) -> Vec<Metrics> {
    let (mut stream, mut client) = connection_to_std().await;
    let parking = nix::unistd::gettid();
    let client = thread::spawn(move || {
        let mut answer = [0; 64];
        for _ in 0..messages {
            wait_until_asleep(parking);
            client.write_all(&[7; 64]).unwrap();
            client.read_exact(&mut answer).unwrap();
        }
        client
    });
    let mut buffer = vec![0; buffer];
    let mut read = Vec::new();
    for _ in 0..messages {
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 64);
        read.push(runtime.metrics());
        stream.write_all(&buffer[..64]).await.unwrap();
    }
    drop(client.join().unwrap());
    read
}

/// What happened between one message and the next, for each pair of them.
fn costs(read: &[Metrics]) -> Vec<BTreeMap<String, i128>> {
    // The first messages come while the connection is new.
    let pairs = read[2..].windows(2);
    pairs.map(|pair| difference(&pair[0], &pair[1])).collect()
}

fn as_difference(fill_in: impl FnOnce(&mut Metrics)) -> BTreeMap<String, i128> {
    let mut metrics = Metrics::default();
    fill_in(&mut metrics);
    difference(&Metrics::default(), &metrics)
}

#[test]
fn a_message_costs_one_park_one_poll_and_no_vain_call() {
    lab(|runtime| {
        let read = runtime.block_on(warm_messages(runtime, 100, 128));
        for cost in costs(&read) {
            assert_eq!(cost, as_difference(add_one_event));
        }
    });
}

#[test]
fn a_message_that_just_fills_the_buffer_costs_one_more_read() {
    lab(|runtime| {
        let read = runtime.block_on(warm_messages(runtime, 100, 64));
        for cost in costs(&read) {
            let one_more = as_difference(|m| {
                add_one_event(m);
                m.vain_reads += 1;
            });
            assert_eq!(cost, one_more);
        }
    });
}

/// The third witness: what strace sees of the runtime's thread between two marks.
#[test]
fn a_message_is_three_system_calls() {
    const NAME: &str = "a_message_is_three_system_calls";
    if support::is_alone() {
        return lab(|runtime| {
            runtime.block_on(async {
                warm_messages(runtime, 3, 128).await;
                nix::unistd::write(std::io::stderr(), b"begin").unwrap();
                warm_messages(runtime, 103, 128).await;
                nix::unistd::write(std::io::stderr(), b"end").unwrap();
            });
        });
    }
    let log = std::env::temp_dir().join(format!("dormouse-strace-{}", std::process::id()));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&log).arg(std::env::current_exe().unwrap());
    let traced = match support::this_test_alone(NAME, strace).output() {
        Ok(output) if output.status.success() => std::fs::read_to_string(&log).unwrap(),
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            return println!("skipped: strace can't trace here: {reason}");
        }
        Err(error) => return println!("skipped: no strace here: {error}"),
    };
    std::fs::remove_file(&log).unwrap();
    // A line is `thread call(arguments) = result`, or the second half of one that was interrupted.
    let calls = traced.lines().filter_map(|line| line.split_once(' '));
    let calls = calls.filter(|(_, call)| !call.trim_start().starts_with("<... "));
    let calls: Vec<_> = calls.map(|(thread, call)| (thread, call.trim_start())).collect();
    let (runs, _) = *calls.iter().find(|(_, call)| call.contains("\"begin\"")).unwrap();
    let ours = calls.iter().filter(|(thread, _)| *thread == runs).map(|(_, call)| *call);
    let ours = ours.skip_while(|call| !call.contains("\"begin\""));
    let ours: Vec<_> = ours.take_while(|call| !call.contains("\"end\"")).collect();
    let is = |call: &str, name: &str| call.starts_with(name);
    // From wait to wait: what comes between the wait and the next is what one message costs.
    let waits: Vec<_> = (0..ours.len()).filter(|i| is(ours[*i], "epoll_")).collect();
    let waits: Vec<_> = waits.into_iter().filter(|i| !is(ours[*i], "epoll_ctl")).collect();
    let warm = waits.windows(2).filter(|pair| pair[1] - pair[0] == 3).count();
    let shown = ours.join("\n");
    assert!(warm >= 100, "{warm} of 103 messages were wait, read, write:\n{shown}");
    for pair in waits.windows(2).skip(3) {
        let message = &ours[pair[0]..pair[1]];
        assert!(is(message[1], "recv") || is(message[1], "read"), "{message:?}");
        assert!(is(message[2], "send") || is(message[2], "write"), "{message:?}");
        assert_eq!(message.len(), 3, "{message:?}");
    }
}

#[test]
fn a_timer_costs_one_park() {
    lab(|runtime| {
        runtime.block_on(async {
            silence(runtime).await;
            let before = runtime.metrics();
            sleep(SILENCE).await;
            expect(runtime, &before, add_one_timer);
        });
    });
}

#[test]
fn a_cancelled_timer_never_shortens_the_park() {
    lab(|runtime| {
        runtime.block_on(async {
            let before = runtime.metrics();
            for part in [2, 4, 8] {
                assert!(poll_once(sleep(SILENCE / part)).await.is_none());
            }
            assert!(poll_once(timeout(SILENCE / 3, pending::<()>())).await.is_none());
            sleep(SILENCE).await;
            expect(runtime, &before, |m| {
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
            let before = runtime.metrics();
            for task in sleeping {
                task.await.unwrap();
            }
            let change = difference(&before, &runtime.metrics());
            let n = i128::from(TIMERS);
            assert_eq!((change["timers_fired"], change.get("timers_armed")), (n, None));
            // Each task once; and the one that waits for them all, at most once for each.
            assert!((n..=2 * n).contains(&change["polls"]), "{change:#?}");
            // Whole milliseconds are waited for: the last may need a second one.
            assert!(change["parks"] <= 2, "{change:#?}");
            assert_eq!(change["parks"], change["returned_deadline"]);
        });
    });
}

#[test]
fn a_short_deadline_is_no_reason_to_spin() {
    lab(|runtime| {
        for nanoseconds in [1, 100_000, 999_000, 1_500_000] {
            let left = Duration::from_nanos(nanoseconds);
            let begin = Instant::now();
            let before = runtime.metrics();
            runtime.block_on(sleep(left));
            let change = difference(&before, &runtime.metrics());
            assert!(begin.elapsed() >= left);
            assert!(change.get("parks").is_none_or(|parks| *parks <= 2), "{left:?}: {change:#?}");
            assert!(change["polls"] <= 2, "{left:?}: {change:#?}");
            assert_eq!(change.get("polls_nowait"), None, "{left:?}");
        }
    });
}

#[test]
fn a_hundred_short_sleeps_take_at_most_two_parks_each() {
    lab(|runtime| {
        let left = Duration::from_micros(900);
        let before = runtime.metrics();
        runtime.block_on(async {
            for _ in 0..100 {
                let begin = Instant::now();
                sleep(left).await;
                assert!(begin.elapsed() >= left);
            }
        });
        let change = difference(&before, &runtime.metrics());
        assert!(change["parks"] <= 200, "{change:#?}");
        assert_eq!(change["polls"], 101, "{change:#?}");
        assert_eq!(change.get("polls_nowait"), None);
    });
}

#[test]
fn a_wake_from_another_thread_ends_the_park() {
    lab(|runtime| {
        runtime.block_on(async {
            let before = runtime.metrics();
            sleep_until_another_thread_wakes().await;
            expect(runtime, &before, add_one_unpark);
        });
    });
}

#[test]
fn a_wake_from_another_thread_costs_no_unpark_while_busy() {
    lab(|runtime| {
        runtime.block_on(async {
            let before = runtime.metrics();
            let mut woken = false;
            poll_fn(|cx| {
                if woken {
                    return Poll::Ready(());
                }
                woken = true;
                wake_from_elsewhere(cx.waker());
                Poll::Pending
            })
            .await;
            expect(runtime, &before, |m| {
                m.wakes_remote = 1;
                m.enqueued = 1;
                m.turns = 1;
                m.polls = 1;
            });
        });
    });
}

#[test]
fn a_thousand_wakes_from_eight_threads_are_one_poll() {
    lab(|runtime| {
        runtime.block_on(async {
            let before = runtime.metrics();
            let mut woken = false;
            poll_fn(|cx| {
                if woken {
                    return Poll::Ready(());
                }
                woken = true;
                let wakers: Vec<_> = (0..8).map(|_| cx.waker().clone()).collect();
                thread::scope(|scope| {
                    for waker in &wakers {
                        scope.spawn(move || (0..125).for_each(|_| waker.wake_by_ref()));
                    }
                });
                Poll::Pending
            })
            .await;
            expect(runtime, &before, |m| {
                m.wakes_remote = 1000;
                m.wakes_queued = 999;
                m.enqueued = 1;
                m.turns = 1;
                m.polls = 1;
            });
        });
    });
}

#[test]
fn a_thousand_wakes_of_a_sleeping_task_unpark_no_more_than_they_must() {
    lab(|runtime| {
        runtime.block_on(async {
            let before = runtime.metrics();
            let (left, mut threads) = (Arc::new(AtomicUsize::new(1000)), Vec::new());
            let parking = nix::unistd::gettid();
            poll_fn(|cx| {
                if threads.is_empty() {
                    let start = Arc::new(Barrier::new(8));
                    threads.extend((0..8).map(|_| {
                        let (left, start) = (Arc::clone(&left), Arc::clone(&start));
                        let waker = cx.waker().clone();
                        thread::spawn(move || {
                            wait_until_asleep(parking);
                            start.wait();
                            for _ in 0..125 {
                                left.fetch_sub(1, SeqCst);
                                waker.wake_by_ref();
                            }
                        })
                    }));
                }
                if left.load(SeqCst) == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            for thread in threads {
                thread.join().unwrap();
            }
            silence(runtime).await;
            let after = runtime.metrics();
            let change = difference(&before, &after);
            assert_eq!(change["wakes_remote"], 1000);
            assert!(change["returned_unpark"] <= 1000, "{change:#?}");
            // Everything but the timers of `silence` was a wake of a thread.
            let timers = change["timers_fired"];
            assert_eq!(change["parks"], change["returned_unpark"] + timers, "{change:#?}");
            assert!(change["turns"] <= 1000 + timers, "{change:#?}");
        });
    });
}

#[test]
fn ten_thousand_local_wakes_unpark_nobody() {
    lab(|runtime| {
        runtime.block_on(async {
            let before = runtime.metrics();
            let mut woken = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut woken, true) {
                    return Poll::Ready(());
                }
                for _ in 0..10_000 {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            })
            .await;
            expect(runtime, &before, |m| {
                m.wakes_local = 10_000;
                m.wakes_queued = 9_999;
                m.enqueued = 1;
                m.turns = 1;
                m.polls = 1;
            });
            let before = runtime.metrics();
            sleep(SILENCE).await;
            expect(runtime, &before, add_one_timer);
        });
    });
}

#[test]
fn no_wake_from_another_thread_is_ever_lost() {
    const WAKES: usize = 20_000;
    lab(|runtime| {
        let (sent, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut sender = None;
        runtime.block_on(poll_fn(|cx| {
            let reached = sent.load(SeqCst);
            seen.store(reached, SeqCst);
            sender.get_or_insert_with(|| {
                let (waker, sent, seen) = (cx.waker().clone(), sent.clone(), seen.clone());
                thread::spawn(move || {
                    for i in 1..=WAKES {
                        sent.store(i, SeqCst);
                        waker.wake_by_ref();
                        // Each of these is answered before the next: if it is lost, all hangs.
                        while i % 8 == 0 && seen.load(SeqCst) < i {
                            thread::yield_now();
                        }
                        // Comes at every moment on the way to the park, sooner or later.
                        (0..i % 1021).for_each(|_| std::hint::spin_loop());
                    }
                })
            });
            if reached == WAKES { Poll::Ready(()) } else { Poll::Pending }
        }));
        sender.unwrap().join().unwrap();
    });
}

#[test]
fn a_future_that_wakes_itself_is_polled_once_more() {
    lab(|runtime| {
        runtime.block_on(async {
            let before = runtime.metrics();
            yield_now().await;
            expect(runtime, &before, |m| {
                m.wakes_local = 1;
                m.enqueued = 1;
                m.turns = 1;
                m.polls = 1;
            });
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
            let spins = spawn(async {
                loop {
                    yield_now().await;
                }
            });
            let before = runtime.metrics();
            let ticks = spawn(async {
                for _ in 0..25 {
                    sleep(MILLISECOND).await;
                }
            });
            for _ in 0..20 {
                assert_answers(&mut client).await;
            }
            ticks.await.unwrap();
            let change = difference(&before, &runtime.metrics());
            assert_eq!(change.get("parks"), None, "a task could run all the time: {change:#?}");
            assert!(change["polls_nowait"] <= change["polls"] / 64 + 1, "{change:#?}");
            assert!(change["polls_nowait"] <= change["turns"], "{change:#?}");
            spins.abort();
            spins.await.unwrap_err();
            silence(runtime).await;
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
            for _ in 0..3 {
                assert_answers(&mut client).await;
            }
            due.abort();
        });
    });
}

/// Nor must a letter that is always there: another thread that wakes in every poll.
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

thread_local! {
    /// What a wake drops, in the midst of a batch of events.
    static DROPPED_BY_A_WAKE: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
    static OPENED_BY_A_WAKE: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
}

/// Closes one socket and opens another in its place.
struct Replaces(std::net::TcpStream);

impl Wake for Replaces {
    fn wake(self: Arc<Self>) {
        if DROPPED_BY_A_WAKE.take().is_some() {
            let opened = TcpStream::from_std(self.0.try_clone().unwrap()).unwrap();
            OPENED_BY_A_WAKE.set(Some(opened));
        }
    }
}

#[test]
fn a_stale_event_wakes_nobody() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut first, mut first_peer) = connection_to_std().await;
            let (mut dropped, mut dropped_peer) = connection_to_std().await;
            // Made by hand: no source of the runtime's until the wake opens it.
            let listener = std::net::TcpListener::bind(any_port()).unwrap();
            let silent = StdStream::connect(listener.local_addr().unwrap()).unwrap();
            let (newcomer, _peer) = listener.accept().unwrap();

            let replaces = Waker::from(Arc::new(Replaces(newcomer)));
            let poll = |stream: &mut TcpStream, waker: &Waker| {
                Pin::new(stream).poll_read(&mut Context::from_waker(waker), &mut [0; 8])
            };
            assert!(poll(&mut first, &replaces).is_pending());
            let (of_dropped, waker) = Wakes::waker();
            assert!(poll(&mut dropped, &waker).is_pending());
            DROPPED_BY_A_WAKE.set(Some(dropped));
            silence(runtime).await;

            // Both events come in one batch, in this order: the first drops what the second is of.
            let before = runtime.metrics();
            first_peer.write_all(b"x").unwrap();
            dropped_peer.write_all(b"x").unwrap();
            sleep(SILENCE).await;
            expect(runtime, &before, |m| {
                add_one_timer(m);
                m.events = 2;
                m.events_stale = 1;
                // The newcomer can be written to: its own event.
                m.events += 1;
                m.parks += 2;
                m.returned_event += 2;
                m.turns += 2;
            });
            assert_eq!(of_dropped.count(), 0);

            let mut opened = OPENED_BY_A_WAKE.take().unwrap();
            let (of_opened, waker) = Wakes::waker();
            assert!(poll(&mut opened, &waker).is_pending(), "nobody wrote to it");
            assert_eq!(of_opened.count(), 0);
            drop(silent);
        });
    });
}

#[test]
fn a_dropped_socket_brings_no_events() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection_to_std().await;
            let reads = spawn(async move { stream.read(&mut [0; 8]).await });
            silence(runtime).await;
            reads.abort();
            assert!(reads.await.unwrap_err().is_cancelled());
            let before = runtime.metrics();
            // It can fail: the other end is closed, and may have been reset.
            let _ = peer.write_all(b"to nobody");
            sleep(SILENCE).await;
            expect(runtime, &before, add_one_timer);
        });
    });
}

/// Does `what` to the peer of a connection that nobody reads, and demands that nobody is polled.
fn nobody_is_polled_as_the_peer(what: impl FnOnce(StdStream)) {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, peer) = connection_to_std().await;
            silence(runtime).await;
            let before = runtime.metrics();
            what(peer);
            sleep(SILENCE).await;
            let events = runtime.metrics().events - before.events;
            assert!((1..=2).contains(&events), "{events} events of one close");
            expect(runtime, &before, |m| {
                add_one_timer(m);
                m.events += events;
                m.parks += events;
                m.returned_event += events;
                m.turns += events;
            });
            // Law 0: who asks now is told at once.
            let before = runtime.metrics();
            assert!(matches!(stream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
            expect(runtime, &before, |_| ());
        });
    });
}

#[test]
fn nobody_is_polled_as_the_peer_closes() {
    nobody_is_polled_as_the_peer(drop);
}

#[test]
fn nobody_is_polled_as_the_peer_half_closes() {
    let mut kept = None;
    nobody_is_polled_as_the_peer(|peer| {
        peer.shutdown(Shutdown::Write).unwrap();
        kept = Some(peer);
    });
}

fn reset(peer: StdStream) {
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
}

#[test]
fn nobody_is_polled_as_the_peer_resets() {
    nobody_is_polled_as_the_peer(reset);
}

/// Does `what` to the peer of a reader: it costs one event and one poll, and no vain read.
fn one_poll_as_the_peer(what: impl FnOnce(StdStream) + Send + 'static) -> std::io::Result<usize> {
    let result = Rc::new(Cell::new(None));
    let told = Rc::clone(&result);
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, peer) = connection_to_std().await;
            silence(runtime).await;
            let parking = nix::unistd::gettid();
            assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
            let closes = thread::spawn(move || {
                wait_until_asleep(parking);
                what(peer);
            });
            let before = runtime.metrics();
            told.set(Some(stream.read(&mut [0; 8]).await));
            expect(runtime, &before, add_one_event);
            closes.join().unwrap();
            drop(stream);
            let before = runtime.metrics();
            sleep(SILENCE).await;
            expect(runtime, &before, add_one_timer);
        });
    });
    result.take().unwrap()
}

#[test]
fn a_close_is_one_event_and_one_poll() {
    assert_eq!(one_poll_as_the_peer(drop).unwrap(), 0);
}

#[test]
fn a_reset_is_one_event_and_one_poll() {
    let error = one_poll_as_the_peer(reset).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn what_arrives_wakes_no_writer() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, mut peer) = connection_to_std().await;
            let (mut reader, mut writer) = stream.split();
            let fills = spawn(async move { while writer.write_all(&[0; 4096]).await.is_ok() {} });
            let count = Rc::new(Cell::new(0));
            let reads = {
                let count = Rc::clone(&count);
                spawn(async move {
                    while let Ok(1..) = reader.read(&mut [0; 8]).await {
                        count.set(count.get() + 1);
                    }
                })
            };
            assert_falls_silent(runtime).await;
            let before = runtime.metrics();
            for sent in 1..=100 {
                peer.write_all(b"x").unwrap();
                until(|| count.get() == sent).await;
            }
            let change = difference(&before, &runtime.metrics());
            assert_eq!(change.get("vain_writes"), None, "the writer was woken: {change:#?}");
            // One poll for each byte, one for each timer of `until`, and no more.
            assert_eq!(change["polls"], 100 + change["timers_fired"], "{change:#?}");
            fills.abort();
            reads.abort();
        });
    });
}

#[test]
fn a_signal_only_interrupts_the_wait() {
    use nix::sys::{pthread, signal::Signal};
    lab(|runtime| {
        let ignored = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(Signal::SIGUSR1 as i32, Arc::clone(&ignored)).unwrap();
        let (thread, done) = (pthread::pthread_self(), Arc::new(AtomicBool::new(false)));
        let signals = {
            let done = Arc::clone(&done);
            thread::spawn(move || {
                while !done.load(SeqCst) {
                    pthread::pthread_kill(thread, Signal::SIGUSR1).unwrap();
                    thread::sleep(MILLISECOND);
                }
            })
        };
        let begin = Instant::now();
        let before = runtime.metrics();
        runtime.block_on(sleep(3 * SILENCE));
        let change = difference(&before, &runtime.metrics());
        assert!(begin.elapsed() >= 3 * SILENCE, "a signal must not end a sleep");
        done.store(true, SeqCst);
        signals.join().unwrap();
        assert!(change["returned_interrupted"] > 1, "{change:#?}");
        let deadline = change.get("returned_deadline").copied().unwrap_or(0);
        assert_eq!(change["parks"], change["returned_interrupted"] + deadline, "{change:#?}");
        // One turn more is the first, before any park.
        assert_eq!(change["turns"], change["parks"] + 1, "{change:#?}");
        assert_eq!((change["polls"], change["timers_fired"]), (2, 1), "{change:#?}");
    });
}

/// The text of the panic of `broken`, if it does.
fn complaint(broken: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(broken)).err()?;
    Some(panic.downcast_ref::<String>().unwrap().clone())
}

#[test]
fn a_future_that_spins_is_given_away_by_its_polls() {
    lab(|runtime| {
        runtime.block_on(async {
            let spins = spawn(async {
                loop {
                    yield_now().await;
                }
            });
            let before = runtime.metrics();
            sleep(SILENCE).await;
            let complaint = complaint(|| expect(runtime, &before, add_one_timer));
            assert!(complaint.unwrap().contains("polls"));
            let change = difference(&before, &runtime.metrics());
            assert!(change["polls"] > 1000 && change["polls_nowait"] > 10, "{change:#?}");
            assert_eq!(change.get("parks"), None, "{change:#?}");
            spins.abort();
        });
    });
}

#[test]
fn a_future_that_loses_its_wake_is_given_away_by_its_silence() {
    lab(|runtime| {
        runtime.block_on(async {
            let arrived = Arc::new(AtomicBool::new(false));
            // It forgets to leave its waker with whoever sets the flag.
            let loses =
                poll_fn(|_| if arrived.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending });
            let before = runtime.metrics();
            let sets = Arc::clone(&arrived);
            let sets = thread::spawn(move || sets.store(true, SeqCst));
            let mut loses = pin!(loses);
            let answered = timeout(SILENCE, async {
                poll_once(&mut loses).await;
                sets.join().unwrap();
                pending::<()>().await;
            });
            assert!(answered.await.is_err(), "it came, and nobody was told");
            // It cost nothing at all: only law 0 is broken.
            expect(runtime, &before, add_one_timer);
            assert!(poll_once(loses).await.is_some(), "it was there all the time");
        });
    });
}
