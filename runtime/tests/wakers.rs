//! Wakers: the newest one is woken, whatever is waited for, and none is lost that comes in the
//! midst of a poll.
//!
//! Guards against: a waker replaced and not stored (Matthias247/futures-intrusive#18,
//! tokio-rs/tokio#3200), a wake in the midst of a poll that is dropped (awslabs/shuttle#54,
//! ponylang/ponyc#2561), a waker or a task that can't, or must not, leave its thread.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::future::{pending, poll_fn};
use std::io::Read as _;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use asleep::Wakes;
use dormouse::net::{TcpListener, TcpStream, UdpSocket};
use dormouse::time::{Interval, Sleep, interval, sleep, timeout};
use dormouse::{Handle, JoinHandle, RemoteJoinHandle, Runtime, spawn, yield_now};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use support::{any_port, connection, connection_to_std, difference, lab, silence, until};

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

#[test]
fn a_reader_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection_to_std().await;
            let mut buffer = [0; 8];
            let reads = pin!(stream.read(&mut buffer));
            let writes = async || std::io::Write::write_all(&mut peer, b"x").unwrap();
            assert_eq!(the_newest_waker_wins(reads, writes).await.unwrap(), 1);
        });
    });
}

/// Writes until nothing more goes in.
async fn fill(stream: &mut TcpStream) {
    while timeout(Duration::from_millis(20), stream.write(&[0; 4096])).await.is_ok() {}
}

#[test]
fn a_writer_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection_to_std().await;
            fill(&mut stream).await;
            silence(runtime).await;
            let writes = pin!(stream.write(&[0; 4096]));
            let reads = async move || {
                drop(thread::spawn(move || {
                    let mut buffer = vec![0; 65_536];
                    while let Ok(1..) = peer.read(&mut buffer) {}
                }));
            };
            assert!(the_newest_waker_wins(writes, reads).await.unwrap() > 0);
        });
    });
}

#[test]
fn an_acceptor_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            let accepts = pin!(listener.accept());
            let mut peer = None;
            let ready = async || peer = Some(std::net::TcpStream::connect(address).unwrap());
            the_newest_waker_wins(accepts, ready).await.unwrap();
        });
    });
}

#[test]
fn a_connector_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            // A listener whose queue is full does not answer; the system asks again in a second.
            let (listener, queued) = support::full_listener();
            let connects = pin!(TcpStream::connect(listener.local_addr().unwrap()));
            let mut accepted = Vec::new();
            let accepts =
                async || accepted.extend(queued.iter().map(|_| listener.accept().unwrap()));
            the_newest_waker_wins(connects, accepts).await.unwrap();
        });
    });
}

#[test]
fn a_sleeper_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            let sleeps = pin!(sleep(Duration::from_millis(20)));
            the_newest_waker_wins::<Sleep>(sleeps, async || ()).await;
            let times_out = pin!(timeout(Duration::from_millis(20), pending::<()>()));
            assert!(the_newest_waker_wins(times_out, async || ()).await.is_err());
        });
    });
}

#[test]
fn a_joiner_may_change_its_waker() {
    lab(|runtime| {
        runtime.block_on(async {
            let task = pin!(spawn(yield_now()));
            the_newest_waker_wins(task, async || ()).await.unwrap();
        });
    });
}

/// A yield is ready when it has been polled: whoever polls it first is woken, at once.
#[test]
fn a_yield_wakes_whoever_polls_it_first() {
    lab(|runtime| {
        let before = runtime.metrics();
        let ((first, first_waker), (second, second_waker)) = (Wakes::new(), Wakes::new());
        let mut yields = yield_now();
        let mut poll = |waker| Pin::new(&mut yields).poll(&mut Context::from_waker(waker));
        assert!(poll(&first_waker).is_pending());
        assert!(poll(&second_waker).is_ready());
        assert_eq!((first.count(), second.count()), (1, 0));
        assert!(difference(&before, &runtime.metrics()).is_empty());
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
