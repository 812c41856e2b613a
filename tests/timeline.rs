//! A scene as a program plays it: what the recording of each real server says, beside what its
//! clients saw, and whether others can read it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use dormouse_study::models::Model;
use serde_json::Value;

struct Played {
    text: String,
    scene: Value,
    trace: Value,
}

/// Plays the scene, as a reader would; `None`, with a printed reason, where the model is not there.
fn play(model: Model) -> Option<Played> {
    const TRIES: usize = 10;

    if let Err(why) = model.check() {
        println!("skipped: {model}: {why}");
        return None;
    }
    // Where other programs want the cores, clients speak late, and no server waits for them.
    for _ in 1..TRIES {
        let played = play_once(model);
        let [begin, end] = silence(&played.scene["clients"][0]);
        let met = list(&played.scene["exchanges"]).len();
        if end - begin >= SILENT && met > 0 {
            return Some(played);
        }
        println!("{model} is played again: silent for {} ns, {met} messages met it", end - begin);
    }
    Some(play_once(model))
}

/// So long client A is silent at least: 20 ms were planned.
const SILENT: i64 = 15_000_000;

fn play_once(model: Model) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let (json, trace) = (folder.path().join("scene.json"), folder.path().join("trace.json"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    command.args(["timeline", model.name(), "--json"]).arg(&json).arg("--trace").arg(&trace);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{model}: {output:?}");
    let read = |path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Played { text, scene: read(&json), trace: read(&trace) }
}

fn span(value: &Value) -> [i64; 2] {
    [0, 1].map(|end| value[end].as_i64().unwrap())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// From the moment that a client was connected, to that in which its first message was there.
fn silence(client: &Value) -> [i64; 2] {
    [span(&client["connected"])[1], client["messages"][0]["arrived"].as_i64().unwrap()]
}

fn check_clients(scene: &Value) {
    let clients = list(&scene["clients"]);
    assert_eq!(clients.len(), 2);
    for client in clients {
        assert_eq!(list(&client["messages"]).len(), 10);
        for message in list(&client["messages"]) {
            let [begin, end] = span(&message["sent"]);
            let arrived = message["arrived"].as_i64().expect("the kernel stamps each message");
            // Two clocks are read for a stamp, one after the other.
            let slack = 1000;
            assert!(begin - slack <= arrived && arrived <= end + slack, "{message}");
            assert!(message["answered"].as_i64().unwrap() > begin, "{message}");
        }
    }
}

/// What a client's silence is to its server: waiting, and neither waking up nor copying.
fn check_silence(scene: &Value) {
    let [begin, end] = silence(&scene["clients"][0]);
    assert!(end - begin >= SILENT, "it was silent for {} ns", end - begin);
    for exchange in list(&scene["exchanges"]).iter().filter(|exchange| exchange["client"] == 0) {
        for phase in ["waking", "own", "copying", "together", "replying"] {
            if !exchange[phase].is_null() {
                assert!(span(&exchange[phase])[0] >= end, "{phase} in a silence: {exchange}");
            }
        }
    }
    let first = list(&scene["exchanges"])
        .iter()
        .find(|exchange| exchange["client"] == 0 && span(&exchange["waiting"])[1] == end);
    if let Some(first) = first {
        assert!(span(&first["waiting"])[0] < end, "{first}");
    }
}

fn check_phases(scene: &Value) {
    let separable = scene["separable"] == true;
    assert!(!list(&scene["exchanges"]).is_empty(), "no message met a waiting server");
    for exchange in list(&scene["exchanges"]) {
        let order = if separable {
            assert!(exchange["together"].is_null(), "{exchange}");
            vec!["waiting", "waking", "own", "copying"]
        } else {
            assert!(exchange["copying"].is_null(), "{exchange}");
            vec!["waiting", "together"]
        };
        let mut at = i64::MIN;
        for phase in order {
            let [begin, end] = span(&exchange[phase]);
            assert!(begin <= end && (at == i64::MIN || begin == at), "{phase}: {exchange}");
            at = end;
        }
        assert!(span(&exchange["replying"])[1] >= at, "{exchange}");
    }
}

fn check_vain(model: Model, scene: &Value) {
    let events = list(&scene["events"]);
    let in_vain = |event: &&Value| matches!(event["outcome"].as_str(), Some("not_yet" | "nothing"));
    let count = |event: &Value| event.get("count").map_or(1, |count| count.as_u64().unwrap());
    let vain: u64 = events.iter().filter(in_vain).map(count).sum();
    assert_eq!(vain, scene["vain"], "as --stats counts them");
    assert_eq!(scene["dropped"], 0);
    if model == Model::Nonblocking {
        assert!(vain > 1000, "it spins: {vain}");
    } else {
        assert!(vain < 100, "it sleeps: {vain}");
    }
}

/// When the second client was heard: in `blocking` after the first had left, else at once.
fn check_second(model: Model, scene: &Value) {
    let brought = |event: &&Value| {
        event["connection"] == 1
            && matches!(event["kind"].as_str(), Some("read" | "complete"))
            && event["outcome"]["bytes"].is_u64()
    };
    let heard = list(&scene["events"]).iter().find(brought).unwrap();
    let heard = heard["end"].as_i64().unwrap();
    let first = &scene["clients"][0];
    if model == Model::Blocking {
        assert!(heard > first["left"].as_i64().unwrap());
    } else {
        assert!(heard < first["left"].as_i64().unwrap());
    }
}

/// The kinds of events that only this model has.
fn check_kinds(model: Model, scene: &Value) {
    let has = |kind: &str| list(&scene["events"]).iter().any(|event| event["kind"] == kind);
    assert_eq!(has("signal"), model == Model::Signal);
    assert_eq!(has("submit") && has("complete"), model == Model::Uring);
    let of_the_runtime = ["park", "event", "wake", "queued", "poll"];
    assert_eq!(of_the_runtime.into_iter().all(has), model == Model::Async);
    let reads = has("read");
    assert_eq!(reads, model != Model::Uring, "{model} reads");
    if model == Model::Async {
        let tasks: Vec<_> = list(&scene["tasks"]).iter().collect();
        for name in ["acceptor", "A", "B"] {
            assert!(tasks.contains(&&name.into()), "{name}: {tasks:?}");
        }
    }
}

/// The fields that the Trace Event Format asks for, and spans of a thread that are nested.
fn check_trace(trace: &Value) {
    let events = list(&trace["traceEvents"]);
    let mut lanes: HashMap<(u64, u64), Vec<[f64; 2]>> = HashMap::new();
    let mut open: HashMap<(String, u64), i32> = HashMap::new();
    for event in events {
        assert!(event["name"].is_string() && event["cat"].is_string(), "{event}");
        let lane = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
        let begin = event["ts"].as_f64().unwrap();
        assert!(begin >= 0.0, "{event}");
        let name = || event["name"].as_str().unwrap().to_owned();
        match event["ph"].as_str().unwrap() {
            "X" => {
                let duration = event["dur"].as_f64().unwrap();
                assert!(duration >= 0.0, "{event}");
                lanes.entry(lane).or_default().push([begin, begin + duration]);
            }
            "i" => assert_eq!(event["s"], "t", "{event}"),
            "b" => *open.entry((name(), event["id"].as_u64().unwrap())).or_default() += 1,
            "e" => *open.entry((name(), event["id"].as_u64().unwrap())).or_default() -= 1,
            "M" => assert!(event["args"]["name"].is_string(), "{event}"),
            other => panic!("{other}: {event}"),
        }
    }
    assert!(open.values().all(|balance| *balance == 0), "each b has its e");
    assert!(!lanes.is_empty());
    for spans in lanes.values_mut() {
        spans.sort_by(|a, b| a[0].total_cmp(&b[0]).then(b[1].total_cmp(&a[1])));
        let mut around: Vec<f64> = Vec::new();
        for [begin, end] in &*spans {
            // Times are written in microseconds, to the nanosecond.
            let slack = 0.001;
            around.retain(|end| *end > *begin + slack);
            assert!(around.iter().all(|outer| *end <= *outer + slack), "spans overlap: {spans:?}");
            around.push(*end);
        }
    }
}

/// DESIGN.md describes every key of a scene.
fn check_keys(scene: &Value) {
    let (_, page) = include_str!("../DESIGN.md").split_once("## Recordings").unwrap();
    let [client, exchange] = [&scene["clients"][0], &scene["exchanges"][0]];
    let parts = [scene, client, &client["messages"][0], exchange, &scene["spread"]];
    let events = list(&scene["events"]).iter();
    let keys = parts.into_iter().chain(events).flat_map(|part| part.as_object().unwrap().keys());
    for key in keys {
        assert!(page.contains(&format!("`{key}`")), "DESIGN.md does not describe {key}");
    }
}

fn check(model: Model) {
    let Some(Played { text, scene, trace }) = play(model) else { return };
    assert_eq!(scene["model"], model.name());
    check_clients(&scene);
    check_silence(&scene);
    check_phases(&scene);
    check_vain(model, &scene);
    check_second(model, &scene);
    check_kinds(model, &scene);
    check_trace(&trace);
    check_keys(&scene);
    assert_eq!(list(&scene["look_for"]).len(), 3, "{scene}");
    assert!(text.starts_with(model.name()), "{text}");
    for lane in ["client A", "client B", "for A", "for B"] {
        assert!(text.lines().any(|line| line.starts_with(lane)), "{lane}: {text}");
    }
}

#[test]
fn the_recording_of_each_model_agrees_with_its_clients_and_its_counters() {
    for model in Model::all() {
        check(*model);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    let output = command.args(["timeline", "mio", "--json", "/nowhere/x.json"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/nowhere/x.json") && said.contains("--json"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
