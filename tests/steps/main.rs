//! The steps of the tutorial: each runs, shows what its header says, and can fail.
//!
//! `cargo test --test steps -- --ignored` breaks each step as its header proposes: it must fail.
#![allow(clippy::unwrap_used)]

mod chain;
mod step;
#[path = "../support/copy.rs"]
mod copy;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::copy::copy_sources;
use crate::step::{STEPS, Step, without_figures};

/// Generous, as it may have to be built: reached only when something hangs.
const LIMIT: Duration = Duration::from_secs(240);

fn main() {
    let mut arguments = Arguments::from_args();
    // A step measures: beside another it would measure that one, too.
    arguments.test_threads = Some(1);
    let steps = Step::all(&examples());
    let about_all = |name: &str, check: fn(&[Step])| {
        let steps = steps.clone();
        Trial::test(name, move || {
            check(&steps);
            Ok(())
        })
    };
    let mut trials = vec![
        about_all("the_steps_lead_from_one_to_the_next", lead_on),
        about_all("from_a_future_to_a_run_queue_little_changes_at_a_time", chain::builds_up),
    ];
    for step in steps {
        let (name, broken) = (step.name.clone(), step.clone());
        trials.push(Trial::ignorable_test(&name, move || Ok(runs(&step))));
        let fails = move || Ok(fails_when_broken(&broken));
        trials
            .push(Trial::ignorable_test(format!("{name}_can_fail"), fails).with_ignored_flag(true));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn examples() -> PathBuf {
    root().join("examples")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each header ends with the next step's command; the last one goes on elsewhere.
fn lead_on(steps: &[Step]) {
    assert!(steps.len() >= STEPS, "{} steps", steps.len());
    for (number, step) in (1..).zip(steps) {
        let Step { name, lines, .. } = step;
        assert!(name.starts_with(&format!("{number:02}_")), "{name} is step {number}");
        assert!(*lines <= 135, "{name} has {lines} lines");
        assert!(step.is_tried_by(name), "{name}: its header has its command");
    }
    for pair in steps.windows(2) {
        assert!(pair[0].leads_to(&pair[1].name), "{} leads to {}", pair[0].name, pair[1].name);
    }
}

/// Runs a step as a reader does, and compares what it prints with what its header says.
fn runs(step: &Step) -> Completion {
    let output = run(&step.name, root());
    let (said, errors) = text(&output);
    assert!(output.status.success(), "{}: {}\n{said}{errors}", step.name, output.status);
    if let Some(why) = said.strip_prefix("skipped: ") {
        return Completion::ignored_with(why.trim());
    }
    print!("{said}");
    let said = without_figures(&said);
    let (last, shown) = said.split_last().expect("a step says something");
    assert_eq!(shown, without_figures(&step.shows), "{}: its header says otherwise", step.name);
    assert!(last.starts_with("Read next: "), "{last}");
    Completion::Completed
}

/// Puts the broken line in place: the step must see that its claim does not hold.
fn fails_when_broken(step: &Step) -> Completion {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("steps");
    copy_sources(root(), &copy);
    let file = copy.join("examples").join(&step.name).with_extension("rs");
    let (line, broken) = step.to_break();
    let (header, code) = step.parts();
    assert_eq!(code.matches(&line).count(), 1, "{}: {line}", step.name);
    std::fs::write(&file, format!("{header}{}", code.replace(&line, &broken))).unwrap();
    let output = run(&step.name, &copy);
    let (said, errors) = text(&output);
    if said.starts_with("skipped: ") {
        return Completion::ignored_with(said.trim());
    }
    assert!(!errors.contains("could not compile"), "{}: {errors}", step.name);
    let noticed = !output.status.success() && errors.contains("panicked at");
    assert!(noticed, "{} does not notice: {said}{errors}", step.name);
    println!("{}: {}", step.name, why(&errors));
    Completion::Completed
}

/// `cargo run --example NAME`, which becomes the step's own process. A copy has a folder of its own
/// for what is built: cargo takes packages of two copies for the same.
fn run(name: &str, folder: &Path) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).args(["run", "--quiet", "--example", name]);
    if folder != root() {
        cargo.env("CARGO_TARGET_DIR", folder.join("target"));
    }
    cargo.env("RUST_BACKTRACE", "0");
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = cargo.spawn().unwrap();
    let pid = Pid::from_raw(child.id().cast_signed());
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(child.wait_with_output().unwrap()));
    receive.recv_timeout(LIMIT).unwrap_or_else(|_| {
        kill(pid, Signal::SIGKILL).unwrap();
        panic!("{name} has not ended after {LIMIT:?}")
    })
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// What a panic says, in one line.
fn why(errors: &str) -> String {
    let lines = errors.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    lines.take_while(|line| !line.starts_with("note: ")).collect::<Vec<_>>().join(" ")
}
