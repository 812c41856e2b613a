//! # Error: why a task ended without a value
//!
//! Problem: whoever waits for a task that will give no value must not wait for ever, nor guess.
//! Idea: there are two reasons, cancelled and panicked; the second carries what it panicked with.
//! Leaves out: errors of the task's own. They are values.
//! Read before: `task.rs`. Read next: `join.rs`.
//! Try: `cargo test -p dormouse --test tasks panic`

use std::any::Any;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Why a task ended without a value.
///
/// ```
/// dormouse::block_on(async {
///     let panics = dormouse::spawn(async { panic!("no cheese") });
///     let error = panics.await.expect_err("it panics");
///     assert!(error.is_panic() && !error.is_cancelled());
///     assert_eq!(error.to_string(), "the task panicked: no cheese");
///     let payload = error.try_into_panic().expect("it is one");
///     assert_eq!(payload.downcast_ref(), Some(&"no cheese"));
/// });
/// ```
pub struct JoinError(Reason);

// IDEA: a task that gives no value was cancelled or has panicked; there is no third reason.
enum Reason {
    Cancelled,
    /// Behind a lock only so that the error is `Sync`, as errors are expected to be.
    Panicked(Mutex<Box<dyn Any + Send>>),
}

impl JoinError {
    pub(crate) fn cancelled() -> Self {
        JoinError(Reason::Cancelled)
    }

    pub(super) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        JoinError(Reason::Panicked(Mutex::new(payload)))
    }

    /// The task was aborted, or its runtime was dropped. See the example of [`JoinError`].
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Reason::Cancelled)
    }

    /// The task panicked. See the example of [`JoinError`].
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Reason::Panicked(_))
    }

    /// What the task panicked with, for [`std::panic::resume_unwind`]. See the example of
    /// [`JoinError`].
    ///
    /// # Errors
    ///
    /// The error itself, if it is no panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, JoinError> {
        match self.0 {
            Reason::Panicked(payload) => {
                Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
            Reason::Cancelled => Err(self),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason::Panicked(payload) = &self.0 else {
            return write!(f, "the task was cancelled");
        };
        let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        write!(f, "the task panicked: {}", text.unwrap_or("(not a text)"))
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}
