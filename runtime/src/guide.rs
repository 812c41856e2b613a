//! Pages for those who write programs on dormouse.
//!
//! - [`behaviour`]: what happens when a task is aborted, a handle dropped, a runtime ended.
//! - [`from_tokio`], [`from_smol`]: name by name, for who knows one of them.

pub mod behaviour;
pub mod from_smol;
pub mod from_tokio;
