//! What can be printed says what it is: nobody learns anything from an empty line.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::fmt::Debug;
use std::time::Duration;

use dormouse::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use dormouse::time::{interval, sleep, timeout};
use dormouse::{Builder, Runtime, spawn, testing, yield_now};

const HOUR: Duration = Duration::from_secs(3600);

#[track_caller]
fn says(shown: &impl Debug, words: &[&str]) {
    let text = format!("{shown:?}");
    for word in words {
        assert!(text.contains(word), "'{text}' has no '{word}'");
    }
}

#[test]
fn all_that_is_public_can_be_shown() {
    says(&Builder::new(), &["Builder"]);
    let runtime = Runtime::new().unwrap();
    says(&runtime, &["Runtime", "polls"]);
    says(&runtime.handle(), &["Handle"]);
    says(&runtime.handle().spawn(async {}), &["RemoteJoinHandle"]);
    runtime.block_on(async {
        says(&yield_now(), &["YieldNow"]);
        says(&sleep(HOUR), &["Sleep", "deadline"]);
        says(&timeout(HOUR, yield_now()), &["Timeout"]);
        says(&interval(HOUR), &["Interval", "3600s"]);
        let task = spawn(yield_now());
        says(&task, &["JoinHandle", "finished: false"]);
        task.abort();
        says(&task.await.unwrap_err(), &["JoinError", "ancelled"]);
        says(&spawn(async { panic!("at sea") }).await.unwrap_err(), &["JoinError", "at sea"]);
    });
}

#[test]
fn all_sockets_can_be_shown() {
    dormouse::block_on(async {
        let any_port = "127.0.0.1:0".parse().unwrap();
        let listener = TcpListener::bind(any_port).unwrap();
        says(&listener, &["TcpListener"]);
        let address = listener.local_addr().unwrap();
        says(&TcpStream::connect(address).await.unwrap(), &["TcpStream"]);
        says(&UdpSocket::bind(any_port).unwrap(), &["UdpSocket"]);
        let path = std::env::temp_dir().join(format!("shown-{}", std::process::id()));
        says(&UnixListener::bind(&path).unwrap(), &["UnixListener"]);
        std::fs::remove_file(&path).unwrap();
        let (reads, writes) = UnixStream::pair().unwrap().0.split();
        says(&reads, &["OwnedReadHalf"]);
        says(&writes, &["OwnedWriteHalf"]);
    });
}

#[test]
fn a_breach_of_a_law_says_which() {
    let metrics = dormouse::Metrics::default();
    assert!(testing::check_books(&metrics).is_ok());
    let runtime = Runtime::new().unwrap();
    runtime.block_on(yield_now());
    let mut wrong = runtime.metrics();
    wrong.polls += 1;
    says(&testing::check_books(&wrong).unwrap_err(), &["polls"]);
}
