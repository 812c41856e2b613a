//! The same checks, on the mended forms: all green.
#![allow(clippy::unwrap_used, reason = "a check ends at what it did not expect")]

use dormouse_exercises::mended as form;

mod checks;
