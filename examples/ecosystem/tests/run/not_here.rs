//! What does not run on dormouse, or runs as a guest, as DESIGN.md says it.

use std::time::{Duration, Instant};

/// Long beside what the first poll takes on a busy machine.
const A_WHILE: Duration = Duration::from_millis(100);

/// What `future` panics with, as a task of a runtime that goes on.
fn panic_of(future: impl Future<Output: 'static> + 'static) -> String {
    dormouse::block_on(async {
        let error = dormouse::spawn(future).await.err().expect("it should panic");
        let message = error.try_into_panic().unwrap();
        match message.downcast::<String>() {
            Ok(message) => *message,
            Err(message) => (*message.downcast::<&str>().unwrap()).to_owned(),
        }
    })
}

#[test]
fn tokio_s_timers_need_its_runtime() {
    let message = panic_of(async { tokio::time::sleep(A_WHILE).await });
    assert!(message.contains("there is no reactor running"), "{message}");
}

/// As crates do that open sockets of tokio's by themselves.
#[test]
fn tokio_s_sockets_need_its_runtime() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let message = panic_of(tokio::net::TcpStream::connect(address));
    assert!(message.contains("there is no reactor running"), "{message}");
}

#[test]
fn tokio_s_spawn_needs_its_runtime() {
    let message = panic_of(async { tokio::spawn(async {}).await });
    assert!(message.contains("there is no reactor running"), "{message}");
}

/// Its channels and locks are wakers only.
#[test]
fn tokio_s_channels_need_nothing() {
    let sum = dormouse::block_on(async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        dormouse::spawn(async move {
            for number in 1..=100 {
                sender.send(number).await.unwrap();
            }
        });
        let mut sum = 0;
        while let Some(number) = receiver.recv().await {
            sum += number;
        }
        sum
    });
    assert_eq!(sum, 5050);
}

/// The way out: tokio's reactor on a thread of tokio's, whose wakes come from there.
#[test]
fn a_guest_brings_tokio_s_runtime_along() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let tokio = builder.worker_threads(1).enable_all().build().unwrap();
    let runtime = dormouse::Runtime::new().unwrap();
    let begin = Instant::now();
    let _entered = tokio.enter();
    runtime.block_on(tokio::time::sleep(A_WHILE));
    assert!(begin.elapsed() >= A_WHILE);
    let metrics = runtime.metrics();
    assert_eq!((metrics.timers_armed, metrics.wakes_remote), (0, 1), "{metrics:?}");
}

/// They work, but wait on a thread that async-io starts: not in the park of this runtime.
#[test]
#[cfg(target_os = "linux")]
fn async_io_starts_a_thread_of_its_own() {
    assert!(!has_thread("async-io"));
    let runtime = dormouse::Runtime::new().unwrap();
    runtime.block_on(async_io::Timer::after(A_WHILE));
    assert!(has_thread("async-io"));
    let metrics = runtime.metrics();
    assert_eq!((metrics.timers_armed, metrics.wakes_remote), (0, 1), "{metrics:?}");
}

#[cfg(target_os = "linux")]
fn has_thread(name: &str) -> bool {
    let names = std::fs::read_dir("/proc/self/task").unwrap().filter_map(|thread| {
        // One may end meanwhile.
        std::fs::read_to_string(thread.unwrap().path().join("comm")).ok()
    });
    names.into_iter().any(|comm| comm.trim() == name)
}
