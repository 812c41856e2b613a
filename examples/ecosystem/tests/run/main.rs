//! Runs each example as a process of its own: alone, and with a peer that is not of this project.
//! What does not run on dormouse is in `not_here.rs`.
#![allow(clippy::unwrap_used)]

mod example;

mod http;
mod not_here;
mod streams;
#[cfg(unix)]
mod system;
mod threads;
