//! # Exchange: waiting, waking up, copying, replying
//!
//! Problem: textbooks draw two phases, waiting for data and copying it, and leave out the longest
//! of those that a server can do something about: until its thread runs.
//! Idea: it is known when the data was there, when the wait returned, and when the read began and
//! ended. That cuts the time in pieces, but only where a read is a call of its own: in `blocking`,
//! `threads` and `uring` nobody outside the kernel can tell waking from copying.
//! Leaves out: messages for which the server was not waiting: what they waited for is another one.
//! Read before: `scene/client.rs`. Read next: `scene/look_for.rs`.
//! Try: `cargo test --lib scene`

use serde::Serialize;

use super::client::{Client, Message};
use crate::record::event::{Event, Kind, Outcome};

/// Begin and end.
pub type Span = [i64; 2];

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// Whose, by its place.
    pub client: usize,
    /// Which of its messages.
    pub message: usize,
    /// The server waited, or asked in vain.
    pub waiting: Span,
    /// The data was there, and the thread did not run yet, or had not asked again.
    pub waking: Option<Span>,
    /// The server's own code, from the end of the wait to the read.
    pub own: Option<Span>,
    /// The read.
    pub copying: Option<Span>,
    /// Where these three can't be told apart: all of them.
    pub together: Option<Span>,
    /// The answer was handed to the kernel. In `uring` that takes no time that can be seen: the
    /// kernel only says that it has taken the answer.
    pub replying: Span,
}

impl Exchange {
    /// From the arrival to the data in hand, in nanoseconds.
    pub fn in_hand(&self) -> i64 {
        let end = self.together.or(self.copying).map_or(self.waiting[1], |span| span[1]);
        end - self.waiting[1]
    }
}

/// The exchanges of all messages for which the server was waiting, by the time of their arrival.
pub fn exchanges(events: &[Event], clients: &[Client], separable: bool) -> Vec<Exchange> {
    let mut found = Vec::new();
    for (client, Client { messages, .. }) in clients.iter().enumerate() {
        let service = Service { events, client, separable };
        let (mut read, mut written) = (Moved::default(), Moved::default());
        for (number, message) in messages.iter().enumerate() {
            let Some(taken) = read.reach(service.taken(), message.bytes) else { break };
            let Some(replying) = written.span(service.given(), message.bytes) else { break };
            if let Some(phases) = service.phases(message, taken) {
                found.push(Exchange { client, message: number, replying, ..phases });
            }
        }
    }
    found.sort_by_key(|exchange| exchange.waiting[1]);
    found
}

/// What the server did for one client.
struct Service<'a> {
    events: &'a [Event],
    client: usize,
    separable: bool,
}

impl<'a> Service<'a> {
    fn of(&self, kinds: &'static [Kind]) -> impl Iterator<Item = (usize, &'a Event)> + use<'a> {
        let (events, client) = (self.events, self.client);
        let its =
            move |event: &Event| event.connection == Some(client) && kinds.contains(&event.kind);
        events.iter().enumerate().filter(move |(_, event)| its(event))
    }

    /// What brought bytes of this client.
    fn taken(&self) -> impl Iterator<Item = (usize, &'a Event)> + use<'a> {
        self.of(&[Kind::Read, Kind::Complete])
    }

    /// What took bytes for it. `uring` hands over both directions in one: what is taken is as long
    /// as what was brought.
    fn given(&self) -> impl Iterator<Item = (usize, &'a Event)> + use<'a> {
        let is_uring = self.events.iter().any(|event| event.kind == Kind::Submit);
        let kinds: &'static [Kind] = if is_uring { &[Kind::Complete] } else { &[Kind::Write] };
        self.of(kinds)
    }

    /// The phases of a message whose last byte was `taken` by that event.
    fn phases(&self, message: &Message, taken: usize) -> Option<Exchange> {
        let (there, event) = (message.there(), &self.events[taken]);
        let own_read = [event.begin.max(there), event.end];
        if !self.separable && event.kind == Kind::Read {
            return (event.begin <= there && there <= event.end)
                .then(|| self.exchange([event.begin, there]).together([there, event.end]));
        }
        if let Some(vain) = self.asked_in_vain_before(taken) {
            // It may have come in the midst of the call that brought it.
            let waking = [there, event.begin.max(there)];
            return (vain.begin <= there && there <= event.end)
                .then(|| self.exchange([vain.begin, there]).apart(waking, own_read));
        }
        let wait = self.wait_before(taken)?;
        if there < wait.begin || wait.end < there {
            return None;
        }
        let waited = self.exchange([wait.begin, there]);
        let woken = [there, wait.end];
        Some(if self.separable { waited.apart(woken, own_read) } else { waited.together(woken) })
    }

    fn wait_before(&self, taken: usize) -> Option<&'a Event> {
        let event = &self.events[taken];
        let is_wait = |other: &&Event| {
            matches!(other.kind, Kind::Wait | Kind::Park)
                && other.thread == event.thread
                && other.end <= event.begin
        };
        self.events[..taken].iter().rev().find(is_wait)
    }

    /// The calls in vain of a server that waits nowhere.
    fn asked_in_vain_before(&self, taken: usize) -> Option<&'a Event> {
        if self.events.iter().any(|event| matches!(event.kind, Kind::Wait | Kind::Park)) {
            return None;
        }
        let before = self.of(&[Kind::Read]).filter(|(place, _)| *place < taken).last();
        before.map(|(_, event)| event).filter(|event| event.outcome == Outcome::NotYet)
    }

    fn exchange(&self, waiting: Span) -> Exchange {
        Exchange {
            client: self.client,
            message: 0,
            waiting,
            waking: None,
            own: None,
            copying: None,
            together: None,
            replying: [0, 0],
        }
    }
}

impl Exchange {
    fn together(self, span: Span) -> Exchange {
        Exchange { together: Some(span), ..self }
    }

    fn apart(self, waking: Span, copying: Span) -> Exchange {
        let own = Some([waking[1], copying[0]]);
        Exchange { waking: Some(waking), own, copying: Some(copying), ..self }
    }
}

/// How many bytes have moved so far in the events of one direction.
#[derive(Default)]
struct Moved {
    bytes: usize,
}

impl Moved {
    /// The event with which the next `bytes` have moved.
    fn reach<'a>(
        &mut self,
        events: impl Iterator<Item = (usize, &'a Event)>,
        bytes: usize,
    ) -> Option<usize> {
        self.bytes += bytes;
        let mut had = 0;
        let mut sums = events.map(|(place, event)| {
            had += moved(event);
            (had, place)
        });
        sums.find(|(had, _)| *had >= self.bytes).map(|(_, place)| place)
    }

    /// From the begin of the first to the end of the last event in which the next `bytes` move.
    fn span<'a>(
        &mut self,
        events: impl Iterator<Item = (usize, &'a Event)>,
        bytes: usize,
    ) -> Option<Span> {
        let (from, to) = (self.bytes, self.bytes + bytes);
        self.bytes = to;
        let (mut had, mut span): (usize, Option<Span>) = (0, None);
        for (_, event) in events.filter(|(_, event)| moved(event) > 0) {
            had += moved(event);
            if had > from {
                span = Some([span.map_or(event.begin, |[begin, _]| begin), event.end]);
            }
            if had >= to {
                return span;
            }
        }
        None
    }
}

fn moved(event: &Event) -> usize {
    if let Outcome::Bytes(n) = event.outcome { n } else { 0 }
}

/// Which exchange took neither long nor short from the arrival to the data in hand.
pub fn median(exchanges: &[Exchange]) -> Option<usize> {
    let mut order: Vec<usize> = (0..exchanges.len()).collect();
    order.sort_by_key(|place| exchanges[*place].in_hand());
    order.get(order.len().saturating_sub(1) / 2).copied()
}

/// How long the phases of all exchanges took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// From the arrival to the data in hand; `null` where there is no exchange.
    pub in_hand_us: Option<Range>,
    /// Until the thread ran; `null` where that can't be told apart.
    pub waking_us: Option<Range>,
    /// The read; likewise.
    pub copying_us: Option<Range>,
}

/// Microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// The shortest.
    pub min: f64,
    /// Half of them took no longer.
    pub median: f64,
    /// The longest.
    pub max: f64,
}

impl Spread {
    /// Of these.
    pub fn of(exchanges: &[Exchange]) -> Spread {
        let length = |[begin, end]: Span| end - begin;
        let range = |of: &dyn Fn(&Exchange) -> Option<i64>| {
            Range::of(exchanges.iter().filter_map(of).collect())
        };
        Spread {
            in_hand_us: range(&|exchange| Some(exchange.in_hand())),
            waking_us: range(&|exchange| exchange.waking.map(length)),
            copying_us: range(&|exchange| exchange.copying.map(length)),
        }
    }
}

impl Range {
    fn of(mut nanoseconds: Vec<i64>) -> Option<Range> {
        nanoseconds.sort_unstable();
        let us = |nanoseconds: &i64| Range::us(*nanoseconds);
        Some(Range {
            min: nanoseconds.first().map(us)?,
            median: nanoseconds.get((nanoseconds.len() - 1) / 2).map(us)?,
            max: nanoseconds.last().map(us)?,
        })
    }

    /// Microseconds of nanoseconds.
    #[allow(clippy::cast_precision_loss, reason = "times of a scene are far below 2^52 ns")]
    pub(crate) fn us(nanoseconds: i64) -> f64 {
        nanoseconds as f64 / 1000.0
    }
}
