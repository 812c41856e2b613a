//! # Ticker: a clock finer than the runtime's
//!
//! Problem: the runtime's timers count whole milliseconds, as `epoll_wait(2)` does, and a thousand
//! messages per second are due one millisecond apart.
//! Idea: on Linux a timer can be a descriptor (`timerfd_create(2)`): it becomes readable at its
//! moment, so `dormouse::Async` waits for it like for any socket.
//! Leaves out: other systems: there the runtime's `sleep` has to do, and messages go in small heaps.
//! Read before: `load/schedule.rs`. Read next: `load/pacer.rs`.
//! Try: `cargo run -- load --addr 127.0.0.1:12345 --rate 5000`

#[cfg(target_os = "linux")]
pub use self::timerfd::Ticker;

#[cfg(not(target_os = "linux"))]
pub use self::sleeping::Ticker;

#[cfg(target_os = "linux")]
mod timerfd {
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::time::Duration;

    use dormouse::Async;
    use mio::event::Source;
    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// Ticks at equal steps. Timer slack (`prctl(2)`) does not delay it: that is for sleeping calls.
    pub struct Ticker {
        timer: Async<Timer>,
    }

    impl Ticker {
        /// The first tick comes one step from now.
        ///
        /// # Errors
        ///
        /// If no descriptor is left, and outside of a runtime.
        pub fn new(step: Duration) -> io::Result<Ticker> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let step = Timespec {
                tv_sec: i64::try_from(step.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: step.subsec_nanos().into(),
            };
            let steps = Itimerspec { it_interval: step, it_value: step };
            timerfd_settime(&fd, TimerfdTimerFlags::empty(), &steps)?;
            Ok(Ticker { timer: Async::new(Timer(fd), Interest::READABLE)? })
        }

        /// Waits for the next tick; those that were missed count as one.
        ///
        /// # Errors
        ///
        /// None that `timerfd_create(2)` names for a timer that is never set again.
        pub async fn tick(&mut self) -> io::Result<()> {
            let read = |timer: &Timer| Ok(rustix::io::read(&timer.0, &mut [0; 8])?);
            self.timer.read_with(read).await.map(|_count| ())
        }
    }

    struct Timer(OwnedFd);

    /// Hands the descriptor on, as `mio` knows how to watch any.
    impl Source for Timer {
        fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
            SourceFd(&self.0.as_raw_fd()).register(to, token, interest)
        }

        fn reregister(
            &mut self,
            to: &Registry,
            token: Token,
            interest: Interest,
        ) -> io::Result<()> {
            SourceFd(&self.0.as_raw_fd()).reregister(to, token, interest)
        }

        fn deregister(&mut self, from: &Registry) -> io::Result<()> {
            SourceFd(&self.0.as_raw_fd()).deregister(from)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod sleeping {
    use std::io;
    use std::time::Duration;

    /// Ticks at steps of at least a millisecond.
    pub struct Ticker {
        step: Duration,
    }

    impl Ticker {
        /// The first tick comes one step from now.
        ///
        /// # Errors
        ///
        /// None here.
        #[allow(clippy::unnecessary_wraps, reason = "the same shape as on Linux")]
        pub fn new(step: Duration) -> io::Result<Ticker> {
            Ok(Ticker { step })
        }

        /// Waits for the next tick.
        ///
        /// # Errors
        ///
        /// None here.
        pub async fn tick(&mut self) -> io::Result<()> {
            dormouse::time::sleep(self.step).await;
            Ok(())
        }
    }
}
