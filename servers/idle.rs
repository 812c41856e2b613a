//! # Idle: who has been silent for too long
//!
//! Problem: with one thread for all, nobody sleeps beside a connection to notice that it is silent.
//! Idea: keep the connections in the order in which something moved on them last. The first in it
//! says how long the server may sleep; the limit is the same for all, so no other order is needed.
//! Where a thread does sleep beside its connection, the kernel ends the call (`Patience`).
//! Leaves out: limits that differ; those need the runtime's timers (`runtime/src/timer.rs`).
//! Read before: `options.rs`. Read next: `accept.rs`.
//! Try: `cargo run -- serve mio --idle-timeout 2s`, and `nc 127.0.0.1 12345`

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::mem;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What a server knows of its connections' silence, each known by a number. Without a limit it
/// knows, and costs, nothing.
pub struct Idle {
    limit: Option<Duration>,
    since: HashMap<usize, Instant>,
    order: BTreeSet<(Instant, usize)>,
}

impl Idle {
    /// Nobody is known yet; `limit` is that of `--idle-timeout`.
    pub fn new(limit: Option<Duration>) -> Idle {
        Idle { limit, since: HashMap::new(), order: BTreeSet::new() }
    }

    /// Says that something moved on a connection just now; its beginning, too.
    pub fn moved(&mut self, connection: usize) {
        if self.limit.is_some() {
            self.ended(connection);
            let now = Instant::now();
            self.since.insert(connection, now);
            self.order.insert((now, connection));
        }
    }

    /// Forgets a connection.
    pub fn ended(&mut self, connection: usize) {
        if let Some(since) = self.since.remove(&connection) {
            self.order.remove(&(since, connection));
        }
    }

    /// When the first will have been silent for too long, if nothing moves till then.
    pub fn deadline(&self) -> Option<Instant> {
        let (since, _) = self.order.first()?;
        // A limit that no clock reaches is none.
        since.checked_add(self.limit?)
    }

    /// Forgets and returns one that by `now` has been silent for too long, as far as is known.
    /// Before it is closed try it once more: bytes may have come while the server had no time to
    /// look, and room for an answer is not reported before a third of the socket's buffer is free.
    pub fn expired(&mut self, now: Instant) -> Option<usize> {
        let (_, connection) = *self.order.first()?;
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.ended(connection);
        Some(connection)
    }

    /// Why such a connection ends.
    pub fn error(&self) -> io::Error {
        silence(self.limit)
    }
}

/// The end of a connection on which nothing has moved for `limit`.
pub fn silence(limit: Option<Duration>) -> io::Error {
    let limit = limit.unwrap_or_default();
    let why = format!("nothing moved for {}", humantime::format_duration(limit));
    io::Error::new(ErrorKind::TimedOut, why)
}

/// Takes 'not yet' for the end of a connection that has had its time.
///
/// # Errors
///
/// That of `last_try`, or [`silence`].
pub fn or_silence(last_try: io::Result<usize>, limit: Option<Duration>) -> io::Result<usize> {
    last_try.map_err(|e| if e.kind() == ErrorKind::WouldBlock { silence(limit) } else { e })
}

/// Sends as much as there is room for, and does not wait, also on a socket that would.
///
/// # Errors
///
/// Those of `send(2)`; `WouldBlock` where there is no room.
#[cfg(unix)]
pub fn send_now(stream: &impl std::os::fd::AsFd, bytes: &[u8]) -> io::Result<usize> {
    use nix::sys::socket::{MsgFlags, send};
    use std::os::fd::AsRawFd;

    let flags = MsgFlags::MSG_DONTWAIT;
    // Apple's systems have an option of the socket for it (SO_NOSIGPIPE), which std sets.
    #[cfg(not(target_vendor = "apple"))]
    let flags = flags | MsgFlags::MSG_NOSIGNAL;
    Ok(send(stream.as_fd().as_raw_fd(), bytes, flags)?)
}

/// Elsewhere there is no such call: who has had its time has had it.
#[cfg(not(unix))]
pub fn send_now<S>(_stream: &S, _bytes: &[u8]) -> io::Result<usize> {
    Err(ErrorKind::WouldBlock.into())
}

/// Makes reads and writes that wait come back after `limit`, with 'not yet' (socket(7)).
///
/// # Errors
///
/// What `setsockopt(2)` says.
pub fn limit_waits(stream: &TcpStream, limit: Option<Duration>) -> io::Result<()> {
    if limit.is_some() {
        stream.set_read_timeout(limit)?;
        stream.set_write_timeout(limit)?;
    }
    Ok(())
}

/// The time that a peer has left, where [`limit_waits`] has set how long calls wait.
///
/// A signal ends a call early, and the next would wait for all of that time again: signals that come
/// all the time would keep a silent peer for ever. So after one it is cut to what is left.
pub struct Patience {
    limit: Option<Duration>,
    since: Instant,
    is_cut: bool,
}

impl Patience {
    /// It begins now.
    pub fn new(limit: Option<Duration>) -> Patience {
        Patience { limit, since: Instant::now(), is_cut: false }
    }

    /// Says that something moved: the peer has all its time again.
    ///
    /// # Errors
    ///
    /// What `setsockopt(2)` says.
    pub fn moved(&mut self, stream: &TcpStream) -> io::Result<()> {
        if self.limit.is_some() {
            self.since = Instant::now();
        }
        if mem::take(&mut self.is_cut) {
            stream.set_nonblocking(false)?;
            limit_waits(stream, self.limit)?;
        }
        Ok(())
    }

    /// Says that a signal ended a call. Once no time is left the next one does not wait: what came
    /// meanwhile is still taken.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn interrupted(&mut self, stream: &TcpStream) -> io::Result<()> {
        let Some(limit) = self.limit else { return Ok(()) };
        self.is_cut = true;
        match limit.saturating_sub(self.since.elapsed()) {
            Duration::ZERO => stream.set_nonblocking(true),
            left => limit_waits(stream, Some(left)),
        }
    }
}

/// How long until the first of `deadlines`; `None` where there is none.
pub fn time_left(deadlines: [Option<Instant>; 2]) -> Option<Duration> {
    let first = deadlines.into_iter().flatten().min()?;
    Some(first.saturating_duration_since(Instant::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Option<Duration> = Some(Duration::from_secs(3600));

    #[test]
    fn the_one_that_moved_first_is_the_first_to_go() {
        let mut idle = Idle::new(Some(Duration::ZERO));
        for connection in [1, 2, 3, 1] {
            idle.moved(connection);
        }
        idle.ended(3);
        assert_eq!(std::iter::from_fn(|| idle.expired(Instant::now())).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(idle.deadline(), None);
    }

    #[test]
    fn nobody_goes_before_the_time() {
        let mut idle = Idle::new(LONG);
        idle.moved(1);
        assert_eq!(idle.expired(Instant::now()), None);
        let left = time_left([idle.deadline(), None]);
        assert!(left > Some(Duration::from_secs(3500)) && left <= LONG, "{left:?}");
    }

    #[test]
    fn without_a_limit_nothing_is_kept() {
        let mut idle = Idle::new(None);
        idle.moved(1);
        assert_eq!(
            (idle.deadline(), idle.expired(Instant::now()), idle.since.len()),
            (None, None, 0)
        );
    }

    #[test]
    fn a_limit_beyond_all_clocks_is_none() {
        let mut idle = Idle::new(Some(Duration::MAX));
        idle.moved(1);
        assert_eq!((idle.deadline(), idle.expired(Instant::now())), (None, None));
    }

    /// Seen to fail when an interrupted wait begins anew, and when it stays cut.
    #[test]
    fn who_was_interrupted_waits_for_what_is_left_and_not_at_all_where_nothing_is() {
        use std::io::Read;

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _peer = listener.accept().unwrap();
        let second = Duration::from_secs(1);
        let mut patience = Patience::new(Some(3 * second));
        patience.since = Instant::now().checked_sub(2 * second).unwrap();
        patience.interrupted(&stream).unwrap();
        let left = stream.read_timeout().unwrap().unwrap();
        // The kernel rounds up to its ticks.
        assert!(left <= second + second / 50, "{left:?}");
        patience.since = Instant::now().checked_sub(4 * second).unwrap();
        patience.interrupted(&stream).unwrap();
        stream.set_read_timeout(Some(60 * second)).unwrap();
        let begin = Instant::now();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(begin.elapsed() < 30 * second, "it waited");
        patience.moved(&stream).unwrap();
        let all = stream.read_timeout().unwrap().unwrap();
        assert!(all >= 3 * second && all < 4 * second, "{all:?}");
    }

    #[test]
    fn the_nearest_deadline_counts() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3600);
        assert_eq!(time_left([Some(later), Some(now)]), Some(Duration::ZERO));
        assert_eq!(time_left([None, None]), None);
    }
}
