//! # Limits: how many descriptors the process may have
//!
//! Problem: every connection is a descriptor, and many systems start a process with 1024.
//! Idea: a process may raise its own soft limit up to the hard one.
//! Leaves out: raising the hard limit, which is the administrator's.
//! Read next: `serve.rs`.
//! Try: `ulimit -Sn 64; cargo run -- serve mio`

use std::io;

/// Raises the soft limit of descriptors to the hard one, and returns it.
///
/// # Errors
///
/// Only what `setrlimit(2)` says; the old limit then stays.
#[cfg(unix)]
pub fn raise_descriptor_limit() -> io::Result<u64> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// Nothing to raise here: sockets are not counted by such a limit.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn raise_descriptor_limit() -> io::Result<u64> {
    Ok(u64::MAX)
}
