//! The study as a program: what it prints, what it writes, and that it leaves nobody behind.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::marked;

/// A study that its servers can be told by: they inherit the mark.
fn study(mark: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    command.arg("study").args(args).env("DORMOUSE_TEST_MARK", mark);
    // The report is written there.
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn first_cells(table: &str) -> Vec<&str> {
    table.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn a_study_prints_a_row_per_model_and_writes_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let args = ["--models", "async,blocking,async", "--duration", "600ms", "--connections", "8"];
    let mut command = study("whole", &args);
    let output = command.arg("--json").arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = stdout(&output);
    let rows: Vec<_> = first_cells(&printed)
        .into_iter()
        .filter(|cell| ["blocking", "async", "mio"].contains(cell))
        .collect();
    assert_eq!(rows[..2], ["blocking", "async"], "{printed}");
    assert!(printed.contains("1 of 8 served"), "{printed}");

    let figures: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(figures["schema"], "dormouse-study/2");
    assert_eq!(figures["settings"]["connections"], 8);
    let [blocking, asynchronous] = &figures["models"].as_array().unwrap()[..] else {
        panic!("{figures}")
    };
    assert_eq!((&blocking["model"], &asynchronous["model"]), (&"blocking".into(), &"async".into()));
    assert!(blocking["idle"]["memory_per_connection"]["missing"].is_string(), "{blocking}");
    assert_eq!(blocking["full"]["load"]["queued"], 7);
    for phase in ["full", "rate", "fast", "idle"] {
        let findings = &asynchronous[phase];
        assert_eq!(findings["load"]["corrupt"], 0, "{findings}");
        assert_eq!(findings["load"]["served"], findings["load"]["connections"], "{findings}");
        assert!(findings["cpu_percent"].is_f64(), "{findings}");
        assert!(findings["stats"]["bytes_in"].as_u64() > Some(0), "{findings}");
    }
    assert!(asynchronous["rate"]["load"]["latency_us"]["p50"].as_f64() > Some(0.0));
    assert_eq!(marked("whole"), 0, "a server is left");
}

/// The figures of a short run, as a file.
fn measured(mark: &str, args: &[&str], file: &Path) -> Value {
    let mut command = study(mark, args);
    let output = command.args(["--duration", "500ms", "--json"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn figures_know_their_noise_their_growth_and_what_a_pause_trades() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let args = ["--models", "nonblocking,select", "--connections", "8"];
    let figures = measured("growth", &args, &file);
    let [nonblocking, select] = &figures["models"].as_array().unwrap()[..] else {
        panic!("{figures}")
    };
    let at = |model: &Value| -> Vec<u64> {
        let points = model["growth"].as_array().unwrap().iter().map(|point| &point["load"]);
        // How many of them are served in so short a time is up to the machine.
        assert!(points.clone().all(|load| load["served"].as_u64() > Some(0)), "{model}");
        points.map(|load| load["connections"].as_u64().unwrap()).collect()
    };
    assert_eq!((at(nonblocking), at(select)), (vec![1, 10, 100, 1000], vec![1, 10, 100, 900]));
    let pauses = nonblocking["every"].as_array().unwrap();
    let names: Vec<_> = pauses.iter().map(|point| point["every"].as_str().unwrap()).collect();
    assert_eq!((names, &select["every"]), (vec!["100us", "1ms", "10ms"], &Value::Array(vec![])));
    // It slept after each round in vain: that many times fewer calls, whatever the machine does.
    let vain = |findings: &Value| findings["stats"]["vain_reads"].as_u64().unwrap();
    assert!(vain(&pauses[2]) < vain(&nonblocking["rate"]), "{nonblocking}");

    let slices = figures["settings"]["slices"].as_u64().unwrap();
    for model in [nonblocking, select] {
        for (phase, figure) in [
            ("full", "messages_per_second"),
            ("full", "cpu_us_per_message"),
            ("rate", "p50_us"),
            ("fast", "p99_us"),
            ("idle", "cpu_percent"),
        ] {
            let range = &model[phase]["noise"][figure];
            let [min, median, max] = ["min", "median", "max"].map(|edge| range[edge].as_f64());
            assert!(min.is_some() && min <= median && median <= max, "{phase} {figure}: {range}");
            let slices_of = model[phase]["load"]["slices"].as_array().unwrap().len();
            assert_eq!(slices_of as u64, slices);
        }
    }
    check_keys(&figures);
}

/// DESIGN.md describes every key that a study writes; those of `load` and `stats` are in the source.
fn check_keys(figures: &Value) {
    let page = include_str!("../DESIGN.md");
    let (_, page) = page.split_once("The file of a study:").unwrap();
    let (page, _) = page.split_once("An audit:").unwrap();
    let mut keys = keys(figures);
    let model = &figures["models"][0];
    keys.extend(
        [&figures["machine"], &figures["settings"], model].into_iter().flat_map(self::keys),
    );
    keys.extend([&model["full"], &model["growth"][0]].into_iter().flat_map(self::keys));
    keys.extend(self::keys(&model["full"]["noise"]));
    keys.extend(self::keys(&model["full"]["noise"]["p50_us"]));
    assert!(keys.len() > 50, "{keys:?}");
    let missing: Vec<_> = keys.iter().filter(|key| !page.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "DESIGN.md does not describe {missing:?}");
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_study_is_compared_with_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.json");
    let args = ["--models", "mio", "--connections", "8"];
    let mut old = measured("old", &args, &file);
    // So slow that no machine is.
    let full = &mut old["models"][0]["full"];
    full["cpu_us_per_message"] = 1e6.into();
    full["noise"]["cpu_us_per_message"] = serde_json::json!({"min": 9e5, "max": 2e6});
    old["machine"]["kernel"] = "2.4.0".into();
    fs::write(&file, old.to_string()).unwrap();
    let again = ["--models", "mio,poll", "--connections", "8", "--duration", "400ms", "--compare"];
    let output = study("new", &again).arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = stdout(&output);
    let line = |words: &[&str]| {
        let mut lines = printed.lines();
        lines.any(|line| words.iter().all(|word| line.contains(word)))
    };
    assert!(line(&["mio", "full load", "CPU µs/msg", "1,000,000", "better"]), "{printed}");
    assert!(line(&["poll", "full load", "messages/s", "then: not measured"]), "{printed}");
    assert!(printed.contains("differ by more than the noise"), "{printed}");
    let said = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("the kernel was 2.4.0") && said.contains("was 0.5 and is 0.4"), "{said}");
}

#[test]
fn a_file_that_cannot_be_compared_is_named_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("older.json");
    fs::write(&file, "{\"schema\": \"dormouse-study/1\"}").unwrap();
    let output = study("compare", &["--compare"]).arg(&file).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("older.json") && said.contains("dormouse-study/1"), "{said}");
}

#[test]
fn a_signal_ends_the_study_and_its_server() {
    for (signal, mark) in [(Signal::SIGTERM, "term"), (Signal::SIGINT, "int")] {
        let child = study(mark, &["--models", "mio", "--duration", "60s"]).spawn().unwrap();
        until(|| marked(mark) == 2);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(128 + signal as i32));
        until(|| marked(mark) == 0);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_before_anything_is_measured() {
    for option in ["--json", "--html", "--trace"] {
        let output =
            study("file", &["--duration", "60s", option, "/nowhere/file"]).output().unwrap();
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("/nowhere/file") && said.contains(option), "{said}");
    }
}

#[test]
fn a_file_that_can_no_longer_be_written_costs_none_of_what_is_printed() {
    let args = ["--models", "mio", "--duration", "100ms", "--json", "/dev/full"];
    let output = study("full", &args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("/dev/full") && said.contains("--json"), "{said}");
    assert!(first_cells(&stdout(&output)).contains(&"mio"), "what was measured is still printed");
}

#[test]
fn a_study_ends_with_a_report_of_what_it_measured_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let [html, trace] = ["report.html", "trace.json"].map(|name| folder.path().join(name));
    let args = ["--models", "blocking,nonblocking,async", "--duration", "400ms"];
    let mut command = study("report", &args);
    command.arg("--html").arg(&html).arg("--trace").arg(&trace);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = stdout(&output);
    let last: Vec<_> = printed.trim_end().lines().rev().take(2).collect();
    assert!(last.iter().all(|line| line.contains("report.html")), "{printed}");

    let page = fs::read_to_string(&html).unwrap();
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let (_, data) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    let scenes = data["scenes"].as_array().unwrap();
    let models: Vec<_> = scenes.iter().map(|scene| scene["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["blocking", "nonblocking", "async"]);
    let charts = data["charts"].as_array().unwrap();
    assert!(charts.len() >= 10, "{charts:?}");
    for scene in scenes {
        assert_eq!(scene["unavailable"], Value::Null, "{scene}");
        // As the page says it, beside the picture.
        let name = scene["model"].as_str().unwrap();
        assert!(page.contains(&format!("id=\"{name}\"")));
    }
    let vain = scenes[1]["vain"].as_u64().unwrap();
    let spins = dormouse_study::figures::grouped(vain);
    assert!(vain > 1000 && page.contains(&spins), "{spins} calls in vain");

    let trace: Value = serde_json::from_slice(&fs::read(&trace).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let processes = events.iter().filter(|event| event["name"] == "process_name");
    let named: Vec<_> = processes.map(|event| event["args"]["name"].as_str().unwrap()).collect();
    assert_eq!(named, models);
}

/// Waits for what happens soon.
fn until(happens: impl Fn() -> bool) {
    let begin = Instant::now();
    while !happens() {
        assert!(begin.elapsed() < Duration::from_secs(10), "it did not happen");
        thread::sleep(Duration::from_millis(20));
    }
}
