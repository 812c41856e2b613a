//! # Names: what tasks are called
//!
//! Problem: `task 5.17` says which it is, but not what it is for.
//! Idea: a task may give itself a name; here it is kept by key, so that tasks without one cost
//! nothing.
//! Leaves out: finding a task by its name. Two may have the same.
//! Read before: `metrics.rs`. Read next: `observe.rs`.
//! Try: `cargo test -p dormouse --test snapshot`

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::slots::Key;

// IDEA: names are kept beside the tasks, by key: who has none has no place for one either.
/// The names of the tasks of one runtime.
#[derive(Default)]
pub(crate) struct Names(RefCell<HashMap<Key, Arc<str>>>);

impl Names {
    pub(crate) fn set(&self, task: Key, name: Arc<str>) {
        self.0.borrow_mut().insert(task, name);
    }

    /// The task is gone.
    pub(crate) fn forget(&self, task: Key) {
        let mut names = self.0.borrow_mut();
        // Most tasks have none, and most programs give none.
        if !names.is_empty() {
            names.remove(&task);
        }
    }

    pub(crate) fn get(&self, task: Key) -> Option<Arc<str>> {
        self.0.borrow().get(&task).cloned()
    }

    /// How to call a task in a text: `5.17`, or `5.17 'acceptor'`.
    pub(crate) fn of(&self, task: Key) -> impl fmt::Display {
        match self.get(task) {
            Some(name) => format!("{task} '{name}'"),
            None => task.to_string(),
        }
    }
}
