//! # Scene: the same short play for every model, and what each made of it
//!
//! Problem: a picture of a thousand messages shows nothing, and each model is told apart by what it
//! does while nothing comes.
//! Idea: two clients, some twenty messages, a silence. The server and the clients record on one
//! clock; what both say is put together here.
//! Leaves out: measuring: a run that is recorded is no run that is timed.
//! Read before: `scene/client.rs`, `scene/exchange.rs`, `scene/look_for.rs`. Read next: `timeline.rs`.
//! Try: `cargo run -- timeline blocking`

pub mod client;
pub mod exchange;
pub mod look_for;
#[cfg(target_os = "linux")]
pub mod stamp;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process;

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
    let file = Temporary::new(model);
    let buffer = (2 * client::SIZE).to_string();
    // A buffer that a message does not fill: one read brings it, and says that this was all.
    let args = ["--buffer", &buffer, "--record", &file.0.display().to_string()];
    let server = Server::start(model, &args, current)?;
    let played = client::play(server.addr())?;
    if server.stop()?.is_none() {
        let why = "this system has no way to ask a server for its recording";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let recording: Recording = serde_json::from_str(&fs::read_to_string(&file.0)?)?;
    Ok(Scene::new(model, recording, played))
}

/// A file that is gone when it was read.
struct Temporary(PathBuf);

impl Temporary {
    fn new(model: Model) -> Temporary {
        let name = format!("dormouse-{}-{model}.json", process::id());
        Temporary(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Where the server could not write it, there is none.
        fs::remove_file(&self.0).ok();
    }
}

impl Scene {
    /// Puts together what a server and its clients say.
    pub fn new(model: Model, recording: Recording, played: Played) -> Scene {
        let Played { origin, clients, span } = played;
        let named = |name: &String| {
            let client = clients.iter().find(|client| client.addr == *name);
            client.map(|client| client.name.to_owned())
        };
        // A server names its peers as they come; the scene has its own order.
        let places: Vec<Option<usize>> = recording
            .connections
            .iter()
            .map(|peer| clients.iter().position(|client| client.addr == *peer))
            .collect();
        let events: Vec<Event> = recording
            .events
            .into_iter()
            .map(|event| Event {
                connection: event.connection.and_then(|connection| places[connection]),
                begin: event.begin - origin,
                end: event.end - origin,
                ..event
            })
            .collect();
        let tasks = recording.tasks.iter();
        let tasks = tasks.map(|task| named(task).unwrap_or_else(|| task.clone())).collect();
        let threads = recording.threads.iter();
        let threads = threads.map(|thread| named(thread).unwrap_or_else(|| thread.clone()));
        let separable = !matches!(model, Model::Blocking | Model::Threads | Model::Uring);
        let exchanges = exchange::exchanges(&events, &clients, separable);
        let mut scene = Scene {
            schema: "dormouse-scene/1",
            model: model.name().to_owned(),
            summary: model.summary(),
            unavailable: None,
            span,
            threads: threads.collect(),
            connections: clients.iter().map(|client| client.name.to_owned()).collect(),
            tasks,
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

    /// Calls in vain that were recorded: as many as [`vain`](Scene::vain), if none was dropped.
    pub fn recorded_vain(&self) -> u64 {
        let vain = self.events.iter().filter(|event| event.outcome.is_vain());
        vain.map(|event| event.count).sum()
    }
}

#[cfg(test)]
mod tests;
