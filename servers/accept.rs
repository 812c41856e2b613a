//! # Accept: whom to take, and what to do when nobody can be taken
//!
//! Problem: `accept(2)` fails for three kinds of reason, and the wrong response to each is known:
//! giving up loses the server, sleeping lets one bad client delay the others, and asking again at
//! once while the process has no descriptor left burns a core.
//! Idea: the error decides how long to wait before the next try; [`Accepting`] remembers it for
//! servers whose one thread has other things to do meanwhile.
//! Leaves out: a spare descriptor to turn clients away with; they wait in the kernel's queue.
//! Read before: `idle.rs`. Read next: `look.rs`.
//! Try: `ulimit -n 20; cargo run -- serve mio`, and connect more often than that

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::counters::Counters;
use crate::options::Options;

/// How long to leave the listener alone when the machine is out of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Says after which pause to accept again: none when only this one connection was lost.
///
/// The pause must be a timer that ends in a new `accept`. Waiting until the listener is readable
/// is wrong both ways: select and poll report it again at once, and epoll perhaps never, as it has
/// reported the connections in the queue already.
///
/// # Errors
///
/// When no later try can succeed: `error` again, with what was tried.
pub fn retry_after(error: &io::Error) -> io::Result<Duration> {
    match judge(error) {
        Cause::Connection => Ok(Duration::ZERO),
        Cause::Shortage => Ok(PAUSE),
        Cause::Listener => Err(io::Error::new(error.kind(), format!("accept: {error}"))),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Cause {
    /// This connection is gone, or a signal came between: the next one may be fine.
    Connection,
    /// No descriptor or no memory is left: only time, or a close, can help.
    Shortage,
    /// The listener itself is unusable.
    Listener,
}

#[cfg(unix)]
fn judge(error: &io::Error) -> Cause {
    use nix::errno::Errno;

    match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
        // On Linux errors of the network arrive by way of accept(2), which names them.
        Errno::EINTR
        | Errno::ECONNABORTED
        | Errno::ECONNRESET
        | Errno::EPROTO
        | Errno::EPERM
        | Errno::ENETDOWN
        | Errno::ENOPROTOOPT
        | Errno::EHOSTDOWN
        | Errno::EHOSTUNREACH
        | Errno::ENETUNREACH
        | Errno::ETIMEDOUT => Cause::Connection,
        // ENOSPC comes of the registration with epoll, which has a limit of its own (epoll_ctl(2)).
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::ENOSPC => {
            Cause::Shortage
        }
        _ => Cause::Listener,
    }
}

#[cfg(not(unix))]
fn judge(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::Interrupted
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset => Cause::Connection,
        io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected => Cause::Listener,
        _ => Cause::Shortage,
    }
}

/// Returns whether the newcomer may stay; where as many are open as are allowed, it is counted as
/// closed, and its stream should be dropped.
pub fn admit(peer: SocketAddr, options: &Options, counters: &Counters) -> bool {
    let Some(most) = options.max_connections.filter(|most| !counters.take_place(*most)) else {
        return true;
    };
    counters.turn_away(peer, most);
    false
}

/// When to ask a listener that does not wait.
#[derive(Default)]
pub struct Accepting {
    /// When to ask next; `None` once the queue was found empty, until somebody is announced.
    at: Option<Instant>,
}

/// So many connections are taken before the others have their turn.
pub const ACCEPTS_A_TURN: usize = 64;

impl Accepting {
    /// When to ask without being told to; `None` as long as nobody is announced.
    pub fn deadline(&self) -> Option<Instant> {
        self.at
    }

    /// Says that somebody is in the queue. A pause goes on: newcomers bring no descriptors.
    pub fn announce(&mut self) {
        self.at.get_or_insert_with(Instant::now);
    }

    /// Takes the next connection, if one is there that may stay, and no pause goes on.
    ///
    /// # Errors
    ///
    /// When the listener can't accept any more.
    pub fn next<S>(
        &mut self,
        options: &Options,
        counters: &Counters,
        accept: impl FnOnce() -> io::Result<(S, SocketAddr)>,
    ) -> io::Result<Option<(S, SocketAddr)>> {
        if self.at.is_none_or(|at| at > Instant::now()) {
            return Ok(None);
        }
        match counters.accept(accept) {
            Ok((stream, peer)) => {
                return Ok(admit(peer, options, counters).then_some((stream, peer)));
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => self.at = None,
            Err(e) => self.at = Some(Instant::now() + retry_after(&e)?),
        }
        Ok(None)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use nix::errno::Errno;

    use super::*;
    use crate::reply::Reply;

    fn retry(errno: Errno) -> io::Result<Duration> {
        retry_after(&io::Error::from(errno))
    }

    #[test]
    fn three_aborted_connections_are_not_slept_on() {
        let script = [Errno::ECONNABORTED; 3];
        let slept: Duration = script.into_iter().map(|errno| retry(errno).unwrap()).sum();
        assert_eq!(slept, Duration::ZERO);
    }

    /// Seen to fail when [`Accepting::next`] pauses after each error, and when it forgets to.
    #[test]
    fn who_comes_behind_three_aborted_connections_is_taken_at_once() {
        let (options, counters) = (options(), Counters::new("accept", false));
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut accepting = Accepting::default();
        accepting.announce();
        for _ in 0..3 {
            let aborted = || Err::<((), _), _>(Errno::ECONNABORTED.into());
            assert_eq!(accepting.next(&options, &counters, aborted).unwrap(), None);
            assert!(accepting.deadline().unwrap() <= Instant::now(), "it is not slept on");
        }
        let taken = accepting.next(&options, &counters, || Ok(((), peer))).unwrap();
        assert_eq!(taken, Some(((), peer)));
        assert_eq!((counters.accepts.load(Relaxed), counters.accepted.load(Relaxed)), (4, 1));
        // Out of descriptors it does pause, whoever is announced meanwhile.
        let none_left = || Err::<((), _), _>(Errno::EMFILE.into());
        assert_eq!(accepting.next(&options, &counters, none_left).unwrap(), None);
        accepting.announce();
        let again = accepting.next(&options, &counters, || -> io::Result<((), SocketAddr)> {
            unreachable!("it asks in its pause")
        });
        assert_eq!(again.unwrap(), None);
    }

    fn options() -> Options {
        Options {
            reply: Reply::Upper,
            buffer: 1,
            every: None,
            max_connections: None,
            idle_timeout: None,
        }
    }

    #[test]
    fn an_interrupted_accept_is_tried_again_at_once() {
        assert_eq!(retry(Errno::EINTR).unwrap(), Duration::ZERO);
        assert_eq!(retry(Errno::EPROTO).unwrap(), Duration::ZERO);
    }

    #[test]
    fn without_descriptors_or_memory_accepting_pauses() {
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM, Errno::ENOSPC] {
            assert_eq!(retry(errno).unwrap(), PAUSE, "{errno}");
        }
    }

    #[test]
    fn a_broken_listener_ends_the_server_with_its_own_error() {
        let error = retry(Errno::EINVAL).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("accept: "), "{error}");
    }
}
