//! A small async runtime, written to be read.
#![forbid(unsafe_code)]
