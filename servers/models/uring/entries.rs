//! # Entries: what is written into the submission queue
//!
//! Problem: to send and wait for that, then to receive and wait for that, is two calls a message.
//! Idea: two entries linked into one: the kernel begins the receive when the send has succeeded.
//! Leaves out: submitting anything: that is where memory is at stake, and `ring.rs` does it.
//! Read before: `uring/setup.rs`. Read next: `uring/buffer.rs`.
//! Try: `cargo test --lib entries`

use std::io::PipeReader;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use io_uring::opcode::{AcceptMulti, AsyncCancel2, PollAdd, Recv, Send};
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{CancelBuilder, Fd};
use nix::libc;

/// Stands in an entry, and comes back in its completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Accept,
    Stop,
    Cancel,
    Receive(usize),
    Send(usize),
}

const ACCEPT: u64 = u64::MAX;
const STOP: u64 = u64::MAX - 1;
const CANCEL: u64 = u64::MAX - 2;

impl Token {
    /// As the 64 bits that an entry has room for.
    fn number(self) -> u64 {
        match self {
            Token::Accept => ACCEPT,
            Token::Stop => STOP,
            Token::Cancel => CANCEL,
            Token::Receive(key) => key as u64 * 2,
            Token::Send(key) => key as u64 * 2 + 1,
        }
    }

    pub(super) fn from_number(number: u64) -> Token {
        match number {
            ACCEPT => Token::Accept,
            STOP => Token::Stop,
            CANCEL => Token::Cancel,
            _ => {
                let key = usize::try_from(number / 2).expect("the number was made of a key");
                if number.is_multiple_of(2) { Token::Receive(key) } else { Token::Send(key) }
            }
        }
    }
}

/// Brings a completion for each connection that comes, until one says that no more will.
pub(super) fn accept(listener: &TcpListener) -> Entry {
    let fd = Fd(listener.as_raw_fd());
    AcceptMulti::new(fd).flags(libc::SOCK_CLOEXEC).build().user_data(Token::Accept.number())
}

/// Brings a completion when the writer of `pipe` is dropped: that is the wish to stop (`uring.rs`).
pub(super) fn watch(pipe: &PipeReader) -> Entry {
    // The end of a pipe is reported whatever is asked for: POLLHUP, poll(2).
    PollAdd::new(Fd(pipe.as_raw_fd()), 0).build().user_data(Token::Stop.number())
}

/// Ends all that is under way; what can't be ended is left alone.
pub(super) fn cancel_all() -> Entry {
    AsyncCancel2::new(CancelBuilder::any()).build().user_data(Token::Cancel.number())
}

/// Ends what is under way on one connection: its completion says how far that came.
pub(super) fn cancel(socket: &TcpStream) -> Entry {
    let all_of_it = CancelBuilder::fd(Fd(socket.as_raw_fd())).all();
    AsyncCancel2::new(all_of_it).build().user_data(Token::Cancel.number())
}

/// Receives what comes, as much as `buffer` has room for.
pub(super) fn receive(socket: &TcpStream, buffer: &mut [u8], key: usize) -> Entry {
    /// `IORING_RECVSEND_POLL_FIRST`: to look at once would be vain, the peer has yet to answer.
    const POLL_FIRST: u16 = 1;

    Recv::new(Fd(socket.as_raw_fd()), buffer.as_mut_ptr(), length(buffer))
        .ioprio(POLL_FIRST)
        .build()
        .user_data(Token::Receive(key).number())
}

/// Sends `unsent`, all of it, and then lets the entry behind it begin.
///
/// The two bring exactly one completion. If all was sent it is the other entry's: this one has
/// `SKIP_SUCCESS`. If not (an error, or cut short by a reset or a cancel) it is this one's: the
/// link breaks, and the other entry is dropped without a word (`IOSQE_CQE_SKIP_SUCCESS` in
/// `io_uring_enter(2)`). Without `MSG_WAITALL` a send of a part would pass for a success.
pub(super) fn send_before(socket: &TcpStream, unsent: &[u8], key: usize) -> Entry {
    Send::new(Fd(socket.as_raw_fd()), unsent.as_ptr(), length(unsent))
        .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
        .build()
        // IDEA: linked, the whole exchange of a message is one system call.
        // It answers, and the next message ends the wait.
        .flags(Flags::IO_LINK | Flags::SKIP_SUCCESS)
        .user_data(Token::Send(key).number())
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a buffer is smaller than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_comes_back_as_it_was() {
        for key in [0, 1, 2, 1_000_000] {
            for token in [Token::Receive(key), Token::Send(key)] {
                assert_eq!(Token::from_number(token.number()), token);
            }
        }
        for token in [Token::Accept, Token::Stop, Token::Cancel] {
            assert_eq!(Token::from_number(token.number()), token);
        }
    }
}
