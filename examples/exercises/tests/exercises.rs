//! The checks, on the exercises as they stand in `src/`: red until they are mended.
//!
//! `cargo test -p dormouse-exercises --test exercises NAME`
#![allow(clippy::unwrap_used, reason = "a check ends at what it did not expect")]

use dormouse_exercises as form;

mod checks;
