//! A reader waits, then a writer; then something comes to be read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use mio::{Events, Token};

use super::support::{Counter, LIMIT, for_mio, pair, wait, within_limit};
use crate::form::halves::Duplex;

const TOKEN: Token = Token(7);

/// The connection, and the loop that hands it its events.
struct Stage {
    duplex: Duplex,
    peer: TcpStream,
    poll: mio::Poll,
    events: Events,
}

impl Stage {
    /// The event of a new connection, 'writable', is over.
    fn set() -> Stage {
        let (poll, events) = (mio::Poll::new().unwrap(), Events::with_capacity(8));
        let (stream, peer) = pair();
        let duplex = Duplex::new(for_mio(stream), poll.registry(), TOKEN).unwrap();
        let mut stage = Stage { duplex, peer, poll, events };
        stage.until(|stage| !stage.events.is_empty());
        stage
    }

    /// Reports events until `done`, or until it takes too long.
    fn until(&mut self, done: impl Fn(&mut Stage) -> bool) {
        let began = Instant::now();
        while !done(self) && began.elapsed() < LIMIT {
            wait(&mut self.poll, &mut self.events, Duration::from_millis(10));
            self.events.iter().for_each(|event| self.duplex.report(event));
        }
    }

    fn wait_to_read(&self, reader: &Waker) {
        let poll = self.duplex.poll_read(&mut Context::from_waker(reader), &mut [0; 16]);
        assert!(poll.is_pending(), "nothing has come yet");
    }

    /// Fills what the kernel holds: it goes on to make room for a while.
    fn fill(&mut self) {
        let mut settled = false;
        while !settled {
            self.wait_to_write(Waker::noop());
            wait(&mut self.poll, &mut self.events, Duration::from_millis(50));
            self.events.iter().for_each(|event| self.duplex.report(event));
            settled = self.events.is_empty();
        }
    }

    /// Writes until there is no room.
    fn wait_to_write(&self, writer: &Waker) {
        let mut cx = Context::from_waker(writer);
        let chunk = vec![0; 64 * 1024];
        while let Poll::Ready(written) = self.duplex.poll_write(&mut cx, &chunk) {
            written.unwrap();
        }
    }

    fn has_readable(&self) -> bool {
        self.events.iter().any(mio::event::Event::is_readable)
    }
}

#[test]
fn the_reader_is_woken_when_something_comes() {
    within_limit(|| {
        let mut stage = Stage::set();
        stage.fill();
        let ((for_reader, reader), (for_writer, writer)) =
            (Counter::with_waker(), Counter::with_waker());
        stage.wait_to_read(&reader);
        stage.wait_to_write(&writer);
        stage.peer.write_all(b"x").unwrap();
        stage.until(|stage| stage.has_readable());
        let (read, written) = (for_reader.count(), for_writer.count());
        assert!(
            read == 1,
            "the reader was woken {read} times, and 1 would do; the writer, for nothing, {written}"
        );
        assert!(written == 0, "the writer was woken {written} times for nothing, and 0 would do");
    });
}

#[test]
fn the_writer_is_woken_when_there_is_room() {
    within_limit(|| {
        let mut stage = Stage::set();
        stage.fill();
        let (for_writer, writer) = Counter::with_waker();
        stage.wait_to_write(&writer);
        stage.peer.set_nonblocking(true).unwrap();
        stage.until(|stage| {
            let mut buffer = vec![0; 1 << 20];
            while stage.peer.read(&mut buffer).is_ok_and(|n| n > 0) {}
            for_writer.count() > 0
        });
        assert_eq!(for_writer.count(), 1, "there is room, and the writer is told");
    });
}
