//! One file for each exercise. What is checked is `crate::form`: the exercises themselves in
//! `tests/exercises.rs`, their mended forms in `tests/mended.rs`.
//!
//! A check counts, and says the count that gave the fault away. It ends by itself whatever the code
//! does: what spins is stopped at a count, what hangs at a time.

mod block_on;
mod borrow;
mod deadline;
#[cfg(unix)]
mod descriptors;
mod edge;
mod halves;
#[cfg(unix)]
mod interest;
mod lost_wake;
mod newer_waker;
mod newest_first;
#[cfg(unix)]
mod partial_write;
mod support;
mod token;
