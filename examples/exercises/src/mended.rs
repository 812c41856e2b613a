//! The mended form of each exercise: what was wrong, why the mend is enough, and which function of
//! dormouse does it so. Spoilers: mend first.
//!
//! `diff examples/exercises/src/01_block_on.rs examples/exercises/src/mended/01_block_on.rs`

#[path = "mended/01_block_on.rs"]
pub mod block_on;
#[path = "mended/02_lost_wake.rs"]
pub mod lost_wake;
#[path = "mended/03_newer_waker.rs"]
pub mod newer_waker;
#[path = "mended/04_newest_first.rs"]
pub mod newest_first;
#[path = "mended/05_borrow.rs"]
pub mod borrow;
#[path = "mended/06_token.rs"]
pub mod token;
#[path = "mended/07_edge.rs"]
pub mod edge;
#[path = "mended/08_halves.rs"]
pub mod halves;
#[path = "mended/09_deadline.rs"]
pub mod deadline;
#[cfg(unix)]
#[path = "mended/10_partial_write.rs"]
pub mod partial_write;
#[cfg(unix)]
#[path = "mended/11_interest.rs"]
pub mod interest;
#[cfg(unix)]
#[path = "mended/12_descriptors.rs"]
pub mod descriptors;
