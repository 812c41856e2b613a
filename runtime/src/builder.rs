//! # Builder: a runtime that is not as by default
//!
//! Problem: a runtime needs no settings to run; some are useful now and then.
//! Idea: they are collected here, and the runtime is made of them at once.
//! Leaves out: settings of tasks and sockets, which are theirs.
//! Read before: `watchdog.rs`. Read next: `testing.rs`.
//! Try: `cargo test -p dormouse --test watchdog`

use std::io;

use crate::runtime::Runtime;
use crate::watchdog::Watchdog;

/// Makes a [`Runtime`] with settings of its own.
///
/// ```
/// use std::time::Duration;
/// use dormouse::{Builder, Watchdog};
///
/// let strict = Watchdog::default().longest_poll(Duration::from_millis(5));
/// let runtime = Builder::new().watchdog(strict).build()?;
/// assert_eq!(runtime.block_on(async { 6 * 7 }), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    watchdog: Option<Watchdog>,
}

impl Builder {
    /// Begins with what [`Runtime::new`] has. See the example of [`Builder`].
    pub fn new() -> Self {
        Builder::default()
    }

    /// Has tasks that spin, or keep others waiting, named in the log. See the example of
    /// [`Watchdog`].
    #[must_use]
    pub fn watchdog(self, watchdog: Watchdog) -> Self {
        Builder { watchdog: Some(watchdog) }
    }

    /// Makes the runtime. See the example of [`Builder`].
    ///
    /// # Errors
    ///
    /// As [`Runtime::new`].
    pub fn build(self) -> io::Result<Runtime> {
        // IDEA: the settings are given to the runtime as it is made; none can change later.
        Runtime::listened_to(self.watchdog.map(Watchdog::listener))
    }
}
