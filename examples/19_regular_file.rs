//! # 19 Regular file: what has no readiness
//!
//! Problem: a read of a file waits for a disk, and while it does the thread serves nobody.
//! Idea: readiness says that the next read will not wait. Of a socket the kernel knows it, as bytes
//! come by themselves; those of a file come when somebody reads. So let somebody else wait: a
//! second thread, whose last act is a wake: the channel keeps the waker of who awaits the result,
//! and to send is to call it. That wake has to end the park, as no event comes.
//! Leaves out: a pool of threads; completion (step 11), which files have as sockets have.
//! Try: `cargo run --example 19_regular_file`
//!
//! You should see, with figures of your own:
//!
//!     epoll: Operation not permitted (os error 1)
//!     poll: an empty pipe is ready: false; a file, at its end: true
//!     read 2 times; meanwhile 101 messages were answered
//!     wakes by the other thread: 1
//!
//! In the steps before, whatever a task waited for was a source. A file is none: epoll(7) refuses
//! it, and poll(2) calls it ready always, also where there is nothing to read. (These bytes are in
//! memory and come at once; so the thread reads them again and again, as if the disk were slow,
//! until the others were answered so often.)
//!
//! Break it: put `read(file, &answered)` in place of `elsewhere(move || read(file,
//! &answered)).await`. Then the runtime's own thread reads, and the client waits.
//!
//! Read next: `runtime/src/wake.rs`. Run next: `cargo run --example 20_real_runtime`.

mod support;

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::net;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use dormouse::net::TcpStream;
use dormouse::{Async, Runtime, spawn};
use futures_channel::oneshot;
use mio::Interest;
use mio::unix::SourceFd;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const LONGEST: Duration = Duration::from_secs(3);
const ANSWERS: u64 = 100;
const SIZE: usize = 1 << 22;

fn main() -> io::Result<()> {
    if !cfg!(target_os = "linux") {
        println!("skipped: what refuses files is epoll(7), which is Linux's");
        return Ok(());
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(&vec![0; SIZE])?;
    let runtime = Runtime::new()?;
    let source = SourceFd(&file.as_raw_fd());
    let refused = runtime.block_on(async { Async::new(source, Interest::READABLE).err() });
    let refused = refused.expect("epoll(7) does not take a file");
    println!("epoll: {refused}");
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "a file can't be registered");

    let (pipe, _writer) = io::pipe()?;
    let (pipe, file_at_its_end) = (is_ready(&pipe)?, is_ready(&file)?);
    println!("poll: an empty pipe is ready: {pipe}; a file, at its end: {file_at_its_end}");
    assert_eq!((pipe, file_at_its_end), (false, true), "a file is ready, whatever is in it");

    let (client, stream) = support::clients::connect()?;
    let answered = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&answered);
    let talking = thread::spawn(move || talk(client, &counted));
    let (times, meanwhile) = runtime.block_on(async move {
        let (reader, writer) = TcpStream::from_std(stream.into())?.split();
        spawn(futures_lite::io::copy(reader, writer));
        elsewhere(move || read(file, &answered)).await
    })?;
    let wakes = runtime.metrics().wakes_remote;
    drop(runtime);
    let left = talking.join().expect("the client does not panic");

    println!("read {times} times; meanwhile {meanwhile} messages were answered");
    println!("wakes by the other thread: {wakes}");
    assert!(meanwhile >= ANSWERS, "while the file is read, the others are served");
    assert_eq!(wakes, 1, "the thread wakes once, when it has read");
    assert!(left.is_err(), "the client is served until the runtime is dropped");
    support::next(include_str!("19_regular_file.rs"));
    Ok(())
}

/// What poll(2) says, without waiting: whether a read would not wait.
fn is_ready(file: &impl AsFd) -> nix::Result<bool> {
    Ok(poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO)? == 1)
}

/// Runs `work` on a thread that may wait. Its end is a wake of the task that awaits this.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || sender.send(work()));
    receiver.await.expect("the thread sends before it ends")
}

/// Reads a file, again and again until others were answered so often. Returns both numbers.
fn read(mut file: File, answered: &AtomicU64) -> io::Result<(u64, u64)> {
    let (began, mut times) = (Instant::now(), 0);
    while answered.load(SeqCst) < ANSWERS && began.elapsed() < LONGEST {
        file.rewind()?;
        assert_eq!(file.read_to_end(&mut Vec::new())?, SIZE, "all of it, each time");
        times += 1;
    }
    Ok((times, answered.load(SeqCst)))
}

/// Says hello, and wants it back, until the server is gone.
fn talk(mut client: net::TcpStream, answered: &AtomicU64) -> io::Result<()> {
    let mut answer = [0; 5];
    loop {
        client.write_all(b"hello")?;
        client.read_exact(&mut answer)?;
        answered.fetch_add(1, SeqCst);
    }
}
