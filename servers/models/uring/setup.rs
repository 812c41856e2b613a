//! # Setup: a ring from the kernel, or the reason why there is none
//!
//! Problem: every call so far asks for one thing, and returns with it. `io_uring(7)` is two queues
//! in memory shared with the kernel instead: we write what we want into one (an *entry*; handing it
//! over is a *submission*), and the kernel writes what was done into the other (a *completion*).
//! But it is often missing: old kernels have none, containers hide it, and a switch forbids it.
//! Idea: ask for a ring of these two queues; where there is none, find out which reason it is.
//! Leaves out: getting along with less; this server shows the interface as Linux 6.1 has it.
//! Read before: `signal.rs`. Read next: `uring/entries.rs`.
//! Try: `sudo sysctl kernel.io_uring_disabled=2; cargo run -- serve uring`, and back to 0

use std::fs;
use std::io;

use io_uring::IoUring;
use nix::errno::Errno;

/// Sets up a ring with room for so many submissions at a time, used by this thread alone.
///
/// # Errors
///
/// Keeps the kind of the kernel's error, and says in one line what is missing.
pub(super) fn set_up(entries: u32) -> io::Result<IoUring> {
    // IDEA: two queues in memory shared with the kernel: one for what we ask, one for what is done.
    IoUring::builder()
        // One thread submits, and completions are made only while it waits (io_uring_setup(2)):
        // nothing interrupts it, and no lock is needed.
        .setup_single_issuer()
        .setup_defer_taskrun()
        // One bad entry does not keep the entries behind it from being submitted.
        .setup_submit_all()
        .build(entries)
        .map_err(|e| {
            let switch = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok();
            io::Error::new(e.kind(), format!("io_uring is not available: {}", why(&e, switch)))
        })
}

/// Names what stands behind an error of `io_uring_setup(2)`; `switch` is what the sysctl says.
fn why(error: &io::Error, switch: Option<String>) -> String {
    let switch = switch.map(|value| value.trim().to_owned()).filter(|value| value != "0");
    match (Errno::from_raw(error.raw_os_error().unwrap_or(0)), switch) {
        (Errno::ENOSYS, _) => {
            "this kernel has no io_uring, or a seccomp filter hides it".to_owned()
        }
        (Errno::EPERM, Some(value)) => {
            format!("the sysctl kernel.io_uring_disabled = {value} forbids it")
        }
        (Errno::EPERM, None) => "a seccomp filter, as containers have, forbids it".to_owned(),
        (Errno::EINVAL, _) => "this kernel is too old: Linux 6.1 or later is needed".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(errno: Errno, switch: &str) -> String {
        why(&io::Error::from(errno), Some(switch.to_owned()))
    }

    #[test]
    fn each_reason_has_its_own_line() {
        let switched_off = explained(Errno::EPERM, "2\n");
        assert!(switched_off.contains("kernel.io_uring_disabled = 2"), "{switched_off}");
        assert!(explained(Errno::EPERM, "0\n").contains("containers"));
        assert!(why(&io::Error::from(Errno::EPERM), None).contains("containers"));
        assert!(explained(Errno::ENOSYS, "2\n").contains("has no io_uring"));
        assert!(explained(Errno::EINVAL, "0\n").contains("6.1"));
        assert_eq!(explained(Errno::ENOMEM, "0\n"), io::Error::from(Errno::ENOMEM).to_string());
    }
}
