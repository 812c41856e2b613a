//! # Main: a command, its exit status, and at most one line about what went wrong
//!
//! Problem: scripts read the exit status, people read one line, and neither wants a panic.
//! Idea: 0 done, 1 failed, 2 wrongly used; everything that fails arrives here as a value.
//! Leaves out: the commands: `cli.rs`.
//! Read before: `cli.rs`.
//! Try: `cargo run -- serve blocking --addr 192.0.2.1:12345; echo $?`

use std::env;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use dormouse_study::cli;

fn main() -> ExitCode {
    let command = match cli::parse(env::args_os()) {
        Ok(command) => command,
        Err(error) if error.use_stderr() => return fail(2, &cli::one_line(&error)),
        Err(help) => return finish(help.print()),
    };
    finish(command.run())
}

fn finish(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our stdout has seen enough, as in `dormouse models | head -1`.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => fail(1, &format!("error: {e}")),
    }
}

fn fail(status: u8, line: &str) -> ExitCode {
    // Where stderr is closed too, the status alone has to say it.
    writeln!(io::stderr(), "{line}").ok();
    ExitCode::from(status)
}
