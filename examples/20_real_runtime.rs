//! # 20 Real runtime: one message's life, and where each idea lives
//!
//! Problem: the steps showed small forms; the real ones are spread over the files of
//! `runtime/src/`.
//! Idea: let the runtime tell. It logs a sentence for each thing that happens, and those of one
//! message's life are numbered. Here they are caught, and put beside the file where it happens.
//! Leaves out: the functions, by name: DESIGN.md has them, under the same numbers.
//! Try: `cargo run --example 20_real_runtime`
//!
//! You should see, with figures of your own:
//!
//!     executor.rs      (1) task 0.1: polled
//!     net/async_io.rs  (2) source 0.1: read says 'not yet'
//!     net/async_io.rs  (3) source 0.1: a waker is left in its read side
//!     executor.rs      (4) task 0.1: waits
//!     reactor.rs       (5) park: nothing to do, no deadline
//!     reactor.rs       (6) source 0.1: the kernel reports its token: writable
//!     reactor.rs       (5) park: nothing to do, no deadline
//!     reactor.rs       (6) source 0.1: the kernel reports its token: readable
//!     task.rs          (7) task 0.1: its waker is called
//!     task.rs          (8) task 0.1: queued
//!     executor.rs      (1) task 0.1: polled
//!     net/async_io.rs  (9) source 0.1: read of 5 bytes
//!     net/async_io.rs  (9) source 0.1: write of 5 bytes
//!
//! The steps before counted; here the same is told. Of each idea, the real file:
//!
//! | step | its idea | file of `runtime/src/` |
//! |---|---|---|
//! | 12 | 'not yet' becomes `Pending` | `net/async_io.rs` |
//! | 13 | somebody polls a future to its end | `runtime.rs` |
//! | 14 | a waker, and no wake is lost before a park | `task.rs`, `wake.rs` |
//! | 15 | one place waits, and knows whom to wake | `source.rs`, `reactor.rs` |
//! | 16 | who was woken is polled, the oldest first | `queue.rs`, `executor.rs` |
//! | 17 | a loop with `.await` | `net/tcp.rs`, `net/stream.rs` |
//! | 18 | a deadline ends the park, a drop cancels | `timer.rs`, `time/sleep.rs`, `time/timeout.rs` |
//! | 19 | another thread waits, and wakes | `wake.rs` |
//!
//! Break it: put `loop { dormouse::yield_now().await;` in place of `loop {`. That is a wake in
//! vain.
//!
//! Read next: DESIGN.md, and the exercises in `examples/exercises/src/lib.rs`. Run next:
//! `cargo test -p dormouse-exercises --test exercises block_on`.

mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use dormouse::net::TcpStream;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

/// How a sentence begins, the file of `runtime/src/` that reports it, and what stands there.
const WHERE: [(&str, &str, &str); 9] = [
    ("(1)", "executor.rs", "Moment::Polled"),
    ("(2)", "net/async_io.rs", "Moment::Vain"),
    ("(3)", "net/async_io.rs", "Moment::WakerLeft"),
    ("(4)", "executor.rs", "Moment::Waits"),
    ("(5)", "reactor.rs", "Moment::Parked"),
    ("(6)", "reactor.rs", "Moment::Event"),
    ("(7)", "task.rs", "Moment::Woken"),
    ("(8)", "task.rs", "Moment::Enqueued"),
    ("(9)", "net/async_io.rs", "Moment::Done"),
];

fn main() -> io::Result<()> {
    let (log, sentences) = channel();
    log::set_boxed_logger(Box::new(Caught(log))).expect("there is no other logger");
    log::set_max_level(log::LevelFilter::Trace);
    let (client, stream) = support::clients::connect()?;
    let client = thread::spawn(move || talk(client, &sentences));
    dormouse::block_on(echo(stream.into()))?;
    let sentences = client.join().expect("the client does not panic")?;

    let mut life = String::new();
    for sentence in sentences {
        if let Some((number, file, what)) = WHERE.iter().find(|row| sentence.starts_with(row.0)) {
            println!("{file:<16} {sentence}");
            life += number;
            let path = format!("{}/runtime/src/{file}", env!("CARGO_MANIFEST_DIR"));
            assert!(fs::read_to_string(path)?.contains(what), "{file} says {what}");
        }
    }
    let all = "(1)(2)(3)(4)(5)(6)(5)(6)(7)(8)(1)(9)(9)";
    assert_eq!(life, all, "a message is awaited, comes, and is answered, in so many steps");
    support::next(include_str!("20_real_runtime.rs"));
    Ok(())
}

async fn echo(stream: std::net::TcpStream) -> io::Result<()> {
    let (mut stream, mut buffer) = (TcpStream::from_std(stream)?, [0; 64]);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

/// Says hello when nothing more is to come; returns what was logged until the answer.
fn talk(mut client: std::net::TcpStream, log: &Receiver<String>) -> io::Result<Vec<String>> {
    let (mut sentences, mut parks) = (Vec::<String>::new(), 0);
    while !sentences.last().is_some_and(|last| last.contains("write of")) {
        // Where it tells no more, the claim below fails.
        let Ok(sentence) = log.recv_timeout(Duration::from_secs(10)) else { break };
        parks += usize::from(sentence.starts_with("(5)"));
        // The first park ends at once, as the connection is new: 'writable'.
        if sentence.starts_with("(5)") && parks == 2 {
            client.write_all(b"hello")?;
        }
        sentences.push(sentence);
    }
    client.read_exact(&mut [0; 5])?;
    Ok(sentences)
}

/// A logger that hands on what the runtime says.
struct Caught(Sender<String>);

impl log::Log for Caught {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // Nobody listens any more once the message is answered.
        self.0.send(record.args().to_string()).ok();
    }

    fn flush(&self) {}
}
