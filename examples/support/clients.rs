//! # Clients: who the steps 12 to 16 talk to
//!
//! Problem: a step that waits needs somebody to wait for.
//! Idea: a thread with so many clients, which are silent most of the time.
//! Leaves out: a listener that goes on to accept: all connections are there from the start.
//! Read next: `13_spinning_block_on.rs`.
//! Try: `cargo run --example 13_spinning_block_on`

use std::io::{self, Read, Write};
use std::net;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::net::TcpStream;

use super::{connected, without_waiting};

/// How long the clients are silent before each word, and before they leave.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

/// What each of them says.
pub(crate) const WORDS: [&[u8]; 2] = [b"hello", b"are you awake?"];

/// So many connections, and the thread of their clients.
pub(crate) type Clients<const N: usize> = ([TcpStream; N], JoinHandle<io::Result<()>>);

/// Connects so many clients, which begin to talk.
pub(crate) fn clients<const N: usize>() -> io::Result<Clients<N>> {
    let (streams, clients) = connected(N, talk)?;
    let streams = streams.into_iter().map(without_waiting).collect::<io::Result<Vec<_>>>()?;
    Ok((streams.try_into().expect("as many as were asked for"), clients))
}

/// A client that does nothing by itself, and the server's end of its connection.
pub(crate) fn connect() -> io::Result<(net::TcpStream, TcpStream)> {
    let (mut streams, client) = connected(1, |mut clients| Ok(clients.remove(0)))?;
    let client = client.join().expect("it does nothing")?;
    Ok((client, without_waiting(streams.remove(0))?))
}

/// Each says its words, wants them back, and leaves.
fn talk(mut clients: Vec<net::TcpStream>) -> io::Result<()> {
    for word in WORDS {
        thread::sleep(SILENCE);
        for client in &mut clients {
            client.write_all(word)?;
        }
        let mut answer = vec![0; word.len()];
        for client in &mut clients {
            client.read_exact(&mut answer)?;
            assert_eq!(answer, word, "what comes in goes back");
        }
    }
    thread::sleep(SILENCE);
    Ok(())
}
