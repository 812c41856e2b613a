//! Foreign code that runs where nobody looks: as a value, a panic or a waker is dropped, or as a
//! waker is called. It may do what any code may, and each drop comes once.
//!
//! What the drop of a *future* may do is in `tasks.rs`. Guards against: foreign code under a borrow
//! (tokio-rs/tokio#1929, #1886, tokio-rs/tokio-core#190, compio-rs/compio#359), a panic in the drop
//! of a value that ends the loop (tokio-rs/tokio#4430), a wake that polls (nginx/ngx-rust#295), a
//! task spawned by the drop of one that is dropped with its runtime (tokio-rs/tokio#3870).
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io::Write;
use std::panic::{catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use dormouse::net::TcpListener;
use dormouse::time::sleep;
use dormouse::{JoinHandle, Runtime, spawn, yield_now};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use support::{
    HangGuard, OnDrop, any_port, assert_books_balance, connection, connection_to_std, lab, until,
};

const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);
const NAP: Duration = Duration::from_millis(20);

thread_local! {
    /// What the next [`Acts`] does. Kept here, as what is sent or woken must not hold it itself.
    static ACTION: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
    static DROPS: Cell<u32> = const { Cell::new(0) };
    /// The action came to its end, and did not panic.
    static DONE: Cell<bool> = const { Cell::new(false) };
}

fn act() {
    if let Some(action) = ACTION.take() {
        action();
        DONE.set(true);
    }
}

/// Acts as it is dropped. It can be a value, what a task panics with, and a waker.
struct Acts;

impl Drop for Acts {
    fn drop(&mut self) {
        DROPS.set(DROPS.get() + 1);
        act();
    }
}

impl Wake for Acts {
    fn wake(self: Arc<Self>) {}
}

/// Acts as it is woken.
struct ActsAwake;

impl Wake for ActsAwake {
    fn wake(self: Arc<Self>) {
        act();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Wake,
    Spawn,
    Abort,
    DropASocket,
    OpenASocket,
    DropASleep,
    ArmASleep,
    CallBlockOn,
    Panic,
}

const ALL: [Does; 9] = [
    Does::Wake,
    Does::Spawn,
    Does::Abort,
    Does::DropASocket,
    Does::OpenASocket,
    Does::DropASleep,
    Does::ArmASleep,
    Does::CallBlockOn,
    Does::Panic,
];

/// Makes `does` what the next [`Acts`] will do, with what it needs for that.
fn prepare(runtime: &Rc<Runtime>, does: Does) {
    let waker = Rc::new(RefCell::new(None::<Waker>));
    let keep = Rc::clone(&waker);
    let another = runtime.spawn(poll_fn(move |cx| {
        *keep.borrow_mut() = Some(cx.waker().clone());
        Poll::<()>::Pending
    }));
    let (mut stream, _peer) = runtime.block_on(connection());
    let mut slept = Box::pin(sleep(HOUR));
    runtime.block_on(async {
        assert!(poll_once(&mut slept).await.is_none());
        assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
        yield_now().await;
    });
    DROPS.set(0);
    DONE.set(false);
    ACTION.set(Some(Box::new(move || match does {
        Does::Wake => waker.borrow().as_ref().unwrap().wake_by_ref(),
        Does::Spawn => drop(spawn(yield_now())),
        Does::Abort => another.abort(),
        Does::DropASocket => drop(stream),
        Does::OpenASocket => drop(TcpListener::bind(any_port()).unwrap()),
        Does::DropASleep => drop(slept),
        Does::ArmASleep => {
            let cx = &mut Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut sleep(HOUR)).poll(cx).is_pending());
        }
        Does::CallBlockOn => {
            let nested = catch_unwind(|| dormouse::block_on(async {})).unwrap_err();
            assert!(nested.downcast_ref::<&str>().unwrap().contains("block_on inside of block_on"));
        }
        Does::Panic => resume_unwind(Box::new("on purpose")),
    })));
}

fn assert_done(does: Does, what: &str) {
    assert!(ACTION.take().is_none(), "{what}: nothing was done");
    assert_eq!(DONE.get(), does != Does::Panic, "{what}: it failed");
}

/// It was done, and the runtime goes on.
fn assert_it_acted(runtime: &Rc<Runtime>, does: Does, what: &str) {
    assert_done(does, what);
    assert_books_balance(runtime);
    runtime.block_on(async {
        let (mut client, mut server) = connection().await;
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        spawn(sleep(SOON)).await.unwrap();
    });
}

fn ends_with_a_value() -> JoinHandle<Acts> {
    spawn(async {
        yield_now().await;
        Acts
    })
}

fn ends_with_a_panic() -> JoinHandle<Acts> {
    spawn(async {
        yield_now().await;
        resume_unwind(Box::new(Acts))
    })
}

/// What a task leaves is dropped at its end, with its handle, or with its runtime.
#[test]
fn what_a_task_leaves_may_do_as_it_likes_as_it_is_dropped() {
    let _watchdog = HangGuard::new();
    for (leaves, task) in [("value", ends_with_a_value as fn() -> _), ("panic", ends_with_a_panic)]
    {
        for does in ALL {
            let runtime = Rc::new(Runtime::new().unwrap());
            prepare(&runtime, does);
            runtime.block_on(async {
                drop(task());
                until(|| DROPS.get() > 0).await;
            });
            assert_eq!(DROPS.get(), 1);
            assert_it_acted(&runtime, does, &format!("{leaves} that nobody wants: {does:?}"));

            prepare(&runtime, does);
            runtime.block_on(async {
                let handle = task();
                until(|| handle.is_finished()).await;
                assert_eq!(DROPS.get(), 0, "the handle keeps it");
                // In a task of its own: there a panic is that task's.
                let _ = spawn(async move { drop(handle) }).await;
            });
            assert_eq!(DROPS.get(), 1);
            assert_it_acted(&runtime, does, &format!("{leaves} in its handle: {does:?}"));

            prepare(&runtime, does);
            runtime.block_on(async {
                let handle = task();
                until(|| handle.is_finished()).await;
                spawn(async move {
                    let _mine = handle;
                    pending::<()>().await;
                });
                yield_now().await;
            });
            drop(Rc::into_inner(runtime).unwrap());
            let what = format!("{leaves} that goes with its runtime: {does:?}");
            assert_eq!(DROPS.get(), 1, "{what}");
            assert_done(does, &what);
        }
    }
}

/// Panics as it is woken, with what panics as it is dropped.
struct PanicsAwake;

impl Wake for PanicsAwake {
    fn wake(self: Arc<Self>) {
        resume_unwind(Box::new(Acts));
    }
}

#[test]
fn a_panic_that_panics_as_it_is_dropped_ends_nobody_else() {
    lab(|runtime| {
        prepare(runtime, Does::Panic);
        runtime.block_on(async {
            let guard = OnDrop::call(|| resume_unwind(Box::new(Acts)));
            let task = spawn(poll_fn(move |_| {
                let _mine = &guard;
                Poll::Ready(())
            }));
            task.await.unwrap();
        });
        assert_it_acted(runtime, Does::Panic, "from a drop");
        prepare(runtime, Does::Panic);
        runtime.block_on(async {
            let mut task = spawn(yield_now());
            let waker = Waker::from(Arc::new(PanicsAwake));
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            until(|| task.is_finished()).await;
        });
        assert_it_acted(runtime, Does::Panic, "from a wake");
    });
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Reader,
    Sleeper,
    Joiner,
}

/// A future that keeps the waker of who polls it.
type Waits = Pin<Box<dyn Future<Output = ()>>>;

/// Something to wait for, and what makes it ready.
async fn wait_as(who: Who) -> (Waits, Box<dyn FnOnce()>) {
    match who {
        Who::Reader => {
            let (mut stream, mut peer) = connection_to_std().await;
            let reads = async move { assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1) };
            (Box::pin(reads), Box::new(move || peer.write_all(b"x").unwrap()))
        }
        Who::Sleeper => (Box::pin(sleep(NAP)), Box::new(|| ())),
        Who::Joiner => {
            let ends = Rc::new(Cell::new(false));
            let end = Rc::clone(&ends);
            let task = spawn(async move { until(|| ends.get()).await });
            (Box::pin(async move { task.await.unwrap() }), Box::new(move || end.set(true)))
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Until {
    ItIsWoken,
    ItsRuntimeIsDropped,
    ItGoesWithItsRuntime,
    ANewerOneComes,
    NobodyWaitsAnyMore,
}

/// Leaves a waker that `does` with something that waits, until `end`.
fn leave(waker: Waker, does: Does, who: Who, end: Until) {
    let what = format!("the waker of a {who:?}, until {end:?}: {does:?}");
    let runtime = Rc::new(Runtime::new().unwrap());
    prepare(&runtime, does);
    let (mut waits, make_ready) = runtime.block_on(async {
        let (mut waits, make_ready) = wait_as(who).await;
        assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        (waits, make_ready)
    });
    assert_eq!(DROPS.get(), 0, "{what}");
    match end {
        Until::ItIsWoken => runtime.block_on(async {
            make_ready();
            // A while in which nobody leaves a newer one.
            sleep(if matches!(who, Who::Sleeper) { NAP } else { SOON }).await;
            waits.await;
        }),
        Until::ItsRuntimeIsDropped => {
            drop(Rc::into_inner(runtime).unwrap());
            return assert_done(does, &what);
        }
        Until::ItGoesWithItsRuntime => {
            drop(runtime.spawn(async move {
                let _mine = waits;
                pending::<()>().await;
            }));
            runtime.block_on(yield_now());
            drop(Rc::into_inner(runtime).unwrap());
            return assert_done(does, &what);
        }
        Until::ANewerOneComes => runtime.block_on(async {
            if poll_once(&mut waits).await.is_none() {
                make_ready();
                waits.await;
            }
        }),
        Until::NobodyWaitsAnyMore => runtime.block_on(async {
            drop(waits);
            make_ready();
        }),
    }
    assert_it_acted(&runtime, does, &what);
}

const EVERYBODY: [Who; 3] = [Who::Reader, Who::Sleeper, Who::Joiner];

#[test]
fn a_waker_may_do_as_it_likes_as_it_is_woken() {
    let _watchdog = HangGuard::new();
    for who in EVERYBODY {
        for end in [Until::ItIsWoken, Until::ItsRuntimeIsDropped] {
            for does in ALL {
                DROPS.set(0);
                leave(Waker::from(Arc::new(ActsAwake)), does, who, end);
            }
        }
    }
}

#[test]
fn a_waker_may_do_as_it_likes_as_it_is_dropped() {
    let _watchdog = HangGuard::new();
    for who in EVERYBODY {
        for end in [
            Until::ItIsWoken,
            Until::ItGoesWithItsRuntime,
            Until::ANewerOneComes,
            Until::NobodyWaitsAnyMore,
        ] {
            // Where it goes with a socket, or with the test itself, a panic is theirs.
            let ours = matches!((who, end), (Who::Sleeper | Who::Joiner, Until::ItIsWoken));
            for does in ALL.into_iter().filter(|does| ours || *does != Does::Panic) {
                leave(Waker::from(Arc::new(Acts)), does, who, end);
                assert_eq!(DROPS.get(), 1, "{who:?}, until {end:?}: {does:?}");
            }
        }
    }
}

/// A message for the other task, and the waker of who waits for it.
#[derive(Default)]
struct Slot {
    message: Option<u32>,
    waits: Option<Waker>,
}

#[test]
fn a_wake_polls_nobody_and_may_come_under_a_borrow() {
    lab(|runtime| {
        runtime.block_on(async {
            let slot = Rc::new(RefCell::new(Slot::default()));
            let theirs = Rc::clone(&slot);
            let receives = spawn(poll_fn(move |cx| {
                let mut slot = theirs.borrow_mut();
                slot.waits = Some(cx.waker().clone());
                slot.message.take().map_or(Poll::Pending, Poll::Ready)
            }));
            yield_now().await;
            {
                let mut slot = slot.borrow_mut();
                slot.waits.as_ref().unwrap().wake_by_ref();
                slot.message = Some(7);
            }
            assert_eq!(receives.await.unwrap(), 7);
        });
    });
}

/// Each task's drop aborts the next.
#[test]
fn a_chain_of_a_hundred_thousand_aborts_needs_no_stack() {
    const TASKS: u32 = 100_000;
    lab(|runtime| {
        let drops = Rc::new(Cell::new(0));
        let chain = || {
            let mut next = runtime.spawn(pending::<()>());
            for _ in 0..TASKS {
                let (count, aborts) = (OnDrop::count(&drops), next);
                let guard = OnDrop::call(move || aborts.abort());
                next = runtime.spawn(async move {
                    let _mine = (count, guard);
                    pending::<()>().await;
                });
            }
            runtime.block_on(yield_now());
            next
        };
        let first = chain();
        first.abort();
        runtime.block_on(until(|| drops.get() == TASKS));
    });
    let drops = Rc::new(Cell::new(0));
    let runtime = Runtime::new().unwrap();
    let mut next = runtime.spawn(pending::<()>());
    for _ in 0..TASKS {
        let count = OnDrop::count(&drops);
        let joins = next;
        next = runtime.spawn(async move {
            let _mine = count;
            joins.await.unwrap();
        });
    }
    runtime.block_on(yield_now());
    drop(runtime);
    assert_eq!(drops.get(), TASKS);
}

/// A future whose drop spawns another such one, `left` times.
fn spawns_as_it_is_dropped(left: u32, drops: Rc<Cell<u32>>) -> impl Future<Output = ()> {
    let guard = OnDrop::call(move || {
        drops.set(drops.get() + 1);
        if left > 0 {
            drop(spawn(spawns_as_it_is_dropped(left - 1, drops)));
        }
    });
    let mut polls = 0;
    poll_fn(move |_| {
        let _mine = &guard;
        polls += 1;
        assert!(polls == 1, "its runtime was dropped, or it has ended");
        Poll::Ready(())
    })
}

#[test]
fn a_drop_that_spawns_again_and_again_comes_to_an_end() {
    // So many, nested, would need more stack than there is.
    const GENERATIONS: u32 = 10_000;
    lab(|runtime| {
        let drops = Rc::new(Cell::new(0));
        runtime.block_on(async {
            spawn(spawns_as_it_is_dropped(GENERATIONS, Rc::clone(&drops)));
            until(|| drops.get() == GENERATIONS + 1).await;
        });
    });
    let drops = Rc::new(Cell::new(0));
    let runtime = Runtime::new().unwrap();
    runtime.spawn(spawns_as_it_is_dropped(GENERATIONS, Rc::clone(&drops)));
    drop(runtime);
    assert_eq!(drops.get(), GENERATIONS + 1, "each is dropped once");
}
