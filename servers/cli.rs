//! # Command line: one command per thing to look at
//!
//! Problem: a wrong option should cost the reader one line of reading, not a page.
//! Idea: clap checks and explains; what it says is cut to the line that matters.
//! Leaves out: what the commands do: each is a file of its own.
//! Read before: `serve.rs`, `client.rs`.
//! Try: `cargo run -- serve mio --buffer 0`

use std::ffi::OsString;
use std::io;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::audit::Audit;
use crate::client::Client;
use crate::load::Load;
use crate::models::Model;
use crate::output::print_line;
use crate::serve::Serve;
use crate::study::Study;
use crate::timeline::Timeline;
use crate::torture::Torture;

/// The same echo server once per I/O model
#[derive(Debug, Parser)]
#[command(name = "dormouse", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the I/O models and what each shows
    Models,
    /// Serve until SIGINT or SIGTERM
    Serve(Serve),
    /// Send a message again and again, and print what comes back
    Client(Client),
    /// Put a load on an echo server, and say what was measured
    Load(Load),
    /// Put each server under the same load, compare what it cost, and write a report (also without
    /// a command)
    Study(Study),
    /// Play a short scene with one server, and draw what it did
    ///
    /// Client A connects, and is silent for 20 ms; B connects meanwhile, and speaks at once. Then
    /// they speak in turn, until A leaves, and when all is answered, B. A line of the picture shows
    /// what a client did, what a thread of the server did, or what it did for one client. Of what
    /// happens in the time of one letter, the rarest thing is drawn.
    Timeline(Timeline),
    /// Have clients misbehave beside some that behave: nothing may be lost, or left behind
    ///
    /// Rogues connect, send some, read some, stop reading, trickle, flood, say nothing, half-close,
    /// reset and vanish, in an order drawn from the seed; now and then more connect than the server
    /// has descriptors for, a crowd. Beside them guests speak; of theirs each byte is checked, and
    /// that the answer comes in time. Some stay from before the first rogue; others come, speak and
    /// go, and may have to wait at the door while a crowd is in.
    ///
    /// At the end the server must have the descriptors, the memory, the tasks, sources and deadlines
    /// that it had after a short torture of another seed, the warm-up; must sleep if its model does;
    /// and must have counted what was done to it. If not, the lines below 'NOT SOUND' say what is
    /// wrong, and the command fails.
    ///
    /// Of the rogues the first figures (sends to silences) count what they did, the next how they
    /// left: after all answers (half-closes, closes), without waiting for them (resets, vanished),
    /// or when the server had enough of their silence (outstayed).
    Torture(Torture),
    /// Watch a process, and say per thread whether it sleeps, wakes at a steady rate, runs or spins
    Audit(Audit),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    ///
    /// One line that says what failed and what to do.
    pub fn run(self) -> io::Result<()> {
        match self {
            Command::Models => print_models(),
            Command::Serve(serve) => serve.run(),
            Command::Client(client) => client.run(),
            Command::Load(load) => load.run(),
            Command::Study(study) => study.run(),
            Command::Timeline(timeline) => timeline.run(),
            Command::Torture(torture) => torture.run(),
            Command::Audit(audit) => audit.run(),
        }
    }
}

/// Reads a command from the arguments of the process, its name first.
///
/// # Errors
///
/// Wrong use, or a wish for help: clap's error says which, and [`one_line`] shortens it.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    // Without a command: the study, which is what a newcomer should see first.
    let Some(command) = Cli::try_parse_from(args)?.command else {
        return parse(["dormouse", "study"].map(OsString::from));
    };
    let sound = match &command {
        Command::Serve(serve) => serve.check(),
        Command::Load(load) => load.check(),
        Command::Audit(audit) => audit.check(),
        Command::Models
        | Command::Client(_)
        | Command::Study(_)
        | Command::Timeline(_)
        | Command::Torture(_) => Ok(()),
    };
    sound.map_err(|wrong| Cli::command().error(ErrorKind::ArgumentConflict, wrong))?;
    Ok(command)
}

/// Cuts what clap says about wrong use to one line; the value and what is allowed stay in it.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let kept = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty());
    let line = kept.collect::<Vec<_>>().join(" ").replace(char::is_control, "?");
    format!("{line}; try '--help'")
}

fn print_models() -> io::Result<()> {
    let width = Model::all().iter().map(|model| model.name().len()).max().unwrap_or(0);
    for model in Model::all() {
        print_line(&format!("{model:width$}  {}", model.summary()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(line: &str) -> String {
        let args = line.split(' ').map(OsString::from);
        one_line(&parse(args).expect_err(line))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_use_is_one_line_that_names_the_value_and_what_is_allowed() {
        for (line, named) in [
            ("dormouse serve epoll", ["epoll", "mio"]),
            ("dormouse serve mio --reply loud", ["loud", "verbatim"]),
            ("dormouse serve mio --buffer 0", ["'0'", "from 1"]),
            ("dormouse serve mio --addr home", ["home", "127.0.0.1:12345"]),
            ("dormouse serve mio --every 1ms", ["--every", "nonblocking"]),
            ("dormouse serve mio --shards 1", ["--shards", "'async'"]),
            ("dormouse serve async --shards 0", ["'0'", "1 to 256"]),
            ("dormouse serve mio --colour", ["--colour", "--help"]),
            ("dormouse serve", ["MODEL", "--help"]),
            ("dormouse client --every 5", ["'5'", "500ms"]),
            ("dormouse client --count 0", ["'0'", "1"]),
            ("dormouse load", ["--addr", "--help"]),
            ("dormouse load --addr 127.0.0.1:1 --pattern churn --rate 5", ["--rate 5", "churn"]),
            ("dormouse load --addr 127.0.0.1:1 --connections 0", ["'0'", "1.."]),
            ("dormouse study --models mio,epoll", ["epoll", "blocking"]),
            ("dormouse study --duration 0s", ["'0s'", "500ms"]),
            ("dormouse audit", ["--pid", "--help"]),
            ("dormouse audit --pid 7 -- sleep 9", ["--pid 7", "'sleep'"]),
            ("dormouse audit --pid 0", ["'0'", "1.."]),
            ("dormouse audit --pid 7 --duration 5ms", ["'5ms'", "100ms"]),
            ("dormouse audit sleep 9", ["'sleep'", "--"]),
            ("dormouse dance", ["dance", "--help"]),
        ] {
            let said = wrong(line);
            assert_eq!(said.lines().count(), 1, "{said}");
            for name in named {
                assert!(said.contains(name), "{line}: {said}");
            }
        }
    }
}
