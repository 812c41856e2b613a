//! # Scene: the same short play for every model, and what each made of it
//!
//! Problem: a picture of a thousand messages shows nothing, and each model is told apart by what it
//! does while nothing comes.
//! Idea: two clients, some twenty messages, a silence. The server and the clients record on one
//! clock; what both say is put together here.
//! Leaves out: measuring: a run that is recorded is no run that is timed.
//! Read before: the files of `scene/`, from `scene/stamp.rs` on. Read next: `trace.rs`.
//! Try: `cargo run -- timeline blocking`

pub mod client;
pub mod exchange;
pub mod look_for;
#[cfg(target_os = "linux")]
pub mod stamp;

use std::io;

use serde::Serialize;

use self::client::{Client, Played};
use self::exchange::{Exchange, Spread};
use crate::models::Model;
use crate::record::event::{Event, Recording};
use crate::study::child::{Current, Server};

/// What one model made of the scene. All times are in nanoseconds after its begin, which is that of
/// the first client's connect.
#[derive(Clone, Debug, Serialize)]
pub struct Scene {
    /// `dormouse-scene/1`: the number grows when a key changes its meaning or goes.
    pub schema: &'static str,
    /// The name of the model.
    pub model: String,
    /// What it shows, in one line.
    pub summary: String,
    /// `null`: it was played.
    pub unavailable: Option<String>,
    /// When the last client had left.
    pub span: i64,
    /// The server's threads.
    pub threads: Vec<String>,
    /// The clients, as the server's events name them.
    pub connections: Vec<String>,
    /// The runtime's tasks.
    pub tasks: Vec<String>,
    /// Whether waking up and copying can be told apart: there is a read call of its own.
    pub separable: bool,
    /// What the server did.
    pub events: Vec<Event>,
    /// What the clients did.
    pub clients: Vec<Client>,
    /// What became of each message that came while the server waited for it.
    pub exchanges: Vec<Exchange>,
    /// Which of them took neither long nor short from the arrival to the data in hand.
    pub median: Option<usize>,
    /// How long they took.
    pub spread: Spread,
    /// Calls in vain, as the server counted them.
    pub vain: u64,
    /// All its calls, likewise.
    pub calls: u64,
    /// Events that were not recorded, for want of room.
    pub dropped: u64,
    /// Three sentences.
    pub look_for: Vec<String>,
}

/// Has a server of `model` play the scene.
///
/// # Errors
///
/// Why it can't be played, in one line.
pub fn play(model: Model, current: &Current) -> io::Result<Scene> {
    let buffer = (2 * client::SIZE).to_string();
    // A buffer that a message does not fill: one read brings it, and says that this was all. The
    // recording comes through the pipe: a file would have to be found a place, and removed again.
    let server = Server::start(model, &["--buffer", &buffer, "--record", "-"], current)?;
    let played = client::play(server.addr())?;
    let Some(recording) = server.stop_recorded()? else {
        let why = "this system has no way to ask a server for its recording";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    };
    Ok(Scene::new(model, recording, played))
}

impl Scene {
    /// Puts together what a server and its clients say.
    pub fn new(model: Model, recording: Recording, played: Played) -> Scene {
        let Played { origin, clients, span } = played;
        let separable = !matches!(model, Model::Blocking | Model::Threads | Model::Uring);
        let events = events(recording.events, &recording.connections, &clients, origin);
        let exchanges = exchange::exchanges(&events, &clients, separable);
        let mut scene = Scene {
            schema: "dormouse-scene/1",
            model: model.name().to_owned(),
            summary: model.summary(),
            unavailable: None,
            span,
            threads: names(&recording.threads, &clients),
            connections: clients.iter().map(|client| client.name.to_owned()).collect(),
            tasks: names(&recording.tasks, &clients),
            separable,
            median: exchange::median(&exchanges),
            spread: Spread::of(&exchanges),
            events,
            exchanges,
            clients,
            vain: recording.stats.vain(),
            calls: recording.stats.calls(),
            dropped: recording.dropped,
            look_for: Vec::new(),
        };
        scene.look_for = look_for::look_for(&scene);
        scene
    }
}

/// The events of a recording, in the time of the scene, and with its numbers for the clients: a
/// server numbers its `peers` as they come.
fn events(recorded: Vec<Event>, peers: &[String], clients: &[Client], origin: i64) -> Vec<Event> {
    let of_a_client = |peer: &String| clients.iter().position(|client| client.addr == *peer);
    let places: Vec<Option<usize>> = peers.iter().map(of_a_client).collect();
    let in_the_scene = |event: Event| Event {
        connection: event.connection.and_then(|connection| places[connection]),
        begin: event.begin - origin,
        end: event.end - origin,
        ..event
    };
    recorded.into_iter().map(in_the_scene).collect()
}

/// What a server calls its threads or tasks; where that is a client's address, the client's name.
fn names(given: &[String], clients: &[Client]) -> Vec<String> {
    let name = |given: &String| {
        let client = clients.iter().find(|client| client.addr == *given);
        client.map_or_else(|| given.clone(), |client| client.name.to_owned())
    };
    given.iter().map(name).collect()
}

#[cfg(test)]
mod tests;
