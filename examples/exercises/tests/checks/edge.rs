//! A message larger than the buffer, and then silence.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::support::{LIMIT, for_mio, pair, within_limit};
use crate::form::edge::Inbox;

/// Larger than most buffers, and less than the kernel holds.
const BYTES: usize = 60_000;

/// So long there is no event: none will come.
const SILENCE: Duration = Duration::from_millis(500);

#[test]
fn a_message_is_read_to_its_end() {
    let (stream, mut peer) = pair();
    peer.write_all(&vec![7; BYTES]).unwrap();
    until_all_is_there(&stream);
    let read = within_limit(|| {
        let mut inbox = Inbox::new(for_mio(stream)).unwrap();
        while inbox.received().len() < BYTES && inbox.turn(SILENCE).unwrap() {}
        inbox.received().to_vec()
    });
    let n = read.len();
    assert!(n == BYTES, "read {n} of {BYTES} bytes, and then there was no event any more");
    assert!(read.iter().all(|byte| *byte == 7), "what is read is what was sent");
}

/// All of it is to be one event.
fn until_all_is_there(stream: &TcpStream) {
    let (mut buffer, began) = (vec![0; BYTES], Instant::now());
    while stream.peek(&mut buffer).unwrap() < BYTES {
        assert!(began.elapsed() < LIMIT, "the kernel does not hold {BYTES} bytes");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn later_messages_and_the_end_are_read_too() {
    let (stream, mut peer) = pair();
    within_limit(move || {
        let mut inbox = Inbox::new(for_mio(stream)).unwrap();
        let began = Instant::now();
        for length in [10, 20] {
            peer.write_all(&[7; 10]).unwrap();
            while inbox.received().len() < length && began.elapsed() < LIMIT {
                inbox.turn(LIMIT).unwrap();
            }
        }
        drop(peer);
        while !inbox.has_ended() && began.elapsed() < LIMIT {
            inbox.turn(LIMIT).unwrap();
        }
        assert_eq!((inbox.received(), inbox.has_ended()), (&[7; 20][..], true));
    });
}
