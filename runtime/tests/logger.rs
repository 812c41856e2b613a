//! A logger is foreign code that runs wherever something is logged: its panic ends nobody.
//!
//! `println!` in a logger panics where stdout was closed.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::panic::{catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};

use dormouse::{spawn, yield_now};

use support::lab;

static ERRORS: AtomicUsize = AtomicUsize::new(0);

struct Panics;

impl log::Log for Panics {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() == log::Level::Error {
            ERRORS.fetch_add(1, SeqCst);
            resume_unwind(Box::new("the logger"));
        }
    }

    fn flush(&self) {}
}

/// Panics as it is dropped, and as it is woken.
struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        resume_unwind(Box::new("a drop"));
    }
}

struct BadAwake;

impl Wake for BadAwake {
    fn wake(self: Arc<Self>) {
        resume_unwind(Box::new("a wake"));
    }
}

#[test]
fn a_logger_that_panics_ends_nobody() {
    log::set_logger(&Panics).unwrap();
    log::set_max_level(log::LevelFilter::Error);
    assert!(catch_unwind(|| log::error!("on purpose")).is_err());
    ERRORS.store(0, SeqCst);
    lab(|runtime| {
        runtime.block_on(async {
            let before = spawn(yield_now());
            drop(spawn(async { resume_unwind(Box::new("a task")) }));
            drop(spawn(async { Bad }));
            let mut woken_badly = spawn(yield_now());
            let waker = Waker::from(Arc::new(BadAwake));
            let cx = &mut Context::from_waker(&waker);
            assert!(Pin::new(&mut woken_badly).poll(cx).is_pending());
            let after = spawn(yield_now());
            before.await.unwrap();
            after.await.unwrap();
            woken_badly.await.unwrap();
        });
    });
    assert_eq!(ERRORS.load(SeqCst), 3, "each of them was to be logged");
}
