//! # End: what is left to do once a server should end
//!
//! Problem: a server that was asked to end owes its statistics and its recording, and whoever should
//! read them, or the disk, may be slow, or never ready.
//! Idea: one thread does what is owed, in order; another ends the process when the time is over.
//! Leaves out: asking again: a second signal changes nothing, as `timeout` sends two.
//! Read before: `stop.rs`, `record.rs`. Read next: `serve.rs`.
//! Try: `cargo run -- serve mio --record target/mio.json`, a client, and Ctrl-C

use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use log::warn;

use crate::counters::Counters;
use crate::output::{print_line, write_file};
use crate::record::{Recorded, Recorder};
use crate::stop::Stop;

/// What is left to do once the server should end.
pub(super) struct End {
    pub(super) counters: Arc<Counters>,
    pub(super) stop: Arc<Stop>,
    pub(super) stats: bool,
    pub(super) record: Option<PathBuf>,
}

impl End {
    /// Does it, and ends the process.
    pub(super) fn process(self) -> ! {
        // Where there is a recording, it is worth waiting for.
        let (time, status) = if self.record.is_some() { (WRITING, 1) } else { (ALL_TIME, 0) };
        end_after(time, status);
        if !self.stop.request(PATIENCE) {
            warn!("the server did not close within {PATIENCE:?}");
        }
        // Held to the end: what is counted from here on is in neither.
        let held = self.counters.recorder.as_ref().map(Recorder::end);
        let mut status = 0;
        if let Some((recorded, path)) = held.as_ref().zip(self.record) {
            let written = write_recording(&self.counters, recorded, &path);
            status = i32::from(written.is_err());
            end_after(ALL_TIME, status);
            match written {
                Ok(0) => {}
                Ok(dropped) => warn!("the recording has no room for the last {dropped} events"),
                Err(e) => warn!("{e}"),
            }
        }
        if self.stats {
            report(&self.counters, status);
        }
        process::exit(status)
    }
}

/// How long a server that has something under way may take to close it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The process must be gone within a second.
const ALL_TIME: Duration = Duration::from_millis(900);

/// But whoever wants a recording gets it: a disk may be slow.
const WRITING: Duration = Duration::from_secs(30);

/// Ends the process after `time`, whatever it does then.
///
/// Whoever should read stdout or stderr may have stopped reading, and the server may hold either
/// while it waits for them: then nothing more can be said, and this ends the process. Where no
/// thread can be had for it, the end may come later.
fn end_after(time: Duration, status: i32) {
    let bound = thread::Builder::new().name("end".into());
    let end = move || {
        thread::sleep(time);
        process::exit(status)
    };
    bound.spawn(end).ok();
}

/// Whether `--record` means the line before that of `--stats`, and no file.
pub(super) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes it, and says how many events found no room in it.
fn write_recording(counters: &Counters, recorded: &Recorded, path: &Path) -> io::Result<u64> {
    let recording = recorded.recording(counters.model, counters.stats()?);
    let text = serde_json::to_string(&recording)?;
    if is_stdout(path) {
        print_line(&text)?;
    } else {
        write_file("--record", path, &(text + "\n"))?;
    }
    Ok(recording.dropped)
}

fn report(counters: &Counters, status: i32) -> ! {
    // Held to the end of the process: no message is printed behind the statistics.
    let _last_word = io::stdout().lock();
    let printed = serde_json::to_string(counters)
        .map_err(io::Error::from)
        .and_then(|stats| print_line(&stats));
    if let Err(e) = printed {
        warn!("{e}");
    }
    process::exit(status)
}
