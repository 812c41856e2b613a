//! What the runtime's tests share: a runtime under watch, and metrics compared as a whole.
//!
//! [`lab`] gives a test its runtime. Three things come with it:
//!
//! - A hang fails: after [`patience`] a [`HangGuard`] has the runtime print its own metrics, and
//!   ends the process.
//! - Whatever the test did, its books must balance in the end: see [`assert_books_balance`].
//! - Nothing may be left when it ends: see [`Ledger`]; `leaks.rs` sees it fail.
//!
//! And [`expect`] compares every figure of [`Metrics`], so that one unexpected turn or park shows.
#![allow(dead_code, reason = "each test file uses its own part of it")]

mod watched;

use std::cell::Cell;
use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::sleep;
use dormouse::{Metrics, Runtime, testing};

#[allow(unused_imports, reason = "each test file uses its own part of it")]
pub(crate) use watched::{HangGuard, Ledger, SILENCE, SLOWDOWN, lab, patience, watch};

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
