//! # Arm: have the kernel send a signal when a socket becomes ready
//!
//! Problem: a socket says nothing by itself, and no safe call asks it to.
//! Idea: tell it whom to signal (`F_SETOWN_EX`), with which signal (`F_SETSIG`), and to do so from
//! now on (`O_ASYNC`): fcntl(2), "Managing signals". With a signal of its own, a real-time one, the
//! kernel queues one per event, and each carries the descriptor that it is about.
//! A signal ends the process, unless the thread has *masked* it: then it waits in a queue. Classic
//! signals wait there once, however often they came; real-time ones each for itself, until the
//! queue is full: then the kernel sends a classic one, SIGIO (signal(7)).
//! Leaves out: taking the signals: `queue.rs`. This is the model's one module with `unsafe`.
//! Read before: `mio.rs`. Read next: `signal/queue.rs`.
//! Try: `strace -e fcntl cargo run -- serve signal`
#![allow(unsafe_code, reason = "no crate offers these calls safely")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use libc::{c_int, pid_t};
use nix::errno::Errno;
use nix::sys::signal::SigSet;
use nix::unistd::gettid;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

// As in Linux's `asm-generic/fcntl.h`; not every libc has them.
const F_SETSIG: c_int = 10;
const F_SETOWN_EX: c_int = 15;
const F_OWNER_TID: c_int = 0;

/// `struct f_owner_ex` of fcntl(2).
#[repr(C)]
struct Owner {
    kind: c_int,
    id: pid_t,
}

/// The signal that says which descriptor is ready: the first that is free for programs.
pub fn ready_signal() -> c_int {
    libc::SIGRTMIN()
}

/// Has the calling thread signalled whenever `source` becomes ready. What is ready already is not
/// signalled: try it once.
///
/// The thread must have masked the signal, as [`Queue::open`](super::queue::Queue::open) does: it
/// would end the process.
///
/// # Errors
///
/// What fcntl(2) says.
pub fn arm(source: &impl AsFd) -> io::Result<()> {
    let source = source.as_fd();
    // The thread, not the process: a signal to the process may reach any thread of it, and one
    // that has not masked it dies of it, and all others with it.
    let owner = Owner { kind: F_OWNER_TID, id: gettid().as_raw() };
    // SAFETY: the descriptor is borrowed, so open; `owner` has the layout that the kernel reads,
    // and lives until the call returns. It keeps no pointer.
    Errno::result(unsafe { libc::fcntl(source.as_raw_fd(), F_SETOWN_EX, &raw const owner) })?;
    // SAFETY: the descriptor is borrowed, so open; the argument is a number. The signal that it
    // names is masked on the thread that it goes to, as `Queue::open` comes first.
    Errno::result(unsafe { libc::fcntl(source.as_raw_fd(), F_SETSIG, ready_signal()) })?;
    // IDEA: from here on the kernel speaks first.
    fcntl_setfl(source, fcntl_getfl(source)? | OFlags::ASYNC)?;
    Ok(())
}

/// The signals of this model: one per event, and plain SIGIO when the queue of those is full.
pub(super) fn all_signals() -> io::Result<SigSet> {
    let mut set = *SigSet::empty().as_ref();
    for signal in [ready_signal(), libc::SIGIO] {
        // SAFETY: `set` was made by sigemptyset(3), and lives until the call returns.
        Errno::result(unsafe { libc::sigaddset(&raw mut set, signal) })?;
    }
    // SAFETY: `set` is a valid set. nix has no name for real-time signals, so a set that has some
    // must not be gone through with it; nobody does.
    Ok(unsafe { SigSet::from_sigset_t_unchecked(set) })
}
