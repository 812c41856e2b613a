//! # Slots: one number for a thing, and for who has it now
//!
//! Problem: an index into a table goes stale. The socket it named is closed, another takes the
//! place, and a late event wakes the newcomer.
//! Idea: the number carries the place and a generation; a number from before finds nothing.
//! Leaves out: shrinking. A table keeps the size of its largest moment.
//! Read before: nothing. Read next: `metrics.rs`.
//! Try: `cargo test -p dormouse slots`

use std::fmt;

use slab::Slab;

/// Half of the number's bits: the lower ones say where, the upper ones since when.
const HALF: u32 = usize::BITS / 2;
const LOWER: usize = usize::MAX >> HALF;

/// The number of a task, a source or a timer, as `place.count`: its place in a table, and how many
/// there had been by then.
///
/// A task and a source may have the same one; two tasks of a runtime, or two sources, never, before
/// there were 2^32 of them (2^16 on 32-bit systems). See the examples of
/// [`Snapshot`](crate::Snapshot) and [`Builder::on_moment`](crate::Builder::on_moment).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(pub(crate) usize);

impl Key {
    /// Fits no value, as [`Slots::insert_with`] never gives out the last place: for a token that is
    /// no source's, and a key that is not given yet.
    pub(crate) const RESERVED: Key = Key(usize::MAX);

    fn place(self) -> usize {
        self.0 & LOWER
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.place(), self.0 >> HALF)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A table of values, each found by the [`Key`] that it was given when it came.
pub(crate) struct Slots<T> {
    entries: Slab<(Key, T)>,
    /// How many values there have been, which makes each key a new one. It starts again after
    /// 2^32 of them (2^16 on 32-bit systems): a key older than that may find a stranger.
    generation: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { entries: Slab::new(), generation: 0 }
    }
}

impl<T> Slots<T> {
    /// Stores what `make` builds; `make` is told the key under which it will be found.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> &mut T {
        let vacant = self.entries.vacant_entry();
        assert!(vacant.key() < LOWER, "more than {LOWER} tasks, sources or timers at once");
        self.generation = (self.generation + 1) & LOWER;
        // IDEA: place and generation in one number. The place may be taken again; the number not.
        let key = Key(self.generation << HALF | vacant.key());
        &mut vacant.insert((key, make(key))).1
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.entries.get(key.place()).filter(|(owner, _)| *owner == key).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.entries.get_mut(key.place()).filter(|(owner, _)| *owner == key).map(|(_, v)| v)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        Some(self.entries.remove(key.place()).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.entries.iter().map(|(_, (key, value))| (*key, value))
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().map(|(_, (_, value))| value)
    }
}

#[cfg(test)]
pub(crate) mod tests;
