//! Where a runtime runs: one at a time per thread, as many as there are threads, and how it says
//! so when it does not.
//!
//! Guards against: a nested `block_on` that hangs or loses wakes (rust-lang/futures-rs#2090,
//! #2386, MaterializeInc/materialize#13776), a runtime unusable after a panic (glommio/glommio#37),
//! what is left undone when `block_on` returns (tokio-rs/tokio#6996), a wake from the thread's own
//! other runtime (tokio-rs/tokio#8212).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use dormouse::net::{TcpListener, TcpStream, UnixStream};
use dormouse::{Runtime, block_on, spawn, time::sleep, yield_now};
use futures_io::AsyncRead;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use support::{OnDrop, add_one_timer, any_port, connection, expect, lab, silence};

/// The text of the panic of `action`.
fn panic_text<T>(action: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(action)).err().expect("a panic");
    match panic.downcast::<&str>() {
        Ok(text) => (*text).to_owned(),
        Err(other) => *other.downcast::<String>().unwrap(),
    }
}

/// A message there and back: the runtime is in order.
async fn echo_once() {
    let (mut client, mut server) = connection().await;
    client.write_all(b"x").await.unwrap();
    server.read_exact(&mut [0]).await.unwrap();
}

#[test]
fn a_nested_block_on_says_what_to_do_and_breaks_nothing() {
    lab(|runtime| {
        runtime.block_on(async {
            for nested in [
                panic_text(|| block_on(async {})),
                panic_text(|| runtime.block_on(async {})),
                panic_text(|| Runtime::new().unwrap().block_on(async {})),
            ] {
                assert!(nested.contains("this thread runs a runtime already"), "{nested}");
                assert!(nested.contains("await the future"), "{nested}");
            }
            let in_a_task = spawn(async { panic_text(|| block_on(async {})) });
            assert!(in_a_task.await.unwrap().contains("block_on inside of block_on"));
            echo_once().await;
        });
        runtime.block_on(echo_once());
        block_on(echo_once());
    });
}

#[test]
fn a_nested_block_on_costs_the_outer_one_nothing() {
    lab(|runtime| {
        runtime.block_on(async {
            silence(runtime).await;
            let before = runtime.metrics();
            panic_text(|| runtime.block_on(async {}));
            sleep(Duration::from_millis(20)).await;
            expect(runtime, &before, add_one_timer);
        });
    });
}

#[test]
fn a_spawn_outside_of_a_runtime_says_what_to_do() {
    let text = panic_text(|| spawn(async {}));
    assert!(text.contains("spawn outside of a runtime"), "{text}");
    assert!(text.contains("Runtime::spawn"), "{text}");
    block_on(async {});
    panic_text(|| spawn(async {}));
}

#[test]
fn a_socket_opened_outside_of_a_runtime_is_an_error() {
    let listener = std::net::TcpListener::bind(any_port()).unwrap();
    let address = listener.local_addr().unwrap();
    let connects = futures_lite::future::block_on(TcpStream::connect(address));
    for error in [
        TcpListener::bind(any_port()).unwrap_err(),
        connects.unwrap_err(),
        TcpStream::from_std(std::net::TcpStream::connect(address).unwrap()).unwrap_err(),
        TcpListener::from_std(listener).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("outside of a runtime"), "{text}");
        assert!(text.contains("block_on"), "{text}");
    }
}

#[test]
fn a_task_spawned_before_block_on_runs_in_it() {
    lab(|runtime| {
        let order = Rc::new(RefCell::new(Vec::new()));
        let (first, second) = (Rc::clone(&order), Rc::clone(&order));
        let before = runtime.metrics();
        let task = runtime.spawn(async move { first.borrow_mut().push("the task") });
        assert!(!task.is_finished());
        expect(runtime, &before, |m| m.spawns = 1);
        runtime.block_on(async move { second.borrow_mut().push("the future of block_on") });
        assert_eq!(*order.borrow(), ["the task", "the future of block_on"]);
        assert!(task.is_finished());
    });
}

#[test]
fn what_was_not_done_goes_on_with_the_next_block_on() {
    lab(|runtime| {
        let steps = Rc::new(Cell::new(0));
        let count = Rc::clone(&steps);
        let task = runtime.spawn(async move {
            for _ in 0..10 {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        for step in 1..=10 {
            runtime.block_on(async {});
            assert_eq!(steps.get(), step);
        }
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_wake_between_two_block_ons_is_kept() {
    lab(|runtime| {
        let (waker, polls) = (Rc::new(RefCell::new(None::<Waker>)), Rc::new(Cell::new(0)));
        let (keep, count) = (Rc::clone(&waker), Rc::clone(&polls));
        drop(runtime.spawn(poll_fn(move |cx| {
            *keep.borrow_mut() = Some(cx.waker().clone());
            count.set(count.get() + 1);
            Poll::<()>::Pending
        })));
        runtime.block_on(async {});
        assert_eq!(polls.get(), 1);
        waker.borrow().as_ref().unwrap().wake_by_ref();
        support::wake_from_elsewhere(waker.borrow().as_ref().unwrap());
        runtime.block_on(sleep(Duration::from_millis(1)));
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn every_thread_can_run_one() {
    let together = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let together = Arc::clone(&together);
            thread::spawn(move || {
                lab(|runtime| {
                    runtime.block_on(async {
                        // All four are inside of their block_on by now.
                        together.wait();
                        echo_once().await;
                        spawn(echo_once()).await.unwrap();
                    });
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn two_runtimes_take_turns_on_one_thread() {
    lab(|first| {
        lab(|second| {
            let (mut client, mut server) = first.block_on(connection());
            let (mut other_client, mut other_server) = second.block_on(connection());
            for i in 0..100_u8 {
                first.block_on(async { client.write_all(&[i]).await.unwrap() });
                second.block_on(async { other_client.write_all(&[100 + i]).await.unwrap() });
                let mut byte = [0];
                first.block_on(server.read_exact(&mut byte)).unwrap();
                assert_eq!(byte, [i]);
                second.block_on(other_server.read_exact(&mut byte)).unwrap();
                assert_eq!(byte, [100 + i]);
            }
        });
    });
}

#[test]
fn a_task_of_one_runtime_can_wait_for_a_task_of_another() {
    lab(|first| {
        lab(|second| {
            let of_second = second.spawn(async {
                yield_now().await;
                7
            });
            let of_first = first.spawn(async { of_second.await.unwrap() + 1 });
            first.block_on(async { yield_now().await });
            assert!(!of_first.is_finished());
            // This wakes a task of the first, which does not run just now.
            second.block_on(async {
                yield_now().await;
                yield_now().await;
            });
            assert_eq!(first.block_on(of_first).unwrap(), 8);
        });
    });
}

#[test]
fn a_runtime_dropped_inside_of_another_leaves_that_one_in_place() {
    lab(|runtime| {
        runtime.block_on(async {
            let inner = Runtime::new().unwrap();
            let spawns = Rc::new(Cell::new(None));
            let told = Rc::clone(&spawns);
            let drops = OnDrop::call(move || told.set(Some(spawn(async {}).is_finished())));
            drop(inner.spawn(async move {
                pending::<()>().await;
                drop(drops);
            }));
            drop(inner);
            // It asked the runtime that was dropped, which lets nobody in.
            assert_eq!(spawns.take(), Some(true));
            spawn(echo_once()).await.unwrap();
        });
    });
}

#[test]
fn a_panic_of_block_on_leaves_the_runtime_as_it_was() {
    lab(|runtime| {
        let steps = Rc::new(Cell::new(0));
        let count = Rc::clone(&steps);
        let task = runtime.spawn(async move {
            for _ in 0..5 {
                yield_now().await;
                count.set(count.get() + 1);
            }
        });
        let text = panic_text(|| {
            runtime.block_on(async {
                // Its own wake, and that of the task, are queued as it panics.
                yield_now().await;
                resume_unwind(Box::new("on purpose"));
            })
        });
        assert_eq!(text, "on purpose");
        assert!(panic_text(|| spawn(async {})).contains("outside"), "the thread has left it");
        runtime.block_on(task).unwrap();
        assert_eq!(steps.get(), 5);
        runtime.block_on(echo_once());
    });
}

#[test]
fn a_future_is_dropped_inside_of_its_block_on() {
    lab(|runtime| {
        let ran = Rc::new(Cell::new(false));
        let runs = Rc::clone(&ran);
        let guard = OnDrop::call(move || drop(spawn(async move { runs.set(true) })));
        runtime.block_on(async {
            let _guard = guard;
            yield_now().await;
        });
        runtime.block_on(yield_now());
        assert!(ran.get());
    });
}

#[test]
fn a_yield_needs_nobody_else() {
    for _ in 0..200 {
        block_on(yield_now());
    }
    lab(|runtime| {
        for _ in 0..1000 {
            runtime.block_on(yield_now());
        }
    });
}

#[test]
fn the_metrics_tell_what_block_on_did() {
    lab(|runtime| {
        runtime.block_on(async { assert_eq!(dormouse::metrics(), runtime.metrics()) });
        let before = runtime.metrics();
        assert_eq!(runtime.block_on(async { 7 }), 7);
        expect(runtime, &before, |m| {
            m.spawns = 1;
            m.polls = 1;
            m.turns = 1;
        });
        assert!(format!("{runtime:?}").contains("returned_none: 0"));
    });
}

thread_local! {
    /// Its last reader is woken as its runtime ends.
    static STREAM: RefCell<Option<UnixStream>> = const { RefCell::new(None) };
}

/// Polls the stream as it is woken, and keeps what it was told.
#[derive(Default)]
struct Reads(Mutex<Option<io::ErrorKind>>);

impl Reads {
    fn read(self: &Arc<Self>) -> Poll<io::Result<usize>> {
        let waker = Waker::from(Arc::clone(self));
        STREAM.with_borrow_mut(|stream| {
            let stream = Pin::new(stream.as_mut().unwrap());
            stream.poll_read(&mut Context::from_waker(&waker), &mut [0])
        })
    }
}

impl Wake for Reads {
    fn wake(self: Arc<Self>) {
        if let Poll::Ready(Err(error)) = self.read() {
            *self.0.lock().unwrap() = Some(error.kind());
        }
    }
}

/// Nobody reports events any more: who waits is woken, and must not wait again.
#[test]
fn a_socket_that_is_polled_while_its_runtime_ends_is_told_so() {
    let runtime = Runtime::new().unwrap();
    let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let reads = Arc::new(Reads::default());
    runtime.block_on(async {
        STREAM.set(Some(UnixStream::from_std(ours).unwrap()));
        assert!(reads.read().is_pending());
    });
    drop(runtime);
    assert!(reads.0.lock().unwrap().is_some(), "it was left waiting");
    STREAM.take();
}
