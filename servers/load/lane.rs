//! # Lane: one client
//!
//! Problem: a client that writes a whole message before it reads stops for ever, with a server that
//! does the same, once both buffers of the connection are full.
//! Idea: sending and receiving are two futures, polled together on the two halves of the stream.
//! Between them stands the ledger: who grants a message decides the pattern.
//! Leaves out: the schedule: `pacer.rs` grants then, instead of the answers.
//! Read before: `load/tally.rs`. Read next: `load/schedule.rs`.
//! Try: `cargo run -- load --addr 127.0.0.1:12345 --pattern pipeline`

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use dormouse::net::{OwnedReadHalf, OwnedWriteHalf};
use futures_lite::future::try_zip;
use futures_lite::{AsyncRead, AsyncWriteExt};

use super::ledger::Ledger;
use super::payload::{Checker, Payload};
use super::plan::{Pattern, Plan};
use super::source;
use super::tally::{Fault, Tally};

/// What all clients of a load share.
pub struct Run {
    /// What was asked for.
    pub plan: Plan,
    payload: Rc<Payload>,
    /// What came of it.
    pub tally: Tally,
    /// Clients that have not begun to connect by then give up.
    opening_ends: Instant,
    /// How many connections there have been: each has its own number, and so its own bytes.
    connections: Cell<usize>,
}

impl Run {
    /// A load that begins now; all its clients should connect within `opening`.
    pub fn new(plan: Plan, opening: Duration) -> Rc<Run> {
        let opening_ends = Instant::now() + opening;
        let payload = Payload::new(room(&plan));
        Rc::new(Run { plan, payload, tally: Tally::new(), connections: Cell::new(0), opening_ends })
    }

    fn next_number(&self) -> usize {
        self.connections.replace(self.connections.get() + 1)
    }
}

/// How many bytes a client reads at once: all that it expects, and one, so that the kernel can say
/// in the same call that this was all.
fn room(plan: &Plan) -> usize {
    const LARGEST: usize = 64 * 1024;
    (plan.size * plan.under_way().max(1)).min(LARGEST).max(plan.size) + 1
}

/// One client: a connection, or with [`Pattern::Churn`] one after the other.
#[derive(Default)]
pub struct Lane {
    /// What it may send.
    pub ledger: Ledger,
    served: Cell<bool>,
    gone: Cell<bool>,
}

impl Lane {
    /// Whether the server ever sent it a byte.
    pub fn is_served(&self) -> bool {
        self.served.get()
    }

    /// Whether it is served, and still there.
    pub fn is_live(&self) -> bool {
        self.served.get() && !self.gone.get()
    }

    /// Does what the plan says, until it is told to stop, or can't go on.
    pub async fn live(&self, run: &Run) {
        let result = if run.plan.pattern == Pattern::Churn {
            self.churn(run).await
        } else {
            self.ledger.grant(Instant::now());
            self.talk(run).await
        };
        self.gone.set(true);
        if let Err(fault) = result {
            self.ledger.close();
            run.tally.client_gave_up(fault, self.is_served());
        }
    }

    async fn churn(&self, run: &Run) -> Result<(), Fault> {
        while !run.tally.is_over(Instant::now()) {
            self.ledger.open();
            self.ledger.grant(Instant::now());
            self.ledger.close();
            self.talk(run).await?;
        }
        Ok(())
    }

    /// One connection, from its begin until its ledger is done.
    async fn talk(&self, run: &Run) -> Result<(), Fault> {
        let number = run.next_number();
        if !self.is_served() && Instant::now() > run.opening_ends {
            return Err(Fault::Connect(late(&run.plan)));
        }
        let stream = source::connect(run.plan.addr, number).await.map_err(Fault::Connect)?;
        // A small message must not wait for the answer to the one before it.
        stream.set_nodelay(true).map_err(Fault::Ended)?;
        let (mut reader, mut writer) = stream.split();
        // Receiving first: a sender that may always go on would leave it no step of its poll.
        try_zip(self.receive(run, number, &mut reader), self.send(run, number, &mut writer))
            .await?;
        Ok(())
    }

    async fn send(
        &self,
        run: &Run,
        number: usize,
        writer: &mut OwnedWriteHalf,
    ) -> Result<(), Fault> {
        let mut position = 0;
        while let Some(due) = self.ledger.next().await {
            if run.plan.rate.is_some() {
                run.tally.sent(due, Instant::now());
            }
            let message = run.payload.at(number, position, run.plan.size);
            writer.write_all(message).await.map_err(Fault::Ended)?;
            position += message.len() as u64;
        }
        Ok(())
    }

    async fn receive(
        &self,
        run: &Run,
        number: usize,
        reader: &mut OwnedReadHalf,
    ) -> Result<(), Fault> {
        let mut buffer = vec![0; room(&run.plan)];
        let mut checker = Checker::new(run.payload.clone(), number);
        let mut answers = 0;
        while let Some(n) = self.read(reader, &mut buffer).await.map_err(Fault::Ended)? {
            if !self.served.replace(true) {
                run.tally.client_is_served();
            }
            checker.check(&buffer[..n]).map_err(Fault::Corrupt)?;
            while (answers + 1) * run.plan.size as u64 <= checker.position() {
                answers += 1;
                self.answer(run, number)?;
            }
            if answers * (run.plan.size as u64) < checker.position() && self.ledger.under_way() == 0
            {
                return Err(more_than_sent(number));
            }
        }
        Ok(())
    }

    /// Reads something; `None` once there is nothing left to wait for.
    async fn read(
        &self,
        reader: &mut OwnedReadHalf,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        let n = poll_fn(|cx| {
            // Asked at each poll: a ledger that is closed wakes the sender, in this same task.
            if self.ledger.is_done() {
                return std::task::Poll::Ready(Ok(None));
            }
            Pin::new(&mut *reader).poll_read(cx, buffer).map_ok(Some)
        });
        match n.await? {
            Some(0) => Err(io::Error::new(ErrorKind::UnexpectedEof, "the server ended it")),
            n => Ok(n),
        }
    }

    /// A whole message has come back.
    fn answer(&self, run: &Run, number: usize) -> Result<(), Fault> {
        let due = self.ledger.answered().ok_or_else(|| more_than_sent(number))?;
        let now = Instant::now();
        run.tally.answer(due, now);
        self.fill(run, now);
        Ok(())
    }

    /// Grants what the plan keeps under way, while it is measured.
    pub fn fill(&self, run: &Run, now: Instant) {
        if self.is_served() && run.tally.is_measuring(now) {
            let missing = run.plan.under_way().saturating_sub(self.ledger.under_way());
            (0..missing).for_each(|_| self.ledger.grant(now));
        }
    }
}

fn late(plan: &Plan) -> io::Error {
    let Plan { addr, connections, .. } = plan;
    let what = format!("connect {addr}: no time was left for all {connections}; ask for fewer");
    io::Error::new(ErrorKind::TimedOut, what)
}

fn more_than_sent(number: usize) -> Fault {
    Fault::Corrupt(format!("connection {number}: more came back than was sent"))
}
