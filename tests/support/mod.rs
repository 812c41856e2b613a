//! What the tests of whole programs share: a server as a process, and peers that talk to it.
//!
//! However a test ends a [`Server`], at that moment the server must not have a connection whose peer
//! is gone, or a child; and once it has ended, nothing of it is left.
//! Seen to fail with a server that keeps a connection: an impostor of `tests/conformance/`.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod left;
mod server;
pub(crate) mod witness;

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use dormouse_study::options::Options;
use dormouse_study::reply::Reply;

#[allow(unused_imports, reason = "each test file uses its own part of it")]
pub(crate) use server::Server;

/// Generous: reached only when something hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

thread_local! {
    static PATIENCE: Cell<Duration> = const { Cell::new(LIMIT) };
}

/// Runs what is meant to hang, and so should not wait as long as [`LIMIT`] for it.
pub(crate) fn with_patience<T>(patience: Duration, run: impl FnOnce() -> T) -> T {
    let before = PATIENCE.replace(patience);
    let done = run();
    PATIENCE.set(before);
    done
}

/// Started again with this set, a test program plays the server that it names.
pub(crate) const ROLE: &str = "DORMOUSE_TEST_ROLE";

pub(crate) const DORMOUSE: &str = env!("CARGO_BIN_EXE_dormouse");

/// As `dormouse serve` has them where nothing else is asked for.
pub(crate) const OPTIONS: Options = Options {
    reply: Reply::Upper,
    buffer: 4096,
    every: None,
    max_connections: None,
    idle_timeout: None,
};

/// The first line that a program prints, without its end.
pub(crate) fn first_line(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line.trim_end().into()
}

/// How many processes have this mark, those that nobody has fetched left out.
pub(crate) fn marked(mark: &str) -> usize {
    let mark = format!("DORMOUSE_TEST_MARK={mark}");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let environments =
        processes.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    environments
        .filter(|all| all.split(|byte| *byte == 0).any(|one| one == mark.as_bytes()))
        .count()
}

/// Reads to the end, and counts the lines with `text` in them.
pub(crate) fn count_lines(log: impl Read, text: &str) -> usize {
    BufReader::new(log).lines().filter(|line| line.as_ref().unwrap().contains(text)).count()
}

/// Waits for an event that must come; the pause between two looks proves nothing.
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let (start, patience) = (Instant::now(), PATIENCE.get());
    while !happened() {
        assert!(start.elapsed() < patience, "waited {patience:?} in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE.get())).unwrap();
    stream.set_write_timeout(Some(PATIENCE.get())).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends `message` and takes the same number of bytes back.
pub(crate) fn ask(mut stream: &TcpStream, message: &[u8]) -> Vec<u8> {
    stream.write_all(message).unwrap();
    let mut answer = vec![0; message.len()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// Sends all of `data`, ends that direction, and returns all that comes back until the end.
pub(crate) fn stream_through(stream: &TcpStream, data: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut echo = Vec::with_capacity(data.len());
    thread::scope(|scope| {
        let sender = scope.spawn(move || {
            let mut stream = stream;
            stream.write_all(data)?;
            stream.shutdown(Shutdown::Write)
        });
        let mut stream = stream;
        let received = stream.read_to_end(&mut echo);
        sender.join().unwrap()?;
        received
    })?;
    Ok(echo)
}

/// Bytes of which no two neighbourhoods look alike, all values among them.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from((n ^ (n >> 8) ^ (n >> 16)) & 0xff).unwrap()).collect()
}

/// Sends until nothing more is taken: both ends' buffers are full, and the server waits for room.
/// Returns how many bytes that took.
pub(crate) fn fill(mut stream: &TcpStream) -> usize {
    let (mut sent, mut refused) = (0, 0);
    stream.set_nonblocking(true).unwrap();
    while refused < 20 {
        match stream.write(&[b'x'; 1 << 14]) {
            Ok(n) => (sent, refused) = (sent + n, 0),
            Err(_) => refused += 1,
        }
        if refused > 0 {
            thread::sleep(Duration::from_millis(5));
        }
    }
    stream.set_nonblocking(false).unwrap();
    sent
}

/// Ends the connection with a reset instead of an end.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}
