//! Law 2: a task is polled once for each time that it was put into the run queue, and a wake that
//! finds it there puts it in no second time.
//!
//! Guards against: an entry in the queue for each wake (shd101wyy/Yo#561), an unpark per local wake
//! (compio-rs/compio#250), a wake of whoever waits for the other direction (tokio-rs/mio#933).

use std::cell::Cell;
use std::future::poll_fn;
use std::io::Write;
use std::rc::Rc;
use std::task::Poll;
use std::thread;

use dormouse::time::sleep;
use dormouse::{spawn, yield_now};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    SILENCE, add_one_timer, assert_falls_silent, connection_to_std, lab, until, wake_from_elsewhere,
};
use crate::witness::Span;

#[test]
fn a_future_that_wakes_itself_is_polled_once_more() {
    lab(|runtime| {
        runtime.block_on(async {
            let span = Span::open(runtime);
            yield_now().await;
            span.expect(|m| {
                m.wakes_local = 1;
                m.enqueued = 1;
                m.turns = 1;
                m.polls = 1;
            });
        });
    });
}

#[test]
fn a_wake_from_another_thread_costs_no_unpark_while_busy() {
    lab(|runtime| {
        runtime.block_on(async {
            let span = Span::open(runtime);
            let mut woken = false;
            poll_fn(|cx| {
                if woken {
                    return Poll::Ready(());
                }
                woken = true;
                wake_from_elsewhere(cx.waker());
                Poll::Pending
            })
            .await;
            span.expect(|m| {
                m.wakes_remote = 1;
                m.enqueued = 1;
                m.turns = 1;
                m.polls = 1;
            });
        });
    });
}

#[test]
fn a_thousand_wakes_from_eight_threads_are_one_poll() {
    lab(|runtime| {
        runtime.block_on(async {
            let span = Span::open(runtime);
            let mut woken = false;
            poll_fn(|cx| {
                if woken {
                    return Poll::Ready(());
                }
                woken = true;
                let wakers: Vec<_> = (0..8).map(|_| cx.waker().clone()).collect();
                thread::scope(|scope| {
                    for waker in &wakers {
                        scope.spawn(move || (0..125).for_each(|_| waker.wake_by_ref()));
                    }
                });
                Poll::Pending
            })
            .await;
            span.expect(|m| {
                m.wakes_remote = 1000;
                m.wakes_queued = 999;
                m.enqueued = 1;
                m.turns = 1;
                m.polls = 1;
            });
        });
    });
}

#[test]
fn ten_thousand_local_wakes_unpark_nobody() {
    lab(|runtime| {
        runtime.block_on(async {
            let span = Span::open(runtime);
            let mut woken = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut woken, true) {
                    return Poll::Ready(());
                }
                for _ in 0..10_000 {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            })
            .await;
            span.expect(|m| {
                m.wakes_local = 10_000;
                m.wakes_queued = 9_999;
                m.enqueued = 1;
                m.turns = 1;
                m.polls = 1;
            });
            let span = Span::open(runtime);
            sleep(SILENCE).await;
            span.expect(add_one_timer);
        });
    });
}

#[test]
fn what_arrives_wakes_no_writer() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, mut peer) = connection_to_std().await;
            let (mut reader, mut writer) = stream.split();
            let fills = spawn(async move { while writer.write_all(&[0; 4096]).await.is_ok() {} });
            let count = Rc::new(Cell::new(0));
            let reads = {
                let count = Rc::clone(&count);
                spawn(async move {
                    while let Ok(1..) = reader.read(&mut [0; 8]).await {
                        count.set(count.get() + 1);
                    }
                })
            };
            assert_falls_silent(runtime).await;
            let span = Span::open(runtime);
            for sent in 1..=100 {
                peer.write_all(b"x").unwrap();
                until(|| count.get() == sent).await;
            }
            let did = span.close();
            assert_eq!(did.vain_writes, 0, "the writer was woken: {did:#?}");
            // One poll for each byte, one for each timer of `until`, and no more.
            assert_eq!(did.polls, 100 + did.timers_fired, "{did:#?}");
            fills.abort();
            reads.abort();
        });
    });
}
