//! Law 3: every return from the block has exactly one counted cause. An event that nobody waits for
//! is remembered, or dropped as stale, and does not come back without a new edge. Unparks are no
//! more than the wakes from other threads.
//!
//! Guards against: an event for whoever took the place (redis/redis#4877), a hang-up that nobody
//! waits for (apple/cups#4605), a registration that outlives its socket (tokio-rs/mio#361), a
//! signal that ends the wait (tokio-rs/mio#132).

mod closes;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::Write;
use std::net::TcpStream as StdStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

use asleep::Wakes;
use dormouse::net::TcpStream;
use dormouse::spawn;
use dormouse::time::sleep;
use futures_io::AsyncRead;
use futures_lite::AsyncReadExt;

use crate::MILLISECOND;
use crate::support::{
    SILENCE, add_one_timer, add_one_unpark, any_port, connection_to_std, lab, silence,
    wait_until_asleep,
};
use crate::witness::{Span, elsewhere};

#[test]
fn a_thousand_wakes_of_a_sleeping_task_unpark_no_more_than_they_must() {
    lab(|runtime| {
        runtime.block_on(async {
            let span = Span::open(runtime);
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
            let did = span.close();
            assert_eq!(did.wakes_remote, 1000);
            assert!(did.returned_unpark <= 1000, "{did:#?}");
            // Everything but the timers of `silence` was a wake of a thread.
            assert_eq!(did.parks, did.returned_unpark + did.returned_deadline, "{did:#?}");
            assert!(did.returned_deadline <= did.timers_fired, "{did:#?}");
            assert!(did.turns <= 1000 + did.timers_fired, "{did:#?}");
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
            let (of_dropped, waker) = Wakes::new();
            assert!(poll(&mut dropped, &waker).is_pending());
            DROPPED_BY_A_WAKE.set(Some(dropped));
            silence(runtime).await;

            // Both events come in one batch, in this order: the first drops what the second is of.
            let span = Span::open(runtime);
            first_peer.write_all(b"x").unwrap();
            dropped_peer.write_all(b"x").unwrap();
            sleep(SILENCE).await;
            span.expect(|m| {
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
            let (of_opened, waker) = Wakes::new();
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
            let span = Span::open(runtime);
            // It can fail: the other end is closed, and may have been reset.
            let _ = peer.write_all(b"to nobody");
            sleep(SILENCE).await;
            span.expect(add_one_timer);
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
        let span = Span::open(runtime);
        runtime.block_on(sleep(3 * SILENCE));
        let did = span.close();
        assert!(begin.elapsed() >= 3 * SILENCE, "a signal must not end a sleep");
        done.store(true, SeqCst);
        signals.join().unwrap();
        assert!(did.returned_interrupted > 1, "{did:#?}");
        let returns = did.returned_interrupted + did.returned_deadline;
        assert_eq!(did.parks, returns, "{did:#?}");
        // The deadline may come as a signal does: then the kernel is asked once more.
        assert!(did.polls_nowait <= 1, "{did:#?}");
        // One turn more is the first, before any park.
        assert_eq!(did.turns, did.parks + did.polls_nowait + 1, "{did:#?}");
        assert_eq!((did.polls, did.timers_fired), (2, 1), "{did:#?}");
    });
}

/// What a signal costs whose handler only sets a flag: one return, one turn, no poll.
#[test]
fn one_signal_is_one_return_and_no_poll() {
    use nix::sys::{pthread, signal::Signal};
    lab(|runtime| {
        runtime.block_on(async {
            let arrived = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register(Signal::SIGUSR2 as i32, Arc::clone(&arrived)).unwrap();
            silence(runtime).await;
            let (thread, span) = (pthread::pthread_self(), Span::open(runtime));
            elsewhere(move |sleeper| {
                wait_until_asleep(sleeper);
                // As this call returns, the thread has left its sleep.
                pthread::pthread_kill(thread, Signal::SIGUSR2).unwrap();
                while !arrived.load(SeqCst) {
                    thread::yield_now();
                }
                wait_until_asleep(sleeper);
            })
            .await;
            span.expect(|m| {
                add_one_unpark(m);
                (m.parks, m.returned_interrupted, m.turns) = (2, 1, 2);
            });
        });
    });
}
