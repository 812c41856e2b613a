//! A peer that sends much, and begins to read late.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::support::{listener, within_limit};
use crate::form::partial_write::{Totals, echo};

const BYTES: usize = 4 << 20;

/// What a socket holds: little, so that no write takes all.
const ROOM: usize = 16 * 1024;

/// After so long the peer reads, whether it could send all or not.
const LATE: Duration = Duration::from_millis(200);

/// The bytes that are sent: each says where it belongs.
#[allow(clippy::cast_possible_truncation, reason = "a pattern")]
fn pattern() -> Vec<u8> {
    (0..BYTES).map(|i| (i / 251 + i) as u8).collect()
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(ROOM).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

/// Sends all, and says so.
fn send_all(mut stream: TcpStream) -> Receiver<io::Result<()>> {
    let (tell, told) = channel();
    thread::spawn(move || {
        let sent = stream.write_all(&pattern()).and_then(|()| stream.shutdown(Shutdown::Write));
        let _: Result<(), _> = tell.send(sent);
    });
    told
}

#[test]
fn every_byte_comes_back() {
    let (back, totals) = within_limit(|| {
        let listener = listener();
        let client = connect(listener.local_addr().unwrap());
        let (server, _) = listener.accept().unwrap();
        SockRef::from(&server).set_send_buffer_size(ROOM).unwrap();
        let serving = thread::spawn(move || echo(server));
        // Not an error: an echo that loses nothing can't take all before it is read from.
        let _: Result<_, _> = send_all(client.try_clone().unwrap()).recv_timeout(LATE);
        // Not much more than there should be: who sends things twice may do so without end. What
        // came before an error counts.
        let mut back = Vec::new();
        let _: io::Result<usize> = (&client).take(2 * BYTES as u64).read_to_end(&mut back);
        let _: io::Result<()> = client.shutdown(Shutdown::Both);
        drop(client);
        (back, serving.join().unwrap())
    });
    let n = back.len();
    assert!(n == BYTES, "{n} of {BYTES} bytes came back");
    assert!(back == pattern(), "as many bytes came back as were sent, but not the same");
    assert_eq!(totals.unwrap(), Totals { received: BYTES, sent: BYTES });
}
