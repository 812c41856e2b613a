//! # Ring: the two queues, and all that the kernel may touch while it works
//!
//! Problem: the kernel writes into a buffer long after the call that handed it over. If the buffer
//! were freed or used meanwhile, two would write to one place.
//! Idea: sockets and buffers live here, and are out of reach until the kernel gives them back.
//! Leaves out: buffers that the kernel picks from a pool: less memory for connections at rest.
//! Read before: `uring/buffer.rs`. Read next: `uring.rs`.
//! Try: `cargo test --lib ring`

#![allow(unsafe_code, reason = "handing memory to the kernel is beyond what the compiler checks")]

use std::collections::VecDeque;
use std::io::{self, ErrorKind, PipeReader};
use std::mem;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use io_uring::squeue::Entry;
use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use slab::Slab;

use super::buffer::Buffer;
use super::entries::{self, Token};
use super::setup::set_up;
use crate::idle::send_now;

/// Owns all that the kernel may touch: two queues, the listener, and a slot per connection.
pub(super) struct Ring {
    queues: IoUring,
    listener: TcpListener,
    /// Its writer is dropped when the server should stop.
    stop: PipeReader,
    /// By key. A key is free again only when no completion for it can come any more.
    slots: Slab<Slot>,
    /// What the submission queue had no room for, or was not given yet, oldest first.
    waiting: VecDeque<Operation>,
    /// Operations whose last completion is not in yet, those in `waiting` included.
    in_flight: usize,
    /// The kernel took a send without the receive linked to it: `in_flight` is wrong from now on.
    torn: bool,
}

struct Slot {
    socket: TcpStream,
    peer: SocketAddr,
    buffer: Buffer,
    /// The buffer is the kernel's: this part of it is sent, if any, and then all of it received to.
    lent: Option<Range<usize>>,
    closing: bool,
    /// Its exchange was asked back: the result may be of that, and not of the peer.
    asked_back: bool,
}

/// What the kernel is asked for. Each brings exactly one last completion.
enum Operation {
    Accept,
    Exchange(usize),
    Cancel(usize),
    WatchStop,
    CancelAll,
}

/// What the kernel has done.
pub(super) enum Completion {
    /// A connection came, or could not be taken. With `more` the same accept brings the next one.
    Accepted { result: io::Result<TcpStream>, more: bool },
    /// So much went out, and then something came in.
    Received { key: usize, sent: usize, result: io::Result<usize> },
    /// The sending of `unsent` ended too early, with `result`; nothing was received.
    CutShort { key: usize, unsent: Range<usize>, result: io::Result<usize> },
    /// The server is asked to stop.
    StopAsked,
}

impl Ring {
    /// Sets up a ring with room for so many submissions at a time. Nothing is asked for yet but
    /// to be told of the end of `stop`.
    pub(super) fn new(entries: u32, listener: TcpListener, stop: PipeReader) -> io::Result<Ring> {
        // The kernel waits for us; of a socket that must not wait it would only say 'not yet'.
        listener.set_nonblocking(false)?;
        let mut ring = Ring {
            queues: set_up(entries)?,
            listener,
            stop,
            slots: Slab::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            torn: false,
        };
        ring.hand_over(Operation::WatchStop);
        Ok(ring)
    }

    /// Asks for all connections to come, until a completion says that there are no more.
    pub(super) fn accept(&mut self) {
        self.hand_over(Operation::Accept);
    }

    /// Takes a connection in, and returns its key.
    pub(super) fn insert(&mut self, socket: TcpStream, peer: SocketAddr, buffer: Buffer) -> usize {
        self.slots.insert(Slot {
            socket,
            peer,
            buffer,
            lent: None,
            closing: false,
            asked_back: false,
        })
    }

    /// Sends the `unsent` part of the buffer, if there is any, and then receives into the buffer.
    pub(super) fn exchange(&mut self, key: usize, unsent: Range<usize>) {
        let slot = &mut self.slots[key];
        assert!(slot.lent.is_none(), "one operation at a time on a buffer");
        assert!(slot.buffer.get(unsent.clone()).is_some(), "what is sent lies in the buffer");
        slot.lent = Some(unsent);
        slot.asked_back = false;
        self.hand_over(Operation::Exchange(key));
    }

    /// The buffer of a connection while the kernel has nothing to do with it.
    pub(super) fn buffer(&mut self, key: usize) -> &mut [u8] {
        let slot = &mut self.slots[key];
        assert!(slot.lent.is_none(), "the kernel may be writing to it");
        &mut slot.buffer
    }

    /// Who is at the other end.
    pub(super) fn peer(&self, key: usize) -> SocketAddr {
        self.slots[key].peer
    }

    /// Ends a connection, for its peer at once. The key is free when nothing is in flight on it; else
    /// call this again with the completion for which [`Ring::is_closing`] is true.
    pub(super) fn close(&mut self, key: usize) {
        let slot = &mut self.slots[key];
        if slot.lent.is_none() {
            self.slots.remove(key);
            return;
        }
        slot.closing = true;
        // Not close(2): an operation in flight holds the socket open, so the peer would see
        // nothing. shutdown(2) ends the operation too. It fails only where all has ended already.
        slot.socket.shutdown(Shutdown::Both).ok();
    }

    /// Whether the connection was closed, and only waits for its completion.
    pub(super) fn is_closing(&self, key: usize) -> bool {
        self.slots[key].closing
    }

    /// The connections that are not closed.
    pub(super) fn open(&self) -> Vec<usize> {
        self.slots.iter().filter(|(_, slot)| !slot.closing).map(|(key, _)| key).collect()
    }

    /// Has an exchange end early, and give its buffer back: its completion says how far it came.
    pub(super) fn ask_back(&mut self, key: usize) {
        self.slots[key].asked_back = true;
        self.hand_over(Operation::Cancel(key));
    }

    /// Whether this result came of asking it back. An operation that waited is cancelled; one that a
    /// worker thread of the kernel was busy with is interrupted.
    pub(super) fn is_asked_back(&self, key: usize, result: &io::Error) -> bool {
        let end = Errno::from_raw(result.raw_os_error().unwrap_or(0));
        self.slots[key].asked_back && matches!(end, Errno::ECANCELED | Errno::EINTR)
    }

    /// Whether something has come that was not received yet, an end or an error included.
    pub(super) fn has_news(&self, key: usize) -> bool {
        let socket = self.slots[key].socket.as_raw_fd();
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        recv(socket, &mut [0], flags) != Err(Errno::EAGAIN)
    }

    /// Sends what there is room for of a part of the buffer, and does not wait.
    pub(super) fn send_now(&mut self, key: usize, unsent: Range<usize>) -> io::Result<usize> {
        let Slot { socket, buffer, lent: None, .. } = &self.slots[key] else {
            panic!("the kernel may be writing to it");
        };
        send_now(socket, &buffer[unsent])
    }

    /// Has everything under way end early.
    pub(super) fn cancel_all(&mut self) {
        // Behind all that waits to be submitted, so it meets that too.
        self.hand_over(Operation::CancelAll);
    }

    /// Whether there is a completion still to come.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight > 0
    }

    fn hand_over(&mut self, operation: Operation) {
        self.in_flight += 1;
        self.waiting.push_back(operation);
    }

    /// Submits what was handed over, sleeps until something is done, or until `deadline`, and
    /// returns how many completions are there: one system call, `io_uring_enter(2)`.
    ///
    /// # Errors
    ///
    /// When the kernel is out of memory, or lost a completion. All that is left then is the drop.
    pub(super) fn wait(&mut self, deadline: Option<Instant>) -> io::Result<usize> {
        if self.torn {
            return Err(lost("a receive"));
        }
        self.submit_waiting();
        // What found no room has to be submitted before anybody sleeps.
        let deadline = if self.waiting.is_empty() { deadline } else { Some(Instant::now()) };
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let entered = match left.map(Timespec::from) {
            Some(left) => {
                let until = SubmitArgs::new().timespec(&left);
                self.queues.submitter().submit_with_args(1, &until)
            }
            None => self.queues.submit_and_wait(1),
        };
        let done = self.queues.completion().len();
        match entered.map_err(|e| (Errno::from_raw(e.raw_os_error().unwrap_or(0)), e)) {
            // No memory for all entries: a pair may have been cut in two.
            Ok(_) if !self.queues.submission().is_empty() => {
                self.torn = true;
                Err(lost("a receive"))
            }
            Ok(_) | Err((Errno::ETIME | Errno::EINTR, _)) => {
                match self.queues.completion().overflow() {
                    0 => Ok(done),
                    dropped => Err(lost(&format!("{dropped} completions"))),
                }
            }
            // The completions that are there must make room first (io_uring_enter(2)).
            Err((Errno::EBUSY | Errno::EAGAIN, _)) if done > 0 => Ok(done),
            Err((_, e)) => Err(e),
        }
    }

    /// Moves what waits into the submission queue, until that is full.
    fn submit_waiting(&mut self) {
        while let Some(operation) = self.waiting.front() {
            let taken = match *operation {
                Operation::Accept => self.push(&[entries::accept(&self.listener)]),
                Operation::WatchStop => self.push(&[entries::watch(&self.stop)]),
                Operation::CancelAll => self.push(&[entries::cancel_all()]),
                Operation::Cancel(key) => {
                    let Some(slot) = self.slots.get(key) else {
                        // Nothing of a connection that is gone is under way.
                        self.in_flight -= 1;
                        self.waiting.pop_front();
                        continue;
                    };
                    let entry = entries::cancel(&slot.socket);
                    self.push(&[entry])
                }
                Operation::Exchange(key) => {
                    let Slot { socket, buffer, lent, .. } = &mut self.slots[key];
                    let unsent = lent.clone().expect("lent since it was handed over");
                    let send = entries::send_before(socket, &buffer[unsent.clone()], key);
                    let receive = entries::receive(socket, buffer, key);
                    if unsent.is_empty() {
                        self.push(&[receive])
                    } else {
                        self.push(&[send, receive])
                    }
                }
            };
            if !taken {
                break;
            }
            self.waiting.pop_front();
        }
    }

    /// Puts all of these into the submission queue, or none where room is short.
    fn push(&mut self, entries: &[Entry]) -> bool {
        // IDEA: from here to its completion a buffer is the kernel's, and nobody can reach it.
        // SAFETY: the entries name descriptors and buffers that this ring owns. A slot that is lent
        // is not removed, nor its buffer reached, from here until the one completion that gives it
        // back; a drop of the ring waits for all of these, or leaks the buffers.
        unsafe { self.queues.submission().push_multiple(entries) }.is_ok()
    }

    /// Takes the oldest completion; what it gives back is ours again.
    pub(super) fn next(&mut self) -> Option<Completion> {
        let entry = self.queues.completion().next()?;
        let more = cqueue::more(entry.flags());
        if !more {
            self.in_flight -= 1;
        }
        let result = usize::try_from(entry.result())
            .map_err(|_| io::Error::from_raw_os_error(-entry.result()));
        match Token::from_number(entry.user_data()) {
            Token::Accept => {
                let result = result.map(|_| accepted(entry.result()));
                Some(Completion::Accepted { result, more })
            }
            Token::Stop => Some(Completion::StopAsked),
            Token::Cancel => self.next(),
            Token::Receive(key) => {
                let sent = self.give_back(key).len();
                Some(Completion::Received { key, sent, result })
            }
            Token::Send(key) => {
                Some(Completion::CutShort { key, unsent: self.give_back(key), result })
            }
        }
    }

    fn give_back(&mut self, key: usize) -> Range<usize> {
        let slot = &mut self.slots[key];
        slot.buffer.assert_intact();
        slot.lent.take().expect("a completion is of what was lent")
    }

    /// Ends all that is under way; returns whether the kernel has given everything back.
    fn settle(&mut self) -> bool {
        const PATIENCE: Duration = Duration::from_secs(1);

        let deadline = Instant::now() + PATIENCE;
        for key in self.open() {
            self.close(key);
        }
        self.cancel_all();
        while self.is_busy() && Instant::now() < deadline && self.wait(Some(deadline)).is_ok() {
            while self.next().is_some() {}
        }
        !self.is_busy()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if !self.settle() {
            // Better lost than written to by the kernel when they are somebody else's.
            self.slots.drain().for_each(|slot| mem::forget(slot.buffer));
        }
    }
}

/// Takes possession of the descriptor that an accept brought.
fn accepted(fd: RawFd) -> TcpStream {
    // SAFETY: the kernel made this descriptor for us, and names it in one completion only, which
    // was taken out of the queue just now: it is open, and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }.into()
}

fn lost(what: &str) -> io::Error {
    io::Error::new(ErrorKind::OutOfMemory, format!("io_uring: the kernel lost {what}"))
}

#[cfg(test)]
mod tests;
