//! # Made up: a report that nobody measured, with every kind of event
//!
//! Problem: the tests of the page want scenes that they know, and a text that tries to break out.
//! Idea: one small play of the scene, told once; each kind of server makes its own events of it.
//! Leaves out: truth. Real recordings come from `dormouse study`.
//! Read before: `made_up/play.rs`. Read next: `lib.rs`.
//! Try: `cargo test -p dormouse-browser`

mod charts;
mod play;

use serde_json::{Value, json};

use self::play::{Play, Server};

/// A text that must do nothing, wherever it lands.
pub const EVIL: &str = "</script><img src=x onerror=\"document.title='broken'\"><!-- & \u{2028}";

const SUMMARIES: [(&str, &str); 9] = [
    ("blocking", "one thread, one connection at a time: the second client waits"),
    ("threads", "a thread for each connection: simple, and each costs a stack"),
    ("nonblocking", "asks every socket in turn, for ever: burns a core"),
    ("select", "asks the kernel about all sockets at once, up to descriptor 1023"),
    ("poll", "the same question without the limit"),
    ("mio", "registers once, is told what is ready: a state machine per connection"),
    ("signal", "the kernel interrupts when a socket is ready"),
    ("uring", "submits the operation itself, and is told when it is done"),
    ("async", "the mio server again, in straight lines, on our own runtime"),
];

/// The whole page, in the shape that `dormouse_study::study::page::render` takes.
pub fn page() -> Value {
    json!({
        "title": "How nine servers wait", "date": "2026-11-25 19:40 UTC",
        "command": format!("dormouse study --html 'a {EVIL}.html'"), "version": "0.1.0",
        "machine": { "os": "linux", "arch": "x86_64", "kernel": "6.12.0 made up", "cores": 2,
                     "load_average": 0.71, "release": true },
        "story": [
            "With 1,000 clients and nothing to do, nonblocking asked 3,118,432 times in vain, and \
             used 99.8 % of a core. In silence all others stayed below 0.1 %.",
            "Written in straight lines, async took 5.53 µs of CPU time per message; by hand, mio \
             took 5.60: no difference that counts.",
            EVIL,
        ],
        "scenes": SUMMARIES.map(|(model, summary)| scene(model, summary)),
        "charts": charts::charts(),
    })
}

fn scene(model: &str, summary: &str) -> Value {
    if model == "select" {
        let why =
            "made up: this machine has no select, so that the page shows what then stands here";
        return json!({ "model": model, "summary": summary, "unavailable": why });
    }
    let server = match model {
        "blocking" => Server::Blocking,
        "threads" => Server::Threads,
        "nonblocking" => Server::Spins,
        "signal" => Server::Signal,
        "uring" => Server::Ring,
        "async" => Server::Runtime,
        _ => Server::Sleeps,
    };
    let mut play = Play::new(server);
    play.run();
    play.scene(model, summary, &look_for(model))
}

fn look_for(model: &str) -> [String; 3] {
    match model {
        "nonblocking" => [
            "The thread never sleeps: it is red from the first moment to the last.".into(),
            "Zoom in until each call gets a line: almost all come back with ‘not yet’.".into(),
            "The messages are answered at once, and that is what the spinning buys.".into(),
        ],
        "blocking" => [
            "B's message arrives after 8.3 ms, and nobody looks at it for 52 ms.".into(),
            "The thread sleeps in a read of A all that time.".into(),
            "Then B is accepted, and its answers come within microseconds.".into(),
        ],
        _ => [
            "The thread sleeps in the kernel for nearly all of the scene.".into(),
            "Each message ends one sleep; no call came back in vain.".into(),
            format!("Nobody waits for anybody else. {EVIL}"),
        ],
    }
}
