//! # 12 Future: the state machine, with a method that everybody knows
//!
//! Problem: the machine of step 9 can only be driven by the loop that was written for it.
//! Idea: std has a trait for such machines, `Future`. Its one method, `poll`, means 'go on as far
//! as you can'. It returns `Pending` where a call said 'not yet', and `Ready` at the end.
//! Leaves out: who calls `poll`. Here it is done by hand: once to begin, and after each event.
//! Try: `cargo run --example 12_future`
//!
//! You should see, with figures of your own:
//!
//!     by hand:         Pending, Pending, Pending, Ready: 112 bytes
//!     by the compiler: Pending, Pending, Pending, Ready: 152 bytes
//!     polled 4 times, 1 without a byte
//!
//! In step 9 a loop knew its machine. What drives one future drives them all, also those that
//! nobody writes: of an `async fn` the compiler makes a machine with a state for each `.await`, and
//! what a thread would keep on its stack is in its bytes. Both say the same here. A poll does not
//! start over: it goes on at the `.await` where the one before stopped, and tries the same call
//! again. An `.await` polls the future behind it, with the same `Context`; if that is `Pending`, so
//! is the whole. (`Connection` is that of step 9, in `support/echo.rs`. The `Waker` in the
//! `Context` does nothing before step 14. `Pin` promises that a future does not move any more, as
//! its states may point into itself: `pin!` on the stack, `Box::pin` on the heap. `poll` is no
//! poll(2).)
//!
//! Break it: put `if self.connection.go_on().is_ok()` in place of `if self.connection.go_on()?`.
//! Then it ends before its client has spoken.
//!
//! Read next: `Future` and `Poll` in the documentation of std. Run next:
//! `cargo run --example 13_spinning_block_on`.

mod support;

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use mio::net::TcpStream;
use mio::{Events, Interest, Token};

use support::clients::{WORDS, connect};
use support::echo::{Connection, Tally};
use support::uninterrupted;

fn main() -> io::Result<()> {
    let (by_hand, tally) =
        drive("by hand:        ", |stream| Echo { connection: Connection::new(stream) })?;
    let (by_compiler, ()) = drive("by the compiler:", echo)?;

    println!("polled {} times, {} without a byte", tally.asked, tally.vain);
    assert_eq!(by_hand, ["Pending", "Pending", "Pending", "Ready"], "Pending at each 'not yet'");
    assert_eq!(by_hand, by_compiler, "the compiler writes the same machine");
    assert_eq!((tally.asked, tally.vain), (4, 1), "a poll to begin, and one for each event");
    support::next(include_str!("12_future.rs"));
    Ok(())
}

/// Polls a future by hand: once, and again after each event. Returns what the polls said.
fn drive<T, F>(name: &str, make: impl FnOnce(TcpStream) -> F) -> io::Result<(Vec<&'static str>, T)>
where
    F: Future<Output = io::Result<T>>,
{
    let (mut client, mut stream) = connect()?;
    let (mut kernel, mut events) = (mio::Poll::new()?, Events::with_capacity(8));
    kernel.registry().register(&mut stream, Token(0), Interest::READABLE)?;
    let mut future = pin!(make(stream));
    let size = size_of_val(&*future);
    let mut cx = Context::from_waker(Waker::noop());
    let (mut said, mut words) = (Vec::new(), WORDS.into_iter());
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(end) => {
                said.push("Ready");
                println!("{name} {}: {size} bytes", said.join(", "));
                return Ok((said, end?));
            }
            Poll::Pending => said.push("Pending"),
        }
        match words.next() {
            Some(word) => client.write_all(word)?,
            None => client.shutdown(Shutdown::Write)?,
        }
        uninterrupted(|| kernel.poll(&mut events, None))?;
    }
}

/// The state machine of step 9, as a future.
struct Echo {
    connection: Connection,
}

impl Future for Echo {
    type Output = io::Result<Tally>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<Tally>> {
        if self.connection.go_on()? {
            return Poll::Ready(Ok(self.connection.tally));
        }
        Poll::Pending
    }
}

/// The same, in the order in which it is thought.
async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        let n = poll_fn(|_| not_yet((&stream).read(&mut buffer))).await?;
        let mut unsent = &buffer[..n];
        while !unsent.is_empty() {
            let n = poll_fn(|_| not_yet((&stream).write(unsent))).await?;
            unsent = &unsent[n..];
        }
        if n == 0 {
            return Ok(());
        }
    }
}

fn not_yet<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}
