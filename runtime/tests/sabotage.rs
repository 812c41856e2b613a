//! Breaks the runtime, one line at a time, and demands that a test notices.
//!
//! `cargo test -p dormouse --test sabotage -- --ignored --nocapture`
//!
//! A test that cannot fail proves nothing. Each entry of the table takes one line away that keeps
//! a promise; the copy of the workspace that has it so changed must build, and fail the named test.
//! It builds the runtime once per entry, which takes minutes: so it is run by `.ci/run`, and not
//! by a plain `cargo test`.

#![allow(clippy::unwrap_used)]

#[path = "../../tests/support/copy.rs"]
mod copy;

use std::collections::BTreeSet;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;

use crate::copy::copy_sources;

struct Sabotage {
    /// What is broken, as a sentence.
    what: &'static str,
    file: &'static str,
    line: &'static str,
    broken: &'static str,
    /// The test binary of `runtime/tests/` that must notice, or `lib`.
    noticed_by: &'static str,
}

const TABLE: &[Sabotage] = &[
    Sabotage {
        what: "the thread parks without a look into the inbox",
        file: "wake.rs",
        line: "state.parked = state.letters.is_empty();",
        broken: "state.parked = true;",
        noticed_by: "loom",
    },
    Sabotage {
        what: "a waker does not see that the thread parks",
        file: "wake.rs",
        line: "mem::take(&mut state.parked)",
        broken: "false",
        noticed_by: "loom",
    },
    Sabotage {
        what: "the word 'parked' stays, so that every wake costs an unpark",
        file: "wake.rs",
        line: "mem::take(&mut state.parked)",
        broken: "state.parked",
        noticed_by: "loom",
    },
    Sabotage {
        what: "the thread is unparked before the letter is there",
        file: "wake.rs",
        line: "            state.letters.push(key);\n            mem::take(&mut state.parked)\n        };\n        if parked {\n            self.unparker.unpark();\n        }",
        broken: "            mem::take(&mut state.parked)\n        };\n        if parked {\n            self.unparker.unpark();\n        }\n        self.lock().letters.push(key);",
        noticed_by: "loom",
    },
    Sabotage {
        what: "look for letters and word 'parked' are two steps",
        file: "wake.rs",
        line: "        let mut state = self.lock();
        // IDEA: look and say 'parked' under one lock, so that no letter can come between.
        state.parked = state.letters.is_empty();",
        broken: "        let empty = self.lock().letters.is_empty();
        let mut state = self.lock();
        state.parked = empty;",
        noticed_by: "loom",
    },
    Sabotage {
        what: "the word 'parked' outlasts a park that an event has ended",
        file: "wake.rs",
        line: "        state.parked = false;\n",
        broken: "",
        noticed_by: "loom",
    },
    Sabotage {
        what: "a wake hands nothing over to a letter that is under way",
        file: "wake.rs",
        line: "self.posted.swap(true, Ordering::Release)",
        broken: "self.posted.swap(true, Ordering::Acquire)",
        noticed_by: "loom",
    },
    Sabotage {
        what: "a wake looks whether a letter is under way, and does not swap then",
        file: "wake.rs",
        line: "self.posted.swap(true, Ordering::Release)",
        broken: "self.posted.load(Ordering::Acquire) || self.posted.swap(true, Ordering::Release)",
        noticed_by: "loom",
    },
    Sabotage {
        what: "opening the mailbox takes nothing over",
        file: "wake.rs",
        line: "self.posted.swap(false, Ordering::Acquire)",
        broken: "self.posted.swap(false, Ordering::Release)",
        noticed_by: "loom",
    },
    Sabotage {
        what: "the mailbox is opened in two steps",
        file: "wake.rs",
        line: "self.posted.swap(false, Ordering::Acquire);",
        broken: "if self.posted.load(Ordering::Acquire) { self.posted.store(false, Ordering::Release); }",
        noticed_by: "loom",
    },
    Sabotage {
        what: "the mailbox is never opened again",
        file: "wake.rs",
        line: "self.posted.swap(false, Ordering::Acquire);",
        broken: "",
        noticed_by: "loom",
    },
    Sabotage {
        what: "a second wake posts a second letter",
        file: "wake.rs",
        line: "self.posted.swap(true, Ordering::Release)",
        broken: "{ self.posted.swap(true, Ordering::Release); false }",
        noticed_by: "loom",
    },
    Sabotage {
        what: "a letter queues nobody",
        file: "task.rs",
        line: "        self.mailbox.open();\n        self.enqueue(queue);",
        broken: "        self.mailbox.open();\n        let _ = queue;",
        noticed_by: "loom",
    },
    Sabotage {
        what: "after its poll a task counts as not queued, whoever woke it meanwhile",
        file: "executor.rs",
        line: "            None => adopted(cx),
        };",
        broken: "            None => adopted(cx),
        };
        task.leave_queue();",
        noticed_by: "loom",
    },
    Sabotage {
        what: "the end of the runtime does not end its tasks for their wakers",
        file: "executor.rs",
        line: "            entry.task.finish();\n",
        broken: "",
        noticed_by: "loom",
    },
    Sabotage {
        what: "the park does not wait",
        file: "reactor.rs",
        line: "let timeout = longest.map(|longest| longest.min(LONGEST_WAIT));",
        broken: "let timeout = Some(Duration::ZERO);",
        noticed_by: "laws",
    },
    Sabotage {
        what: "the thread parks with a letter in its inbox",
        file: "runtime.rs",
        line: "!inbox.may_park()",
        broken: "{ inbox.may_park(); false }",
        noticed_by: "laws",
    },
    Sabotage {
        what: "the thread parks though a deadline has come",
        file: "runtime.rs",
        line: "if left == Some(Duration::ZERO) {",
        broken: "if false {",
        noticed_by: "laws",
    },
    Sabotage {
        what: "the kernel is asked at every turn",
        file: "runtime.rs",
        line: "worked && self.ask()",
        broken: "let _ = worked; self.ask()",
        noticed_by: "laws",
    },
    Sabotage {
        what: "the kernel is asked again after a park",
        file: "runtime.rs",
        line: "self.polls.set(0);\n        // IDEA",
        broken: "// IDEA",
        noticed_by: "laws",
    },
    Sabotage {
        what: "letters are not read while a task can run",
        file: "runtime.rs",
        line: "if idle || asked {",
        broken: "if idle {",
        noticed_by: "laws",
    },
    Sabotage {
        what: "no deadline fires while a task can run",
        file: "runtime.rs",
        line: "            if asked {\n",
        broken: "if idle {",
        noticed_by: "laws",
    },
    Sabotage {
        what: "the park wakes each millisecond, and tells no counter",
        file: "reactor.rs",
        line: "let waited = self.poll.borrow_mut().poll(&mut events, timeout);",
        broken: "let begin = std::time::Instant::now();
        let waited = loop {
            let short = Duration::from_millis(1).min(timeout.unwrap_or(LONGEST_WAIT));
            let waited = self.poll.borrow_mut().poll(&mut events, Some(short));
            let over = timeout.is_some_and(|timeout| begin.elapsed() >= timeout);
            if waited.is_err() || !events.is_empty() || over {
                break waited;
            }
        };",
        noticed_by: "laws",
    },
    Sabotage {
        what: "'not yet' does not clear the readiness",
        file: "source.rs",
        line: "self.ready.set(false);",
        broken: "",
        noticed_by: "laws",
    },
    Sabotage {
        what: "an event sets the readiness, and wakes nobody",
        file: "source.rs",
        line: "self.unclear.set(self.unclear.get() || unclear);\n        self.wake();",
        broken: "self.unclear.set(self.unclear.get() || unclear);",
        noticed_by: "laws",
    },
    Sabotage {
        what: "an event in one direction wakes the other, too",
        file: "source.rs",
        line: "if news.writable || closed {",
        broken: "self.write.wake();\n        if news.writable || closed {",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a close that came along with data is forgotten",
        file: "source.rs",
        line: "let unclear = closed || news.urgent;",
        broken: "let unclear = false;",
        noticed_by: "net",
    },
    Sabotage {
        what: "a wake on the runtime's own thread costs a letter and an unpark",
        file: "queue.rs",
        line: "Some(queue) if Arc::ptr_eq(&queue.inbox, inbox) => {",
        broken: "Some(queue) if !Arc::ptr_eq(&queue.inbox, inbox) => {",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a deadline is rounded down to whole milliseconds",
        file: "runtime.rs",
        line: "reactor.park(left)\n",
        broken: "reactor.park(left.map(|left| Duration::from_millis(left.as_millis() as u64)))\n",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a deadline that is seen late fires before the kernel is asked who was in time",
        file: "runtime.rs",
        line: "            return self.ask();",
        broken: "            timers.fire();\n            return false;",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a task is queued once for each wake",
        file: "task.rs",
        line: "self.queued.store(true, Relaxed);",
        broken: "",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a wake marks its task as queued, and does not queue it",
        file: "task.rs",
        line: "queue.push(self.key);",
        broken: "",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a polled task still counts as queued, so that no wake queues it",
        file: "executor.rs",
        line: "task.leave_queue();",
        broken: "",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a cancelled timer stays",
        file: "time/sleep.rs",
        line: "timers.cancel(key);",
        broken: "",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a short read does not clear the readiness, so that the next one is vain",
        file: "source.rs",
        line: "if NEW_DATA_IS_A_NEW_EVENT && !self.unclear.get() {",
        broken: "if false {",
        noticed_by: "laws",
    },
    Sabotage {
        what: "an event wakes whoever waited once",
        file: "source.rs",
        line: "if self.waits.replace(false)",
        broken: "if true",
        noticed_by: "lib",
    },
    Sabotage {
        what: "an event finds whoever has taken the slot since",
        file: "slots.rs",
        line: "self.entries.get(key.place()).filter(|(owner, _)| *owner == key)",
        broken: "self.entries.get(key.place())",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a dropped socket stays registered",
        file: "reactor.rs",
        line: "let deregistered = self.poll.borrow().registry().deregister(io);",
        broken: "let _ = io; let deregistered: io::Result<()> = Ok(());",
        noticed_by: "net",
    },
    Sabotage {
        what: "sockets are not looked at while a task can run",
        file: "runtime.rs",
        line: "worked && self.ask()",
        broken: "worked && false",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a task that has used up its steps does not have the kernel asked",
        file: "executor.rs",
        line: "self.gave_way.set(true);",
        broken: "",
        noticed_by: "laws",
    },
    Sabotage {
        what: "a short read clears the readiness where a descriptor may have come along",
        file: "net/stream.rs",
        line: "const SHORT_MEANS_EMPTY: bool = false;",
        broken: "const SHORT_MEANS_EMPTY: bool = true;",
        noticed_by: "unix",
    },
    Sabotage {
        what: "an abort is lost with the handle that called it",
        file: "join.rs",
        line: "Rc::strong_count(shared) == 1 && !shared.aborted.get()",
        broken: "Rc::strong_count(shared) == 1",
        noticed_by: "tasks",
    },
    Sabotage {
        what: "a tick that comes late moves those after it",
        file: "time/interval.rs",
        line: "period.saturating_sub(into)",
        broken: "{ let _ = into; period }",
        noticed_by: "time",
    },
    Sabotage {
        what: "a task may go on for ever with what is ready",
        file: "executor.rs",
        line: "self.steps_left.set(left.saturating_sub(1));",
        broken: "",
        noticed_by: "fairness",
    },
    Sabotage {
        what: "both directions of a source have one place for a waker",
        file: "source.rs",
        line: "Direction::Write => &self.write,",
        broken: "Direction::Write => &self.read,",
        noticed_by: "net",
    },
    Sabotage {
        what: "an older waker is kept where a newer one waits",
        file: "source.rs",
        line: "let kept = kept.filter(|kept| kept.will_wake(waker));",
        broken: "",
        noticed_by: "wakers",
    },
    Sabotage {
        what: "a deadline wakes while the heap of deadlines is borrowed",
        file: "timer.rs",
        line: "self.observer.saw(Moment::Fired(key));",
        broken: "self.observer.saw(Moment::Fired(key)); let _held = self.heap.borrow_mut();",
        noticed_by: "drops",
    },
    Sabotage {
        what: "an event wakes while the table of sources is borrowed",
        file: "reactor.rs",
        line: "source.report(event);",
        broken: "let _held = self.sources.borrow_mut(); source.report(event);",
        noticed_by: "drops",
    },
    Sabotage {
        what: "a value that nobody wants is dropped where its panic ends all",
        file: "join.rs",
        line: "task::let_go(\"a task\", result);",
        broken: "drop(result);",
        noticed_by: "drops",
    },
    Sabotage {
        what: "a dropped socket keeps its place in the table",
        file: "reactor.rs",
        line: "self.sources.borrow_mut().remove(key);\n        self.observer.saw(Moment::Deregistered(key));",
        broken: "self.observer.saw(Moment::Deregistered(key));",
        noticed_by: "leaks",
    },
    Sabotage {
        what: "a refused registration keeps its place in the table",
        file: "reactor.rs",
        line: "self.sources.borrow_mut().remove(key);\n            return Err(error);",
        broken: "return Err(error);",
        noticed_by: "descriptors",
    },
    Sabotage {
        what: "who was held up is held up again, and for ever",
        file: "executor.rs",
        line: "left > 0 || held_up",
        broken: "{ let _ = held_up; left > 0 }",
        noticed_by: "fairness",
    },
    Sabotage {
        what: "a sleep of no length never gives way",
        file: "time/sleep.rs",
        line: "parts.executor.may_go_on(cx, has_waited);",
        broken: "{ let _ = parts; true };",
        noticed_by: "flood",
    },
    Sabotage {
        what: "equal deadlines come in any order",
        file: "timer.rs",
        line: "(a.deadline, a.order) < (b.deadline, b.order)",
        broken: "a.deadline < b.deadline",
        noticed_by: "lib",
    },
    Sabotage {
        what: "a deadline wakes who waited for it before",
        file: "timer.rs",
        line: "Some(std::mem::replace(&mut timer.waker, waker))",
        broken: "{ let _ = timer; Some(waker) }",
        noticed_by: "lib",
    },
    Sabotage {
        what: "a close is forgotten with the next event",
        file: "source.rs",
        line: "self.unclear.get() || unclear",
        broken: "unclear",
        noticed_by: "lib",
    },
    Sabotage {
        what: "an aborted task is polled once more",
        file: "join.rs",
        line: "        if this.teller.is_aborted() {\n            return Poll::Ready(());\n        }",
        broken: "",
        noticed_by: "any_order",
    },
    Sabotage {
        what: "a task that aborts itself goes on",
        file: "join.rs",
        line: "            Ok(Poll::Pending) if this.teller.is_aborted() => return Poll::Ready(()),\n",
        broken: "",
        noticed_by: "any_order",
    },
    Sabotage {
        what: "a task is dropped while the table of tasks is borrowed",
        file: "executor.rs",
        line: "        self.tasks.borrow_mut().remove(task.key());\n",
        broken: "        let mut tasks = self.tasks.borrow_mut();\n        tasks.remove(task.key());\n",
        noticed_by: "any_order",
    },
];

#[test]
#[ignore = "builds the runtime once per entry: run it by name"]
fn every_broken_line_is_noticed() {
    let binaries: BTreeSet<_> = TABLE.iter().map(|sabotage| sabotage.noticed_by).collect();
    // Many a broken line is a hang, and most of the time is a wait for its end: two at a time.
    let copies = ["one", "two"].map(Copy::of_the_workspace);
    share(&copies, binaries, |copy, binary| {
        let healthy = copy.test(binary);
        assert!(healthy.status.success(), "{binary} fails unbroken:\n{}", text(&healthy));
    });
    let unnoticed = Mutex::new(Vec::new());
    share(&copies, TABLE, |copy, sabotage| {
        if !copy.notices(sabotage) {
            unnoticed.lock().unwrap().push(sabotage.what);
        }
    });
    let unnoticed = unnoticed.into_inner().unwrap();
    assert!(unnoticed.is_empty(), "nobody noticed that {unnoticed:#?}");
    println!("{} lines broken, each noticed", TABLE.len());
}

/// Does `work` with each item; each copy takes the next one when it is done with the one before.
fn share<T: Send>(
    copies: &[Copy],
    items: impl IntoIterator<Item = T, IntoIter: Send>,
    work: impl Fn(&Copy, T) + Sync,
) {
    let items = Mutex::new(items.into_iter());
    // Not in the condition of the loop: the lock would be held while its body works.
    let next = || items.lock().unwrap().next();
    thread::scope(|scope| {
        for copy in copies {
            scope.spawn(|| iter::from_fn(next).for_each(|item| work(copy, item)));
        }
    });
}

/// The tests that failed; where one hangs, its watchdog says so, and ends them all.
fn who_noticed(said: &str) -> impl Iterator<Item = &str> {
    let failed = |line: &&str| line.ends_with("... FAILED") || line.ends_with(" hangs");
    said.lines().filter(failed)
}

/// A copy of the sources, to be broken.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn of_the_workspace(name: &str) -> Self {
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sabotage").join(name);
        copy_sources(original, &root);
        Copy { root }
    }

    /// Tests with one line broken, says what came of it, and whether that was noticed.
    fn notices(&self, sabotage: &Sabotage) -> bool {
        let broken = self.with(sabotage, |copy| copy.test(sabotage.noticed_by));
        let said = text(&broken);
        assert!(!said.contains("could not compile"), "{}: {said}", sabotage.what);
        let noticed = !broken.status.success();
        let verdict = if noticed { "noticed" } else { "NOT noticed" };
        let tests: Vec<_> = who_noticed(&said).map(|test| format!("\n    {test}")).collect();
        println!("{verdict} by {}: {}{}", sabotage.noticed_by, sabotage.what, tests.concat());
        noticed
    }

    /// Runs `test` with one line broken, and mends it again.
    fn with(&self, sabotage: &Sabotage, test: impl FnOnce(&Copy) -> Output) -> Output {
        let path = self.root.join("runtime/src").join(sabotage.file);
        let healthy = fs::read_to_string(&path).unwrap();
        let found = healthy.matches(sabotage.line).count();
        assert_eq!(found, 1, "{} has the line {found} times: {}", sabotage.file, sabotage.line);
        fs::write(&path, healthy.replace(sabotage.line, sabotage.broken)).unwrap();
        let output = test(self);
        fs::write(&path, healthy).unwrap();
        output
    }

    fn test(&self, binary: &str) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(&self.root).args(["test", "-p", "dormouse", "--no-fail-fast"]);
        cargo.env("CARGO_TARGET_DIR", self.root.join("target"));
        // Each build differs from the one before by a line, and nobody debugs it.
        cargo.env("CARGO_INCREMENTAL", "1");
        cargo
            .envs(["CARGO_PROFILE_DEV_DEBUG", "CARGO_PROFILE_RELEASE_DEBUG"].map(|key| (key, "0")));
        // Seconds: many a broken line is a hang, and none needs 40 to be told from a sound one.
        cargo.env("DORMOUSE_TEST_PATIENCE", "12");
        match binary {
            "lib" => cargo.arg("--lib"),
            "loom" => cargo.args(["--release", "--test", "loom"]).env("RUSTFLAGS", "--cfg loom"),
            other => cargo.args(["--test", other]),
        };
        cargo.output().unwrap()
    }
}

fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{err}\n{out}")
}
