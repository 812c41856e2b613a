//! # Models: the table of servers
//!
//! Problem: the command line, the study and the tests must agree on which servers there are.
//! Idea: one enum whose rows carry name, summary and entry point; all lists come from it.
//! Leaves out: how each model works: that is its own file.
//! Read next: `serve.rs`.
//! Try: `cargo run -- models`

pub mod r#async;
pub mod blocking;
pub mod mio;
pub mod nonblocking;
#[cfg(target_os = "linux")]
pub mod uring;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::counters::Counters;
use crate::options::Options;
use crate::stop::Stop;

/// One way to wait for many peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Model {
    /// One thread, one connection at a time.
    Blocking,
    /// One thread asks every socket in turn.
    Nonblocking,
    /// The kernel is told once what to watch.
    Mio,
    /// The kernel is handed the work, and says when it is done.
    #[cfg(target_os = "linux")]
    Uring,
    /// The server of `mio` again, written as if it were blocking.
    Async,
}

impl Model {
    /// All models, in the order in which they are listed everywhere.
    pub const ALL: &[Model] = &[
        Model::Blocking,
        Model::Nonblocking,
        Model::Mio,
        #[cfg(target_os = "linux")]
        Model::Uring,
        Model::Async,
    ];

    /// The name: on the command line, in reports, as file name.
    pub fn name(self) -> &'static str {
        match self {
            Model::Blocking => "blocking",
            Model::Nonblocking => "nonblocking",
            Model::Mio => "mio",
            #[cfg(target_os = "linux")]
            Model::Uring => "uring",
            Model::Async => "async",
        }
    }

    /// What the model shows, in one line.
    pub fn summary(self) -> &'static str {
        match self {
            Model::Blocking => "one thread, one connection at a time: the second client waits",
            Model::Nonblocking => "one thread asks every socket in turn, for ever: it burns a core",
            Model::Mio => "registers once, is told what is ready: a state machine per connection",
            #[cfg(target_os = "linux")]
            Model::Uring => {
                "hands the work over, is told when it is done: completion, not readiness"
            }
            Model::Async => "the same, but async fn: it reads like blocking, and waits like mio",
        }
    }

    /// Says whether this machine lets the model work at all.
    ///
    /// # Errors
    ///
    /// What is missing, in one line.
    pub fn available(self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Model::Uring => uring::available(),
            _ => Ok(()),
        }
    }

    /// Serves on `listener` until the listener breaks, or until `stop` is requested.
    ///
    /// A model that has nothing under way when it is asked to stop ignores `stop`: the process
    /// ends around it. `Ok` means that the model ended because it was asked to.
    ///
    /// # Errors
    ///
    /// What made further serving impossible; the end of one connection is never an error here.
    pub fn serve(
        self,
        listener: TcpListener,
        options: &Options,
        counters: &Arc<Counters>,
        stop: &Stop,
    ) -> io::Result<()> {
        match self {
            Model::Blocking => match blocking::serve(&listener, options, counters)? {},
            Model::Nonblocking => match nonblocking::serve(&listener, options, counters)? {},
            Model::Mio => match mio::serve(listener, options, counters)? {},
            #[cfg(target_os = "linux")]
            Model::Uring => uring::serve(listener, options, counters, stop),
            Model::Async => r#async::serve(listener, options, counters, stop),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl ValueEnum for Model {
    fn value_variants<'a>() -> &'a [Model] {
        Model::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.summary()))
    }
}
