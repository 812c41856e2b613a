//! `dormouse audit` on our own servers and on others': who sleeps, ticks, runs and spins is found
//! to do so, and nothing that it starts is left behind.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use asleep::Account;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::{DORMOUSE, Server, ask, first_line, marked, until};

/// An audit whose command can be told from those of other tests: all that it starts has the mark.
fn audit(mark: &str, options: &[&str], command: &[&str]) -> Command {
    let mut audit = Command::new(DORMOUSE);
    audit.arg("audit").args(options).env("DORMOUSE_TEST_MARK", mark).env("RUST_LOG", "off");
    if !command.is_empty() {
        audit.arg("--").args(command);
    }
    audit.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    audit
}

/// Runs a command under audit, sees that nothing of it is left, and returns the figures.
fn figures(mark: &str, command: &[&str]) -> Value {
    read(&leaves_nothing(
        mark,
        audit(mark, &["--json", "--duration", "2s"], command).spawn().unwrap(),
    ))
}

/// Waits for the end of an audit, and sees that nothing is left of what it started.
fn leaves_nothing(mark: &str, mut audit: Child) -> Output {
    audit.wait().unwrap();
    // Before its output is read to the end: whoever is left would hold that open till its own end.
    assert_eq!(marked(mark), 0, "it left something behind");
    audit.wait_with_output().unwrap()
}

/// Watches a process that goes on.
fn figures_of(pid: u32) -> Value {
    let pid = pid.to_string();
    read(&audit("none", &["--json", "--duration", "1s", "--pid", &pid], &[]).output().unwrap())
}

fn read(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{figures}");
    assert_eq!(figures["schema"], "dormouse-audit/1");
    figures
}

fn threads(figures: &Value) -> &Vec<Value> {
    figures["threads"].as_array().unwrap()
}

/// Each thread slept, and its figures say so.
fn all_slept(figures: &Value) {
    assert_eq!(figures["verdict"], "asleep", "{figures}");
    for thread in threads(figures) {
        assert_eq!(thread["verdict"], "asleep", "{thread}");
        assert_eq!((&thread["switches"], &thread["cpu_percent"]), (&0.into(), &0.0.into()));
    }
}

/// Waits until the process has nothing left to do.
fn settle(pid: u32) {
    let mut last = Account::of_threads(pid).unwrap();
    until("it comes to rest", || {
        thread::sleep(Duration::from_millis(100));
        let before = std::mem::replace(&mut last, Account::of_threads(pid).unwrap());
        before == last
    });
}

/// Exactly one line on stderr, which names all of `names`.
fn one_line(output: &Output, status: i32, names: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for name in names {
        assert!(said.contains(name), "'{said}' does not name {name}");
    }
}

/// A program in Python; `None`, and a printed reason, where that is missing.
fn python(script: &str) -> Option<PathBuf> {
    let found = Command::new("python3").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: no python3");
        return None;
    }
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(script))
}

/// A program that goes on until the test ends.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_server_with_a_silent_client_is_found_asleep_and_goes_on() {
    for model in ["mio", "async"] {
        let server = Server::start(model, &[]);
        let client = server.connect();
        ask(&client, b"before");
        settle(server.pid());
        // Also the proof that to be watched, with its calls counted, wakes nobody.
        let figures = figures_of(server.pid());
        all_slept(&figures);
        assert_eq!(threads(&figures).len(), 2, "the server, and who waits for signals");
        assert_eq!(ask(&client, b"after"), b"AFTER");
    }
}

#[test]
fn a_server_that_asks_for_ever_is_found_spinning_by_its_own_counters() {
    let serve = [DORMOUSE, "serve", "nonblocking", "--addr", "127.0.0.1:0", "--stats"];
    let figures = figures("spins", &serve);
    assert_eq!(figures["verdict"], "spinning", "{figures}");
    let [server, signals] = &threads(&figures)[..] else { panic!("{figures}") };
    assert_eq!((&server["name"], &server["verdict"]), (&"dormouse".into(), &"spinning".into()));
    assert_eq!(server["calls_source"], "counters");
    let (all, vain) = (server["calls"].as_f64().unwrap(), server["vain_calls"].as_f64().unwrap());
    assert!(vain > 10_000.0 && vain <= all, "{server}");
    assert_eq!((&signals["name"], &signals["verdict"]), (&"signals".into(), &"asleep".into()));
}

#[test]
fn the_kernel_sees_it_spin_where_its_calls_can_be_counted() {
    let server = Server::start("nonblocking", &[]);
    let client = server.connect();
    ask(&client, b"hello");
    let figures = figures_of(server.pid());
    let spinner = &threads(&figures)[0];
    if let Some(why) = spinner["calls"]["missing"].as_str() {
        println!("skipped: {why}");
        return;
    }
    assert_eq!(
        (&spinner["verdict"], &spinner["calls_source"]),
        (&"spinning".into(), &"perf".into())
    );
    assert!(spinner["vain_calls"].as_f64() > Some(10_000.0), "{spinner}");
}

#[test]
fn without_evidence_nobody_is_said_to_spin() {
    let serve = [DORMOUSE, "serve", "nonblocking", "--addr", "127.0.0.1:0"];
    let options = ["--json", "--duration", "500ms"];
    let figures = read(&audit("blind", &options, &serve).env("PATH", "").output().unwrap());
    let server = &threads(&figures)[0];
    assert_eq!((&server["verdict"], &server["calls_source"]), (&"busy".into(), &Value::Null));
    assert_eq!(server["vain_calls"]["missing"], "perf is not installed");
}

#[test]
fn a_server_that_asks_now_and_then_is_found_periodic() {
    let serve = [DORMOUSE, "serve", "nonblocking", "--addr", "127.0.0.1:0", "--every", "1ms"];
    let figures = figures("every", &serve);
    let server = &threads(&figures)[0];
    assert_eq!(server["verdict"], "periodic", "{figures}");
    let rate = server["wakes_per_second"].as_f64().unwrap();
    assert!((50.0..=1050.0).contains(&rate), "{server}");
}

#[test]
fn an_asyncio_server_is_found_asleep() {
    let Some(script) = python("sleeper.py") else { return };
    let mut command = Command::new("python3");
    command.arg(script);
    let server = Server::spawn(command);
    let client = server.connect();
    assert_eq!(ask(&client, b"hello"), b"HELLO");
    settle(server.pid());
    all_slept(&figures_of(server.pid()));
}

#[test]
fn a_ticker_is_found_periodic() {
    let Some(script) = python("ticker.py") else { return };
    let mut command = Command::new("python3");
    let child = command.arg(script).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ticker = Other(child);
    assert_eq!(first_line(&mut BufReader::new(ticker.0.stdout.take().unwrap())), "ticking");
    let figures = figures_of(ticker.0.id());
    let [ticker] = &threads(&figures)[..] else { panic!("{figures}") };
    assert_eq!(ticker["verdict"], "periodic", "{figures}");
    let rate = ticker["wakes_per_second"].as_f64().unwrap();
    assert!((100.0..=2100.0).contains(&rate), "{ticker}");
}

#[test]
fn a_loop_that_asks_nobody_is_busy_and_not_spinning() {
    let figures = figures("loop", &["sh", "-c", "while :; do :; done"]);
    let [shell] = &threads(&figures)[..] else { panic!("{figures}") };
    assert_eq!(shell["verdict"], "busy", "{figures}");
    assert!(shell["cpu_percent"].as_f64() > Some(1.0), "{shell}");
    let missing = shell["vain_calls"]["missing"].is_string();
    assert!(missing || shell["vain_calls"] == 0.0, "{shell}");
}

#[test]
fn who_is_expected_to_be_idle_and_is_not_is_named() {
    let idle = ["--expect-idle", "--duration", "500ms"];
    let output = leaves_nothing("idle", audit("idle", &idle, &["sleep", "60"]).spawn().unwrap());
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    let cells = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
    let row = cells(table.lines().nth(1).unwrap());
    assert_eq!(row[2..], ["sleep", "asleep", "0.0", "0", "0"], "{table}");

    let busy = ["sh", "-c", "while :; do :; done"];
    let output = leaves_nothing("awake", audit("awake", &idle, &busy).spawn().unwrap());
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    let row = cells(table.lines().nth(1).unwrap());
    one_line(&output, 1, &["--expect-idle", &row[1], "(sh)", "% of a core", "switches"]);
}

#[test]
fn all_that_a_command_starts_is_watched_and_ended() {
    // One goes into a session of its own, and is an orphan.
    let shell = "echo hello; (setsid sleep 61 &); sleep 62 & sleep 63";
    let options = ["--json", "--duration", "500ms"];
    let family = audit("family", &options, &["sh", "-c", shell]).spawn().unwrap();
    let output = leaves_nothing("family", family);
    assert_eq!(output.stderr, b"hello\n", "what it prints is not mixed with the figures");
    let figures = read(&output);
    all_slept(&figures);
    let mut names: Vec<_> = threads(&figures).iter().map(|t| t["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["sh", "sleep", "sleep", "sleep"]);
}

#[test]
fn who_comes_or_goes_meanwhile_is_said_to() {
    let figures = figures("short", &["sh", "-c", "while :; do sleep 0.1; done"]);
    let threads = threads(&figures);
    let [came, ended] =
        ["came", "ended"].map(|key| threads.iter().filter(|t| t[key] == true).count());
    assert!(came > 0 && ended > 0, "{figures}");
    let late = threads.iter().find(|thread| thread["came"] == true).unwrap();
    assert!(late["calls"]["missing"].is_string(), "nobody counted them: {late}");
    let shell = threads.iter().find(|thread| thread["came"] == false).unwrap();
    assert_ne!(shell["verdict"], "asleep", "{shell}");
}

#[test]
fn a_signal_ends_the_audit_and_all_that_it_started() {
    // Neither of them can be asked to end.
    let stubborn = ["sh", "-c", "trap '' TERM; sleep 61 & sleep 62; sleep 63"];
    for (signal, mark) in [(Signal::SIGTERM, "term"), (Signal::SIGINT, "int")] {
        let child = audit(mark, &["--duration", "60s"], &stubborn).spawn().unwrap();
        until("all have started", || marked(mark) >= 4);
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let output = leaves_nothing(mark, child);
        assert_eq!(output.status.code(), Some(128 + signal as i32));
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn what_can_not_be_watched_costs_one_line() {
    let run =
        |options: &[&str], command: &[&str]| audit("wrong", options, command).output().unwrap();
    one_line(&run(&[], &[]), 2, &["--pid", "--"]);
    one_line(&run(&["--pid", "7"], &["sleep", "9"]), 2, &["--pid 7", "'sleep'"]);
    one_line(&run(&["--pid", "me"], &[]), 2, &["--pid", "'me'"]);
    one_line(&run(&["--duration", "1ms"], &["sleep", "9"]), 2, &["--duration", "'1ms'", "100ms"]);
    one_line(&run(&["--pid", "2147483647"], &[]), 1, &["2147483647", "--pid"]);
    one_line(&run(&[], &["no such program"]), 1, &["'no such program'", "--"]);
    one_line(&run(&[], &["sh", "-c", "exit 3"]), 1, &["'sh -c exit 3'", "exit status: 3"]);
}

#[test]
fn a_process_that_ends_meanwhile_is_named() {
    let mut other = Other(Command::new("sleep").arg("60").spawn().unwrap());
    let pid = other.0.id().to_string();
    let child = audit("gone", &["--pid", &pid, "--duration", "60s"], &[]).spawn().unwrap();
    thread::sleep(Duration::from_millis(100));
    other.0.kill().unwrap();
    // It is not fetched yet, and so still in the list of processes.
    one_line(&child.wait_with_output().unwrap(), 1, &[&pid, "--pid"]);
}
