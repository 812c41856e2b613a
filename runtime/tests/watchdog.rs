//! The watchdog names who spins, who keeps the thread and who does not read; each once, and nobody
//! else.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

#[path = "support/logged.rs"]
mod logged;
mod support;

use std::io::Write;
use std::panic::Location;
use std::time::Duration;

use dormouse::net::TcpStream;
use dormouse::time::sleep;
use dormouse::{Builder, Metrics, Watchdog, spawn, yield_now};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use logged::logged;
use support::{connection, connection_to_std, spin};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Tight enough to be met within a test, and never by a machine that is slow.
fn strict() -> Watchdog {
    let hour = Duration::from_secs(3600);
    Watchdog::default().self_wakes(100).unread_events(10).longest_poll(hour)
}

/// What a runtime with this watchdog warns of while it runs `future`.
#[track_caller]
fn warnings(watchdog: Watchdog, future: impl Future<Output = ()>) -> Vec<String> {
    logged(|| Builder::new().watchdog(watchdog).build().unwrap().block_on(future))
}

/// The line of this file that calls it, as a warning names it.
#[track_caller]
fn here() -> String {
    Location::caller().to_string().rsplit_once(':').unwrap().0.to_owned()
}

#[track_caller]
fn assert_one(warnings: &[String], parts: &[&str]) {
    let [warning] = warnings else { panic!("one warning: {warnings:?}") };
    for part in parts {
        assert!(warning.contains(part), "{part:?} in {warning:?}");
    }
}

async fn yields(times: usize) {
    for _ in 0..times {
        yield_now().await;
    }
}

#[test]
fn a_task_that_wakes_itself_is_named_once_with_the_place_of_its_spawn() {
    let mut place = String::new();
    let warned = warnings(strict(), async {
        #[rustfmt::skip]
        let (line, spins) = (here(), spawn(yields(5000)));
        place = line;
        spins.await.unwrap();
    });
    assert_one(&warned, &["has woken itself 101 times", "it spins", &place]);
}

#[test]
fn the_future_of_block_on_is_named_too() {
    assert_one(&warnings(strict(), yields(5000)), &["has woken itself 101 times", file!()]);
}

#[test]
fn a_task_that_others_wake_in_between_does_not_spin() {
    let warned = warnings(strict(), async {
        for _ in 0..10 {
            yields(100).await;
            sleep(MILLISECOND).await;
        }
    });
    assert_eq!(warned, [""; 0]);
}

#[test]
fn a_task_that_waits_for_readiness_and_never_reads_spins() {
    let warned = warnings(strict(), async {
        let listener = std::net::TcpListener::bind(support::any_port()).unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.write_all(b"never read").unwrap();
        let ours = mio::net::TcpStream::from_std({
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            stream
        });
        let mut ours = dormouse::Async::new(ours, mio::Interest::READABLE).unwrap();
        // Each poll goes on with what is ready for as long as it may, and then gives way.
        for _ in 0..100_000 {
            ours.readable().await.unwrap();
        }
    });
    assert_one(&warned, &["it spins"]);
}

#[test]
fn a_task_that_reads_the_end_again_and_again_spins() {
    let warned = warnings(strict(), async {
        let (mut stream, peer) = connection_to_std().await;
        drop(peer);
        for _ in 0..100_000 {
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        }
    });
    assert_one(&warned, &["it spins"]);
}

/// The kernel reports what lies unread whenever there is room to write again.
#[test]
fn a_socket_that_is_written_to_may_wait_to_be_read() {
    let warned = warnings(strict(), async {
        let (mut stream, mut peer) = connection_to_std().await;
        peer.write_all(b"the next request").unwrap();
        let reads = std::thread::spawn(move || {
            let mut left = 64 << 20;
            while left > 0 {
                left -= std::io::Read::read(&mut peer, &mut [0; 1 << 14]).unwrap();
            }
            peer
        });
        stream.write_all(&vec![7; 64 << 20]).await.unwrap();
        drop(reads.join().unwrap());
    });
    assert_eq!(warned, [""; 0]);
}

async fn answers(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        stream.write_all(&buffer[..n]).await.unwrap();
        yields(100).await;
    }
}

#[test]
fn a_sound_program_is_not_warned_of() {
    let warned = warnings(strict(), async {
        let (mut client, server) = connection().await;
        let answering = spawn(answers(server));
        for _ in 0..200 {
            client.write_all(b"hello").await.unwrap();
            client.read_exact(&mut [0; 5]).await.unwrap();
        }
        drop(client);
        answering.await.unwrap();
    });
    assert_eq!(warned, [""; 0]);
}

#[test]
fn a_socket_that_is_always_ready_is_no_spin() {
    let warned = warnings(strict(), async {
        let (client, mut server) = connection().await;
        let (mut reader, mut writer) = client.split();
        let firehose = spawn(async move { writer.write_all(&vec![7; 8 << 20]).await });
        let mut left = 8 << 20;
        while left > 0 {
            left -= server.read(&mut [0; 64]).await.unwrap();
        }
        firehose.await.unwrap().unwrap();
        drop(server);
        assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0);
    });
    assert_eq!(warned, [""; 0]);
}

#[test]
fn a_poll_that_keeps_the_thread_is_named_once() {
    let warned = warnings(strict().longest_poll(5 * MILLISECOND), async {
        for _ in 0..3 {
            spin(20 * MILLISECOND);
            yield_now().await;
        }
    });
    assert_one(&warned, &["kept the thread for", "in one poll", file!()]);
}

/// Lets the peer send single bytes, each an event of its own; `read` is called before each.
async fn sends_bytes(times: usize, mut read: impl AsyncFnMut(&mut TcpStream)) {
    let (mut stream, mut peer) = connection_to_std().await;
    for _ in 0..times {
        read(&mut stream).await;
        peer.write_all(b"x").unwrap();
        // Long enough for the kernel to report it; whether it did is what is counted.
        sleep(MILLISECOND).await;
    }
}

#[test]
fn a_socket_that_nobody_reads_is_named_once() {
    let warned = warnings(strict(), sends_bytes(40, async |_| ()));
    assert_one(&warned, &["was reported readable 11 times, and nobody reads it", file!()]);
}

#[test]
fn a_socket_that_is_read_is_not_warned_of() {
    let warned = warnings(
        strict(),
        sends_bytes(40, async |stream| {
            futures_lite::future::poll_once(stream.read(&mut [0; 8])).await;
        }),
    );
    assert_eq!(warned, [""; 0]);
}

/// It only listens: what the runtime does, and how often, is the same with it and without.
#[test]
fn it_changes_nothing() {
    let metrics = |builder: Builder| -> Metrics {
        let runtime = builder.build().unwrap();
        runtime.block_on(async {
            spawn(yields(500)).await.unwrap();
            let (mut client, server) = connection().await;
            drop(spawn(answers(server)));
            for _ in 0..10 {
                client.write_all(b"hello").await.unwrap();
                client.read_exact(&mut [0; 5]).await.unwrap();
            }
        });
        runtime.metrics()
    };
    let without = metrics(Builder::new());
    let mut with = None;
    let warned = logged(|| with = Some(metrics(Builder::new().watchdog(strict()))));
    assert_eq!(with.unwrap(), without);
    assert_one(&warned, &["it spins"]);
}
