//! A connection is a queue of bytes, whatever the kernel answers to its calls: random sequences
//! against that model, of single steps and of what readiness makes of them.
//!
//! Seen to fail when `Connection::write` sends on from `unsent.start` again, when it goes back to
//! reading after a short write, and when `exchange` writes with nothing unsent; and, of readiness,
//! when `advance` takes a short read for the last one after an end, when it clears the other
//! direction, when `note` forgets what it knew, and when `Again` leaves the connection unqueued.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::options::Options;

const STEPS_A_TURN: usize = 32;

/// What the kernel does with a call, if it can.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Moves so many bytes at most.
    Moves(usize),
    Fails(ErrorKind),
}

/// One call, how many bytes it asked for, and what came of it.
#[derive(Debug)]
struct Call {
    writes: bool,
    asked: usize,
    result: Result<usize, ErrorKind>,
}

/// The kernel's side of a socket, and what it has seen of the server.
#[derive(Default)]
struct Kernel {
    arrived: VecDeque<u8>,
    ended: bool,
    /// How many of those that arrived a read may take before urgent data stops it.
    mark: Option<usize>,
    /// How many bytes it still takes.
    room: usize,
    read: usize,
    taken: Vec<u8>,
    /// Instead of doing what is asked for, in this order.
    answers: VecDeque<Answer>,
    calls: Vec<Call>,
}

impl Kernel {
    fn answer(&mut self) -> Result<usize, ErrorKind> {
        match self.answers.pop_front() {
            None => Ok(usize::MAX),
            Some(Answer::Moves(most)) => Ok(most),
            Some(Answer::Fails(kind)) => Err(kind),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let most = self.answer()?.max(1).min(buffer.len()).min(self.mark.unwrap_or(usize::MAX));
        if self.arrived.is_empty() {
            return if self.ended { Ok(0) } else { Err(ErrorKind::WouldBlock) };
        }
        let n = most.min(self.arrived.len());
        buffer.iter_mut().zip(self.arrived.drain(..n)).for_each(|(to, byte)| *to = byte);
        self.mark = self.mark.map(|mark| mark - n).filter(|mark| *mark > 0);
        self.read += n;
        Ok(n)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let n = self.answer()?.min(bytes.len()).min(self.room);
        if self.room == 0 {
            return Err(ErrorKind::WouldBlock);
        }
        self.room -= n;
        self.taken.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    /// Bytes that the server holds, where it answers with all that it reads.
    fn held(&self) -> usize {
        self.read - self.taken.len()
    }
}

#[derive(Clone, Default)]
struct Socket(Rc<RefCell<Kernel>>);

impl Socket {
    fn called(
        &self,
        writes: bool,
        asked: usize,
        result: Result<usize, ErrorKind>,
    ) -> io::Result<usize> {
        self.0.borrow_mut().calls.push(Call { writes, asked, result });
        result.map_err(io::Error::from)
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.0.borrow_mut().read(buffer);
        self.called(false, buffer.len(), result)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.0.borrow_mut().write(bytes);
        self.called(true, bytes.len(), result)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect(buffer: usize) -> (Socket, Connection<Socket>) {
    let options = Options {
        reply: Reply::Upper,
        buffer,
        every: None,
        max_connections: None,
        idle_timeout: None,
    };
    let socket = Socket::default();
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    (socket.clone(), Connection::new(socket, peer, &options).unwrap())
}

/// The law of the queue, given all that was `sent` to the server: what went out is the beginning of what came in, one
/// buffer of it at most is held, and there is interest in writing exactly while some is.
fn check(sent: &[u8], buffer: usize, kernel: &Kernel, writes: bool) -> Result<(), TestCaseError> {
    let answer = sent[..kernel.taken.len()].to_ascii_uppercase();
    prop_assert_eq!(&kernel.taken, &answer);
    prop_assert!(kernel.held() <= buffer, "{} bytes held", kernel.held());
    prop_assert_eq!(writes, kernel.held() > 0);
    Ok(())
}

#[derive(Clone, Debug)]
enum Deed {
    Arrives(Vec<u8>),
    Ends,
    /// The server makes one step, or one exchange.
    Steps {
        exchange: bool,
        answers: Vec<Answer>,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let answer = prop_oneof![
        6 => (0..20_usize).prop_map(Answer::Moves),
        2 => Just(Answer::Fails(ErrorKind::WouldBlock)),
        1 => Just(Answer::Fails(ErrorKind::Interrupted)),
    ];
    let rarely = prop_oneof![20 => answer, 1 => Just(Answer::Fails(ErrorKind::ConnectionReset))];
    prop_oneof![
        5 => vec(any::<u8>(), 1..40).prop_map(Deed::Arrives),
        1 => Just(Deed::Ends),
        9 => (any::<bool>(), vec(rarely, 2))
            .prop_map(|(exchange, answers)| Deed::Steps { exchange, answers }),
    ]
}

/// What a step must say of the call that it made.
fn meaning(call: &Call) -> Result<Step, ErrorKind> {
    match call.result {
        Ok(0) if call.writes => Err(ErrorKind::WriteZero),
        Ok(0) => Ok(Step::Ended),
        Ok(n) if n < call.asked => Ok(Step::Short),
        Ok(_) | Err(ErrorKind::Interrupted) => Ok(Step::Whole),
        Err(ErrorKind::WouldBlock) => Ok(Step::NotYet),
        Err(kind) => Err(kind),
    }
}

/// What came of one step, or one exchange, must be what the kernel answered to its calls: the first
/// writes where an answer is unsent, and an exchange that reads answers at once.
fn check_step(
    step: io::Result<Step>,
    calls: &[Call],
    (exchange, writes, buffer): (bool, bool, usize),
) -> Result<Result<Step, ErrorKind>, TestCaseError> {
    prop_assert_eq!(calls[0].writes, writes);
    prop_assert!(writes || calls[0].asked == buffer, "a read has all the room");
    let answers = exchange && matches!(calls[0], Call { writes: false, result: Ok(1..), .. });
    prop_assert_eq!(calls.len(), 1 + usize::from(answers), "{:?}", calls);
    let broken = calls.iter().find_map(|call| meaning(call).err());
    let expected = broken.map_or_else(|| meaning(&calls[0]), Err);
    let step = step.map_err(|e| e.kind());
    prop_assert_eq!(&step, &expected);
    Ok(step)
}

proptest! {
    // What fails is printed, made short; nothing is written beside the sources.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_step_moves_the_bytes_of_a_queue(
        buffer in 1..50_usize,
        deeds in vec(deed(), 0..60),
    ) {
        let counters = Counters::new("queue", false);
        let (socket, mut connection) = connect(buffer);
        socket.0.borrow_mut().room = usize::MAX;
        let mut sent = Vec::new();
        for deed in deeds.into_iter().chain([Deed::Ends]) {
            let (exchange, answers) = match deed {
                Deed::Arrives(chunk) if !socket.0.borrow().ended => {
                    sent.extend_from_slice(&chunk);
                    socket.0.borrow_mut().arrived.extend(chunk);
                    continue;
                }
                Deed::Arrives(_) => continue,
                Deed::Ends => {
                    socket.0.borrow_mut().ended = true;
                    continue;
                }
                Deed::Steps { exchange, answers } => (exchange, answers),
            };
            let writes = connection.wants_to_write();
            socket.0.borrow_mut().answers = answers.into();
            let step = if exchange {
                connection.exchange(Reply::Upper, &counters)
            } else {
                connection.step(Reply::Upper, &counters)
            };
            let mut kernel = socket.0.borrow_mut();
            let calls = std::mem::take(&mut kernel.calls);
            let step = check_step(step, &calls, (exchange, writes, buffer))?;
            if matches!(step, Ok(Step::Ended) | Err(_)) {
                return Ok(());
            }
            check(&sent, buffer, &kernel, connection.wants_to_write())?;
        }
        // The rest goes as fast as it can.
        socket.0.borrow_mut().answers.clear();
        while connection.step(Reply::Upper, &counters).unwrap() != Step::Ended {}
        prop_assert_eq!(&socket.0.borrow().taken, &sent.to_ascii_uppercase());
    }
}

#[derive(Clone, Debug)]
enum Event {
    /// Some arrive; where there is a mark, a read ends there though more is behind it.
    Arrives(Vec<u8>, Option<usize>),
    Ends,
    /// The peer has read so much: there is room for as many.
    Room(usize),
    Interrupts,
    /// The server's turn.
    Advances,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => (vec(any::<u8>(), 1..300), proptest::option::weighted(0.2, 1..200_usize))
            .prop_map(|(chunk, mark)| Event::Arrives(chunk, mark)),
        1 => Just(Event::Ends),
        4 => (1..300_usize).prop_map(Event::Room),
        1 => Just(Event::Interrupts),
        8 => Just(Event::Advances),
    ]
}

/// The server, and what the kernel tells it: each thing once, as it happens.
struct Lab {
    socket: Socket,
    watched: Watched<Socket>,
    counters: Counters,
    buffer: usize,
    sent: Vec<u8>,
    queued: bool,
}

impl Lab {
    fn new(buffer: usize) -> Lab {
        let (socket, connection) = connect(buffer);
        let mut watched = Watched::new(connection);
        // As the registration says: there is nothing to read, and no room.
        let queued = watched.note(News { readable: false, writable: false, until_not_yet: false });
        let counters = Counters::new("queue", false);
        Lab { socket, watched, counters, buffer, sent: Vec::new(), queued }
    }

    fn happens(&mut self, event: Event) -> Result<bool, TestCaseError> {
        let quiet = News { readable: false, writable: false, until_not_yet: false };
        let mut kernel = self.socket.0.borrow_mut();
        let news = match event {
            Event::Advances => {
                drop(kernel);
                return self.advances();
            }
            Event::Arrives(chunk, mark) if !kernel.ended => {
                self.sent.extend_from_slice(&chunk);
                if kernel.mark.is_none() {
                    kernel.mark = mark.map(|mark| kernel.arrived.len() + mark.min(chunk.len()));
                }
                kernel.arrived.extend(chunk);
                // As epoll(7) does: where there is room, each event says so, too.
                let writable = kernel.room > 0;
                News { readable: true, writable, until_not_yet: kernel.mark.is_some() }
            }
            Event::Ends if !kernel.ended => {
                kernel.ended = true;
                News { readable: true, until_not_yet: true, ..quiet }
            }
            Event::Room(more) => {
                let was_full = kernel.room == 0;
                kernel.room += more;
                News { writable: was_full, ..quiet }
            }
            Event::Interrupts => {
                kernel.answers.push_back(Answer::Fails(ErrorKind::Interrupted));
                return Ok(false);
            }
            Event::Arrives(..) | Event::Ends => return Ok(false),
        };
        if news.readable || news.writable {
            prop_assert_eq!(self.watched.note(news), !self.queued, "queued once");
            self.queued = true;
        }
        Ok(false)
    }

    /// One turn; returns whether all is said and sent.
    fn advances(&mut self) -> Result<bool, TestCaseError> {
        if !self.queued {
            return Ok(false);
        }
        let next = self.watched.advance(Reply::Upper, &self.counters).unwrap();
        let mut kernel = self.socket.0.borrow_mut();
        let calls = std::mem::take(&mut kernel.calls);
        prop_assert!(calls.len() <= STEPS_A_TURN, "{} calls", calls.len());
        let moved = calls.iter().any(|call| matches!(call.result, Ok(1..)));
        prop_assert!(self.watched.take_moved() || !moved);
        let writes = self.watched.connection.wants_to_write();
        check(&self.sent, self.buffer, &kernel, writes)?;
        self.queued = matches!(next, Next::Again);
        match next {
            // Nobody will say again what was said: so there must be nothing left to do.
            Next::Wait if writes => prop_assert_eq!(kernel.room, 0, "there is room"),
            Next::Wait => {
                prop_assert!(kernel.arrived.is_empty() && !kernel.ended, "there is more to read");
            }
            Next::Again => {}
            Next::Close => {
                prop_assert!(kernel.ended && kernel.arrived.is_empty() && !writes);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

proptest! {
    // What fails is printed, made short; nothing is written beside the sources.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_said_once_is_used_up(
        buffer in 1..50_usize,
        events in vec(event(), 0..80),
    ) {
        let mut lab = Lab::new(buffer);
        let rest = [Event::Ends, Event::Room(1 << 20)];
        for event in events.into_iter().chain(rest) {
            if lab.happens(event)? {
                return Ok(());
            }
        }
        // No more news; what is queued goes on, and needs none.
        while !lab.happens(Event::Advances)? {
            prop_assert!(lab.queued, "it waits for ever: {} bytes held", lab.socket.0.borrow().held());
        }
        prop_assert_eq!(&lab.socket.0.borrow().taken, &lab.sent.to_ascii_uppercase());
    }
}
