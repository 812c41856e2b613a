//! # Threads: which number a thread has in a recording
//!
//! Problem: each call asks which thread it is on, and a server may have had a million of them.
//! Idea: a thread gets the next number when it is first seen, and keeps it in a place of its own.
//! Leaves out: giving a number again when its thread has ended.
//! Read before: `record/event.rs`. Read next: `record.rs`.
//! Try: `cargo bench -p dormouse-bench --bench record`

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, ThreadId};

/// The threads of one recording.
#[derive(Debug)]
pub(super) struct Threads {
    /// Different for each recording of a process.
    id: u64,
    /// The place of a name is the number of its thread.
    pub(super) names: Vec<String>,
    numbers: HashMap<ThreadId, usize>,
}

impl Default for Threads {
    fn default() -> Threads {
        static RECORDINGS: AtomicU64 = AtomicU64::new(0);

        let id = RECORDINGS.fetch_add(1, Relaxed);
        Threads { id, names: Vec::new(), numbers: HashMap::new() }
    }
}

impl Threads {
    /// The number of the thread that calls; a new one is taken up only if there is `room`.
    pub(super) fn number(&mut self, room: bool) -> Option<usize> {
        thread_local! {
            /// The recording that asked last, and the number: nearly always there is one recording.
            static KNOWN: Cell<Option<(u64, usize)>> = const { Cell::new(None) };
        }

        if let Some((id, number)) = KNOWN.get()
            && id == self.id
        {
            return Some(number);
        }
        let thread = thread::current();
        let number = match self.numbers.get(&thread.id()) {
            Some(number) => *number,
            None if !room => return None,
            None => {
                self.names.push(thread.name().unwrap_or("a thread").to_owned());
                self.numbers.insert(thread.id(), self.names.len() - 1);
                self.names.len() - 1
            }
        };
        KNOWN.set(Some((self.id, number)));
        Some(number)
    }
}
