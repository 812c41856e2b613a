//! # Trace: scenes for the viewers that others have built
//!
//! Problem: a picture in a report has the zoom that we gave it; Perfetto and speedscope have better
//! ones, and can measure.
//! Idea: the same events in the Trace Event Format, which both read: a process for each model, a
//! thread for each of its lanes.
//! Leaves out: the phases of a message: they are made of these events.
//! Read before: `scene.rs`. Read next: `timeline/ink.rs`.
//! Try: `cargo run -- timeline mio --trace target/trace.json`, and open it in `ui.perfetto.dev`

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::record::event::{Event, Kind};
use crate::scene::Scene;
use crate::scene::client::Client;
use crate::scene::exchange::Range;

/// A file in the Trace Event Format (the document *Trace Event Format* of the Chromium project).
#[derive(Debug, Serialize)]
pub struct Trace {
    /// What happened, in any order.
    #[serde(rename = "traceEvents")]
    pub events: Vec<Entry>,
    /// The unit in which a viewer should show times.
    #[serde(rename = "displayTimeUnit")]
    pub unit: &'static str,
}

/// One event of a trace.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// To which kind it belongs.
    pub cat: &'static str,
    /// `X`: has a duration; `i`: has none; `b` and `e`: begin and end of what may overlap others;
    /// `M`: says a name.
    pub ph: &'static str,
    /// When, in microseconds.
    pub ts: f64,
    /// How long it took, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dur: Option<f64>,
    /// The model, by its place.
    pub pid: usize,
    /// The lane.
    pub tid: usize,
    /// How far an instant is seen: `t`, in its lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s: Option<&'static str>,
    /// Which `b` belongs to which `e`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<usize>,
    /// What else is known.
    pub args: BTreeMap<&'static str, Value>,
}

/// Lanes: clients, the kernel, and behind them the server's threads.
const KERNEL: usize = 1;
const CLIENTS: usize = 10;
const THREADS: usize = 100;

/// All scenes, one beside the other, each from its own begin on.
pub fn trace<'a>(scenes: impl IntoIterator<Item = &'a Scene>) -> Trace {
    let scenes: Vec<&Scene> = scenes.into_iter().collect();
    // A server is there before its clients; no time may be below zero.
    let earliest = scenes.iter().flat_map(|scene| &scene.events).map(|event| event.begin).min();
    let shift = earliest.unwrap_or(0).min(0);
    let mut events = Vec::new();
    for (pid, scene) in (1..).zip(scenes) {
        let mut writer = Writer { pid, shift, scene, events: &mut events };
        writer.names();
        for (id, event) in scene.events.iter().enumerate() {
            writer.event(id, event);
        }
        for (place, client) in scene.clients.iter().enumerate() {
            writer.client(CLIENTS + place, client);
        }
    }
    Trace { events, unit: "ns" }
}

struct Writer<'a> {
    pid: usize,
    shift: i64,
    scene: &'a Scene,
    events: &'a mut Vec<Entry>,
}

impl Writer<'_> {
    fn names(&mut self) {
        self.named("process_name", 0, &self.scene.model);
        self.named("thread_name", KERNEL, "kernel");
        for (place, client) in self.scene.clients.iter().enumerate() {
            self.named("thread_name", CLIENTS + place, &format!("client {}", client.name));
        }
        for (place, thread) in self.scene.threads.iter().enumerate() {
            self.named("thread_name", THREADS + place, &format!("server: {thread}"));
        }
    }

    fn named(&mut self, what: &str, tid: usize, name: &str) {
        let args = [("name", json!(name))];
        self.push(what.to_owned(), "__metadata", "M", self.shift, tid, args);
    }

    fn event(&mut self, id: usize, event: &Event) {
        let (name, args) = (self.name(event), facts(event));
        let tid = THREADS + event.thread;
        if event.count > 1 || event.kind == Kind::Queued {
            // Runs of calls in vain to several sockets, and tasks in one queue, overlap.
            self.push(name.clone(), "overlaps", "b", event.begin, tid, args).id = Some(id);
            self.push(name, "overlaps", "e", event.end, tid, []).id = Some(id);
        } else if event.begin == event.end {
            self.push(name, "moment", "i", event.begin, tid, args).s = Some("t");
        } else {
            self.span(name, "call", [event.begin, event.end], tid, args);
        }
    }

    fn name(&self, event: &Event) -> String {
        let kind = json!(event.kind);
        let kind = kind.as_str().unwrap_or_default();
        let of =
            |names: &[String], place: Option<usize>| place.and_then(|at| names.get(at).cloned());
        let whose = of(&self.scene.connections, event.connection);
        let whose = whose.or_else(|| of(&self.scene.tasks, event.task));
        let times =
            if event.count > 1 { format!(" ×{}, in vain", event.count) } else { String::new() };
        whose.map_or_else(|| format!("{kind}{times}"), |whose| format!("{kind} {whose}{times}"))
    }

    fn client(&mut self, tid: usize, client: &Client) {
        self.span("connect".into(), "client", client.connected, tid, []);
        for message in &client.messages {
            let args = [("bytes", json!(message.bytes))];
            self.span("write".into(), "client", message.sent, tid, args.clone());
            if let Some(arrived) = message.arrived {
                let name = format!("data of {}", client.name);
                self.push(name, "moment", "i", arrived, KERNEL, args).s = Some("t");
            }
            if let Some(answered) = message.answered {
                self.push("answered".into(), "moment", "i", answered, tid, []).s = Some("t");
            }
        }
        self.push("leaves".into(), "moment", "i", client.left, tid, []).s = Some("t");
    }

    fn span<const N: usize>(
        &mut self,
        name: String,
        cat: &'static str,
        [begin, end]: [i64; 2],
        tid: usize,
        args: [(&'static str, Value); N],
    ) {
        self.push(name, cat, "X", begin, tid, args).dur = Some(Range::us(end - begin));
    }

    fn push<const N: usize>(
        &mut self,
        name: String,
        cat: &'static str,
        ph: &'static str,
        at: i64,
        tid: usize,
        args: [(&'static str, Value); N],
    ) -> &mut Entry {
        let (ts, pid, args) = (Range::us(at - self.shift), self.pid, BTreeMap::from(args));
        let entry = Entry { name, cat, ph, ts, dur: None, pid, tid, s: None, id: None, args };
        self.events.push(entry);
        self.events.last_mut().expect("it was pushed just now")
    }
}

fn facts(event: &Event) -> [(&'static str, Value); 2] {
    [("outcome", json!(event.outcome)), ("count", json!(event.count))]
}
