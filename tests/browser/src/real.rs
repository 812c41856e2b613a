//! # Real: a report that the program itself has written
//!
//! Problem: made-up scenes are tidy, and shaped as their author believed; a recording is neither.
//! Idea: once for all tests of a file, build the program, have it study all nine models, and keep
//! its page, the data in the page, and the trace of the same run.
//! Leaves out: long runs: the figures may be noise, the recording is not.
//! Read before: `window.rs`. Read next: `tests/real.rs`.
//! Try: `cargo test -p dormouse-browser --test real`

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::window::{Window, chromium_or_reason};

/// A second client that waits longer than this for an answer was not kept by the server, but by a
/// machine with other things to do; only that of `blocking` waits by design.
const DISTURBED_NS: i64 = 15_000_000;

/// One study, as it is found on disk.
pub struct Real {
    pub html: String,
    /// What the page carries as JSON.
    pub page: Value,
    pub trace: Value,
}

/// A window with the report, where there is a browser.
pub fn open(width: u32, height: u32) -> Option<(Window, &'static Real)> {
    chromium_or_reason()?;
    let real = real();
    Window::open(&real.html, width, height).map(|window| (window, real))
}

/// The report of a study in which the machine was calm; after three, of the last one.
pub fn real() -> &'static Real {
    static REAL: OnceLock<Real> = OnceLock::new();
    REAL.get_or_init(|| {
        let program = program();
        let calm = (0..2).map(|_| study(&program)).find(|real| !real.is_disturbed());
        calm.unwrap_or_else(|| study(&program))
    })
}

impl Real {
    pub fn scenes(&self) -> &Vec<Value> {
        self.page["scenes"].as_array().unwrap()
    }

    /// Those that have a picture.
    pub fn played(&self) -> impl Iterator<Item = (&str, &Value)> {
        let played = self.scenes().iter().filter(|scene| scene["unavailable"].is_null());
        played.map(|scene| (scene["model"].as_str().unwrap(), scene))
    }

    /// How many events of a server the trace has: what it did, without names and clients.
    pub fn traced(&self, model: &str) -> usize {
        let events = self.trace["traceEvents"].as_array().unwrap();
        let is_named = |event: &&Value| {
            event["name"] == "process_name" && event["args"]["name"].as_str() == Some(model)
        };
        let process = &events.iter().find(is_named).expect("each model is a process")["pid"];
        let of_server = |event: &&Value| {
            event["pid"] == *process
                && event["tid"].as_u64() >= Some(100)
                && ["X", "i", "b"].iter().any(|phase| event["ph"] == *phase)
        };
        events.iter().filter(of_server).count()
    }

    fn is_disturbed(&self) -> bool {
        let of_second = |scene: &Value| scene["clients"][1]["messages"].as_array().cloned();
        let late = |message: &Value| {
            let answered = message["answered"].as_i64().unwrap_or(i64::MAX);
            answered - message["sent"][0].as_i64().unwrap() > DISTURBED_NS
        };
        let others = self.played().filter(|(model, _)| *model != "blocking");
        others.into_iter().any(|(_, scene)| of_second(scene).unwrap().iter().any(late))
    }
}

/// The program, built from the sources as they are now.
fn program() -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut build = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    build.args(["build", "--locked", "--package", "dormouse-study", "--bin", "dormouse"]);
    build.args(["--message-format", "json"]).current_dir(root);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let output = build.output().expect("cargo starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the program can't be built: {said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found =
        messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    found.next_back().expect("cargo says where the program is")
}

fn study(program: &PathBuf) -> Real {
    let folder = tempfile::tempdir().unwrap();
    let [html, trace] = ["report.html", "trace.json"].map(|name| folder.path().join(name));
    let mut command = Command::new(program);
    command.args(["study", "--duration", "400ms"]).arg("--html").arg(&html);
    let output = command.arg("--trace").arg(&trace).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the study ended badly: {said}");
    let html = fs::read_to_string(html).unwrap();
    let (_, data) = html.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    let page = serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
    let trace = serde_json::from_str(&fs::read_to_string(trace).unwrap()).unwrap();
    Real { html, page, trace }
}
