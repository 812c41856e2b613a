//! # A finer clock: timerfd through Async
//!
//! Problem: the sleeps of the runtime count whole milliseconds, as `epoll_wait(2)` does.
//! Idea: the kernel has finer timers, and each is a descriptor. As a source it ends the park like
//! a socket. Each deadline costs a system call more, to read it; the runtime's own cost none.
//! Leaves out: systems without `timerfd_create(2)`: it is Linux's.
//! Read before: `child.rs`. Read next: `inotify.rs`.
//! Try: `cargo run --release -p dormouse-ecosystem --example timerfd`
//!
//! You should see: `40 deadlines, one every 250 µs, seen after 10.…ms, in 40 parks`; fewer parks,
//! and perhaps more deadlines, on a machine that is busy.

#[cfg(target_os = "linux")]
fn main() -> dormouse_ecosystem::Outcome {
    use std::time::Instant;

    use dormouse::Runtime;

    let runtime = Runtime::new()?;
    let begin = Instant::now();
    let deadlines = runtime.block_on(on_linux::count_to(40))?;
    let (took, parks) = (begin.elapsed(), runtime.metrics().parks);
    println!("{deadlines} deadlines, one every 250 µs, seen after {took:.2?}, in {parks} parks");
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("timerfd is Linux's; kqueue has EVFILT_TIMER, which mio does not show");
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::io;

    use dormouse::Async;
    use dormouse_ecosystem::descriptor::Descriptor;
    use mio::Interest;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// Waits until so many deadlines have come, and returns how many were counted by then.
    pub(crate) async fn count_to(wanted: u64) -> io::Result<u64> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = Descriptor(timerfd_create(TimerfdClockId::Monotonic, flags)?);
        let mut timer = Async::new(timer, Interest::READABLE)?;
        let every = Timespec { tv_sec: 0, tv_nsec: 250_000 };
        let spec = Itimerspec { it_interval: every, it_value: every };
        timerfd_settime(timer.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
        let mut counted = 0;
        while counted < wanted {
            // How many have come since the last read: those that were missed count, too.
            let mut number = [0; 8];
            timer.read_with(|timer| Ok(rustix::io::read(timer, &mut number)?)).await?;
            counted += u64::from_ne_bytes(number);
        }
        Ok(counted)
    }
}
