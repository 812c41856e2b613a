//! What the runtime's tests share: a runtime under watch, and metrics compared as a whole.
//!
//! [`lab`] gives a test its runtime. Three things come with it:
//!
//! - A hang fails: after [`patience`] a watchdog has the runtime print its own metrics, and ends
//!   the process.
//! - Whatever the test did, its books must balance in the end: see [`assert_books_balance`].
//! - Nothing may be left when it ends: see [`Ledger`].
//! - [`expect`] compares every figure of [`Metrics`], so that one unexpected turn or park shows.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::cell::Cell;
use std::env;
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::{self, Command};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::sleep;
use dormouse::{Builder, Metrics, Moment, Runtime, testing};

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
    let _watchdog = watch(&runtime);
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

    fn calling(bark: impl FnOnce() + Send + 'static) -> Self {
        let (alive, dropped) = mpsc::channel::<()>();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if dropped.recv_timeout(patience()) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Not `eprintln`, which the test harness keeps until the test ends.
                let _ = writeln!(io::stderr(), "{test} hangs");
                bark();
                thread::sleep(Duration::from_secs(2));
                let _ = writeln!(io::stderr(), "{test}: and the runtime does not answer a wake");
                process::exit(101);
            }
        });
        HangGuard(alive)
    }
}

/// A witness in the runtime: a task that does nothing, until the watchdog wakes it.
pub(crate) fn watch(runtime: &Rc<Runtime>) -> HangGuard {
    let barks = Arc::new(AtomicBool::new(false));
    let witness = Arc::new(Mutex::new(None));
    let (heard, waker, watched) = (barks.clone(), witness.clone(), Rc::downgrade(runtime));
    drop(runtime.spawn(poll_fn(move |cx| {
        *waker.lock().unwrap() = Some(cx.waker().clone());
        if let (true, Some(runtime)) = (heard.load(SeqCst), watched.upgrade()) {
            let _ = writeln!(io::stderr(), "its runtime: {:#?}", runtime.metrics());
            process::exit(101);
        }
        Poll::<()>::Pending
    })));
    let watchdog = HangGuard::calling(move || {
        barks.store(true, SeqCst);
        if let Some(witness) = &*witness.lock().unwrap() {
            witness.wake_by_ref();
        }
    });
    // The witness gets its first and only poll here, before anything is measured.
    runtime.block_on(dormouse::yield_now());
    watchdog
}

/// What changed between two metrics, by name.
pub(crate) fn difference(before: &Metrics, after: &Metrics) -> Vec<(&'static str, u64)> {
    testing::changes(&after.since(*before))
}

/// Demands that since `before` exactly this has happened, and nothing else at all.
#[track_caller]
pub(crate) fn expect(runtime: &Runtime, before: &Metrics, fill_in: impl FnOnce(&mut Metrics)) {
    testing::expect(&runtime.metrics().since(*before), fill_in);
}

/// At rest each poll has its cause, each wake its effect, each park one reason to end.
#[track_caller]
pub(crate) fn assert_books_balance(runtime: &Runtime) {
    // What is still queued, or lies in the inbox, gets its turn first.
    for _ in 0..100 {
        runtime.block_on(sleep(Duration::from_millis(1)));
        if testing::check_books(&runtime.metrics()).is_ok() {
            break;
        }
    }
    let did = runtime.metrics();
    testing::check_books(&did).unwrap();
    assert!(did.timers_fired + did.timers_cancelled <= did.timers_armed, "{did:#?}");
}

/// Waits until nothing happens any more but the waiting itself.
pub(crate) async fn silence(runtime: &Runtime) {
    while !is_silent(runtime, SLOWDOWN * Duration::from_millis(5)).await {}
}

/// The same where the kernel may still move data between full buffers, now and then: demands that
/// before long a whole [`SILENCE`] passes without a turn.
pub(crate) async fn assert_falls_silent(runtime: &Runtime) {
    for _ in 0..30 {
        if is_silent(runtime, SILENCE).await {
            return;
        }
    }
    panic!("it never falls silent: {:#?}", runtime.metrics());
}

async fn is_silent(runtime: &Runtime, span: Duration) -> bool {
    let before = runtime.metrics();
    sleep(span).await;
    let mut one_timer = Metrics::default();
    add_one_timer(&mut one_timer);
    runtime.metrics().since(before) == one_timer
}

/// What one sleep of a task costs that has the runtime for itself.
pub(crate) fn add_one_timer(m: &mut Metrics) {
    m.timers_armed += 1;
    m.parks += 1;
    m.returned_deadline += 1;
    m.turns += 1;
    m.timers_fired += 1;
    m.wakes_local += 1;
    m.enqueued += 1;
    m.polls += 1;
}

/// What one event costs that one task waits for.
pub(crate) fn add_one_event(m: &mut Metrics) {
    m.parks += 1;
    m.returned_event += 1;
    m.events += 1;
    m.turns += 1;
    m.wakes_local += 1;
    m.enqueued += 1;
    m.polls += 1;
}

/// What one wake from another thread costs that ends a park.
pub(crate) fn add_one_unpark(m: &mut Metrics) {
    m.parks += 1;
    m.returned_unpark += 1;
    m.turns += 1;
    m.wakes_remote += 1;
    m.enqueued += 1;
    m.polls += 1;
}

/// Any port of this machine, that nobody else reaches.
pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Two ends of a connection, both in the runtime that runs.
pub(crate) async fn connection() -> (TcpStream, TcpStream) {
    let mut listener = TcpListener::bind(any_port()).unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (ours, theirs) = futures_lite::future::zip(connecting, listener.accept()).await;
    (ours.unwrap(), theirs.unwrap().0)
}

/// Two ends of a connection: one in the runtime that runs, the other a blocking one of std.
pub(crate) async fn connection_to_std() -> (TcpStream, std::net::TcpStream) {
    let mut listener = TcpListener::bind(any_port()).unwrap();
    let theirs = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().await.unwrap();
    (ours, theirs)
}

/// Does something as it is dropped.
pub(crate) struct OnDrop(Option<Box<dyn FnOnce()>>);

impl OnDrop {
    pub(crate) fn call(action: impl FnOnce() + 'static) -> Self {
        OnDrop(Some(Box::new(action)))
    }

    /// Counts up as it is dropped.
    pub(crate) fn count(drops: &Rc<Cell<u32>>) -> Self {
        let drops = Rc::clone(drops);
        OnDrop::call(move || drops.set(drops.get() + 1))
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

/// Turns the runtime, a millisecond at a time, until `done`.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Another thread wakes while this one is in the midst of a poll: the wake has come by the time
/// that the poll returns.
pub(crate) fn wake_from_elsewhere(waker: &Waker) {
    let waker = waker.clone();
    thread::spawn(move || waker.wake()).join().unwrap();
}

/// Busy for a while, without a system call.
pub(crate) fn spin(duration: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// The limit of descriptors, lifted as far as it goes and tests need.
#[cfg(unix)]
pub(crate) fn raise_descriptor_limit() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // More than any test needs; one fills its table up to the limit.
    let most = hard.min(1 << 16);
    match setrlimit(Resource::RLIMIT_NOFILE, most, hard) {
        Ok(()) => most,
        Err(_) => soft,
    }
}

/// How many descriptors this process has open. Other tests open some too: see [`in_a_process`].
#[cfg(target_os = "linux")]
pub(crate) fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until the thread `thread` blocks in the kernel: parked, where it has nothing else to
/// block in.
#[cfg(target_os = "linux")]
pub(crate) fn wait_until_asleep(thread: nix::unistd::Pid) {
    loop {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
        // The state comes after the name, which stands in parentheses.
        if stat.rsplit(')').next().unwrap().trim_start().starts_with('S') {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

const CHILD: &str = "DORMOUSE_TEST_CHILD";

/// Runs `body` in a process of its own, where no other test is: for what concerns the whole
/// process, or may end it. `test` is the name of the test that calls this.
pub(crate) fn in_a_process(test: &str, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let output = this_test_alone(test, Command::new(env::current_exe().unwrap())).output().unwrap();
    assert!(
        output.status.success(),
        "in its own process: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

/// Completes a command that ends with this test program, so that it runs `test` alone.
pub(crate) fn this_test_alone(test: &str, mut command: Command) -> Command {
    command
        .args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1");
    command
}

/// Whether this process was started by [`this_test_alone`].
pub(crate) fn is_alone() -> bool {
    env::var_os(CHILD).is_some()
}

/// A listener that takes no more connections, and those that fill its queue.
pub(crate) fn full_listener() -> (std::net::TcpListener, Vec<std::net::TcpStream>) {
    let listener = std::net::TcpListener::bind(any_port()).unwrap();
    // A second listen(2) with the shortest queue there is.
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let patience = Duration::from_millis(50);
    let mut queued = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, patience) {
        queued.push(stream);
    }
    (listener, queued)
}
