//! # Channels, locks and select! together
//!
//! Problem: tasks must pass work to each other, share what they know, and wait for whichever
//! comes first; and other threads must be able to join in.
//! Idea: none of it needs to know a runtime, as all of it is wakers. `async-channel` brings work
//! from threads, `async-lock` guards what is held over an `await`, `futures::select!` waits for
//! several.
//! Read before: `blocking.rs`. Read next: `signals.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example channels`
//!
//! You should see: how much each of three tasks took, 3000 in all, and that their turns were kept.

use std::pin::pin;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use async_lock::Mutex;
use dormouse::{spawn, time, yield_now};
use dormouse_ecosystem::Outcome;
use futures::{FutureExt, StreamExt, future, select};

const EACH: u64 = 1000;

fn main() -> Outcome {
    // Room for four: whoever sends more waits, a thread by blocking, a task by awaiting.
    let (sender, receiver) = async_channel::bounded(4);
    let threads =
        [0, 1, 2].map(|_| sender.clone()).map(|sender| thread::spawn(move || send(&sender)));
    drop(sender);
    let sum = Rc::new(Mutex::new(0));
    let taken = dormouse::block_on(async {
        let work = [0, 1, 2].map(|_| spawn(take(receiver.clone(), Rc::clone(&sum))));
        future::try_join_all(work).await
    })?;
    let taken = taken.into_iter().collect::<Result<Vec<_>, _>>()?;
    for thread in threads {
        thread.join().map_err(|_| "a sender panicked")?;
    }
    let sum = sum.try_lock().ok_or("a task still holds the lock")?;
    println!("{taken:?} taken, {} in all, their sum is {}", taken.iter().sum::<u64>(), *sum);
    let right = 3 * EACH * (EACH + 1) / 2;
    if *sum == right { Ok(()) } else { Err(format!("it should be {right}").into()) }
}

fn send(sender: &Sender<u64>) {
    for number in 1..=EACH {
        sender.send_blocking(number).expect("the receivers stay until all senders are gone");
    }
}

/// Adds up what comes, until all senders are gone, or nothing has come for long.
async fn take(numbers: Receiver<u64>, sum: Rc<Mutex<u64>>) -> Result<u64, &'static str> {
    let mut numbers = pin!(numbers.fuse());
    let mut taken = 0;
    loop {
        let mut patience = pin!(time::sleep(Duration::from_secs(10)).fuse());
        select! {
            number = numbers.next() => {
                let Some(number) = number else { return Ok(taken) };
                let mut sum = sum.lock().await;
                let before = *sum;
                // Others run here, and would lose what is added, if they did not have to wait.
                yield_now().await;
                *sum = before + number;
                taken += 1;
            }
            () = patience => return Err("nothing has come for 10 s, and a sender is left"),
        }
    }
}
