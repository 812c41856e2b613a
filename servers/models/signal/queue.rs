//! # Queue: the signals, read like a file
//!
//! Problem: a handler runs in the middle of anything, so there is little that it may do.
//! Idea: mask the signals, so that they wait in their queue, and read them from a descriptor, many
//! per call (signalfd(2)). Each says which descriptor became ready, and for what.
//! Leaves out: what the signals are about: `signal.rs`.
//! Read before: `signal/arm.rs`. Read next: `signal.rs`.
//! Try: `kill -STOP` the server, send it something, `grep -E 'SigQ|SigPnd' /proc/PID/status`

use std::io;
use std::os::fd::{AsFd, RawFd};
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::arm::{all_signals, ready_signal};

/// The queue of this thread's signals; masked while it lives. Use and drop it where it was opened.
///
/// ```
/// use std::io::Write;
/// use std::net::{TcpListener, TcpStream};
/// use std::os::fd::AsRawFd;
///
/// use dormouse_study::models::signal::arm::arm;
/// use dormouse_study::models::signal::queue::{Queue, Signal};
///
/// let queue = Queue::open()?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let stream = listener.accept()?.0;
/// arm(&stream)?;
/// client.write_all(b"hello")?;
/// let mut signals = Vec::new();
/// assert_eq!(queue.read(&mut signals)?, 1);
/// let Signal::Ready { fd, .. } = signals[0] else { panic!("a queue of one is not full") };
/// assert_eq!(fd, stream.as_raw_fd());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Queue {
    descriptor: SignalFd,
    mask_before: SigSet,
}

/// What one signal says.
#[derive(Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something has happened to this descriptor, or to one that had its number before.
    Ready {
        /// Its number.
        fd: RawFd,
        /// What: the flags of poll(2).
        flags: PollFlags,
    },
    /// The queue was full: any number of signals are lost.
    Lost,
}

/// `struct signalfd_siginfo` of signalfd(2).
const RECORD: usize = 128;

impl Queue {
    /// Masks the signals on this thread: from now on they queue up, instead of ending the process.
    ///
    /// # Errors
    ///
    /// What the system says where it has no descriptor left.
    pub fn open() -> io::Result<Queue> {
        let signals = all_signals()?;
        let mask_before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        // On failure the mask is put back.
        let descriptor = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC);
        let descriptor = descriptor.inspect_err(|_| restore(&mask_before))?;
        Ok(Queue { descriptor, mask_before })
    }

    /// Sleeps until a signal has come, at most for `timeout`; returns whether one has.
    ///
    /// # Errors
    ///
    /// `Interrupted`, by a signal of another kind.
    ///
    /// # Panics
    ///
    /// Never: a year fits into the system's clock.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

        let timeout = Timespec::try_from(timeout.min(YEAR)).expect("a year fits");
        let mut entry = [PollFd::new(&self.descriptor, PollFlags::IN)];
        Ok(poll(&mut entry, Some(&timeout))? > 0)
    }

    /// Sleeps until there are signals, adds up to 64 of them to `signals`, and says how many.
    ///
    /// # Errors
    ///
    /// `Interrupted`, by a signal of another kind.
    pub fn read(&self, signals: &mut Vec<Signal>) -> io::Result<usize> {
        let mut records = [0; 64 * RECORD];
        // IDEA: one call both waits and says what has happened.
        // But it says so of every packet that came, also of those that have been read since.
        let n = rustix::io::read(self.descriptor.as_fd(), &mut records)?;
        signals.extend(records[..n].chunks_exact(RECORD).map(parse));
        Ok(n / RECORD)
    }
}

impl Drop for Queue {
    /// No signal may be left when the mask is taken off: it would end the process.
    fn drop(&mut self) {
        while self.wait(Duration::ZERO).unwrap_or(false) {
            if self.read(&mut Vec::new()).is_err() {
                break;
            }
        }
        restore(&self.mask_before);
    }
}

fn restore(mask: &SigSet) {
    if let Err(e) = mask.thread_set_mask() {
        log::warn!("the mask of signals stays as it is: {e}");
    }
}

/// Reads `ssi_signo`, `ssi_fd` and `ssi_band` where signalfd(2) puts them.
fn parse(record: &[u8]) -> Signal {
    let field = |at: usize| {
        let bytes = record[at..].first_chunk().expect("a record is longer than its fields");
        u32::from_ne_bytes(*bytes)
    };
    if field(0).cast_signed() != ready_signal() {
        return Signal::Lost;
    }
    let flags = u16::try_from(field(28)).map_or(PollFlags::all(), PollFlags::from_bits_retain);
    Signal::Ready { fd: field(20).cast_signed(), flags }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::super::arm::arm;
    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn mask() -> Vec<String> {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let lines = status.lines().filter(|line| line.starts_with("SigBlk"));
        lines.map(Into::into).collect()
    }

    /// On a thread that is not the main one, beside others that have nothing masked.
    #[test]
    fn a_signal_names_its_descriptor_and_what_came() {
        use std::os::fd::AsRawFd;

        let queue = Queue::open().unwrap();
        let (mut near, far) = pair();
        arm(&far).unwrap();
        near.write_all(b"one").unwrap();
        let mut signals = Vec::new();
        queue.read(&mut signals).unwrap();
        let [Signal::Ready { fd, flags }] = &signals[..] else { panic!("{signals:?}") };
        assert_eq!(*fd, far.as_raw_fd());
        assert!(flags.contains(PollFlags::IN) && !flags.contains(PollFlags::OUT), "{flags:?}");
    }

    #[test]
    fn what_came_before_the_arming_is_not_signalled() {
        let queue = Queue::open().unwrap();
        let (mut near, far) = pair();
        near.write_all(b"early").unwrap();
        far.peek(&mut [0]).unwrap();
        arm(&far).unwrap();
        assert!(!queue.wait(Duration::ZERO).unwrap());
    }

    #[test]
    fn the_mask_is_as_before_and_no_signal_is_left_to_die_of() {
        thread::spawn(|| {
            let before = mask();
            let queue = Queue::open().unwrap();
            assert_ne!(mask(), before);
            let (mut near, far) = pair();
            arm(&far).unwrap();
            near.write_all(b"for nobody").unwrap();
            assert!(queue.wait(Duration::from_secs(20)).unwrap());
            drop((far, queue));
            assert_eq!(mask(), before);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn another_signal_means_that_some_were_lost() {
        let mut record = [0; RECORD];
        record[..4].copy_from_slice(&libc::SIGIO.to_ne_bytes());
        assert_eq!(parse(&record), Signal::Lost);
    }
}
