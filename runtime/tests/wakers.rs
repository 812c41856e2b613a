//! Wakers: the newest one is woken, whatever is waited for, and none is lost that comes in the
//! midst of a poll.
//!
//! What reads, writes, accepts, connects, sleeps, joins and yields is in `tasks.rs`. Guards
//! against: a waker replaced and not stored (Matthias247/futures-intrusive#18,
//! tokio-rs/tokio#3200), a wake in the midst of a poll that is dropped (awslabs/shuttle#54,
//! ponylang/ponyc#2561), a waker or a task that can't, or must not, leave its thread.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use asleep::Wakes;
use dormouse::net::{TcpListener, TcpStream, UdpSocket};
use dormouse::time::{Interval, Sleep, interval};
use dormouse::{Handle, JoinHandle, RemoteJoinHandle, Runtime};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use support::{any_port, connection, lab, until};

/// Polls `future` with one waker and then another; `make_ready` makes it ready. Only the second
/// is woken, and once.
async fn the_newest_waker_wins<F: Future>(
    mut future: Pin<&mut F>,
    make_ready: impl AsyncFnOnce(),
) -> F::Output {
    let (old, waker) = Wakes::new();
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    let (new, waker) = Wakes::new();
    let cx = &mut Context::from_waker(&waker);
    assert!(future.as_mut().poll(cx).is_pending());
    assert_eq!(Arc::strong_count(&old), 1, "the old waker was let go");
    make_ready().await;
    until(|| new.count() > 0).await;
    assert_eq!((old.count(), new.count()), (0, 1));
    let Poll::Ready(output) = future.poll(cx) else { panic!("woken, but not ready") };
    output
}

#[test]
fn who_waits_for_readiness_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection().await;
            assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
            let write = async || peer.write_all(b"x").await.unwrap();
            the_newest_waker_wins(pin!(stream.readable()), write).await.unwrap();
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}

#[test]
fn who_waits_for_a_datagram_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut ours = UdpSocket::bind(any_port()).unwrap();
            let mut theirs = UdpSocket::bind(any_port()).unwrap();
            let address = ours.local_addr().unwrap();
            let send = async || assert_eq!(theirs.send_to(b"x", address).await.unwrap(), 1);
            let mut buffer = [0; 8];
            let receive = pin!(ours.recv_from(&mut buffer));
            assert_eq!(the_newest_waker_wins(receive, send).await.unwrap().0, 1);
        });
    });
}

#[test]
fn who_waits_for_a_tick_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut ticks = interval(Duration::from_millis(20));
            let first = ticks.tick().await;
            assert!(the_newest_waker_wins(pin!(ticks.tick()), async || ()).await > first);
        });
    });
}

#[test]
fn who_waits_for_a_task_of_another_thread_may_change_its_waker() {
    lab(|runtime| {
        let (tell, told) = channel::<()>();
        let (give, given) = channel();
        let elsewhere = thread::spawn(move || {
            let other = Runtime::new().unwrap();
            let handle = other.handle();
            give.send(handle.spawn(async move { told.recv().unwrap() })).unwrap();
            // Until the last handle is gone, and what it spawned has ended.
            other.block_on(handle.spawn(async {})).unwrap();
        });
        runtime.block_on(async {
            let task = pin!(given.recv().unwrap());
            the_newest_waker_wins(task, async || tell.send(()).unwrap()).await.unwrap();
        });
        elsewhere.join().unwrap();
    });
}

/// Another thread wakes the task at every moment of its poll, and after it.
#[test]
fn a_wake_in_the_midst_of_a_poll_is_never_lost() {
    const POLLS: usize = 10_000;
    lab(|runtime| {
        let (to_wake, wakes) = channel::<(Waker, usize)>();
        let waking = thread::spawn(move || {
            for (waker, delay) in wakes {
                (0..delay).for_each(|_| std::hint::spin_loop());
                waker.wake();
            }
        });
        let mut polls = 0;
        // Each of its polls but the first takes a wake: if one is lost, all hangs.
        runtime.block_on(poll_fn(move |cx| {
            if polls == POLLS {
                return Poll::Ready(());
            }
            to_wake.send((cx.waker().clone(), polls % 97)).unwrap();
            // Sometimes the wake comes before this poll has ended, sometimes after.
            (0..polls % 1009).for_each(|_| std::hint::spin_loop());
            polls += 1;
            Poll::Pending
        }));
        waking.join().unwrap();
    });
}

/// Asks the compiler whether `T` can be sent: a method of its own is preferred to one of a trait.
struct Asked<T>(PhantomData<T>);

trait StaysHome {
    fn travels(&self) -> bool {
        false
    }
}

impl<T> StaysHome for Asked<T> {}

impl<T: Send> Asked<T> {
    fn travels(&self) -> bool {
        let _ = self;
        true
    }
}

#[test]
fn what_holds_a_task_stays_at_home_and_what_wakes_one_travels() {
    assert!(!Asked::<Runtime>(PhantomData).travels());
    assert!(!Asked::<JoinHandle<()>>(PhantomData).travels());
    assert!(!Asked::<TcpStream>(PhantomData).travels());
    assert!(!Asked::<TcpListener>(PhantomData).travels());
    assert!(!Asked::<Sleep>(PhantomData).travels());
    assert!(!Asked::<Interval>(PhantomData).travels());
    assert!(Asked::<Waker>(PhantomData).travels());
    assert!(Asked::<Handle>(PhantomData).travels());
    assert!(Asked::<RemoteJoinHandle<()>>(PhantomData).travels());
}
