//! # Buffer: memory to lend, with a canary at either end
//!
//! Problem: the kernel writes to where it was told, and nobody looks over its shoulder: neither the
//! compiler, nor a tool that watches a program's own loads and stores. One byte too many breaks
//! somebody else's memory, and shows much later, elsewhere.
//! Idea: bytes that are known (a *canary*) lie before the buffer and behind it. When the kernel gives
//! the buffer back, and when it is freed, they must be what they were.
//! Leaves out: optimized builds, which have no canaries.
//! Read before: `uring/entries.rs`. Read next: `uring/ring.rs`.
//! Try: `cargo test --lib beyond`

use std::io::{self, ErrorKind};
use std::ops::{Deref, DerefMut};
use std::thread;

/// So many bytes at either end.
const CANARY: usize = if cfg!(debug_assertions) { 64 } else { 0 };

/// Unlikely to be written by mistake: neither a letter, nor 0.
const BYTE: u8 = 0xC5;

/// A buffer on the heap: its bytes stay where they are when it moves.
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    /// As long as `bytes`, and made of them.
    ///
    /// # Errors
    ///
    /// Where there is no memory for the canaries.
    pub(super) fn new(mut bytes: Vec<u8>) -> io::Result<Buffer> {
        let behind = bytes.len() + CANARY;
        bytes.try_reserve_exact(2 * CANARY).map_err(|_| ErrorKind::OutOfMemory)?;
        bytes.resize(behind + CANARY, 0);
        bytes[..CANARY].fill(BYTE);
        bytes[behind..].fill(BYTE);
        Ok(Buffer(bytes))
    }

    /// Finds out whether somebody wrote where it is not the buffer any more.
    pub(super) fn assert_intact(&self) {
        // IDEA: who wrote beyond the end has changed a byte that nobody had any business with.
        let (before, rest) = self.0.split_at(CANARY);
        let behind = &rest[rest.len() - CANARY..];
        let intact = |canary: &[u8]| canary.iter().all(|byte| *byte == BYTE);
        assert!(intact(before), "somebody wrote before the beginning of a lent buffer");
        assert!(intact(behind), "somebody wrote beyond the end of a lent buffer");
    }

    /// The buffer, and so many bytes of the canaries.
    #[cfg(all(test, debug_assertions))]
    pub(super) fn and_beyond(&mut self, before: usize, behind: usize) -> &mut [u8] {
        let end = self.0.len() - CANARY + behind;
        &mut self.0[CANARY - before..end]
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[CANARY..self.0.len() - CANARY]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let end = self.0.len() - CANARY;
        &mut self.0[CANARY..end]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // A second panic would end the process, and hide the first.
        if !thread::panicking() {
            self.assert_intact();
        }
    }
}
