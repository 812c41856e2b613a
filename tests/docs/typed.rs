//! Types every command that is not run elsewhere, as a reader would, and looks at what comes of it.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::commands::commands;
use crate::cover::{Cover, cover};
use crate::repo::Repo;
use crate::rows::ROWS;
use crate::table::{End, How, Typed};
use crate::terminal::Terminal;

/// Where servers listen if nothing else is said.
const PORT: u16 = 12345;

/// Why a command can't be run on this machine: a tool is missing or may not, or the kernel refuses.
fn skipped(said: &str) -> Option<&str> {
    const TOOLS: [&str; 3] = ["nc", "perf", "strace"];
    const WHY: [&str; 4] = ["not found", "not permitted", "ermission", "is limited"];
    said.lines().find(|line| {
        let tool = TOOLS.iter().any(|tool| line.contains(&format!("{tool}: ")));
        let refused = WHY.iter().any(|why| line.contains(why));
        tool && refused || line.contains("io_uring is not available")
    })
}

/// Types one line, and checks what it says and how it ends.
fn types(line: &str, says: &[&str], end: End) -> Result<(), String> {
    let mut terminal = Terminal::open(line);
    let status = if end == End::CtrlC {
        terminal.says(says)?;
        terminal.ctrl_c()?
    } else {
        terminal.ends()?
    };
    if let Some(why) = skipped(&terminal.said()) {
        println!("skipped: {line}: {why}");
        return Ok(());
    }
    match end {
        End::Status(wanted) if status.code() != Some(wanted) => {
            Err(format!("{status}, and not {wanted}:\n{}", terminal.said()))
        }
        _ => terminal.says(says),
    }
}

/// A server in one terminal, the others in another, then Ctrl-C.
fn serves(server: &Typed, others: &[Typed]) -> Result<(), String> {
    let mut terminal = Terminal::open(server.line);
    let listens = terminal.says(&["listening on "]);
    if let Some(why) = skipped(&terminal.said()) {
        println!("skipped: {}: {why}", server.line);
        return Ok(());
    }
    listens?;
    let pid = terminal.pid_of("dormouse")?.to_string();
    for other in others {
        let line = other.line.replace("{pid}", &pid);
        types(&line, other.says, other.end)
            .map_err(|wrong| format!("beside it `{line}`: {wrong}"))?;
    }
    terminal.ctrl_c()?;
    terminal.says(server.says)
}

/// Another program may have it for a moment; then it is waited for.
fn wait_for_the_port() {
    for _ in 0..600 {
        if TcpListener::bind(("127.0.0.1", PORT)).is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("port {PORT} is taken by another program: end it, and try again");
}

/// `cargo test` with names: there is at least one such test.
fn lists(command: &str) -> Result<(), String> {
    let line = if command.contains(" -- ") { "" } else { " --" };
    let mut terminal = Terminal::open(&format!("{command}{line} --list"));
    let status = terminal.ends()?;
    let said = terminal.said();
    let tests = said.lines().filter(|line| line.ends_with(": test")).count();
    if status.success() && tests > 0 { Ok(()) } else { Err(format!("{tests} tests:\n{said}")) }
}

fn shows(command: &str, cover: &Cover) -> Option<Result<(), String>> {
    if command.contains("serve ") {
        wait_for_the_port();
    }
    match cover {
        Cover::Ci | Cover::Step => None,
        Cover::Lists => Some(lists(command)),
        Cover::Example => Some(types(command, &[], End::Status(0))),
        Cover::Row(at) => match &ROWS[*at].how {
            How::Typed(typed) => Some(types(typed.line, typed.says, typed.end)),
            How::Serves(server, others) => Some(serves(server, others)),
            How::Beside(_) | How::Same(_) | How::Ci(_) | How::Test(..) | How::Exempt(_) => None,
        },
    }
}

/// Again, where another program has taken the port since it was free.
fn shows_in_the_end(command: &str, cover: &Cover) -> Option<Result<(), String>> {
    let mut shown = shows(command, cover);
    for _ in 0..5 {
        match &shown {
            Some(Err(wrong)) if wrong.contains("Address already in use") => {
                shown = shows(command, cover);
            }
            _ => break,
        }
    }
    shown
}

/// Less than six minutes, once all is built: `.ci/run` calls it.
#[test]
#[ignore = "types every command of the docs: minutes"]
fn commands_do_what_the_text_says() {
    let repo = Repo::read();
    let (began, mut typed, mut faults) = (Instant::now(), 0, Vec::new());
    // See CONTRIBUTING.md.
    let only = std::env::var("ONLY").unwrap_or_default();
    for (command, places) in commands(&repo).iter().filter(|(command, _)| command.contains(&only)) {
        let started = Instant::now();
        let Ok(cover) = cover(&repo, command) else { continue };
        let Some(shown) = shows_in_the_end(command, &cover) else { continue };
        let (took, well) =
            (started.elapsed().as_secs_f64(), if shown.is_ok() { "" } else { "FAILED " });
        println!("{took:6.1} s  {well}{command}");
        typed += 1;
        faults.extend(shown.err().map(|wrong| format!("{}: `{command}`: {wrong}", places[0])));
    }
    println!("{:6.1} s in all, {typed} commands", began.elapsed().as_secs_f64());
    assert!(faults.is_empty(), "\n{}", faults.join("\n\n"));
    assert!(typed >= 80 || !only.is_empty(), "only {typed} commands were typed");
}

#[test]
fn a_command_that_does_something_else_is_noticed() {
    let well = End::Status(0);
    assert_eq!(types("echo hello", &["hello"], well), Ok(()));
    assert!(types("echo hello", &["world"], well).unwrap_err().contains("did not say 'world'"));
    assert!(types("echo hello; exit 2", &["hello"], well).unwrap_err().contains("exit status: 2"));
    assert_eq!(types("echo hello; exec sleep 1000", &["hello"], End::CtrlC), Ok(()));
    assert!(types("true", &["hello"], End::CtrlC).unwrap_err().contains("it ended"));
    assert_eq!(types("echo sh: 1: nc: not found; exit 127", &[], well), Ok(()));
    assert!(lists("echo 'a: test'; true").is_ok() && lists("echo a").is_err());
}
