//! # Client: who speaks when, and when that really was
//!
//! Problem: a thread that should speak at 20 ms speaks a little later, and a picture that shows the
//! plan shows what did not happen.
//! Idea: one thread follows the script; a thread for each client reads. Each notes when its call
//! began and ended; of each message the kernel says when it sent it on its way.
//! Leaves out: waiting for answers: a client that waits would hide who makes it wait.
//! Read before: `scene/stamp.rs`. Read next: `scene/exchange.rs`.
//! Try: `cargo run -- timeline mio`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::Act::{Connect, Leave, Send};
use crate::record::clock::now;

/// Bytes of a message: as many as can be copied in a time that shows, and so few that all messages
/// to a server that does not read fit into its socket. What does not fit waits in the client's
/// kernel, and arrives later.
pub const SIZE: usize = 4 * 1024;

const NAMES: [&str; 2] = ["A", "B"];
const A: usize = 0;
const B: usize = 1;

#[derive(Clone, Copy, Debug)]
enum Act {
    Connect(usize),
    Send(usize),
    Leave(usize),
}

/// Who does what, and after how many milliseconds. A connects, and is silent for 20 ms; meanwhile B
/// comes, and speaks at once. Then both speak in turn, until A leaves.
fn script() -> Vec<(u64, Act)> {
    const FIRST: u64 = 24;
    const PAUSE: u64 = 2;
    const MORE: u64 = 18;

    let begin = [(0, Connect(A)), (8, Connect(B)), (8, Send(B)), (20, Send(A))];
    let talk = (0..MORE).map(|n| (FIRST + n * PAUSE, Send(if n % 2 == 0 { A } else { B })));
    let end = [(FIRST + MORE * PAUSE + 2, Leave(A))];
    begin.into_iter().chain(talk).chain(end).collect()
}

/// What one client did.
#[derive(Clone, Debug, Serialize)]
pub struct Client {
    /// A or B.
    pub name: &'static str,
    /// Where it was connected from.
    #[serde(skip)]
    pub addr: String,
    /// Begin and end of its connect.
    pub connected: [i64; 2],
    /// What it said.
    pub messages: Vec<Message>,
    /// When it said that it has no more to say.
    pub left: i64,
}

/// One message.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// How long it is.
    pub bytes: usize,
    /// Begin and end of its write.
    pub sent: [i64; 2],
    /// When the kernel sent the last of it on its way, by its own stamp; `null` without one.
    pub arrived: Option<i64>,
    /// When all of the answer had come; `null` if it never did.
    pub answered: Option<i64>,
}

impl Message {
    /// When the server could have it, as far as is known: at the latest when the write was over.
    pub fn there(&self) -> i64 {
        self.arrived.unwrap_or(self.sent[1])
    }
}

/// What the clients did; times are in nanoseconds after `origin`.
pub struct Played {
    /// The begin of the scene, on the clock that all processes share.
    pub origin: i64,
    /// The clients.
    pub clients: Vec<Client>,
    /// When the last one had left.
    pub span: i64,
}

/// Plays the script with the server at `addr`.
///
/// # Errors
///
/// When a client can't connect or send, is left, or gets wrong bytes.
pub fn play(addr: SocketAddr) -> io::Result<Played> {
    let (begin, origin) = (Instant::now(), now().cast_signed());
    let mut talks: Vec<Talk> = Vec::new();
    for (millis, act) in script() {
        let due = begin + Duration::from_millis(millis);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        match act {
            Connect(client) => talks.push(Talk::connect(NAMES[client], addr)?),
            Send(client) => talks[client].send()?,
            Leave(client) => talks[client].leave()?,
        }
    }
    for talk in &mut talks {
        talk.hear_all()?;
    }
    // Who has not left yet leaves when it was answered.
    talks[B].leave()?;
    let clients = talks.into_iter().map(|talk| talk.end(origin)).collect::<Result<_, _>>()?;
    Ok(Played { origin, clients, span: now().cast_signed() - origin })
}

/// A client while it plays; its times are those of the clock.
struct Talk {
    stream: TcpStream,
    client: Client,
    answers: Receiver<io::Result<u64>>,
    heard: usize,
}

/// So long each answer may take: longer than one has to wait for another client to leave.
const PATIENCE: Duration = Duration::from_secs(5);

impl Talk {
    fn connect(name: &'static str, addr: SocketAddr) -> io::Result<Talk> {
        let before = now();
        let stream = TcpStream::connect(addr)?;
        let connected = [before, now()].map(u64::cast_signed);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        #[cfg(target_os = "linux")]
        super::stamp::ask_for_stamps(&stream)?;
        let (sender, answers) = channel();
        let reader = stream.try_clone()?;
        let thread = thread::Builder::new().name(format!("client {name}")).spawn(move || {
            read_answers(reader, |answer| sender.send(answer).is_ok());
        });
        thread.map_err(|e| {
            let why = format!("client {name} has no thread: {e}; raise the limit (ulimit -u)");
            io::Error::new(e.kind(), why)
        })?;
        let addr = stream.local_addr()?.to_string();
        let client = Client { name, addr, connected, messages: Vec::new(), left: 0 };
        Ok(Talk { stream, client, answers, heard: 0 })
    }

    fn send(&mut self) -> io::Result<()> {
        let message = vec![letter(self.client.messages.len()); SIZE];
        let before = now();
        self.stream.write_all(&message)?;
        let sent = [before, now()].map(u64::cast_signed);
        self.client.messages.push(Message { bytes: SIZE, sent, arrived: None, answered: None });
        self.note_stamps()
    }

    /// The kernel numbers its stamps by the bytes that were sent.
    fn note_stamps(&mut self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        while let Some(stamp) = super::stamp::next(&self.stream)? {
            if let Some(message) = self.client.messages.get_mut(stamp.byte as usize / SIZE) {
                // One that comes again is of a repetition: whoever should acknowledge was late.
                message.arrived.get_or_insert(stamp.at.cast_signed());
            }
        }
        Ok(())
    }

    fn leave(&mut self) -> io::Result<()> {
        self.client.left = now().cast_signed();
        self.stream.shutdown(Shutdown::Write)
    }

    /// Waits until all is answered.
    fn hear_all(&mut self) -> io::Result<()> {
        while self.heard < self.client.messages.len() {
            let answer =
                self.answers.recv().unwrap_or_else(|_| Err(ErrorKind::UnexpectedEof.into()));
            let name = self.client.name;
            let named = |e: io::Error| io::Error::new(e.kind(), format!("client {name}: {e}"));
            self.client.messages[self.heard].answered = Some(answer.map_err(named)?.cast_signed());
            self.heard += 1;
        }
        self.note_stamps()
    }

    /// Waits for the server to close, too; and tells the times from `origin` on.
    fn end(self, origin: i64) -> io::Result<Client> {
        match self.answers.recv() {
            Ok(Ok(_)) => Err(io::Error::other("more came back than was sent")),
            Ok(Err(e)) => Err(e),
            Err(_) => {
                let Client { messages, connected, left, .. } = &self.client;
                let messages = messages.iter().map(|message| message.after(origin)).collect();
                let connected = connected.map(|at| at - origin);
                Ok(Client { messages, connected, left: left - origin, ..self.client.clone() })
            }
        }
    }
}

impl Message {
    fn after(&self, origin: i64) -> Message {
        Message {
            bytes: self.bytes,
            sent: self.sent.map(|at| at - origin),
            arrived: self.arrived.map(|at| at - origin),
            answered: self.answered.map(|at| at - origin),
        }
    }
}

/// Each message has a letter of its own, so that no answer can stand for another.
fn letter(message: usize) -> u8 {
    b"abcdefghijklmnopqrstuvwxyz"[message % 26]
}

/// Tells when each answer had come, until the stream ends, or nobody wants to hear.
fn read_answers(mut stream: TcpStream, mut tell: impl FnMut(io::Result<u64>) -> bool) {
    let mut buffer = vec![0; SIZE];
    for message in 0.. {
        let answer = read_answer(&mut stream, &mut buffer, letter(message).to_ascii_uppercase());
        let Some(answer) = answer.transpose() else { return };
        let failed = answer.is_err();
        if !tell(answer) || failed {
            return;
        }
    }
}

/// Reads one answer, all of it the same letter; returns when it had come, or that the stream ended.
fn read_answer(stream: &mut TcpStream, buffer: &mut [u8], wanted: u8) -> io::Result<Option<u64>> {
    let mut had = 0;
    while had < SIZE {
        match stream.read(&mut buffer[had..]) {
            Ok(0) if had == 0 => return Ok(None),
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => had += n,
            // The time that was set is up (recv(2)).
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Err(ErrorKind::TimedOut.into()),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let came = now();
    if buffer.iter().any(|byte| *byte != wanted) {
        return Err(io::Error::new(ErrorKind::InvalidData, "wrong bytes came back"));
    }
    Ok(Some(came))
}
