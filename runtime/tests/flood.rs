//! Floods: of bytes, of connections, of deadlines. Those who say little are answered meanwhile.
//!
//! Guards against: a socket that is always ready and starves the others (tokio-rs/tokio#5946,
//! monoio-rs/monoio#3) or the timers (tokio-rs/tokio#8146, #6545), accepting that starves those
//! who are connected, a sleep of no length that starves everybody (monoio-rs/monoio#370).
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::{sleep, sleep_until};
use dormouse::{Runtime, spawn, yield_now};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use socket2::SockRef;

use support::{any_port, lab, until};

/// A thread that goes on until it is dropped.
struct Crowd(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Crowd {
    /// Calls `work` again and again.
    fn of(mut work: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(SeqCst) {
                work();
            }
        });
        Crowd(stop, Some(thread))
    }

    /// So many connections that send all they can, and never read.
    fn of_firehoses(address: SocketAddr, hoses: usize) -> Self {
        let connect = |_| {
            let stream = StdStream::connect(address).unwrap();
            stream.set_nonblocking(true).unwrap();
            stream
        };
        let mut hoses: Vec<_> = (0..hoses).map(connect).collect();
        Crowd::of(move || {
            for hose in &mut hoses {
                match hose.write(&[7; 1 << 14]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
            }
        })
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
        if let Some(thread) = self.1.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}

/// Reads for ever, in pieces so small that there always is a next one; counts them.
fn drain(mut stream: TcpStream, reads: &Rc<Cell<u64>>) -> dormouse::JoinHandle<()> {
    let reads = Rc::clone(reads);
    spawn(async move {
        while let Ok(1..) = stream.read(&mut [0; 64]).await {
            reads.set(reads.get() + 1);
        }
    })
}

async fn echo(mut stream: TcpStream) {
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte).await {
        if stream.write_all(&byte).await.is_err() {
            return;
        }
    }
}

/// Clients of which each says a word and waits for the answer, so many times; how long each round
/// took.
fn pings(address: SocketAddr, clients: usize, rounds: usize) -> JoinHandle<Vec<Duration>> {
    let connect = move |_| StdStream::connect(address).unwrap();
    thread::spawn(move || {
        let mut clients: Vec<_> = (0..clients).map(connect).collect();
        let round = |_| {
            let begin = Instant::now();
            for client in &mut clients {
                client.write_all(b"?").unwrap();
            }
            for client in &mut clients {
                client.read_exact(&mut [0]).unwrap();
            }
            begin.elapsed()
        };
        (0..rounds).map(round).collect()
    })
}

/// The half of them took no longer than `limit`: a busy machine may stop anybody for a while.
fn assert_most_are_below(limit: Duration, mut took: Vec<Duration>) {
    took.sort();
    assert!(took[took.len() / 2] <= limit, "{took:?}");
}

/// When it was, and how many polls the runtime had made by then.
type Seen = (Instant, u64);

/// Counted in polls, and not in time: this holds on a busy machine as well.
#[test]
fn a_flood_keeps_no_deadline_waiting() {
    const HOSES: usize = 64;
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let crowd = Crowd::of_firehoses(listener.local_addr().unwrap(), HOSES);
            let (reads, mut others) = (Rc::new(Cell::new(0)), Vec::new());
            for _ in 0..HOSES {
                others.push(drain(listener.accept().await.unwrap().0, &reads));
            }
            until(|| reads.get() > 0).await;
            let seen = Rc::new(RefCell::new(Vec::<Seen>::new()));
            let (note, ours) = (Rc::clone(&seen), Rc::clone(runtime));
            // Polled once in each round.
            others.push(spawn(async move {
                loop {
                    note.borrow_mut().push((Instant::now(), ours.metrics().polls));
                    yield_now().await;
                }
            }));
            let sleeper = async |ours: Rc<Runtime>, after: Duration| -> Seen {
                let deadline = Instant::now() + after;
                sleep_until(deadline).await;
                (deadline, ours.metrics().polls)
            };
            let sleepers: Vec<_> = (0..20)
                .map(|n| spawn(sleeper(Rc::clone(runtime), Duration::from_millis(10 + n))))
                .collect();
            // Deadlines are looked at after 64 polls, or at the end of a round in which somebody
            // used up its steps; the sleeper comes in the round that follows.
            let most = 64 + 2 * runtime.snapshot().tasks.len() as u64;
            for sleeper in sleepers {
                let (deadline, polls) = sleeper.await.unwrap();
                let seen = seen.borrow();
                let due = seen.iter().find(|(at, _)| *at >= deadline).map_or(polls, |due| due.1);
                assert!(polls <= due + most, "it was woken {} polls late", polls - due);
            }
            drop(crowd);
            others.iter().for_each(dormouse::JoinHandle::abort);
        });
    });
}

#[test]
fn a_flood_keeps_no_word_waiting() {
    const PINGERS: usize = 50;
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            let crowd = Crowd::of_firehoses(address, 1);
            let reads = Rc::new(Cell::new(0));
            let drains = drain(listener.accept().await.unwrap().0, &reads);
            let pings = pings(address, PINGERS, 20);
            for _ in 0..PINGERS {
                drop(spawn(echo(listener.accept().await.unwrap().0)));
            }
            let before = reads.get();
            until(|| pings.is_finished()).await;
            assert!(reads.get() > before, "who floods is served as well");
            assert_most_are_below(Duration::from_millis(100), pings.join().unwrap());
            drop(crowd);
            drains.abort();
        });
    });
}

#[test]
fn those_who_come_and_go_keep_no_word_waiting() {
    const PINGERS: usize = 10;
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            let pings = pings(address, PINGERS, 50);
            for _ in 0..PINGERS {
                drop(spawn(echo(listener.accept().await.unwrap().0)));
            }
            let (came, gone) = (Arc::new(AtomicUsize::new(0)), Rc::new(Cell::new(0)));
            let (comes, goes) = (Arc::clone(&came), Rc::clone(&gone));
            let crowd = Crowd::of(move || {
                let stream = StdStream::connect(address).unwrap();
                // A reset, so that it leaves no port behind.
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
                comes.fetch_add(1, SeqCst);
            });
            let accepts = spawn(async move {
                loop {
                    let goes = Rc::clone(&goes);
                    let (stream, _) = listener.accept().await.unwrap();
                    drop(spawn(async move {
                        echo(stream).await;
                        goes.set(goes.get() + 1);
                    }));
                }
            });
            until(|| pings.is_finished() && gone.get() >= 1000).await;
            assert_most_are_below(Duration::from_millis(100), pings.join().unwrap());
            drop(crowd);
            let came = came.load(SeqCst);
            until(|| gone.get() == came).await;
            accepts.abort();
        });
    });
}

#[test]
fn a_sleep_of_no_length_keeps_nobody_waiting() {
    lab(|runtime| {
        runtime.block_on(async {
            let naps = Rc::new(Cell::new(0_u64));
            let counts = Rc::clone(&naps);
            let hot = spawn(async move {
                loop {
                    sleep(Duration::ZERO).await;
                    counts.set(counts.get() + 1);
                }
            });
            let before = runtime.metrics();
            for _ in 0..20 {
                sleep(Duration::from_millis(1)).await;
                yield_now().await;
            }
            let did = runtime.metrics().since(before);
            // So many of them a poll, no more; and no timer for any.
            assert!(naps.get() >= 128 && naps.get() <= did.polls * 128, "{did:#?}");
            assert_eq!(did.timers_armed, 20);
            hot.abort();
        });
    });
}
