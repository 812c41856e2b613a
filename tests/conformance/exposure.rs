//! Exposure: what a stranger can make a server spend, or print.

use std::io::Write;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::Traits;
use crate::support::{DORMOUSE, Server, ask, reset};

/// Ends a line, moves the cursor, sets a window's title, claims to be a line of the log.
const FORGED: &[u8] = b"\r\n\x1b[2J\x1b]0;mine\x07\xff\xc2\x9b2J\n[ERROR] FORGED\n";

fn logging(model: Traits, level: &str, args: &[&str]) -> Server {
    let mut command = Command::new(DORMOUSE);
    Server::told_to_serve(&mut command, model.name).args(args);
    command.env("RUST_LOG", level).stderr(Stdio::piped());
    Server::spawn_logging(command)
}

/// Whatever a peer sends, a line of the log or of `--print` stays one line, and moves no cursor.
pub(crate) fn what_a_peer_sends_breaks_no_line(model: Traits) {
    let mut server = logging(model, "debug", &["--print"]);
    let stderr = server.take_stderr();
    let log = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap());
    let stream = server.connect();
    assert_eq!(ask(&stream, FORGED).len(), FORGED.len());
    drop(stream);
    let (printed, _) = server.stop_and_read(Signal::SIGTERM);
    let log = log.join().unwrap();
    let lines = || log.lines().chain(printed.iter().map(String::as_str));
    assert!(lines().any(|line| line.contains("FORGED")), "it was not told: {log}");
    for line in lines() {
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(!line.starts_with("[ERROR] FORGED"), "{line:?}");
    }
}

/// Who talks a lot makes no longer a log than who says nothing: a line as it comes, and one as it
/// goes.
pub(crate) fn a_connection_is_two_lines_of_the_log(model: Traits) {
    const CONNECTIONS: usize = 20;
    let server = logging(model, "info", &[]);
    for n in 0..CONNECTIONS {
        let mut stream = server.connect();
        for _ in 0..10 {
            assert_eq!(ask(&stream, b"again").len(), 5);
        }
        if n % 2 == 0 {
            stream.write_all(b"and gone").unwrap();
            reset(stream);
        }
    }
    let (log, stats) = server.stop_and_hear();
    let lines = log.lines().filter(|line| line.contains("127.0.0.1:")).count();
    assert!(lines <= 2 * CONNECTIONS, "{lines} lines, {stats}:\n{log}");
    assert!(lines >= CONNECTIONS, "who comes is told: {lines}");
}
