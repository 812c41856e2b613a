//! # Serve: one server as a process, from its start to its end
//!
//! Problem: a server waits in calls that nothing ends, and must still stop within a second, and
//! say what it did.
//! Idea: the signals are masked everywhere; one thread waits for them, and ends the process.
//! Leaves out: letting clients finish: who is in mid-answer sees the connection end.
//! Read before: `models.rs`, `serve/end.rs`. Read next: `cli.rs`.
//! Try: `cargo run -- serve mio --stats`, then Ctrl-C

mod end;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use log::warn;

use self::end::{End, is_stdout};
use crate::counters::Counters;
use crate::limits::raise_descriptor_limit;
use crate::listen;
use crate::look::Looks;
use crate::models::{Model, shards};
use crate::options::Options;
use crate::output::{check_writable, print_line};
use crate::stop::Stop;

/// Serves until SIGINT or SIGTERM; 'async' prints its tasks at SIGUSR1
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Which I/O model serves
    #[arg(value_enum)]
    pub model: Model,
    /// Where to listen; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:12345", value_parser = crate::options::parse_addr)]
    pub addr: SocketAddr,
    /// On how many threads to serve, each with a runtime of its own: 1 to 256; auto: one per core
    /// (`async` only)
    #[arg(long, value_name = "N|auto", value_parser = parse_shards)]
    pub shards: Option<usize>,
    /// Accept on a thread of its own, and hand sockets to the shards in turn (always so where the
    /// system does not spread the connections to one port over several listeners)
    #[arg(long, requires = "shards")]
    pub hand_over: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap allows no description here")]
    pub options: Options,
    /// Print each message that arrives, with its peer
    #[arg(long)]
    pub print: bool,
    /// Print what was counted, as one line of JSON, at the end
    #[arg(long)]
    pub stats: bool,
    /// Write when each call began and ended, as JSON, at the end; `-` is stdout (DESIGN.md,
    /// "Recordings")
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

impl Serve {
    /// Says what is wrong with the options together, as each alone was right.
    ///
    /// # Errors
    ///
    /// One line that names the option and what to do.
    pub fn check(&self) -> Result<(), String> {
        let model = self.model;
        let useless = if self.options.every.is_some() && model != Model::Nonblocking {
            Some(("--every", "only for 'nonblocking'"))
        } else if self.options.max_connections.is_some() && model == Model::Blocking {
            Some(("--max-connections", "as it serves one at a time"))
        } else if self.shards.is_some() && model != Model::Async {
            Some(("--shards", "only for 'async'"))
        } else {
            None
        };
        if let Some((option, why)) = useless {
            return Err(format!(
                "'{option}' has no meaning for '{model}', {why}: leave it out, or serve another"
            ));
        }
        Ok(())
    }

    /// Serves on the calling thread. Ends by a signal, and the process with it.
    ///
    /// # Errors
    ///
    /// When the server can't start, or can't go on.
    pub fn run(self) -> io::Result<()> {
        self.model.check()?;
        if let Some(path) = self.record.as_deref().filter(|path| !is_stdout(path)) {
            check_writable("--record", path)?;
        }
        // Before any other thread exists, because threads inherit the mask.
        let signals = Signals::mask(self.model == Model::Async)?;
        let limit = raise_descriptor_limit();
        let listeners = self.listen()?;
        let address = listeners[0].local_addr()?;
        start_log();
        if let Err(e) = limit {
            warn!("the limit of descriptors stays as it is: {e}");
        }
        if let Err(e) = print_line(&format!("listening on {address}")) {
            warn!("{e}");
        }
        let counters = Counters::new(self.model.name(), self.print);
        let counters = Arc::new(if self.record.is_some() { counters.recorded() } else { counters });
        let stop = Arc::new(Stop::default());
        let end = End {
            counters: counters.clone(),
            stop: stop.clone(),
            stats: self.stats,
            record: self.record.clone(),
        };
        let ending = thread::Builder::new().name("signals".into()).spawn(move || {
            signals.wait(&end.stop.looks);
            end.process();
        });
        let ending = ending.map_err(|e| {
            let why = format!("no thread can be started: {e}; raise the limit (ulimit -u)");
            io::Error::new(e.kind(), why)
        })?;
        self.serve(listeners, &counters, &stop)?;
        // The server ended because it was asked to: the thread that asked ends the process.
        ending.join().map_err(|_| io::Error::other("the thread that waits for signals panicked"))
    }

    /// A listener for all, or one for each shard.
    fn listen(&self) -> io::Result<Vec<TcpListener>> {
        let shards = self.shards.unwrap_or(1);
        let one = self.hand_over || !listen::SPREADS;
        listen::bind_shared(self.addr, if one { 1 } else { shards })
    }

    fn serve(
        &self,
        listeners: Vec<TcpListener>,
        counters: &Arc<Counters>,
        stop: &Stop,
    ) -> io::Result<()> {
        let options = &self.options;
        match (<[TcpListener; 1]>::try_from(listeners), self.shards) {
            (Ok([one]), None | Some(1)) => self.model.serve(one, options, counters, stop),
            (Ok([one]), Some(shards)) => shards::hand_over(one, shards, options, counters, stop),
            (Err(many), _) => shards::serve(many, options, counters, stop),
        }
    }
}

/// More threads than this serve nobody better.
const MOST_SHARDS: usize = 256;

fn parse_shards(text: &str) -> Result<usize, String> {
    match text.parse() {
        _ if text == "auto" => Ok(thread::available_parallelism().map_or(1, usize::from)),
        Ok(shards @ 1..=MOST_SHARDS) => Ok(shards),
        _ => Err(format!("give a number of threads from 1 to {MOST_SHARDS}, or auto")),
    }
    .map(|shards| shards.min(MOST_SHARDS))
}

/// Narrates to stderr, as `RUST_LOG` says: connections where it says nothing.
fn start_log() {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
}

/// The signals that end the server, masked in every thread.
#[cfg(unix)]
struct Signals(nix::sys::signal::SigSet);

#[cfg(unix)]
impl Signals {
    /// `has_tasks`: then SIGUSR1 shows them, and does not end the process.
    fn mask(has_tasks: bool) -> io::Result<Signals> {
        use nix::sys::signal::{SigSet, Signal};

        let mut set = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        if has_tasks {
            set.add(Signal::SIGUSR1);
        }
        set.thread_block()?;
        Ok(Signals(set))
    }

    /// Waits for one that ends the server.
    fn wait(&self, looks: &Looks) {
        use nix::sys::signal::Signal;

        loop {
            match self.0.wait() {
                Ok(Signal::SIGUSR1) => looks.ask(),
                Ok(_) => return,
                // sigwait(3) fails only for a set without signals, or where it was interrupted.
                Err(_) => {}
            }
        }
    }
}

/// Elsewhere nothing is masked: the system ends the process, without statistics.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
    fn mask(_: bool) -> io::Result<Signals> {
        Ok(Signals)
    }

    #[allow(clippy::unused_self, reason = "the same shape as on Unix")]
    fn wait(&self, _: &Looks) {
        loop {
            thread::park();
        }
    }
}
