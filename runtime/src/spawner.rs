//! # Spawner: a runtime, for crates that ask for one
//!
//! Problem: a library that has futures to run must not choose the runtime.
//! Idea: it takes a `LocalSpawn` or a `Spawn` of `futures-task`; here are this crate's.
//! Leaves out: results. Such a task tells its result itself.
//! Read before: `handle.rs`. Read next: `watchdog.rs`.
//! Try: `cargo test -p dormouse --doc spawner`

use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::handle::Handle;
use crate::parts::Parts;
use crate::runtime::Runtime;

/// Spawns on the runtime that this thread runs, whichever that is.
///
/// # Errors
///
/// `spawn_local_obj` says 'shutdown' outside of a runtime, and while one is being dropped.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use dormouse::LocalSpawner;
/// use futures_task::LocalSpawn;
///
/// dormouse::block_on(async {
///     let spawner: &dyn LocalSpawn = &LocalSpawner;
///     let (ran, seen) = { let ran = Rc::new(Cell::new(false)); (Rc::clone(&ran), ran) };
///     spawner.spawn_local_obj(Box::new(async move { ran.set(true) }).into())?;
///     dormouse::yield_now().await;
///     assert!(seen.get());
///     Ok(())
/// })
/// # .map_err(|error: futures_task::SpawnError| panic!("{error}"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalSpawner;

impl LocalSpawn for LocalSpawner {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status_local()?;
        // IDEA: to spawn for others is to spawn, and to drop the handle.
        drop(crate::spawn(future));
        Ok(())
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        match Parts::current() {
            Some(parts) if !parts.executor.is_closed() => Ok(()),
            _ => Err(SpawnError::shutdown()),
        }
    }
}

impl LocalSpawn for Runtime {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }
}

/// For futures that can be sent, from any thread. Whether the runtime is still there is not told.
impl Spawn for Handle {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }
}
