//! # Wire: a connection whose every byte is checked
//!
//! Problem: who misbehaves must still notice a byte that is lost, wrong, or one too many.
//! Idea: what was sent and what came back are positions in one stream of known bytes; whatever is
//! given up in the middle, both stay true.
//! Leaves out: what is sent, and when.
//! Read before: `torture/plan.rs`. Read next: `torture/tally.rs`.
//! Try: `cargo test --test torture`

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dormouse::net::TcpStream;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use socket2::SockRef;

use crate::load::payload::{Checker, Payload};
use crate::load::source;
use crate::load::tally::Fault;

/// How many bytes go through in one call at most.
pub(super) const PIECE: usize = 64 * 1024;

/// As on Ethernet. In the 64 KiB of a loopback the kernel would take more than 2 MiB of answers that
/// nobody reads, and hardly any server would ever have to wait.
const MSS: u32 = 1448;

/// One client's connection.
pub(super) struct Wire {
    stream: TcpStream,
    number: usize,
    payload: Rc<Payload>,
    checker: Checker,
    sent: u64,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects, as connection `number` of this process. `payload` can be cut into [`PIECE`]s.
    pub(super) async fn connect(
        addr: SocketAddr,
        number: usize,
        payload: &Rc<Payload>,
    ) -> Result<Wire, Fault> {
        let stream = source::connect_narrow(addr, number, MSS).await.map_err(Fault::Connect)?;
        stream.set_nodelay(true).map_err(Fault::Connect)?;
        let (payload, checker) = (payload.clone(), Checker::new(payload.clone(), number));
        Ok(Wire { stream, number, payload, checker, sent: 0, buffer: Vec::new() })
    }

    /// Sends the next `len` bytes. If it is given up, what was sent until then is known.
    pub(super) async fn send(&mut self, len: usize) -> Result<(), Fault> {
        let end = self.sent + len as u64;
        while self.sent < end {
            let piece = usize::try_from(end - self.sent).map_or(PIECE, |left| left.min(PIECE));
            let bytes = self.payload.at(self.number, self.sent, piece);
            match self.stream.write(bytes).await.map_err(Fault::Ended)? {
                0 => return Err(Fault::Ended(ErrorKind::WriteZero.into())),
                n => self.sent += n as u64,
            }
        }
        Ok(())
    }

    /// How many bytes were sent, and have not come back.
    pub(super) fn unread(&self) -> u64 {
        self.sent - self.checker.position()
    }

    /// Reads up to `most` bytes of those that must come. If it is given up, nothing is lost.
    pub(super) async fn read(&mut self, most: u64) -> Result<(), Fault> {
        let goal = self.checker.position() + most.min(self.unread());
        while self.checker.position() < goal {
            let room = usize::try_from(goal - self.checker.position()).unwrap_or(PIECE);
            if self.read_once(room.min(PIECE)).await? == 0 {
                return Err(self.too_early());
            }
        }
        Ok(())
    }

    /// Ends its direction, reads what must come, and demands that the end follows.
    pub(super) async fn half_close(&mut self) -> Result<(), Fault> {
        self.stream.close().await.map_err(Fault::Ended)?;
        self.read(u64::MAX).await?;
        match self.read_once(1).await? {
            0 => Ok(()),
            _ => Err(self.too_much()),
        }
    }

    /// Reads what comes until the server has ended the connection, in whatever way.
    pub(super) async fn outstay(&mut self) -> Result<(), Fault> {
        loop {
            match self.read_once(PIECE).await {
                Ok(0) | Err(Fault::Ended(_)) => return Ok(()),
                Ok(_) => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Resets the connection.
    pub(super) fn reset(self) -> Result<(), Fault> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).map_err(Fault::Ended)
    }

    async fn read_once(&mut self, room: usize) -> Result<usize, Fault> {
        self.buffer.resize(room, 0);
        let n = self.stream.read(&mut self.buffer).await.map_err(Fault::Ended)?;
        if n as u64 > self.unread() {
            return Err(self.too_much());
        }
        self.checker.check(&self.buffer[..n]).map_err(Fault::Corrupt)?;
        Ok(n)
    }

    fn too_early(&self) -> Fault {
        let (number, unread) = (self.number, self.unread());
        let what = format!("connection {number}: the server ended it with {unread} bytes unsent");
        Fault::Ended(io::Error::new(ErrorKind::UnexpectedEof, what))
    }

    fn too_much(&self) -> Fault {
        Fault::Corrupt(format!("connection {}: more came back than was sent", self.number))
    }
}
