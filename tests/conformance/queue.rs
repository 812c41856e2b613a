//! A connection is a queue of bytes, with as much room as the kernel and one buffer have.
//!
//! Seen to fail when a server sends the rest of an answer from its beginning again (`mio`), and when
//! it forgets that rest (`poll`, `async`). Where the kernel takes the whole answer, as it does for
//! `blocking`, `threads` and `uring`, there is no rest.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use fastrand::Rng;

use crate::Traits;
use crate::impostor;
use crate::streams::upper;
use crate::support::{Server, pattern};

/// A client that writes and reads as it likes, and never waits: what came back must be the
/// beginning of what was sent, at any time, and all of it in the end.
pub(crate) fn random_writes_and_reads_are_a_queue(model: Traits) {
    for (seed, buffer) in [(1, 13), (2, 4096), (3, 300_000)] {
        let server = Server::spawn(impostor::with_small_send_buffers(model.name, buffer));
        for seed in [seed, seed + 10] {
            let mut random = Rng::with_seed(seed);
            let data = pattern((300 * buffer).min(700_000));
            let stream = server.connect();
            let (sent, got) = talk(&stream, &data, &mut random);
            assert!(got == upper(&data[..sent]), "seed {seed}: {} of {sent} bytes", got.len());
        }
    }
}

/// Sends and receives, each as much as it happens to; returns how much was sent, and what came.
fn talk(mut stream: &TcpStream, data: &[u8], random: &mut Rng) -> (usize, Vec<u8>) {
    let (mut sent, mut got) = (0, Vec::new());
    stream.set_nonblocking(true).unwrap();
    // How eager it is to write and to read: from time to time that changes.
    let mut eager = [1, 1];
    for step in 0..3000 {
        if step % 100 == 0 {
            eager = [random.usize(..4), random.usize(..4)];
        }
        if random.usize(..4) < eager[0] {
            let chunk = random.usize(..data.len() / 20);
            let end = data.len().min(sent + chunk);
            sent += moved(stream.write(&data[sent..end]));
        }
        if random.usize(..4) < eager[1] {
            let mut room = vec![0; 1 + random.usize(..data.len() / 20)];
            let n = moved(stream.read(&mut room));
            got.extend_from_slice(&room[..n]);
            assert!(got.len() <= sent, "more comes back than was sent");
        }
    }
    stream.set_nonblocking(false).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream.read_to_end(&mut got).unwrap();
    (sent, got)
}

/// Nothing, where it would wait.
fn moved(result: std::io::Result<usize>) -> usize {
    match result {
        Ok(n) => n,
        Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
        Err(e) => panic!("{e}"),
    }
}
