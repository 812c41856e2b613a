//! A large answer to a peer that reads late, and then silence.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::support::{LIMIT, pair, within_limit};
use crate::form::interest::Connection;

/// More than the kernel holds for a connection.
const BYTES: usize = 16 << 20;

/// So long nothing happens.
const SILENCE: Duration = Duration::from_millis(300);

/// A wait that ended so often for nothing will not sleep any more.
const STOP: usize = 1000;

#[test]
fn what_is_sent_is_no_reason_to_wake() {
    let (stream, mut peer) = pair();
    let vain = within_limit(move || {
        let mut connection = Connection::new(stream).unwrap();
        connection.send(&vec![7; BYTES]).unwrap();
        assert!(connection.unsent() > 0, "the kernel took {BYTES} bytes at once");
        let reading = thread::spawn(move || {
            peer.read_exact(&mut vec![0; BYTES]).unwrap();
            peer
        });
        let began = Instant::now();
        while connection.unsent() > 0 && began.elapsed() < LIMIT {
            connection.turn(LIMIT).unwrap();
        }
        let mut peer = reading.join().unwrap();
        let vain = (0..STOP).take_while(|_| connection.turn(SILENCE).unwrap()).count();
        // It sleeps, and is not deaf.
        peer.write_all(b"x").unwrap();
        while connection.received() == 0 && began.elapsed() < LIMIT {
            connection.turn(LIMIT).unwrap();
        }
        assert_eq!(connection.received(), 1);
        vain
    });
    assert!(vain < STOP, "{vain} waits returned with nothing to do, and stopped there; 0 would do");
    assert!(vain == 0, "{vain} waits returned with nothing to do, and 0 would do");
}
