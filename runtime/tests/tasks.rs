//! What becomes of a task: its result, its end, its drop, and the wakers that outlive it.
//!
//! Guards against: a panic that takes others with it (tokio-rs/tokio#640, #4430), foreign code
//! under a borrow (tokio-rs/tokio#1929, #1972, tokio-rs/tokio-core#190), a runtime dropped with
//! tasks in it (tokio-rs/tokio#2046, #3869), a task spawned by then (tokio-rs/tokio#3870), an
//! abort that only detaches (awslabs/shuttle#91), a waker that finds a stranger in the place of
//! its task (cwfitzgerald/switchyard#4), or its thread gone (tokio-rs/tokio#6148), a task queued
//! twice (shd101wyy/Yo#561), one polled in the midst of a wake (nginx/ngx-rust#295), the newest
//! before the oldest (tokio-rs/tokio#5686), a waker replaced and not stored
//! (Matthias247/futures-intrusive#18), a cycle of task and waker (rust-lang/async-book#177).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]
#![allow(clippy::async_yields_async, reason = "a future begun in one block_on, ended in another")]

#[path = "support/logged.rs"]
mod logged;
mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use asleep::Wakes;
use dormouse::net::TcpListener;
use dormouse::time::{sleep, timeout};
use dormouse::{JoinError, Runtime, spawn, yield_now};
use futures_io::AsyncRead;
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use logged::logged;
use support::{
    HangGuard, OnDrop, SLOWDOWN, any_port, assert_books_balance, connection, connection_to_std,
    expect, in_a_process, lab, open_descriptors, silence, until, wake_from_elsewhere,
};

const HOUR: Duration = Duration::from_secs(3600);

/// A panic without the noise of the panic hook.
fn panic_with(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}

/// The errors logged while `test` ran in a [`lab`] of its own.
fn errors_of(test: impl FnOnce(&Rc<Runtime>)) -> Vec<String> {
    logged(|| lab(test))
}

fn text_of(error: JoinError) -> &'static str {
    error.try_into_panic().unwrap().downcast_ref::<&str>().unwrap()
}

#[test]
fn wakers_and_errors_are_free_to_travel() {
    fn travels<T: Send + Sync>() {}
    fn is_an_error<T: std::error::Error + Send + Sync + 'static>() {}
    travels::<Waker>();
    is_an_error::<JoinError>();
    is_an_error::<dormouse::time::Elapsed>();
}

#[test]
fn a_value_a_panic_and_a_cancellation_are_told_apart() {
    lab(|runtime| {
        runtime.block_on(async {
            assert_eq!(spawn(async { 7 }).await.unwrap(), 7);

            let error = spawn(async { panic_with("on purpose") }).await.unwrap_err();
            assert!(error.is_panic() && !error.is_cancelled());
            assert_eq!(error.to_string(), "the task panicked: on purpose");
            assert_eq!(text_of(error), "on purpose");

            let aborted = spawn(pending::<()>());
            aborted.abort();
            let error = aborted.await.unwrap_err();
            assert!(error.is_cancelled() && !error.is_panic());
            assert_eq!(error.to_string(), "the task was cancelled");
            assert!(error.try_into_panic().is_err());
        });
    });
}

#[test]
fn an_aborted_task_is_dropped_in_its_turn_and_never_polled_again() {
    lab(|runtime| {
        runtime.block_on(async {
            let (polls, drops) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let (counted, guard) = (Rc::clone(&polls), OnDrop::count(&drops));
            let task = spawn(poll_fn(move |_| {
                let _mine = &guard;
                counted.set(counted.get() + 1);
                Poll::<()>::Pending
            }));
            yield_now().await;
            assert_eq!((polls.get(), drops.get()), (1, 0));
            task.abort();
            task.abort();
            assert!(!task.is_finished() && drops.get() == 0, "not in the midst of the abort");
            yield_now().await;
            assert!(task.is_finished());
            assert_eq!((polls.get(), drops.get()), (1, 1));
            assert!(task.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a_task_aborted_before_its_first_poll_gets_none() {
    lab(|runtime| {
        runtime.block_on(async {
            let drops = Rc::new(Cell::new(0));
            let guard = OnDrop::count(&drops);
            let task = spawn(async move {
                let _mine = guard;
                unreachable!("it was aborted");
            });
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert_eq!(drops.get(), 1);
        });
    });
}

#[test]
fn an_abort_outlasts_the_handle_that_called_it() {
    lab(|runtime| {
        runtime.block_on(async {
            let drops = Rc::new(Cell::new(0));
            for polled in [false, true] {
                let guard = OnDrop::count(&drops);
                let task = spawn(async move {
                    let _mine = guard;
                    pending::<()>().await;
                });
                if polled {
                    yield_now().await;
                }
                task.abort();
                drop(task);
            }
            yield_now().await;
            assert_eq!(drops.get(), 2);
        });
    });
}

#[test]
fn an_abort_after_the_end_keeps_the_value() {
    lab(|runtime| {
        runtime.block_on(async {
            let task = spawn(async { "kept" });
            yield_now().await;
            assert!(task.is_finished());
            task.abort();
            yield_now().await;
            assert_eq!(task.await.unwrap(), "kept");
        });
    });
}

#[test]
fn a_task_may_abort_itself() {
    lab(|runtime| {
        runtime.block_on(async {
            for ends_anyway in [false, true] {
                let handle = Rc::new(RefCell::new(None::<dormouse::JoinHandle<()>>));
                let own = Rc::clone(&handle);
                let ended = Rc::new(Cell::new(None));
                let told = Rc::clone(&ended);
                let task = spawn(async move {
                    own.borrow().as_ref().unwrap().abort();
                    if !ends_anyway {
                        yield_now().await;
                        unreachable!("it was aborted");
                    }
                });
                *handle.borrow_mut() = Some(task);
                let joins = spawn(poll_fn(move |cx| {
                    let mut task = handle.borrow_mut();
                    Pin::new(task.as_mut().unwrap()).poll(cx).map(|result| {
                        told.set(Some(result.is_ok()));
                    })
                }));
                joins.await.unwrap();
                // Who returns a value in the same poll has ended before the abort could.
                assert_eq!(ended.get(), Some(ends_anyway));
            }
        });
    });
}

#[test]
fn the_end_of_a_task_wakes_its_joiner_once() {
    lab(|runtime| {
        runtime.block_on(async {
            for aborts in [false, true] {
                let mut task = spawn(async move {
                    yield_now().await;
                    if aborts {
                        pending::<()>().await;
                    }
                });
                yield_now().await;
                let (count, waker) = Wakes::new();
                let cx = &mut Context::from_waker(&waker);
                assert!(Pin::new(&mut task).poll(cx).is_pending());
                if aborts {
                    task.abort();
                    task.abort();
                }
                until(|| task.is_finished()).await;
                assert_eq!(count.count(), 1);
                assert!(Pin::new(&mut task).poll(cx).is_ready());
            }
        });
    });
}

#[test]
fn a_dropped_handle_lets_its_task_run_on() {
    lab(|runtime| {
        runtime.block_on(async {
            let done = Rc::new(Cell::new(false));
            let does = Rc::clone(&done);
            drop(spawn(async move {
                yield_now().await;
                does.set(true);
            }));
            until(|| done.get()).await;
        });
    });
}

#[test]
fn a_handle_that_gave_its_result_says_so() {
    lab(|runtime| {
        let handle = runtime.block_on(async {
            let mut handle = spawn(async {});
            (&mut handle).await.unwrap();
            handle
        });
        let again = catch_unwind(AssertUnwindSafe(|| runtime.block_on(handle)));
        assert!(again.unwrap_err().downcast_ref::<&str>().unwrap().contains("after it gave"));
    });
}

#[test]
#[cfg_attr(miri, ignore = "it has no sockets of the network")]
fn a_panic_ends_its_task_alone() {
    let errors = errors_of(|runtime| {
        runtime.block_on(async {
            let (mut client, mut server) = connection().await;
            let echo = spawn(async move {
                let mut byte = [0];
                while let Ok(1) = server.read(&mut byte).await {
                    server.write_all(&byte).await.unwrap();
                }
            });
            drop(spawn(async { panic_with("in the poll") }));
            let never_asked = spawn(async { panic_with("unheard") });
            let panics_in_drop = OnDrop::call(|| panic_with("in the drop"));
            drop(spawn(async move {
                let _mine = panics_in_drop;
                pending::<()>().await;
            }));
            let aborted = OnDrop::call(|| panic_with("in the drop"));
            let aborted = spawn(async move {
                let _mine = aborted;
                pending::<()>().await;
            });
            drop(spawn(async { OnDrop::call(|| panic_with("in the drop of its value")) }));
            yield_now().await;
            assert!(never_asked.is_finished());
            drop(never_asked);
            aborted.abort();
            assert!(aborted.await.unwrap_err().is_cancelled());
            client.write_all(b"x").await.unwrap();
            client.read_exact(&mut [0]).await.unwrap();
            drop(client);
            echo.await.unwrap();
        });
    });
    let count = |text| errors.iter().filter(|error| error.contains(text)).count();
    assert_eq!(count("nobody waited for a task that ended so: the task panicked: in the poll"), 1);
    assert_eq!(count("nobody waited for a task that ended so: the task panicked: unheard"), 1);
    assert_eq!(count("a task panicked as it was dropped"), 3, "{errors:?}");
    assert_eq!(errors.len(), 5, "{errors:?}");
}

/// Panics as it is called.
struct PanicsAsItWakes;

impl Wake for PanicsAsItWakes {
    fn wake(self: Arc<Self>) {
        panic_with("a waker")
    }
}

/// Makes a future, and what makes it ready; polls it with a waker that panics, beside others, and
/// demands that they go on.
fn nobody_else_suffers<F: Future, R: FnOnce()>(make: impl AsyncFnOnce() -> (F, R)) {
    let short = || sleep(SLOWDOWN * Duration::from_millis(20));
    let errors = errors_of(|runtime| {
        let future = runtime.block_on(async {
            let (future, make_ready) = make().await;
            let mut future = Box::pin(future);
            let before = spawn(short());
            let waker = Waker::from(Arc::new(PanicsAsItWakes));
            assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            make_ready();
            let after = spawn(short());
            before.await.unwrap();
            after.await.unwrap();
            future
        });
        // Its result is there all the same.
        runtime.block_on(future);
    });
    assert_eq!(errors, ["a waker panicked"]);
}

#[test]
fn a_joiner_whose_waker_panics_harms_nobody() {
    nobody_else_suffers(async || (spawn(yield_now()), || ()));
}

#[test]
#[cfg_attr(miri, ignore = "it has no sockets of the network")]
fn a_reader_whose_waker_panics_harms_nobody() {
    nobody_else_suffers(async || {
        let (mut stream, mut peer) = connection_to_std().await;
        let reads = async move { stream.read(&mut [0; 8]).await.unwrap() };
        (reads, move || std::io::Write::write_all(&mut peer, b"x").unwrap())
    });
}

#[test]
fn a_sleeper_whose_waker_panics_harms_nobody() {
    nobody_else_suffers(async || (sleep(SLOWDOWN * Duration::from_millis(20)), || ()));
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    WakeItself,
    WakeAnother,
    Spawn,
    AbortAnother,
    DropASocket,
    OpenASocket,
    DropASleep,
    ArmASleep,
    CallBlockOn,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum As {
    ItEnds,
    ItPanics,
    ItIsAborted,
    ItsRuntimeIsDropped,
}

/// A task whose drop does `does`, dropped in the way of `end`.
fn drop_a_task_that(does: Does, end: As) {
    let runtime = Rc::new(Runtime::new().unwrap());
    let (stream, _peer) = runtime.block_on(connection());
    let wakers = Rc::new(RefCell::new(Vec::<Waker>::new()));
    let keep = Rc::clone(&wakers);
    let another = runtime.spawn(poll_fn(move |cx| {
        keep.borrow_mut().push(cx.waker().clone());
        Poll::<()>::Pending
    }));
    let mut slept = Box::pin(sleep(HOUR));
    runtime.block_on(async { assert!(poll_once(&mut slept).await.is_none()) });

    let (done, own, keep) = (Rc::new(Cell::new(false)), Rc::clone(&wakers), Rc::clone(&wakers));
    let tell = Rc::clone(&done);
    let action = move || {
        match does {
            Does::WakeItself => own.borrow()[1].wake_by_ref(),
            Does::WakeAnother => own.borrow()[0].wake_by_ref(),
            Does::Spawn => drop(spawn(yield_now())),
            Does::AbortAnother => another.abort(),
            Does::DropASocket => drop(stream),
            Does::OpenASocket => drop(TcpListener::bind(any_port()).unwrap()),
            Does::DropASleep => drop(slept),
            Does::ArmASleep => {
                let mut sleep = sleep(HOUR);
                let cx = &mut Context::from_waker(Waker::noop());
                assert!(Pin::new(&mut sleep).poll(cx).is_pending());
            }
            Does::CallBlockOn => {
                let nested = catch_unwind(|| dormouse::block_on(async {}));
                let text = *nested.unwrap_err().downcast::<&str>().unwrap();
                assert!(text.contains("block_on inside of block_on"));
            }
        }
        tell.set(true);
    };
    let task = runtime.spawn(async move {
        let _mine = OnDrop::call(action);
        poll_fn(|cx| {
            keep.borrow_mut().push(cx.waker().clone());
            Poll::Ready(())
        })
        .await;
        yield_now().await;
        match end {
            As::ItEnds => (),
            As::ItPanics => panic_with("on purpose"),
            As::ItIsAborted | As::ItsRuntimeIsDropped => pending().await,
        }
    });
    runtime.block_on(async {
        yield_now().await;
        yield_now().await;
    });
    match end {
        As::ItIsAborted => task.abort(),
        As::ItsRuntimeIsDropped => {
            drop(Rc::into_inner(runtime).unwrap());
            assert!(done.get(), "{does:?} as {end:?}");
            return;
        }
        As::ItEnds | As::ItPanics => {}
    }
    assert_books_balance(&runtime);
    assert!(done.get(), "{does:?} as {end:?}");
    let result = runtime.block_on(task);
    assert_eq!(result.is_ok(), end == As::ItEnds, "{does:?} as {end:?}: {result:?}");
    runtime.block_on(async {
        let (mut client, mut server) = connection().await;
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
    });
}

#[test]
#[cfg_attr(miri, ignore = "it has no sockets of the network")]
fn a_drop_may_do_as_it_likes() {
    let _watchdog = HangGuard::new();
    for does in [
        Does::WakeItself,
        Does::WakeAnother,
        Does::Spawn,
        Does::AbortAnother,
        Does::DropASocket,
        Does::OpenASocket,
        Does::DropASleep,
        Does::ArmASleep,
        Does::CallBlockOn,
    ] {
        for end in [As::ItEnds, As::ItPanics, As::ItIsAborted, As::ItsRuntimeIsDropped] {
            drop_a_task_that(does, end);
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "it has no sockets of the network")]
fn a_dropped_runtime_drops_a_hundred_entangled_tasks() {
    in_a_process("a_dropped_runtime_drops_a_hundred_entangled_tasks", || {
        let _watchdog = HangGuard::new();
        let before = open_descriptors();
        let wakers = Arc::new(Mutex::new(Vec::new()));
        let drops = Rc::new(Cell::new(0));
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let mut neighbour = spawn(pending::<()>());
            for _ in 0..100 {
                let (mut stream, peer) = connection().await;
                let (guard, wakers) = (OnDrop::count(&drops), Arc::clone(&wakers));
                let own = Cell::new(None);
                let mut sleeps = sleep(HOUR);
                neighbour = spawn(poll_fn(move |cx| {
                    let (_mine, _peer) = (&guard, &peer);
                    own.set(Some(cx.waker().clone()));
                    wakers.lock().unwrap().push(cx.waker().clone());
                    assert!(Pin::new(&mut sleeps).poll(cx).is_pending());
                    assert!(Pin::new(&mut stream).poll_read(cx, &mut [0; 8]).is_pending());
                    Pin::new(&mut neighbour).poll(cx).map(|_| ())
                }));
            }
            silence(&runtime).await;
        });
        assert_eq!((drops.get(), wakers.lock().unwrap().len()), (0, 100));
        drop(runtime);
        assert_eq!(drops.get(), 100);
        assert!(open_descriptors() <= before + 1, "the wakers keep one: who they would unpark");
        for waker in wakers.lock().unwrap().drain(..) {
            wake_from_elsewhere(&waker);
            waker.wake();
        }
        assert_eq!(open_descriptors(), before);
    });
}

#[test]
fn a_task_spawned_as_its_runtime_is_dropped_never_runs() {
    let _watchdog = HangGuard::new();
    let (drops, result) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let (guard, told) = (OnDrop::count(&drops), Rc::clone(&result));
    let late = OnDrop::call(move || {
        let newcomer = spawn(async move {
            let _mine = guard;
            unreachable!("the runtime is being dropped");
        });
        assert!(newcomer.is_finished());
        newcomer.abort();
        told.set(Some(newcomer));
    });
    let runtime = Runtime::new().unwrap();
    drop(runtime.spawn(async move {
        let _mine = late;
        pending::<()>().await;
    }));
    runtime.block_on(yield_now());
    drop(runtime);
    assert_eq!(drops.get(), 1);
    let newcomer = result.take().unwrap();
    let elsewhere = Runtime::new().unwrap();
    assert!(elsewhere.block_on(newcomer).unwrap_err().is_cancelled());
}

#[test]
fn a_handle_outlives_its_runtime() {
    let runtime = Runtime::new().unwrap();
    let pending = runtime.spawn(pending::<()>());
    let finished = runtime.spawn(async { 7 });
    runtime.block_on(yield_now());
    drop(runtime);
    pending.abort();
    lab(|other| {
        assert!(other.block_on(pending).unwrap_err().is_cancelled());
        assert_eq!(other.block_on(finished).unwrap(), 7);
    });
}

#[test]
fn a_waker_outlives_its_task() {
    lab(|runtime| {
        runtime.block_on(async {
            let kept = Rc::new(RefCell::new(None));
            let keep = Rc::clone(&kept);
            let waker_of_ended = async || {
                let keep = Rc::clone(&keep);
                let keeps = spawn(poll_fn(move |cx| {
                    *keep.borrow_mut() = Some(cx.waker().clone());
                    Poll::Ready(())
                }));
                keeps.await.unwrap();
                kept.take().unwrap()
            };
            let first = waker_of_ended().await;
            // Who comes next gets its place.
            let polls = Rc::new(Cell::new(0));
            let count = Rc::clone(&polls);
            let next = spawn(poll_fn(move |_| {
                count.set(count.get() + 1);
                Poll::<()>::Pending
            }));
            silence(runtime).await;
            let before = runtime.metrics();
            first.wake_by_ref();
            wake_from_elsewhere(&first);
            yield_now().await;
            expect(runtime, &before, |m| {
                m.wakes_local = 2;
                m.wakes_remote = 1;
                m.wakes_finished = 2;
                m.enqueued = 1;
                m.polls = 1;
                m.turns = 1;
            });
            assert_eq!(polls.get(), 1);
            next.abort();
        });
    });
}

/// Wakes as its thread ends.
struct WakesAtTheEnd(Waker);

impl Drop for WakesAtTheEnd {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

thread_local! {
    static KEPT: RefCell<Option<WakesAtTheEnd>> = const { RefCell::new(None) };
}

#[test]
fn a_waker_in_a_thread_that_ends_still_wakes() {
    lab(|runtime| {
        let mut woken = false;
        runtime.block_on(poll_fn(|cx| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            // Not joined: the wake comes in the last moments of the thread.
            drop(thread::spawn(move || {
                // The thread runs a runtime, too, and its own context ends with it.
                KEPT.set(Some(WakesAtTheEnd(waker)));
                dormouse::block_on(yield_now());
            }));
            Poll::Pending
        }));
    });
}

#[test]
#[cfg_attr(miri, ignore = "it starts no process")]
fn a_waker_of_a_runtime_that_is_gone_harms_nobody_as_its_thread_ends() {
    in_a_process("a_waker_of_a_runtime_that_is_gone_harms_nobody_as_its_thread_ends", || {
        let keeps = thread::spawn(|| {
            KEPT.set(None);
            dormouse::block_on(poll_fn(|cx| {
                KEPT.set(Some(WakesAtTheEnd(cx.waker().clone())));
                Poll::Ready(())
            }));
        });
        keeps.join().unwrap();
    });
}

thread_local! {
    static OWN: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

#[test]
#[cfg_attr(miri, ignore = "it starts no process")]
fn a_runtime_in_a_thread_local_ends_with_its_thread() {
    in_a_process("a_runtime_in_a_thread_local_ends_with_its_thread", || {
        for before_any_other in [true, false] {
            let dropped = Arc::new(Mutex::new(false));
            let tell = Arc::clone(&dropped);
            let runs = thread::spawn(move || {
                if before_any_other {
                    OWN.set(None);
                }
                let runtime = Runtime::new().unwrap();
                drop(runtime.spawn(async move {
                    let _mine = OnDrop::call(move || *tell.lock().unwrap() = true);
                    pending::<()>().await;
                }));
                runtime.block_on(yield_now());
                OWN.set(Some(runtime));
            });
            runs.join().unwrap();
            assert!(*dropped.lock().unwrap());
        }
    });
}

#[test]
fn the_last_waker_may_go_on_another_thread_but_the_future_goes_at_home() {
    lab(|runtime| {
        let dropped_on = Rc::new(Cell::new(None::<ThreadId>));
        let (tell, waker) = (Rc::clone(&dropped_on), Rc::new(RefCell::new(None)));
        let guard = OnDrop::call(move || tell.set(Some(thread::current().id())));
        let keep = Rc::clone(&waker);
        runtime.block_on(async {
            let task = spawn(poll_fn(move |cx| {
                let _mine = &guard;
                *keep.borrow_mut() = Some(cx.waker().clone());
                Poll::<()>::Pending
            }));
            yield_now().await;
            let waker = waker.take().unwrap();
            task.abort();
            drop(task);
            thread::spawn(move || drop(waker)).join().unwrap();
            yield_now().await;
        });
        assert_eq!(dropped_on.get(), Some(thread::current().id()));
    });
}

#[test]
fn a_future_goes_with_its_end_though_its_waker_stays() {
    lab(|runtime| {
        runtime.block_on(async {
            let (drops, waker) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(None)));
            let (guard, keep) = (OnDrop::count(&drops), Rc::clone(&waker));
            let task = spawn(poll_fn(move |cx| {
                let _mine = &guard;
                *keep.borrow_mut() = Some(cx.waker().clone());
                Poll::Ready(())
            }));
            task.await.unwrap();
            assert!(waker.borrow().is_some());
            assert_eq!(drops.get(), 1);
        });
    });
}

#[test]
fn a_thousand_wakes_are_one_poll() {
    lab(|runtime| {
        runtime.block_on(async {
            let (polls, waker) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(None)));
            let (count, keep) = (Rc::clone(&polls), Rc::clone(&waker));
            let task = spawn(poll_fn(move |cx| {
                count.set(count.get() + 1);
                *keep.borrow_mut() = Some(cx.waker().clone());
                // Ready at once when it is woken: a second entry in the queue would poll it after.
                if count.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
            }));
            yield_now().await;
            let waker = waker.take().unwrap();
            for _ in 0..500 {
                waker.wake_by_ref();
                let by_value = waker.clone();
                by_value.wake();
            }
            wake_from_elsewhere(&waker);
            until(|| task.is_finished()).await;
            silence(runtime).await;
            assert_eq!(polls.get(), 2);
        });
    });
}

#[test]
#[cfg_attr(miri, ignore = "millions of steps")]
fn a_hundred_tasks_that_yield_stay_abreast() {
    lab(|runtime| {
        runtime.block_on(async {
            let progress = Rc::new(RefCell::new([0; 100]));
            let mut tasks = Vec::new();
            for i in 0..100 {
                let progress = Rc::clone(&progress);
                tasks.push(spawn(async move {
                    for _ in 0..100 {
                        progress.borrow_mut()[i] += 1;
                        let progress = *progress.borrow();
                        let (first, last) = (progress.iter().max(), progress.iter().min());
                        assert!(first.unwrap() - last.unwrap() <= 1);
                        yield_now().await;
                    }
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn tasks_are_polled_in_the_order_of_their_wakes() {
    lab(|runtime| {
        runtime.block_on(async {
            let order = Rc::new(RefCell::new(Vec::new()));
            let wakers = Rc::new(RefCell::new(Vec::new()));
            for i in 0..5 {
                let (order, wakers) = (Rc::clone(&order), Rc::clone(&wakers));
                drop(spawn(poll_fn(move |cx| {
                    order.borrow_mut().push(i);
                    wakers.borrow_mut().push(cx.waker().clone());
                    Poll::<()>::Pending
                })));
            }
            yield_now().await;
            assert_eq!(order.take(), [0, 1, 2, 3, 4]);
            let wakers = wakers.take();
            for i in [3, 0, 4, 0, 3, 1, 2] {
                wakers[i].wake_by_ref();
            }
            yield_now().await;
            assert_eq!(order.take(), [3, 0, 4, 1, 2]);
        });
    });
}

/// Each task wakes the next: no wake polls, so no stack grows.
#[test]
#[cfg_attr(miri, ignore = "millions of steps")]
fn a_chain_of_a_hundred_thousand_wakes_needs_no_stack() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut last = spawn(async { 0 });
            for _ in 0..100_000 {
                last = spawn(async move { last.await.unwrap() + 1 });
            }
            assert_eq!(last.await.unwrap(), 100_000);
        });
    });
}

/// Wakes, ends and aborts in a random order, against a list of who is alive.
#[test]
fn who_is_woken_is_polled_once_and_who_has_ended_never() {
    struct Modelled {
        waker: RefCell<Option<Waker>>,
        polls: Cell<u64>,
        ends: Cell<bool>,
    }
    lab(|runtime| {
        runtime.block_on(async {
            let mut random = 0x2545_f491_4f6c_dd1d_u64;
            let mut next = move |below: usize| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                usize::try_from(random >> 33).unwrap() % below
            };
            let (mut tasks, mut handles) = (Vec::new(), Vec::new());
            let (mut alive, mut expected) = (Vec::new(), Vec::new());
            for _ in 0..40 {
                let task = Rc::new(Modelled {
                    waker: RefCell::default(),
                    polls: Cell::new(0),
                    ends: Cell::new(false),
                });
                tasks.push(Rc::clone(&task));
                handles.push(spawn(poll_fn(move |cx| {
                    task.polls.set(task.polls.get() + 1);
                    *task.waker.borrow_mut() = Some(cx.waker().clone());
                    if task.ends.get() { Poll::Ready(()) } else { Poll::Pending }
                })));
                alive.push(true);
                expected.push(1);
            }
            yield_now().await;
            for _ in 0..if cfg!(miri) { 10 } else { 300 } {
                let (mut woken, mut aborted) = ([false; 40], [false; 40]);
                // Not both in one step: a letter may be read only after a poll.
                let elsewhere = next(2) == 0;
                for _ in 0..next(8) {
                    let i = next(40);
                    if next(20) == 0 {
                        handles[i].abort();
                        aborted[i] = true;
                        continue;
                    }
                    tasks[i].ends.set(tasks[i].ends.get() || next(20) == 0);
                    let waker = tasks[i].waker.borrow().clone().unwrap();
                    if elsewhere {
                        wake_from_elsewhere(&waker);
                    } else {
                        waker.wake();
                    }
                    woken[i] = true;
                }
                sleep(SLOWDOWN * Duration::from_millis(1)).await;
                for i in 0..40 {
                    expected[i] += u64::from(alive[i] && woken[i] && !aborted[i]);
                    alive[i] &= !(aborted[i] || woken[i] && tasks[i].ends.get());
                    assert_eq!(
                        (tasks[i].polls.get(), handles[i].is_finished()),
                        (expected[i], !alive[i])
                    );
                }
            }
        });
    });
}

/// How many allocations `runtime` makes for `messages` echoes.
fn allocations_of_messages(runtime: &Runtime, messages: usize) -> u64 {
    let (mut stream, mut client) = runtime.block_on(connection_to_std());
    let client = thread::spawn(move || {
        for _ in 0..messages {
            std::io::Write::write_all(&mut client, &[7; 64]).unwrap();
            client.read_exact(&mut [0; 64]).unwrap();
        }
    });
    let echo = async {
        let mut buffer = [0; 128];
        for _ in 0..messages {
            let n = stream.read(&mut buffer).await.unwrap();
            timeout(HOUR, stream.write_all(&buffer[..n])).await.unwrap().unwrap();
        }
    };
    let counted = allocation_counter::measure(|| runtime.block_on(echo));
    client.join().unwrap();
    counted.count_total
}

#[test]
#[cfg_attr(miri, ignore = "it has no sockets of the network")]
fn a_message_allocates_nothing() {
    lab(|runtime| {
        allocations_of_messages(runtime, 10);
        let few = allocations_of_messages(runtime, 10);
        assert_eq!(allocations_of_messages(runtime, 1010), few);
    });
}

#[test]
#[cfg_attr(miri, ignore = "millions of steps")]
fn ten_thousand_tasks_leave_no_memory_behind() {
    let tasks = |n: usize| async move {
        for _ in 0..n {
            spawn(yield_now()).await.unwrap();
        }
    };
    lab(|runtime| {
        runtime.block_on(tasks(10));
        let counted = allocation_counter::measure(|| runtime.block_on(tasks(10_000)));
        assert_eq!(counted.count_current, 0, "{counted:?}");
    });
}
