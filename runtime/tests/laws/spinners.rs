//! Able to fail: each law is broken on purpose by a small loop made for it, that counts as ours
//! does. The checks that the runtime passes must flag it by its law, and the kernel must see it run
//! if it burns CPU.
//!
//! Guards against: checks that nothing can fail. Each loop here is somebody's real one: a `block_on`
//! that polls on (mgattozzi/whorl), a timeout rounded down (smol-rs/smol#109), interest in writing
//! that stays (tokio-rs/mio#339), an accept loop without descriptors (joyent/libuv#690).

mod loops;

use std::io::{self, ErrorKind};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use asleep::Account;
use dormouse::Metrics;
use dormouse::testing::{Breach, check_books, check_cost, check_events, check_silence};
use nix::unistd::{Pid, gettid};

use crate::support::{HangGuard, in_a_process};
use crate::witness::over_a_silence;

struct Spinner {
    what: &'static str,
    law: usize,
    burns: bool,
    runs: fn(&Stage) -> io::Result<Metrics>,
    /// Of what it counted, and of how long it ran.
    check: fn(&Metrics, Duration) -> Result<(), Breach>,
}

const SPINNERS: [Spinner; 8] = [
    Spinner {
        what: "a runtime that loses a wake",
        law: 0,
        burns: false,
        runs: loops::loses_a_wake,
        check: |did, _| check_books(did),
    },
    Spinner {
        what: "a reactor with a zero timeout",
        law: 1,
        burns: true,
        runs: loops::waits_for_no_time,
        check: |did, _| check_books(did),
    },
    Spinner {
        what: "a timer rounded down to 0",
        law: 1,
        burns: true,
        runs: loops::rounds_down,
        check: |did, _| check_books(did),
    },
    Spinner {
        what: "a block_on that polls in a loop",
        law: 2,
        burns: true,
        runs: loops::polls_in_a_loop,
        check: |did, _| check_books(did),
    },
    Spinner {
        what: "an event that is never consumed",
        law: 3,
        burns: true,
        runs: loops::consumes_nothing,
        check: |did, _| check_events(did, 1),
    },
    Spinner {
        what: "an interest in writing that stays",
        law: 4,
        burns: true,
        runs: loops::always_wants_to_write,
        check: |did, _| check_silence(did, 0),
    },
    Spinner {
        what: "an accept loop out of descriptors",
        law: 4,
        burns: true,
        runs: loops::accepts_without_descriptors,
        check: |did, span| check_silence(did, retries_in(span)),
    },
    Spinner {
        what: "one that reads until 'not yet'",
        law: 5,
        burns: false,
        runs: loops::reads_until_not_yet,
        check: |did, _| check_cost(did, loops::MESSAGES),
    },
];

#[test]
fn each_spinner_is_flagged_by_its_law_and_by_the_kernel() {
    // One of them fills its table of descriptors: nobody else should be there.
    in_a_process("spinners::each_spinner_is_flagged_by_its_law_and_by_the_kernel", || {
        let _watchdog = HangGuard::new();
        println!("\n{:<34} | {:<84} | the kernel saw", "spinner", "is flagged by");
        for Spinner { what, law, burns, runs, check } in SPINNERS {
            let (did, span, kernel) = match watch(runs) {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    println!("{what:<34} | skipped: it can't be staged here: {error}");
                    continue;
                }
                watched => watched.unwrap(),
            };
            let breach = check(&did, span).expect_err(what);
            println!("{what:<34} | {:<84} | {}", breach.to_string(), seen(kernel));
            assert_eq!(breach.law(), law, "{what}: {breach}");
            if let Some(kernel) = kernel {
                assert_eq!(!kernel.is_idle(), burns, "{what}: {kernel:?}");
            }
        }
    });
}

fn seen(kernel: Option<Account>) -> String {
    match kernel {
        None => "it does not tell".into(),
        Some(kernel) if kernel.is_idle() => "it sleeps: only counters tell".into(),
        Some(kernel) => format!("{:?} of CPU, {} switches", kernel.cpu, kernel.switches()),
    }
}

/// Where a spinner runs, until it is over.
struct Stage {
    begun: Sender<Pid>,
    over: Receiver<()>,
}

impl Stage {
    /// From here on it does the same all the time.
    fn begin(&self) {
        self.begun.send(gettid()).unwrap();
    }

    fn is_over(&self) -> bool {
        self.over.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// What a spinner does that does not spin.
    fn sleep_until_over(&self) {
        self.begin();
        self.over.recv().unwrap_err();
    }
}

/// Runs a spinner on a thread of its own, while the kernel watches: what it counted, how long it
/// ran, and what the kernel saw.
fn watch(
    runs: fn(&Stage) -> io::Result<Metrics>,
) -> io::Result<(Metrics, Duration, Option<Account>)> {
    let ((begun, begins), (end, over)) = (channel(), channel());
    let started = Instant::now();
    let spins = thread::spawn(move || runs(&Stage { begun, over }));
    let kernel = begins.recv().ok().and_then(|spinner| over_a_silence(spinner, |_| ()));
    drop(end);
    let did = spins.join().unwrap()?;
    Ok((did, started.elapsed(), kernel))
}

/// How often law 4 lets a listener without descriptors try again.
fn retries_in(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap() / 100 + 1
}
