//! What several checks need: a limit of time, wakers that count, connections.
#![cfg_attr(not(unix), allow(dead_code, reason = "some exercises are for Unix only"))]

use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_task::{ArcWake, waker};

/// Generous: reached only by what hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// What `check` returns; panics if it takes longer than [`LIMIT`].
pub(crate) fn within_limit<T: Send + 'static>(check: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = channel();
    let thread = thread::spawn(move || send.send(check()));
    match receive.recv_timeout(LIMIT) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs: not done after {LIMIT:?}"),
        Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().unwrap_err()),
    }
}

/// So long nobody wakes a future that was polled.
const SILENCE: Duration = Duration::from_millis(100);

/// What was done so often is not slept on, and ends here.
pub(crate) const STOP: usize = 10_000;

/// Has `block_on` run a future that is woken so many times by another thread, each time after a
/// silence. Returns how often it was polled: it ends with the last wake, or with poll [`STOP`].
pub(crate) fn polls_when_woken(
    wakes: usize,
    block_on: impl FnOnce(Pin<Box<dyn Future<Output = usize>>>) -> usize,
) -> usize {
    let (polls, woken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut asleep = 0;
    block_on(Box::pin(poll_fn(move |cx| {
        let count = polls.fetch_add(1, Ordering::SeqCst) + 1;
        let so_far = woken.load(Ordering::SeqCst);
        if so_far == wakes || count == STOP {
            return Poll::Ready(count);
        }
        // One thread for each wake: the last one has done its work.
        if asleep == so_far {
            asleep += 1;
            wake_later(cx.waker().clone(), Arc::clone(&woken), Arc::clone(&polls));
        }
        // Somebody's unpark, as a future may bring it that parks for itself: no wake.
        thread::current().unpark();
        Poll::Pending
    })))
}

fn wake_later(waker: Waker, woken: Arc<AtomicUsize>, polls: Arc<AtomicUsize>) {
    thread::spawn(move || {
        let began = Instant::now();
        while began.elapsed() < SILENCE && polls.load(Ordering::SeqCst) < STOP {
            thread::sleep(Duration::from_millis(1));
        }
        woken.fetch_add(1, Ordering::SeqCst);
        waker.wake();
    });
}

/// Counts how often its waker is called.
#[derive(Default)]
pub(crate) struct Counter(AtomicUsize);

impl Counter {
    pub(crate) fn with_waker() -> (Arc<Counter>, Waker) {
        let counter = Arc::new(Counter::default());
        (Arc::clone(&counter), waker(counter))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl ArcWake for Counter {
    fn wake_by_ref(counter: &Arc<Self>) {
        counter.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// Both ends of a connection.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = listener();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, peer)
}

/// For mio: a stream that does not wait.
pub(crate) fn for_mio(stream: TcpStream) -> mio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    mio::net::TcpStream::from_std(stream)
}

/// Waits for events of any kind.
pub(crate) fn wait(poll: &mut mio::Poll, events: &mut mio::Events, timeout: Duration) {
    match poll.poll(events, Some(timeout)) {
        Err(e) if e.kind() == ErrorKind::Interrupted => events.clear(),
        waited => waited.unwrap(),
    }
}
