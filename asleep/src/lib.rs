//! **asleep**: assertions that a thread sleeps, and that a task does not spin.

mod account;

pub use account::Account;
