//! # Models: the table of servers
//!
//! Problem: the command line, the study and the tests must agree on which servers there are.
//! Idea: one enum whose rows carry name, summary and entry point; all lists come from it.
//! Leaves out: how each model works: that is its own file.
//! Read next: `serve.rs`.
//! Try: `cargo run -- models`

pub mod r#async;
pub mod blocking;
mod connection;
pub mod mio;
pub mod nonblocking;
#[cfg(unix)]
pub mod poll;
mod readiness;
#[cfg(unix)]
pub mod select;
pub mod shards;
#[cfg(target_os = "linux")]
pub mod signal;
pub mod threads;
#[cfg(target_os = "linux")]
pub mod uring;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use clap::ValueEnum;

use crate::counters::Counters;
use crate::options::Options;
use crate::stop::Stop;

/// One way to wait for many peers. Of each, the command line shows the name and the sentence here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Model {
    /// one thread, one connection at a time: the second client waits
    Blocking,
    /// a thread per connection: as simple, and each costs a stack
    Threads,
    /// one thread asks every socket in turn, for ever: it burns a core
    Nonblocking,
    /// one call asks about all sockets, and sleeps; none above 1023
    Select,
    /// the same question without that limit; the cost grows with all watched
    Poll,
    /// registers once, is told what is ready: a state machine per connection
    Mio,
    /// asks nobody: the kernel sends a signal per event on a socket
    Signal,
    /// hands the work over, and is told when it is done: there is no read
    Uring,
    /// mio again, but async fn: it reads like blocking, and waits like mio
    Async,
}

impl Model {
    /// All models, in the order in which they are listed everywhere.
    pub fn all() -> &'static [Model] {
        Model::value_variants()
    }

    /// The name: on the command line, in reports, as file name.
    pub fn name(self) -> &'static str {
        match self {
            Model::Blocking => "blocking",
            Model::Threads => "threads",
            Model::Nonblocking => "nonblocking",
            Model::Select => "select",
            Model::Poll => "poll",
            Model::Mio => "mio",
            Model::Signal => "signal",
            Model::Uring => "uring",
            Model::Async => "async",
        }
    }

    /// What the model shows, in one line.
    pub fn summary(self) -> String {
        let shown = self.to_possible_value();
        shown.and_then(|shown| shown.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    /// Says whether this machine can serve so.
    ///
    /// # Errors
    ///
    /// What is missing, in one line.
    pub fn check(self) -> io::Result<()> {
        match self {
            #[cfg(not(unix))]
            Model::Select | Model::Poll => Err(self.only_on("Unix")),
            #[cfg(not(target_os = "linux"))]
            Model::Signal | Model::Uring => Err(self.only_on("Linux")),
            #[cfg(target_os = "linux")]
            Model::Uring => uring::available(),
            _ => Ok(()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn only_on(self, system: &str) -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, format!("{self}: only on {system}"))
    }

    /// Serves on `listener` until the listener breaks, or until `stop` is requested.
    ///
    /// A model that has nothing under way when it is asked to stop ignores `stop`: the process
    /// ends around it. `Ok` means that the model ended because it was asked to.
    ///
    /// # Errors
    ///
    /// What [`check`](Model::check) says, or what made further serving impossible. The end of one
    /// connection is never an error here.
    pub fn serve(
        self,
        listener: TcpListener,
        options: &Options,
        counters: &Arc<Counters>,
        stop: &Stop,
    ) -> io::Result<()> {
        match self {
            Model::Blocking => match blocking::serve(&listener, options, counters)? {},
            Model::Threads => match threads::serve(&listener, options, counters)? {},
            Model::Nonblocking => match nonblocking::serve(&listener, options, counters)? {},
            #[cfg(unix)]
            Model::Select => match select::serve(&listener, options, counters)? {},
            #[cfg(unix)]
            Model::Poll => match poll::serve(&listener, options, counters)? {},
            #[cfg(target_os = "linux")]
            Model::Signal => match signal::serve(listener, options, counters)? {},
            #[cfg(target_os = "linux")]
            Model::Uring => uring::serve(listener, options, counters, stop),
            Model::Mio => match mio::serve(listener, options, counters)? {},
            #[cfg(not(unix))]
            Model::Select | Model::Poll => self.check(),
            #[cfg(not(target_os = "linux"))]
            Model::Signal | Model::Uring => self.check(),
            Model::Async => r#async::serve(listener, options, counters, stop),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_has_one_name_and_a_sentence() {
        for model in Model::all() {
            let shown = model.to_possible_value().unwrap();
            assert_eq!(shown.get_name(), model.name());
            assert!(model.summary().contains(' '));
        }
    }
}
