//! # 14 Sleeping `block_on`: the same, asleep, and a waker that ends the sleep
//!
//! Problem: `block_on` has to learn when to poll again, or it spins.
//! Idea: a poll comes with a *waker*. A future that returns `Pending` leaves it with somebody who
//! calls it once it is worth polling again; until then the thread is *parked*: asleep.
//! Leaves out: who that somebody should be. Here it is a second thread, which waits in poll(2).
//! Try: `cargo run --example 14_sleeping_block_on`
//!
//! You should see, with figures of your own:
//!
//!     polled 4 times, 1 in vain; woken 3 times
//!     CPU time: 0.1 ms of 301.0 ms
//!
//! The one before polled on; here each poll but the first has a *wake*: a call of the waker.
//! `ArcWake` makes a waker of an `Arc`, without unsafe code. `waker_ref` lends one for the poll;
//! who keeps it longer clones it, and that clones the `Arc`. A wake may come after the poll and
//! *before* the park. It is not lost: after an `unpark` the next park returns at once. But a park
//! may also return for no reason, or by somebody else's `unpark`: so look at the flag `woken`, and
//! park again while it is not set.
//!
//! `diff examples/13_spinning_block_on.rs examples/14_sleeping_block_on.rs`: 58 lines of code come,
//! 13 go.
//!
//! Break it: put `break;` in place of `thread::park();`. Then it polls on without a wake.
//!
//! Read next: `park` in the documentation of `std::thread`. Run next:
//! `cargo run --example 15_reactor`.

mod support;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};

use futures_task::{ArcWake, waker_ref};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use support::clients::clients;
use support::echo::{Direction, Echo};
use support::{Stopwatch, ms};

fn main() -> io::Result<()> {
    let ([stream], clients) = clients()?;
    let socket = stream.as_fd().try_clone_to_owned()?;
    let (sender, left) = channel();
    let helper = thread::spawn(move || help(&socket, left));
    let leave = move |direction, waker: &Waker| {
        sender.send((direction, waker.clone())).expect("the helper ends after us");
    };
    let stopwatch = Stopwatch::start();
    let tally = block_on(Echo::new(stream, leave))?;
    let (time, cpu) = (stopwatch.time(), stopwatch.cpu());
    clients.join().expect("the clients do not panic")?;
    let wakes = helper.join().expect("the helper does not panic")?;

    println!("polled {} times, {} in vain; woken {wakes} times", tally.asked, tally.vain);
    println!("CPU time: {} of {}", ms(cpu), ms(time));
    assert_eq!(tally.asked, 1 + wakes, "a poll to begin, and one for each wake");
    assert!(tally.vain <= 1, "only the first poll can be in vain");
    assert!(cpu < time / 10, "a parked thread uses no CPU time");
    support::next(include_str!("14_sleeping_block_on.rs"));
    Ok(())
}

/// Polls a future to its end, on this thread, which sleeps in between.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let task = Arc::new(Task { woken: AtomicBool::new(false), thread: thread::current() });
    let waker = waker_ref(&task);
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        while !task.woken.swap(false, SeqCst) {
            thread::park();
        }
    }
}

/// All that a waker knows of the future that it wakes.
struct Task {
    woken: AtomicBool,
    thread: Thread,
}

impl ArcWake for Task {
    fn wake_by_ref(task: &Arc<Task>) {
        task.woken.store(true, SeqCst);
        task.thread.unpark();
    }
}

/// Waits in place of the other thread: for each waker that is left, until the socket is ready.
fn help(socket: &OwnedFd, left: Receiver<(Direction, Waker)>) -> io::Result<usize> {
    let mut wakes = 0;
    for (direction, waker) in left {
        let interest = match direction {
            Direction::Read => PollFlags::POLLIN,
            Direction::Write => PollFlags::POLLOUT,
        };
        poll(&mut [PollFd::new(socket.as_fd(), interest)], PollTimeout::NONE)?;
        wakes += 1;
        waker.wake();
    }
    Ok(wakes)
}
