//! The loops that spin, or lose a wake: each a few lines, on mio, poll(2) or std, and each with one
//! fault. They count what they do as the runtime would.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use dormouse::Metrics;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sched::{CloneFlags, unshare};

use super::Stage;
use crate::clients::MESSAGE;
use crate::support::{add_one_event, any_port, wake_from_elsewhere};
use crate::{MILLISECOND, metrics};

/// What there is before each of them begins: one task, that was polled once, and waits.
fn one_task() -> Metrics {
    metrics(|m| (m.spawns, m.polls, m.turns) = (1, 1, 1))
}

/// The waker sets a flag, and the loop looks at it before it parks. The wake comes in between.
#[allow(clippy::unnecessary_wraps, reason = "as the others")]
pub(super) fn loses_a_wake(stage: &Stage) -> io::Result<Metrics> {
    #[derive(Default)]
    struct Flag(AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, SeqCst);
        }
    }
    let (mut did, flag) = (one_task(), Arc::new(Flag::default()));
    let woken = flag.0.load(SeqCst);
    wake_from_elsewhere(&Waker::from(Arc::clone(&flag)));
    did.wakes_remote += 1;
    if !woken {
        stage.sleep_until_over();
        (did.parks, did.returned_unpark, did.turns) = (1, 1, 2);
    }
    Ok(did)
}

pub(super) fn waits_for_no_time(stage: &Stage) -> io::Result<Metrics> {
    let (mut did, mut poll) = (one_task(), mio::Poll::new()?);
    let mut events = mio::Events::with_capacity(8);
    stage.begin();
    while !stage.is_over() {
        poll.poll(&mut events, Some(Duration::ZERO))?;
        did.turns += 1;
        did.polls_nowait += 1;
        did.vain_polls_nowait += 1;
    }
    Ok(did)
}

/// What is left of a deadline is less than the millisecond in which `epoll_wait(2)` counts.
pub(super) fn rounds_down(stage: &Stage) -> io::Result<Metrics> {
    let (mut did, mut poll) = (one_task(), mio::Poll::new()?);
    let mut events = mio::Events::with_capacity(8);
    stage.begin();
    while !stage.is_over() {
        let deadline = Instant::now() + MILLISECOND * 9 / 10;
        did.timers_armed += 1;
        while deadline > Instant::now() {
            let left = deadline.saturating_duration_since(Instant::now());
            poll.poll(&mut events, Some(Duration::from_millis(left.subsec_millis().into())))?;
            did.parks += 1;
            did.returned_deadline += 1;
            did.turns += 1;
        }
        did.timers_fired += 1;
        did.wakes_local += 1;
        did.enqueued += 1;
        did.polls += 1;
    }
    Ok(did)
}

/// Nobody sleeps, so the waker need not do anything.
pub(super) fn polls_in_a_loop(stage: &Stage) -> io::Result<Metrics> {
    let mut did = metrics(|m| m.spawns = 1);
    let over = || if stage.is_over() { Poll::Ready(()) } else { Poll::Pending };
    let mut future = pin!(poll_fn(|_| over()));
    stage.begin();
    loop {
        did.turns += 1;
        did.polls += 1;
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return Ok(did);
        }
    }
}

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(any_port())?;
    let peer = TcpStream::connect(listener.local_addr()?)?;
    Ok((listener.accept()?.0, peer))
}

/// Blocks until there is what `interest` asks for: poll(2) reports what is so, not what changed.
fn wait_for(io: &impl AsFd, interest: PollFlags) -> io::Result<()> {
    nix::poll::poll(&mut [PollFd::new(io.as_fd(), interest)], PollTimeout::NONE)?;
    Ok(())
}

/// Wakes its task for each event, and the task reads nothing.
pub(super) fn consumes_nothing(stage: &Stage) -> io::Result<Metrics> {
    let (mut did, (stream, mut peer)) = (one_task(), pair()?);
    peer.write_all(b"x")?;
    stage.begin();
    while !stage.is_over() {
        wait_for(&stream, PollFlags::POLLIN)?;
        add_one_event(&mut did);
    }
    Ok(did)
}

/// A socket can be written to nearly always.
pub(super) fn always_wants_to_write(stage: &Stage) -> io::Result<Metrics> {
    let (mut did, (stream, _peer)) = (Metrics::default(), pair()?);
    stage.begin();
    while !stage.is_over() {
        wait_for(&stream, PollFlags::POLLIN | PollFlags::POLLOUT)?;
        did.parks += 1;
        did.returned_event += 1;
        did.events += 1;
        did.turns += 1;
    }
    Ok(did)
}

/// Tries again at once: the connection still waits in the queue, so the listener is still ready.
pub(super) fn accepts_without_descriptors(stage: &Stage) -> io::Result<Metrics> {
    // A table of descriptors for this thread alone, so that only it is full.
    unshare(CloneFlags::CLONE_FILES)?;
    let (mut did, listener) = (Metrics::default(), TcpListener::bind(any_port())?);
    let _client = TcpStream::connect(listener.local_addr()?)?;
    let (mut filled, null) = (Vec::new(), File::open("/dev/null")?);
    while let Ok(one_more) = null.try_clone() {
        filled.push(one_more);
    }
    stage.begin();
    while !stage.is_over() {
        wait_for(&listener, PollFlags::POLLIN)?;
        let error = listener.accept().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(nix::libc::EMFILE));
        add_one_event(&mut did);
    }
    Ok(did)
}

pub(super) const MESSAGES: u64 = 10;

/// What a short read has said already, it asks again.
pub(super) fn reads_until_not_yet(stage: &Stage) -> io::Result<Metrics> {
    let (mut did, (mut stream, mut peer)) = (Metrics::default(), pair()?);
    stream.set_nonblocking(true)?;
    let mut buffer = [0; 2 * MESSAGE.len()];
    for _ in 0..MESSAGES {
        peer.write_all(MESSAGE)?;
        wait_for(&stream, PollFlags::POLLIN)?;
        add_one_event(&mut did);
        loop {
            match stream.read(&mut buffer) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                read => stream.write_all(&buffer[..read?])?,
            }
        }
        did.vain_reads += 1;
        peer.read_exact(&mut buffer[..MESSAGE.len()])?;
    }
    stage.sleep_until_over();
    Ok(did)
}
