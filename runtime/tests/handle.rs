//! Handles: spawned from other threads, every task runs once on its own thread, or is told to be
//! gone; none keeps the runtime, or its thread from sleep.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

#[path = "support/logged.rs"]
mod logged;
mod support;

use std::cell::Cell;
use std::future::pending;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use dormouse::time::sleep;
use dormouse::{Handle, LocalSpawner, RemoteJoinHandle, Runtime, snapshot, spawn, yield_now};
use futures_task::{LocalSpawn, Spawn};

use logged::logged;
use support::{HangGuard, SILENCE, add_one_timer, expect, lab, until};

/// Counts the drops of its clones, wherever they happen.
#[derive(Clone)]
struct CountsDrops(Arc<AtomicUsize>);

impl Drop for CountsDrops {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn assert_send<T: Send>(_: &T) {}

#[test]
fn eight_threads_spawn_and_every_task_runs_once_on_the_runtimes_thread() {
    const TASKS: usize = 500;
    lab(|runtime| {
        let handle = runtime.handle();
        assert_send(&handle);
        let (home, ran) = (thread::current().id(), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (handle, ran) = (handle.clone(), Arc::clone(&ran));
                thread::spawn(move || {
                    let tasks = (0..TASKS).map(|n| {
                        let ran = Arc::clone(&ran);
                        handle.spawn(async move {
                            ran.fetch_add(1, SeqCst);
                            yield_now().await;
                            (n, thread::current().id())
                        })
                    });
                    let tasks: Vec<_> = tasks.collect();
                    for (n, task) in tasks.into_iter().enumerate() {
                        assert_send(&task);
                        // Awaited where there is no runtime.
                        assert_eq!(futures_lite::future::block_on(task).unwrap(), (n, home));
                    }
                })
            })
            .collect();
        runtime.block_on(until(|| threads.iter().all(thread::JoinHandle::is_finished)));
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(ran.load(SeqCst), 8 * TASKS);
    });
}

#[test]
fn what_cannot_be_sent_is_made_on_the_runtimes_thread() {
    lab(|runtime| {
        runtime.block_on(async {
            let handle = Handle::current();
            let remote = thread::spawn(move || {
                handle.spawn_with(|| {
                    let here = Rc::new(Cell::new(1));
                    let there = Rc::clone(&here);
                    async move {
                        spawn(async move { there.set(2) }).await.unwrap();
                        here.get()
                    }
                })
            });
            assert_eq!(remote.join().unwrap().await.unwrap(), 2);
        });
    });
}

#[test]
fn a_panic_is_told_and_an_abort_ends_the_task() {
    let drops = CountsDrops(Arc::default());
    lab(|runtime| {
        runtime.block_on(async {
            let handle = Handle::current();
            let panics = handle.spawn(async { panic!("on purpose") }).await;
            assert!(panics.unwrap_err().is_panic());
            let made = handle.spawn_with(|| -> std::future::Ready<()> { panic!("as it is made") });
            assert!(made.await.unwrap_err().is_panic());
            let mine = drops.clone();
            let mut for_ever = handle.spawn(async move {
                let _mine = mine;
                pending::<()>().await;
            });
            // Let it begin, so that there is something to end.
            sleep(Duration::from_millis(1)).await;
            assert_eq!(drops.0.load(SeqCst), 0);
            let abort = thread::spawn(move || {
                for_ever.abort();
                for_ever
            });
            let for_ever = abort.join().unwrap();
            assert!(for_ever.await.unwrap_err().is_cancelled());
            assert_eq!(drops.0.load(SeqCst), 1);
            // One that has finished keeps its result.
            let mut done = handle.spawn(async { 7 });
            sleep(Duration::from_millis(1)).await;
            done.abort();
            assert_eq!(done.await.unwrap(), 7);
        });
    });
}

#[test]
fn a_dropped_handle_detaches() {
    lab(|runtime| {
        runtime.block_on(async {
            let ran = Arc::new(AtomicUsize::new(0));
            let counts = Arc::clone(&ran);
            drop(Handle::current().spawn(async move {
                yield_now().await;
                counts.fetch_add(1, SeqCst);
            }));
            until(|| ran.load(SeqCst) == 1).await;
        });
    });
}

#[test]
fn what_is_spawned_on_a_runtime_that_is_gone_is_told_to_be_cancelled() {
    let drops = CountsDrops(Arc::default());
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (mine, also_mine) = (drops.clone(), drops.clone());
    // Never run, as nobody calls `block_on`.
    let queued = handle.spawn(async move { drop(mine) });
    drop(runtime);
    let late = handle.spawn(async move { drop(also_mine) });
    assert_eq!(drops.0.load(SeqCst), 2);
    for handle in [queued, late] {
        assert!(futures_lite::future::block_on(handle).unwrap_err().is_cancelled());
    }
}

struct PanicsAsItIsDropped;

impl Drop for PanicsAsItIsDropped {
    fn drop(&mut self) {
        resume_unwind(Box::new("on purpose"));
    }
}

#[test]
fn a_job_that_panics_as_it_is_dropped_keeps_nobody_waiting() {
    let _watchdog = HangGuard::new();
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let bad = PanicsAsItIsDropped;
    let bad = handle.spawn(async move { drop(bad) });
    let queued = handle.spawn(async {});
    drop(runtime);
    // The handle lives, and with it the channel.
    for remote in [bad, queued] {
        assert!(futures_lite::future::block_on(remote).unwrap_err().is_cancelled());
    }
}

#[test]
fn a_panic_that_nobody_waits_for_is_logged() {
    for early in [true, false] {
        let lines = logged(|| {
            let runtime = Runtime::new().unwrap();
            let panics = runtime.handle().spawn(async { resume_unwind(Box::new("no cheese")) });
            let mut detached: Option<RemoteJoinHandle<()>> = Some(panics);
            if early {
                detached = None;
            }
            runtime.block_on(async {
                for _ in 0..3 {
                    yield_now().await;
                }
            });
            drop(detached);
        });
        assert_eq!(lines, ["nobody waited for a task that ended so: the task panicked: no cheese"]);
    }
}

#[test]
fn a_handle_costs_a_runtime_no_turn_and_ends_its_porter() {
    lab(|runtime| {
        runtime.block_on(async {
            let tasks = || snapshot().tasks.len();
            let before = tasks();
            let handle = Handle::current();
            yield_now().await;
            assert_eq!(tasks(), before + 1, "the porter");
            let idle = runtime.metrics();
            sleep(SILENCE).await;
            expect(runtime, &idle, add_one_timer);
            let other = handle.clone();
            drop(handle);
            yield_now().await;
            assert_eq!(tasks(), before + 1, "the other one is still there");
            thread::spawn(move || drop(other)).join().unwrap();
            until(|| tasks() == before).await;
        });
    });
}

#[test]
fn spawns_without_end_keep_nobody_waiting() {
    lab(|runtime| {
        runtime.block_on(async {
            let handle = Handle::current();
            let stop = Arc::new(AtomicUsize::new(0));
            let flood = thread::spawn({
                let (handle, stop) = (handle.clone(), Arc::clone(&stop));
                move || {
                    while stop.load(SeqCst) == 0 {
                        handle.spawn(async {});
                    }
                }
            });
            for _ in 0..20 {
                sleep(Duration::from_millis(1)).await;
            }
            stop.store(1, SeqCst);
            flood.join().unwrap();
        });
    });
}

#[test]
fn crates_that_ask_for_a_spawner_get_one() {
    lab(|runtime| {
        let ran = Arc::new(AtomicUsize::new(0));
        let count = || {
            let ran = Arc::clone(&ran);
            async move {
                ran.fetch_add(1, SeqCst);
            }
        };
        runtime.spawn_local_obj(Box::new(count()).into()).unwrap();
        runtime.handle().spawn_obj(Box::new(count()).into()).unwrap();
        assert!(LocalSpawner.spawn_local_obj(Box::new(count()).into()).unwrap_err().is_shutdown());
        runtime.block_on(async {
            LocalSpawner.spawn_local_obj(Box::new(count()).into()).unwrap();
            until(|| ran.load(SeqCst) == 3).await;
        });
    });
}

struct AsksAsItIsDropped(Rc<Cell<Option<bool>>>);

impl Drop for AsksAsItIsDropped {
    fn drop(&mut self) {
        self.0.set(Some(LocalSpawner.status_local().is_ok()));
    }
}

#[test]
fn a_spawner_says_that_its_runtime_ends() {
    let answer = Rc::new(Cell::new(None));
    let runtime = Runtime::new().unwrap();
    let asks = AsksAsItIsDropped(Rc::clone(&answer));
    let task = async move {
        let _asks = asks;
        pending::<()>().await;
    };
    drop(runtime.spawn(task));
    runtime.block_on(yield_now());
    assert_eq!(answer.get(), None);
    drop(runtime);
    assert_eq!(answer.get(), Some(false));
}
