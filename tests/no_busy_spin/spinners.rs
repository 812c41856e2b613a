//! Servers that spin, each for a fault that real ones had, and one that loses its wakes: the checks
//! of the others must find them.
//!
//! All are one small server on poll(2), in a process of its own: this very test program, started
//! again.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, exit};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use dormouse_study::counters::Counters;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use crate::support::{Server, connect, with_patience};
use crate::{Lab, alone, examine, print_titles};

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// None: so that the others are found for their fault, and not for being what they are.
    None,
    /// It asks the kernel without waiting.
    ZeroTimeout,
    /// It asks whether there is room, though it has nothing to write: there almost always is.
    InterestInWritingStays,
    /// It waits for whole milliseconds, rounded down: for a deadline that is near, not at all.
    TimerRoundedDown,
    /// It ignores the end of a connection, which is then reported for ever.
    EventNeverConsumed,
    /// It accepts again at once where no descriptor is left: the listener stays ready.
    AcceptAtTheLimit,
    /// The message after the silence is never answered: from outside, that is a lost wake.
    LostWake,
}

const FAULTS: [(Fault, Option<&str>); 7] = [
    (Fault::None, None),
    (Fault::ZeroTimeout, Some("law 4 (silence)")),
    (Fault::InterestInWritingStays, Some("law 4 (silence)")),
    (Fault::TimerRoundedDown, Some("law 4 (silence)")),
    (Fault::EventNeverConsumed, Some("law 4 (silence)")),
    (Fault::AcceptAtTheLimit, Some("law 4 (silence)")),
    (Fault::LostWake, Some("law 0 (progress)")),
];

const FAULT: &str = "DORMOUSE_TEST_SPINNER";

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Fault, String> {
        let named = FAULTS.iter().find(|(fault, _)| format!("{fault:?}") == text);
        named.map(|(fault, _)| *fault).ok_or_else(|| format!("no such fault: {text}"))
    }
}

#[test]
fn each_of_them_is_found() {
    let _alone = alone();
    print_titles();
    for (fault, law) in FAULTS {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "spinners::become_one", "--ignored", "--nocapture"]);
        let server = Server::spawn_talkative(command.env(FAULT, format!("{fault:?}")));
        let address = server.address;
        // Two waits for the coming of a connection, and two for its messages.
        let lab =
            with_patience(Duration::from_secs(2), || Lab::new(format!("{fault:?}"), server, 1, 8));
        // One who has said all, and, beyond the limit of descriptors, some that nobody takes.
        let others: Vec<TcpStream> = (0..4).map(|_| connect(address)).collect();
        others[0].shutdown(Shutdown::Write).unwrap();
        let [finding] = &examine(vec![lab], Duration::from_millis(500))[..] else {
            panic!("one for one")
        };
        finding.print();
        let breach = finding.breach.as_deref();
        match law {
            None => assert_eq!(breach, None, "{}", finding.stats),
            Some(law) => assert!(breach.is_some_and(|b| b.starts_with(law)), "{breach:?}"),
        }
    }
}

/// Not a test: the child of the one above.
#[test]
#[ignore = "started by another test"]
fn become_one() {
    let Ok(role) = std::env::var(FAULT) else { return };
    let fault = role.parse().unwrap();
    let counters: &'static Counters = Box::leak(Box::new(Counters::new("spinner", false)));
    // By a handler, as the test harness has threads that were not asked to mask it.
    let mut ends = Signals::new([SIGTERM]).unwrap();
    thread::spawn(move || {
        ends.wait();
        println!("{}", serde_json::to_string(counters).unwrap());
        exit(0);
    });
    serve(fault, counters);
}

fn serve(fault: Fault, counters: &Counters) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    println!("\nlistening on {}", listener.local_addr().unwrap());
    if fault == Fault::AcceptAtTheLimit {
        leave_room_for_two_descriptors();
    }
    let mut streams: Vec<TcpStream> = Vec::new();
    let mut deadline = Instant::now();
    loop {
        let both = PollFlags::IN | PollFlags::OUT;
        let stays = fault == Fault::InterestInWritingStays;
        let interest = if stays { both } else { PollFlags::IN };
        let mut entries = vec![PollFd::new(&listener, PollFlags::IN)];
        entries.extend(streams.iter().map(|stream| PollFd::new(stream, interest)));
        let timeout = timeout(fault, &mut deadline);
        counters.wait(|| Ok(poll(&mut entries, timeout.as_ref())?)).unwrap();
        let ready: Vec<bool> = entries.iter().map(|entry| !entry.revents().is_empty()).collect();
        let mut at = 0;
        streams.retain_mut(|stream| {
            at += 1;
            !ready[at] || answer(stream, fault, counters)
        });
        if ready[0]
            && let Ok((stream, _)) = counters.accept(|| listener.accept())
        {
            stream.set_nonblocking(true).unwrap();
            streams.push(stream);
        }
    }
}

fn timeout(fault: Fault, deadline: &mut Instant) -> Option<Timespec> {
    match fault {
        Fault::ZeroTimeout => Some(Timespec::default()),
        Fault::TimerRoundedDown => {
            let now = Instant::now();
            if *deadline <= now {
                *deadline = now + Duration::from_micros(900);
            }
            let whole = u64::try_from((*deadline - now).as_millis()).unwrap();
            Some(Duration::from_millis(whole).try_into().unwrap())
        }
        _ => None,
    }
}

/// Answers once; returns whether the connection stays.
fn answer(stream: &mut TcpStream, fault: Fault, counters: &Counters) -> bool {
    let peer = stream.peer_addr().unwrap();
    let mut buffer = [0; 64];
    match counters.read(peer, &mut buffer, |buffer| stream.read(buffer)) {
        // Read, and not answered.
        Ok(n) if fault == Fault::LostWake && &buffer[..n] == b"after" => true,
        Ok(0) => fault == Fault::EventNeverConsumed,
        Ok(n) => {
            buffer.make_ascii_uppercase();
            counters.write(peer, || stream.write(&buffer[..n])).is_ok()
        }
        Err(e) => e.kind() == ErrorKind::WouldBlock,
    }
}

/// Two more connections, and no more.
fn leave_room_for_two_descriptors() {
    use std::os::fd::AsRawFd;

    // The next descriptor to be given out is the least that is free.
    let next: u64 = File::open("/dev/null").unwrap().as_raw_fd().cast_unsigned().into();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, next + 2, hard).unwrap();
}
