//! # Play: two clients, and a server of some kind
//!
//! Problem: what a page shows depends on order: who waits while whom is served.
//! Idea: a list of what happens to the server, in order of time; the server has one clock, and each
//! thing that it does moves it on.
//! Leaves out: the kernel: what takes how long is invented, and always the same.
//! Read next: `made_up.rs`.
//! Try: `cargo test -p dormouse-browser`

use serde_json::{Value, json};

const US: i64 = 1_000;
const MS: i64 = 1_000_000;
const SPAN: i64 = 70 * MS;
const BYTES: i64 = 16_384;

/// When each client connects, sends and leaves.
const SENDS: [&[i64]; 2] = [&[20, 30, 40, 50], &[8, 24, 34, 44, 54]];
const COMES: [i64; 2] = [0, 7];
const LEAVES: [i64; 2] = [60, 67];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Blocking,
    Threads,
    Spins,
    Sleeps,
    Signal,
    Ring,
    Runtime,
}

#[derive(Clone, Copy)]
enum What {
    Comes,
    Sends(usize),
    Leaves,
}

pub(super) struct Play {
    server: Server,
    clock: [i64; 3],
    events: Vec<Value>,
    exchanges: Vec<Value>,
    answered: [Vec<Option<i64>>; 2],
    vain: i64,
    calls: i64,
}

impl Play {
    pub(super) fn new(server: Server) -> Play {
        let answered = SENDS.map(|sends| vec![None; sends.len()]);
        let (events, exchanges) = (Vec::new(), Vec::new());
        Play { server, clock: [-2 * MS; 3], events, exchanges, answered, vain: 0, calls: 0 }
    }

    pub(super) fn run(&mut self) {
        let mut script: Vec<(i64, usize, What)> = Vec::new();
        for client in 0..2 {
            script.push((COMES[client] * MS + 40 * US, client, What::Comes));
            let sends = SENDS[client].iter().enumerate();
            script.extend(sends.map(|(n, at)| (arrival(n, *at), client, What::Sends(n))));
            script.push((LEAVES[client] * MS, client, What::Leaves));
        }
        // One connection after the other, or everybody in order of time.
        let queues = self.server == Server::Blocking;
        script.sort_by_key(|(at, client, _)| (if queues { *client } else { 0 }, *at));
        for (at, client, what) in script {
            self.happens(at, client, what);
        }
    }

    fn happens(&mut self, at: i64, client: usize, what: What) {
        let thread = match (self.server, what) {
            (Server::Threads, What::Sends(_) | What::Leaves) => client + 1,
            _ => 0,
        };
        let from = self.clock[thread].max(if thread > 0 { at - 9 * MS } else { i64::MIN });
        let late = at < from;
        // What a call of the server finds at once, or sleeps for.
        let woken = if late { from } else { at + if self.spins() { 700 } else { 55 * US } };
        let asleep = !matches!(self.server, Server::Blocking | Server::Threads | Server::Spins);
        if asleep && !late {
            self.sleeps(thread, from, woken);
        } else if self.spins() {
            self.asks(from, woken);
        }
        let begin = if asleep || self.spins() { woken + 3 * US } else { from };
        let end = if asleep || self.spins() { begin + 10 * US } else { woken + 12 * US };
        self.clock[thread] = end;
        match what {
            What::Comes => self.accepts(thread, client, begin, end),
            What::Leaves => {
                self.call(json!({ "kind": "read", "thread": thread, "connection": client,
                    "begin": begin, "end": end, "outcome": "end" }));
                self.event(json!({ "kind": "close", "thread": thread, "connection": client,
                    "begin": end, "end": end, "outcome": "done" }));
            }
            What::Sends(n) => self.answers(thread, client, n, [at, from, woken, begin, end], late),
        }
    }

    fn spins(&self) -> bool {
        self.server == Server::Spins
    }

    fn accepts(&mut self, thread: usize, client: usize, begin: i64, end: i64) {
        if self.server == Server::Ring {
            self.event(json!({ "kind": "complete", "thread": 0, "connection": client,
                "begin": begin, "end": begin, "outcome": "done" }));
        } else {
            self.call(json!({ "kind": "accept", "thread": thread, "connection": client,
                "begin": begin, "end": end, "outcome": "done" }));
        }
        if self.server == Server::Threads {
            self.clock[client + 1] = end + 30 * US;
        }
    }

    fn answers(&mut self, thread: usize, client: usize, n: usize, times: [i64; 5], late: bool) {
        let [at, from, woken, begin, end] = times;
        let reply = [end + 2 * US, end + 24 * US];
        self.clock[thread] = reply[1] + US;
        self.answered[client][n] = Some(reply[1] + 30 * US);
        if self.server == Server::Ring {
            for (kind, when) in
                [("complete", begin), ("submit", begin + US), ("complete", reply[1])]
            {
                self.event(json!({ "kind": kind, "thread": 0, "connection": client,
                    "begin": when, "end": when, "outcome": { "bytes": BYTES } }));
            }
        } else {
            let base = json!({ "thread": thread, "connection": client, "task": client + 1,
                "outcome": { "bytes": BYTES } });
            for (kind, [begin, end]) in [("read", [begin, end]), ("write", reply)] {
                let mut event = base.clone();
                event["kind"] = kind.into();
                event["begin"] = begin.into();
                event["end"] = end.into();
                self.call(event);
            }
        }
        if late {
            return;
        }
        let together = !self.separable();
        let part = |begin: i64, end: i64| if together { Value::Null } else { json!([begin, end]) };
        self.exchanges.push(json!({ "client": client, "message": n, "waiting": [from.max(0), at],
            "waking": part(at, woken), "own": part(woken, begin), "copying": part(begin, end),
            "together": if together { json!([at, end]) } else { Value::Null },
            "replying": reply }));
    }

    fn sleeps(&mut self, thread: usize, begin: i64, end: i64) {
        let outcome = json!({ "ready": 1 });
        self.call(json!({ "kind": "wait", "thread": thread, "begin": begin, "end": end,
            "outcome": outcome }));
        if self.server == Server::Signal {
            self.event(json!({ "kind": "signal", "thread": thread, "begin": end, "end": end,
                "outcome": "done" }));
        }
        if self.server != Server::Runtime {
            return;
        }
        self.event(json!({ "kind": "park", "thread": 0, "begin": begin - US, "end": end + 200,
            "outcome": { "ready": 1 } }));
        for (kind, from, to) in [
            ("event", end + 300, end + 300),
            ("timer", end + 400, end + 400),
            ("wake", end + 600, end + 600),
            ("queued", end + 600, end + 1500),
            ("poll", end + 1500, end + 40 * US),
        ] {
            self.event(json!({ "kind": kind, "thread": 0, "task": self.events.len() % 3,
                "begin": from, "end": to, "outcome": "done" }));
        }
    }

    /// Three sockets in turn, each in vain: a run of calls for each.
    fn asks(&mut self, begin: i64, end: i64) {
        let sockets = [
            Some("accept"),
            (begin > 0 && begin < LEAVES[0] * MS).then_some("A"),
            (begin > 7 * MS).then_some("B"),
        ];
        // How long each call takes, and how long until the same socket is asked again.
        let (call, round) = (350, 350 * sockets.iter().flatten().map(|_| 1).sum::<i64>());
        let mut first = begin;
        for name in sockets.iter().flatten() {
            // The first call has no time of its own: it is the begin of all.
            let (mut at, mut count, mut next) = (Vec::new(), 0, 0);
            while first + next < end {
                at.extend((count > 0).then_some(next));
                count += 1;
                next = count * round + count % 7 * 11;
            }
            let last = first + at.last().unwrap_or(&0);
            self.vain += count;
            self.calls += count;
            let connection = ["A", "B"].iter().position(|one| one == name);
            let kind = if connection.is_some() { "read" } else { "accept" };
            self.event(json!({ "kind": kind, "thread": 0, "connection": connection,
                "begin": first, "end": last + 300, "outcome": "not_yet", "count": count, "at": at }));
            first += call;
        }
    }

    fn separable(&self) -> bool {
        !matches!(self.server, Server::Blocking | Server::Threads | Server::Ring)
    }

    fn call(&mut self, event: Value) {
        self.calls += 1;
        self.event(event);
    }

    fn event(&mut self, event: Value) {
        self.events.push(event);
    }

    pub(super) fn scene(mut self, model: &str, summary: &str, look_for: &[String; 3]) -> Value {
        self.events.sort_by_key(|event| event["begin"].as_i64());
        let three =
            |min: f64, median: f64, max: f64| json!({ "min": min, "median": median, "max": max });
        let (waking, copying) = (three(48.2, 55.0, 140.7), three(8.1, 10.0, 17.4));
        let threads: &[&str] =
            if self.server == Server::Threads { &["main", "A", "B"] } else { &["main"] };
        let tasks: &[&str] =
            if self.server == Server::Runtime { &["acceptor", "A", "B"] } else { &[] };
        let separable = self.separable();
        json!({
            "model": model, "summary": summary, "unavailable": null, "span": SPAN,
            "threads": threads, "connections": ["A", "B"], "tasks": tasks, "separable": separable,
            "clients": [self.client(0), self.client(1)],
            "median": self.exchanges.len() / 2, "events": self.events, "exchanges": self.exchanges,
            "spread": { "in_hand_us": three(56.1, 68.0, 180.2),
                        "waking_us": if separable { waking } else { Value::Null },
                        "copying_us": if separable { copying } else { Value::Null } },
            "vain": self.vain, "calls": self.calls, "dropped": 0, "look_for": look_for,
        })
    }

    fn client(&self, client: usize) -> Value {
        let begin = COMES[client] * MS;
        let messages = SENDS[client].iter().enumerate().map(|(n, at)| {
            json!({ "bytes": BYTES, "sent": [at * MS, at * MS + 22 * US],
                "arrived": arrival(n, *at), "answered": self.answered[client][n] })
        });
        let name = ["A", "B"][client];
        json!({ "name": name, "connected": [begin, begin + 51 * US],
            "messages": messages.collect::<Vec<_>>(), "left": LEAVES[client] * MS })
    }
}

fn arrival(n: usize, at_ms: i64) -> i64 {
    at_ms * MS + 8 * US + i64::try_from(n).unwrap_or_default() * US
}
