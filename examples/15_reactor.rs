//! # 15 Reactor: the thread that polls waits for the sockets, too
//!
//! Problem: a second thread, only to wait for one socket, is a thread too many.
//! Idea: a thread that has nothing to poll can wait for the kernel itself. Where it waits, and whom
//! to wake for which socket, is the *reactor*: a read that says 'not yet' leaves its waker there.
//! Leaves out: wakes by other threads: nothing would end the park.
//! Try: `cargo run --example 15_reactor`
//!
//! You should see, with figures of your own:
//!
//!     polled 4 times, 1 in vain; woken 3 times
//!     parked 4 times, 0 in vain
//!
//! A *source* is a socket as the reactor knows it, by its token: each of its *sides* has room for
//! one waker. In step 14 the wake ended the sleep. Here an event does, and the wake only says whom
//! to poll. Four parks: the first ends at once, as a new socket can be written to, and nobody waits
//! for that; then two words, and the end. (Readiness is not kept: `Echo` has tried before it
//! waits.)
//! `diff examples/14_sleeping_block_on.rs examples/15_reactor.rs`: 61 lines of code come, 37 go.
//!
//! Break it: put `poll(&mut events, Some(std::time::Duration::ZERO))` in place of `poll(&mut
//! events, None)`. Then it asks the kernel for ever: step 5 again.
//!
//! Read next: `runtime/src/reactor.rs`. Run next: `cargo run --example 16_run_queue`.

mod support;

use std::cell::Cell;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use futures_task::{ArcWake, waker_ref};
use mio::net::TcpStream;
use mio::{Events, Interest, Token};
use slab::Slab;

use support::clients::clients;
use support::echo::{Direction, Echo};
use support::uninterrupted;

fn main() -> io::Result<()> {
    let ([mut stream], clients) = clients()?;
    let mut reactor = Reactor::new()?;
    let source = reactor.register(&mut stream)?;
    let leave =
        move |side: Direction, waker: &Waker| source[side as usize].set(Some(waker.clone()));
    let tally = block_on(Echo::new(stream, leave), &mut reactor)??;
    clients.join().expect("the clients do not panic")?;
    let Reactor { parks, vain, wakes, .. } = reactor;

    println!("polled {} times, {} in vain; woken {wakes} times", tally.asked, tally.vain);
    println!("parked {parks} times, {vain} in vain");
    assert_eq!(tally.asked, 1 + wakes, "a poll to begin, and one for each wake");
    assert!(tally.vain <= 1, "only the first poll can be in vain");
    assert_eq!(vain, 0, "the park ends when something has come");
    support::next(include_str!("15_reactor.rs"));
    Ok(())
}

/// Polls a future to its end, on this thread, which sleeps in between.
fn block_on<F: Future>(future: F, reactor: &mut Reactor) -> io::Result<F::Output> {
    let mut future = pin!(future);
    let task = Arc::new(Task { woken: AtomicBool::new(false) });
    let waker = waker_ref(&task);
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Ok(output);
        }
        while !task.woken.swap(false, SeqCst) {
            reactor.park()?;
        }
    }
}

/// All that a waker knows of the future that it wakes.
struct Task {
    woken: AtomicBool,
}

impl ArcWake for Task {
    fn wake_by_ref(task: &Arc<Task>) {
        task.woken.store(true, SeqCst);
    }
}

/// Who waits for a socket: room for one waker on each side, to read and to write.
type Source = [Cell<Option<Waker>>; 2];

/// The one place that waits, for all sources.
struct Reactor {
    poll: mio::Poll,
    sources: Slab<Rc<Source>>,
    parks: usize,
    vain: usize,
    wakes: usize,
}

impl Reactor {
    fn new() -> io::Result<Reactor> {
        let (poll, sources) = (mio::Poll::new()?, Slab::new());
        Ok(Reactor { poll, sources, parks: 0, vain: 0, wakes: 0 })
    }

    fn register(&mut self, stream: &mut TcpStream) -> io::Result<Rc<Source>> {
        let source = Rc::new(Source::default());
        let token = Token(self.sources.insert(Rc::clone(&source)));
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(stream, token, interest)?;
        Ok(source)
    }

    fn park(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(64);
        uninterrupted(|| self.poll.poll(&mut events, None))?;
        self.parks += 1;
        self.vain += usize::from(events.is_empty());
        for event in &events {
            let readiness = [event.is_readable(), event.is_writable()];
            for (side, ready) in self.sources[event.token().0].iter().zip(readiness) {
                if ready && let Some(waker) = side.take() {
                    self.wakes += 1;
                    waker.wake();
                }
            }
        }
        Ok(())
    }
}
