//! What several checks need: a limit of time, wakers that count, connections.
#![cfg_attr(not(unix), allow(dead_code, reason = "some exercises are for Unix only"))]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::Waker;
use std::thread;
use std::time::Duration;

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
