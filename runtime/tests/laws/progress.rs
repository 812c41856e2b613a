//! Law 0: a wake of a live task is followed by a poll of it before the thread next blocks. (A
//! runtime that loses every wake keeps all other laws.) So each silence elsewhere ends with a
//! message that is answered, and `loom.rs` goes through all orders of wake and park.
//!
//! Guards against: a wake lost in the midst of a poll (awslabs/shuttle#54), or before a park
//! (monoio-rs/monoio#146).

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::thread;

use asleep::Account;
use dormouse::time::timeout;
use dormouse::{spawn, yield_now};
use futures_lite::future::poll_once;

use crate::support::{SILENCE, add_one_timer, add_one_unpark, lab, wait_until_asleep};
use crate::witness::{Span, elsewhere, over_a_silence};

#[test]
fn a_wake_from_another_thread_ends_the_park() {
    lab(|runtime| {
        runtime.block_on(async {
            let span = Span::open(runtime);
            let kernel = elsewhere(|sleeper| over_a_silence(sleeper, wait_until_asleep)).await;
            span.expect(add_one_unpark);
            assert!(kernel.is_none_or(Account::is_idle), "it ran before the wake: {kernel:?}");
        });
    });
}

/// The thread never blocks, as somebody can always run; the wake must be heard all the same.
#[test]
fn a_wake_from_another_thread_is_heard_beside_a_task_that_spins() {
    lab(|runtime| {
        runtime.block_on(async {
            let spins = spawn(async {
                loop {
                    yield_now().await;
                }
            });
            let (woken, mut waking) = (Arc::new(AtomicBool::new(false)), None);
            poll_fn(|cx| {
                if woken.load(SeqCst) {
                    return Poll::Ready(());
                }
                waking.get_or_insert_with(|| {
                    let (waker, woken) = (cx.waker().clone(), Arc::clone(&woken));
                    thread::spawn(move || {
                        woken.store(true, SeqCst);
                        waker.wake();
                    })
                });
                Poll::Pending
            })
            .await;
            waking.unwrap().join().unwrap();
            spins.abort();
        });
    });
}

#[test]
fn no_wake_from_another_thread_is_ever_lost() {
    const WAKES: usize = 20_000;
    lab(|runtime| {
        let span = Span::open(runtime);
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
        let did = span.close();
        assert_eq!(did.wakes_remote, u64::try_from(WAKES).unwrap(), "{did:#?}");
        assert_eq!(did.parks, did.returned_unpark, "nothing else ends a park: {did:#?}");
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
            let span = Span::open(runtime);
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
            span.expect(add_one_timer);
            assert!(poll_once(loses).await.is_some(), "it was there all the time");
        });
    });
}
