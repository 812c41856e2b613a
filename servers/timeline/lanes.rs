//! # Lanes: who does what, one line each
//!
//! Problem: clients, threads and connections do things at the same time.
//! Idea: a lane each, below one another on one axis; a cell shows the rarest thing in its time.
//! Leaves out: what is shorter than a cell takes a whole one: look at the order, not at lengths.
//! Read before: `timeline/ink.rs`. Read next: `timeline/message.rs`.
//! Try: `cargo run -- timeline blocking`

use super::ink::Ink;
use crate::record::event::{Event, Kind, Outcome};
use crate::scene::Scene;
use crate::scene::client::Client;

/// Columns for the names of lanes.
const NAMES: usize = 11;

/// The axis, all lanes, and a legend of what is in them.
pub(super) fn draw(scene: &Scene, width: usize) -> Vec<String> {
    let columns = width - NAMES;
    let lanes = lanes(scene, columns);
    let mut picture = vec![axis(scene.span, columns)];
    picture.extend(lanes.iter().map(Lane::drawn));
    picture.extend(legend(&lanes, width));
    picture
}

fn lanes(scene: &Scene, columns: usize) -> Vec<Lane> {
    let new = |name: &str| Lane::new(name, scene.span, columns);
    let clients = scene.clients.iter();
    let mut lanes: Vec<Lane> = clients
        .map(|client| client_lane(client, new(&format!("client {}", client.name))))
        .collect();
    for (place, name) in scene.threads.iter().enumerate() {
        let name = if name == "main" { "server".into() } else { format!("server {name}") };
        lanes.push(thread_lane(scene, place, new(&name)));
    }
    if !scene.tasks.is_empty() {
        lanes.push(step_lane(scene, Kind::Queued, Ink::Queued, new("run queue")));
        lanes.push(step_lane(scene, Kind::Poll, Ink::Poll, new("tasks")));
    }
    for (place, name) in scene.connections.iter().enumerate() {
        lanes.push(connection_lane(scene, place, new(&format!("for {name}"))));
    }
    lanes
}

fn client_lane(client: &Client, mut lane: Lane) -> Lane {
    lane.paint(client.connected, Ink::Connect);
    lane.paint([client.left; 2], Ink::Left);
    for message in &client.messages {
        lane.paint(message.sent, Ink::Sent);
        message.answered.into_iter().for_each(|at| lane.paint([at; 2], Ink::Answered));
    }
    lane
}

fn thread_lane(scene: &Scene, thread: usize, mut lane: Lane) -> Lane {
    for event in scene.sleeps().into_iter().filter(|event| event.thread == thread) {
        lane.paint([event.begin, event.end], Ink::Sleeps);
    }
    for event in scene.events.iter().filter(|event| event.thread == thread) {
        lane.add(event, scene.separable);
    }
    lane
}

/// The steps of one kind in the runtime's loop.
fn step_lane(scene: &Scene, kind: Kind, ink: Ink, mut lane: Lane) -> Lane {
    for event in scene.events.iter().filter(|event| event.kind == kind) {
        lane.paint([event.begin, event.end], ink);
    }
    lane
}

/// What the server did for one client, and for how long it did not look.
fn connection_lane(scene: &Scene, place: usize, mut lane: Lane) -> Lane {
    let its = || scene.events.iter().filter(|event| event.connection == Some(place));
    its().for_each(|event| lane.add(event, scene.separable));
    let mut taken = its().filter(|event| brings(event)).peekable();
    for message in &scene.clients[place].messages {
        // One read may bring several.
        while taken.next_if(|event| event.end < message.there()).is_some() {}
        if let Some(event) = taken.peek() {
            lane.paint([message.there(), event.end], Ink::Unheard);
        }
    }
    lane
}

fn brings(event: &Event) -> bool {
    matches!(event.kind, Kind::Read | Kind::Complete) && matches!(event.outcome, Outcome::Bytes(_))
}

struct Lane {
    name: String,
    span: i64,
    cells: Vec<Ink>,
}

impl Lane {
    fn new(name: &str, span: i64, columns: usize) -> Lane {
        Lane { name: name.to_owned(), span, cells: vec![Ink::Nothing; columns] }
    }

    fn add(&mut self, event: &Event, separable: bool) {
        // Of a call that sleeps and copies in one, only its end is known to be copying.
        let at = if separable { event.begin } else { event.end };
        let span = [at, event.end];
        match (event.kind, event.outcome.is_vain()) {
            (Kind::Wait | Kind::Park, _) => {}
            (_, true) => self.paint([event.begin, event.end], Ink::Vain),
            (Kind::Accept, _) => self.paint(span, Ink::Accept),
            (Kind::Read | Kind::Complete, _) => self.paint(span, Ink::Read),
            (Kind::Write, _) => self.paint(span, Ink::Write),
            (Kind::Signal, _) => self.paint(span, Ink::Signal),
            (Kind::Submit, _) => self.paint(span, Ink::Submit),
            (Kind::Event, _) => self.paint(span, Ink::Event),
            _ => {}
        }
    }

    fn paint(&mut self, [begin, end]: [i64; 2], ink: Ink) {
        if end < 0 || begin > self.span {
            return;
        }
        let (first, last) = (self.column(begin), self.column(end));
        for cell in &mut self.cells[first..=last] {
            *cell = ink.max(*cell);
        }
    }

    fn column(&self, at: i64) -> usize {
        column(at, self.span, self.cells.len()).min(self.cells.len() - 1)
    }

    fn drawn(&self) -> String {
        let mut name: String = self.name.chars().take(NAMES - 1).collect();
        name.extend(std::iter::repeat_n(' ', NAMES - name.chars().count()));
        // Neighbours of one kind are drawn with one change of colour.
        let runs = self.cells.chunk_by(|one, other| one == other);
        let cells: String = runs.map(|run| run[0].drawn(run.len())).collect();
        name + &cells
    }
}

/// At which of so many columns this time of the whole is.
pub(super) fn column(at: i64, whole: i64, columns: usize) -> usize {
    let at = u128::from(at.clamp(0, whole).unsigned_abs());
    let part = at * columns as u128 / u128::from(whole.max(1).unsigned_abs());
    usize::try_from(part).unwrap_or(columns).min(columns)
}

/// Milliseconds, each at the column where it begins.
fn axis(span: i64, columns: usize) -> String {
    const MS: i64 = 1_000_000;

    let mut line = format!("{:NAMES$}", "ms");
    for ms in (0..=span / MS).step_by(10) {
        let column = NAMES + column(ms * MS, span, columns);
        let label = ms.to_string();
        if column >= line.chars().count() && column + label.len() <= NAMES + columns {
            line.extend(std::iter::repeat_n(' ', column - line.chars().count()));
            line.push_str(&label);
        }
    }
    line
}

fn legend(lanes: &[Lane], width: usize) -> Vec<String> {
    let mut inks: Vec<Ink> = lanes.iter().flat_map(|lane| lane.cells.iter().copied()).collect();
    inks.sort_unstable();
    inks.dedup();
    let (mut text, mut had): (Vec<String>, usize) = (Vec::new(), usize::MAX);
    for ink in inks.into_iter().filter(|ink| *ink != Ink::Nothing) {
        let wide = ink.legend_width() + 3;
        match text.last_mut() {
            Some(line) if had + wide <= width => {
                line.push_str("   ");
                line.push_str(&ink.explained());
                had += wide;
            }
            _ => {
                text.push(ink.explained());
                had = wide;
            }
        }
    }
    text
}
