//! A message larger than the buffer, and then silence.

use std::io::Write;
use std::time::{Duration, Instant};

use super::support::{LIMIT, for_mio, pair, within_limit};
use crate::form::edge::Inbox;

const BYTES: usize = 100;

/// So long there is no event: none will come.
const SILENCE: Duration = Duration::from_millis(500);

#[test]
fn a_message_is_read_to_its_end() {
    let (stream, mut peer) = pair();
    peer.write_all(&[7; BYTES]).unwrap();
    let read = within_limit(|| {
        let mut inbox = Inbox::new(for_mio(stream)).unwrap();
        while inbox.received().len() < BYTES && inbox.turn(SILENCE).unwrap() {}
        inbox.received().to_vec()
    });
    let n = read.len();
    assert!(n == BYTES, "read {n} of {BYTES} bytes, and then there was no event any more");
    assert_eq!(read, [7; BYTES]);
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
