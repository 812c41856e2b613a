//! Tokens: an event reaches the source that it is of, or nobody.
//!
//! Guards against: an event for who had the place before, delivered to who has it now, as both
//! were in one batch (redis/redis#4877, golang/go#59545, tokio-rs/mio#172, nginx's instance bit).
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::RefCell;
use std::io::Write;
use std::os::unix::net::UnixStream as StdStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use dormouse::net::UnixStream;
use dormouse::time::sleep;
use dormouse::yield_now;
use futures_io::AsyncRead;

use support::lab;

const STREAMS: usize = 16;

/// A sequence that looks random and is the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Counts its wakes. Every other one closes some stream, and opens one in its place: in the midst
/// of a batch, in which the closed one may have an event still.
struct Meddles(AtomicUsize);

impl Wake for Meddles {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
        let victim = TABLE.with_borrow_mut(|table| {
            let meddles = table.random.below(2) == 0;
            meddles.then(|| table.random.below(STREAMS))
        });
        if let Some(victim) = victim {
            // Closed first, so that the newcomer gets its place.
            drop(TABLE.with_borrow_mut(|table| table.streams[victim].take()));
            let newcomer = Stream::open();
            TABLE.with_borrow_mut(|table| table.streams[victim] = Some(newcomer));
        }
    }
}

struct Stream {
    ours: UnixStream,
    theirs: StdStream,
    id: u64,
    written: bool,
    wakes: Arc<Meddles>,
}

struct Table {
    streams: Vec<Option<Stream>>,
    random: Random,
    opened: u64,
}

thread_local! {
    static TABLE: RefCell<Table> =
        const { RefCell::new(Table { streams: Vec::new(), random: Random(0x9e37_79b9), opened: 0 }) };
}

impl Stream {
    /// It waits to be read from the start.
    fn open() -> Self {
        let id = TABLE.with_borrow_mut(|table| {
            table.opened += 1;
            table.opened
        });
        let (ours, theirs) = StdStream::pair().unwrap();
        let ours = UnixStream::from_std(ours).unwrap();
        let wakes = Arc::new(Meddles(AtomicUsize::new(0)));
        let mut stream = Stream { ours, theirs, id, written: false, wakes };
        assert_eq!(stream.read(), None, "nobody wrote to it");
        stream
    }

    /// What it reads: the number of a stream.
    fn read(&mut self) -> Option<u64> {
        let (waker, mut buffer) = (Waker::from(Arc::clone(&self.wakes)), [0; 8]);
        let cx = &mut Context::from_waker(&waker);
        match Pin::new(&mut self.ours).poll_read(cx, &mut buffer) {
            Poll::Ready(read) => {
                assert_eq!(read.unwrap(), 8);
                Some(u64::from_ne_bytes(buffer))
            }
            Poll::Pending => None,
        }
    }

    /// It was woken if somebody wrote to it, and has nothing but its own number to read.
    fn check(&mut self) {
        let wakes = self.wakes.0.swap(0, Relaxed);
        assert_eq!(wakes, usize::from(self.written), "wakes of stream {}", self.id);
        assert_eq!(self.read(), self.written.then_some(self.id));
        if std::mem::take(&mut self.written) {
            assert_eq!(self.read(), None, "once");
        }
    }
}

#[test]
fn no_event_ever_reaches_who_took_a_place_in_the_same_batch() {
    lab(|runtime| {
        runtime.block_on(async {
            let streams = (0..STREAMS).map(|_| Some(Stream::open())).collect();
            TABLE.with_borrow_mut(|table| table.streams = streams);
            for _ in 0..200 {
                TABLE.with_borrow_mut(|Table { streams, random, .. }| {
                    for stream in streams.iter_mut().flatten().filter(|_| random.below(2) == 0) {
                        stream.theirs.write_all(&stream.id.to_ne_bytes()).unwrap();
                        stream.written = true;
                    }
                });
                // All that was written is one batch.
                sleep(Duration::from_millis(1)).await;
                for place in 0..STREAMS {
                    TABLE.with_borrow_mut(|table| {
                        table.streams[place].as_mut().unwrap().check();
                    });
                    // A task must give way after a number of reads; this one begins afresh.
                    yield_now().await;
                }
            }
            let stale = runtime.metrics().events_stale;
            assert!(stale > 100, "only {stale} events were of streams that had gone");
            drop(TABLE.with_borrow_mut(|table| std::mem::take(&mut table.streams)));
        });
    });
}
