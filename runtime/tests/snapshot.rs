//! Snapshots: who is there, what each waits for, and that a look changes nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::{Duration, Instant};

use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::{sleep, sleep_until, timeout};
use dormouse::{
    SideSeen, Snapshot, SourceSeen, TaskSeen, TaskState, Way, set_task_name, snapshot, spawn,
    yield_now,
};
use futures_lite::AsyncReadExt;
use futures_lite::future::{or, poll_once};

use support::{any_port, connection, expect, lab, until, wake_from_elsewhere};

const HOUR: Duration = Duration::from_secs(3600);

fn named<'a>(seen: &'a Snapshot, name: &str) -> &'a TaskSeen {
    let mut found = seen.tasks.iter().filter(|task| task.name.as_deref() == Some(name));
    let task = found.next().unwrap_or_else(|| panic!("no '{name}' in\n{seen}"));
    assert!(found.next().is_none(), "two of '{name}' in\n{seen}");
    task
}

fn kinds<'a>(seen: &'a Snapshot, kind: &'a str) -> Vec<&'a SourceSeen> {
    seen.sources.iter().filter(|source| source.kind.ends_with(kind)).collect()
}

#[test]
fn each_task_is_seen_with_what_it_waits_for() {
    lab(|runtime| {
        runtime.block_on(async {
            set_task_name("main");
            let (mut stream, _peer) = connection().await;
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let deadline = Instant::now() + HOUR;
            let tasks = [
                spawn(async move {
                    set_task_name("reader");
                    stream.read(&mut [0; 8]).await.unwrap();
                }),
                spawn(async move {
                    set_task_name("acceptor");
                    or(async { drop(listener.accept().await) }, sleep(HOUR * 2)).await;
                }),
                spawn(async move {
                    set_task_name("sleeper");
                    sleep_until(deadline).await;
                }),
                spawn(async {
                    set_task_name("elsewhere");
                    pending::<()>().await;
                }),
            ];
            yield_now().await;
            let queued = spawn(pending::<()>());
            let seen = snapshot();

            let main = &seen.tasks[0];
            assert_eq!((main.name.as_deref(), main.state), (Some("main"), TaskState::Runs));
            assert!(main.spawned_at.file().ends_with("tests/snapshot.rs"));
            let [socket, _] = kinds(&seen, "TcpStream")[..] else { panic!("{seen}") };
            let [listener] = kinds(&seen, "TcpListener")[..] else { panic!("{seen}") };
            let reader = named(&seen, "reader");
            assert_eq!(reader.sources, [(socket.key, Way::Read)]);
            assert_eq!(socket.read, SideSeen::WaitedFor(reader.key));
            assert_eq!(socket.write, SideSeen::Ready);
            assert_eq!((reader.state, reader.deadline), (TaskState::Waits, None));
            let acceptor = named(&seen, "acceptor");
            assert_eq!(acceptor.sources, [(listener.key, Way::Read)]);
            assert!(acceptor.deadline.unwrap() > deadline);
            assert_eq!(named(&seen, "sleeper").deadline, Some(deadline));
            assert_eq!(seen.next_deadline, Some(deadline));
            let elsewhere = named(&seen, "elsewhere");
            assert_eq!((elsewhere.sources.len(), elsewhere.deadline), (0, None));
            let unnamed = seen.tasks.iter().find(|task| task.polls == 0).unwrap();
            assert_eq!((unnamed.state, &unnamed.name), (TaskState::Queued, &None));

            let text = seen.to_string();
            for part in ["tasks: 7; sources: 3; ", "acceptor", "TcpListener", "read ", " waits"] {
                assert!(text.contains(part), "no '{part}' in\n{text}");
            }
            tasks.iter().for_each(dormouse::JoinHandle::abort);
            queued.abort();
            yield_now().await;
            let seen = snapshot();
            assert_eq!((seen.tasks.len(), seen.sources.len()), (2, 1), "{seen}");
            assert_eq!(seen.next_deadline, None);
        });
    });
}

#[test]
fn polls_and_wakes_are_counted_and_who_woke() {
    lab(|runtime| {
        runtime.block_on(async {
            let task = spawn(async {
                set_task_name("busy");
                for _ in 0..10 {
                    yield_now().await;
                }
                let mut left = 3;
                poll_fn(|cx| {
                    if left > 0 {
                        left -= 1;
                        wake_from_elsewhere(cx.waker());
                    }
                    Poll::<()>::Pending
                })
                .await;
            });
            let is_busy = |task: &TaskSeen| task.name.as_deref() == Some("busy");
            until(|| snapshot().tasks.iter().any(|task| is_busy(task) && task.wakes == 13)).await;
            yield_now().await;
            let seen = snapshot();
            let busy = named(&seen, "busy");
            assert_eq!((busy.polls, busy.wakes, busy.self_wakes), (14, 13, 10));
            assert_eq!(busy.state, TaskState::Waits);
            task.abort();
        });
    });
}

#[test]
fn a_look_changes_nothing() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, _peer) = connection().await;
            assert!(poll_once(stream.read(&mut [0])).await.is_none());
            let mut sleep = sleep(HOUR);
            assert!(poll_once(&mut sleep).await.is_none());
            let before = runtime.metrics();
            let text = snapshot().to_string();
            expect(runtime, &before, |_| {});
            assert_eq!(runtime.snapshot().to_string().lines().count(), text.lines().count());
        });
    });
    let runtime = dormouse::Runtime::new().unwrap();
    let seen = runtime.snapshot();
    assert_eq!((seen.tasks.len(), seen.sources.len(), seen.next_deadline), (0, 0, None));
}

#[test]
fn a_wait_that_was_given_up_is_no_wait() {
    lab(|runtime| {
        runtime.block_on(async {
            set_task_name("main");
            let (mut stream, _peer) = connection().await;
            assert!(timeout(Duration::from_millis(1), stream.read(&mut [0])).await.is_err());
            let seen = snapshot();
            // The waker is kept until the next event, which then wakes for nothing: that is seen.
            assert!(named(&seen, "main").sources.len() <= 1);
            assert_eq!(seen.next_deadline, None);
            drop(stream);
            assert!(named(&snapshot(), "main").sources.is_empty());
        });
    });
}

#[test]
fn a_name_can_be_changed_and_ends_with_its_task() {
    lab(|runtime| {
        runtime.block_on(async {
            set_task_name("first");
            set_task_name(String::from("second"));
            assert_eq!(snapshot().tasks[0].name.as_deref(), Some("second"));
            spawn(async { set_task_name("short") }).await.unwrap();
            for _ in 0..3 {
                // A new task in the same place has no name of the old one.
                let seen = spawn(async { snapshot() }).await.unwrap();
                assert_eq!(seen.tasks[0].name, None, "{seen}");
            }
        });
        set_task_name("outside of a task nothing happens");
    });
}

#[test]
fn a_connect_is_waited_for_in_the_direction_of_writing() {
    lab(|runtime| {
        runtime.block_on(async {
            let (listener, _full) = support::full_listener();
            let address = listener.local_addr().unwrap();
            let mut connect = Box::pin(TcpStream::connect(address));
            assert!(poll_once(&mut connect).await.is_none(), "the queue is full");
            let seen = snapshot();
            let [socket] = &seen.sources[..] else { panic!("{seen}") };
            assert_eq!(socket.write, SideSeen::WaitedFor(seen.tasks[0].key));
            assert_eq!(seen.tasks[0].sources, [(socket.key, Way::Write)]);
        });
    });
}
