//! A runtime under watch: a hang ends the process, and in the end nothing may be left.

use std::env;
use std::future::poll_fn;
use std::io::{self, Write};
use std::process;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use dormouse::{Builder, Moment, Runtime};

use super::assert_books_balance;

/// Under miri the clock is not the world's: each step of the program takes some microseconds by it,
/// and each wait no time at all. So there short waits must be longer.
pub(crate) const SLOWDOWN: u32 = if cfg!(miri) { 100 } else { 1 };

/// How long a test may take. None should come near it, on whatever machine; where hangs are made on
/// purpose, less can be asked for.
pub(crate) fn patience() -> Duration {
    let asked = env::var("DORMOUSE_TEST_PATIENCE").ok();
    let seconds = asked.map_or(40, |seconds| seconds.parse().unwrap());
    SLOWDOWN * Duration::from_secs(seconds)
}

/// Long enough that a loop that spins makes thousands of turns in it.
pub(crate) const SILENCE: Duration = Duration::from_millis(100 * SLOWDOWN as u64);

/// Runs `test` with a runtime of its own, under watch; its books must balance in the end, and
/// nothing may be left.
pub(crate) fn lab(test: impl FnOnce(&Rc<Runtime>)) {
    let ledger = Arc::new(Ledger::default());
    let runtime = Rc::new(Ledger::keep(&ledger).build().unwrap());
    let _guard = watch(&runtime);
    test(&runtime);
    assert_books_balance(&runtime);
    let runtime = Rc::into_inner(runtime).expect("nobody keeps the runtime");
    ledger.close(runtime);
}

/// What a runtime has under way, by what it tells of each step.
///
/// Descriptors can't be counted here: they are the process's, in which other tests run. But each
/// source is one, and who drops its socket, or ends the task that owns it, gives it back.
#[derive(Default)]
pub(crate) struct Ledger {
    sources: AtomicI64,
    timers: AtomicI64,
}

impl Ledger {
    /// For a runtime whose ledger it is.
    pub(crate) fn keep(ledger: &Arc<Ledger>) -> Builder {
        let ledger = Arc::clone(ledger);
        Builder::new().on_moment(move |moment| {
            let (entry, change) = match moment {
                Moment::Registered(_) => (&ledger.sources, 1),
                Moment::Deregistered(_) => (&ledger.sources, -1),
                Moment::Armed(_) => (&ledger.timers, 1),
                Moment::Fired(_) | Moment::Cancelled(_) => (&ledger.timers, -1),
                _ => return,
            };
            entry.fetch_add(change, SeqCst);
        })
    }

    /// Ends the test's runtime, and with it all that its tasks own. While no task is left but that
    /// of [`watch`], nothing is; and once all of them are dropped, nothing in any case.
    #[track_caller]
    pub(crate) fn close(&self, runtime: Runtime) {
        let seen = runtime.snapshot();
        if seen.tasks.len() <= 1 {
            assert_eq!(self.entries(), (0, 0), "sources and timers that no task has:\n{seen}");
        }
        drop(runtime);
        assert_eq!(self.entries(), (0, 0), "sources and timers that outlast the tasks:\n{seen}");
    }

    fn entries(&self) -> (i64, i64) {
        (self.sources.load(SeqCst), self.timers.load(SeqCst))
    }
}

/// Ends the process if it is not dropped in time.
pub(crate) struct HangGuard(mpsc::Sender<()>);

impl HangGuard {
    /// For what has no runtime to ask.
    pub(crate) fn new() -> Self {
        Self::calling(|| ())
    }

    fn calling(alarm: impl FnOnce() + Send + 'static) -> Self {
        let (alive, dropped) = mpsc::channel::<()>();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if dropped.recv_timeout(patience()) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Not `eprintln`, which the test harness keeps until the test ends.
                let _ = writeln!(io::stderr(), "{test} hangs");
                alarm();
                thread::sleep(Duration::from_secs(2));
                let _ = writeln!(io::stderr(), "{test}: and the runtime does not answer a wake");
                process::exit(101);
            }
        });
        HangGuard(alive)
    }
}

/// A witness in the runtime: a task that does nothing, until the guard wakes it.
pub(crate) fn watch(runtime: &Rc<Runtime>) -> HangGuard {
    let alarmed = Arc::new(AtomicBool::new(false));
    let witness = Arc::new(Mutex::new(None));
    let (heard, waker, watched) = (alarmed.clone(), witness.clone(), Rc::downgrade(runtime));
    drop(runtime.spawn(poll_fn(move |cx| {
        *waker.lock().unwrap() = Some(cx.waker().clone());
        if let (true, Some(runtime)) = (heard.load(SeqCst), watched.upgrade()) {
            let _ = writeln!(io::stderr(), "its runtime: {:#?}", runtime.metrics());
            process::exit(101);
        }
        Poll::<()>::Pending
    })));
    let guard = HangGuard::calling(move || {
        alarmed.store(true, SeqCst);
        if let Some(witness) = &*witness.lock().unwrap() {
            witness.wake_by_ref();
        }
    });
    // The witness gets its first and only poll here, before anything is measured.
    runtime.block_on(dormouse::yield_now());
    guard
}
