//! # Builder: a runtime that is not as by default
//!
//! Problem: a runtime needs no settings to run; some are useful now and then.
//! Idea: they are collected here, and the runtime is made of them at once.
//! Leaves out: settings of tasks and sockets, which are theirs.
//! Read before: `watchdog.rs`. Read next: `testing.rs`.
//! Try: `cargo test -p dormouse --test watchdog`

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::observe::{Listener, Moment};
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
#[derive(Clone, Default)]
pub struct Builder {
    watchdog: Option<Watchdog>,
    on_moment: Option<OnMoment>,
}

type OnMoment = Arc<dyn Fn(Moment) + Send + Sync>;

impl Builder {
    /// Begins with what [`Runtime::new`] has. See the example of [`Builder`].
    pub fn new() -> Self {
        Builder::default()
    }

    /// Has tasks that spin, or keep others waiting, named in the log. See the example of
    /// [`Watchdog`].
    #[must_use]
    pub fn watchdog(self, watchdog: Watchdog) -> Self {
        Builder { watchdog: Some(watchdog), ..self }
    }

    /// Has each step of the loop told to `listener`, on the runtime's thread, while it happens: for
    /// a recorder, a tracer, counters of one's own.
    ///
    /// What `listener` takes is added to every step; it must not call the runtime. Its panic is
    /// caught, and ends nothing.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    /// use dormouse::{Builder, Moment, yield_now};
    ///
    /// let polls = Arc::new(AtomicU64::new(0));
    /// let counted = Arc::clone(&polls);
    /// let runtime = Builder::new()
    ///     .on_moment(move |moment| {
    ///         if let Moment::Polled(_) = moment {
    ///             counted.fetch_add(1, Relaxed);
    ///         }
    ///     })
    ///     .build()?;
    /// runtime.block_on(yield_now());
    /// assert_eq!(polls.load(Relaxed), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn on_moment(self, listener: impl Fn(Moment) + Send + Sync + 'static) -> Self {
        Builder { on_moment: Some(Arc::new(listener)), ..self }
    }

    /// Makes the runtime. See the example of [`Builder`].
    ///
    /// # Errors
    ///
    /// As [`Runtime::new`].
    pub fn build(self) -> io::Result<Runtime> {
        let watchdog = self.watchdog.map(Watchdog::listener);
        let on_moment =
            self.on_moment.map(|tell| Box::new(move |moment, _: &_| tell(moment)) as Listener);
        // IDEA: the settings are given to the runtime as it is made; none can change later.
        Runtime::listened_to(watchdog.into_iter().chain(on_moment).collect())
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Builder { watchdog, on_moment } = self;
        f.debug_struct("Builder")
            .field("watchdog", watchdog)
            .field("on_moment", &on_moment.as_ref().map(|_| "a function"))
            .finish()
    }
}
