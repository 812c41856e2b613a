//! The load generator against servers with faults: it finds them, and it ends in time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use dormouse_study::load::drive::{Edge, drive};
use dormouse_study::load::plan::{Pattern, Plan};
use dormouse_study::load::report::Report;
use dormouse_study::load::slices::SLICES;

const SECOND: Duration = Duration::from_secs(1);

/// Serves each connection on a thread of its own, which ends with its client.
fn server(talk: impl Fn(TcpStream) + Copy + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || talk(stream));
        }
    });
    addr
}

/// Answers what `answer` makes of each read; `None` leaves the client.
fn echo(mut stream: TcpStream, mut answer: impl FnMut(&mut Vec<u8>) -> Option<()>) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        let mut bytes = buffer[..n].to_vec();
        if answer(&mut bytes).is_none() || stream.write_all(&bytes).is_err() {
            return;
        }
    }
}

fn plan(addr: SocketAddr) -> Plan {
    Plan {
        addr,
        connections: 4,
        size: 64,
        duration: Duration::from_millis(200),
        pattern: Pattern::Pingpong,
        rate: None,
    }
}

/// Runs it, and checks that it takes no longer than it may.
fn run(plan: Plan) -> Report {
    let (begin, duration) = (Instant::now(), plan.duration);
    let report = drive(plan, &mut |_| {}).unwrap();
    assert!(begin.elapsed() < duration + SECOND, "{:?}", begin.elapsed());
    report
}

#[test]
fn each_pattern_is_answered_in_full() {
    let addr = server(|stream| echo(stream, |_| Some(())));
    for pattern in [Pattern::Pingpong, Pattern::Pipeline, Pattern::Churn, Pattern::Idle] {
        let report = run(Plan { pattern, ..plan(addr) });
        let counts = (report.served, report.lost, report.corrupt, report.unanswered);
        assert_eq!(counts, (4, 0, 0, 0), "{report}");
        assert_eq!(report.messages == 0, pattern == Pattern::Idle, "{report}");
    }
}

#[test]
fn a_schedule_is_kept_to_the_message() {
    let addr = server(|stream| echo(stream, |_| Some(())));
    let report = run(Plan { rate: Some(1000), ..plan(addr) });
    assert_eq!(report.latency_us.map(|latency| latency.count), Some(200), "{report}");
    assert_eq!(report.late_us.map(|late| late.count), Some(200), "{report}");
}

#[test]
fn a_rate_that_nobody_can_keep_leaves_time_to_read_the_answers() {
    let addr = server(|stream| echo(stream, |_| Some(())));
    let report = run(Plan { rate: Some(1_000_000), ..plan(addr) });
    assert!(report.messages > 0 && report.corrupt == 0, "{report}");
}

#[test]
fn messages_larger_than_all_buffers_do_not_lock() {
    let addr = server(|stream| echo(stream, |_| Some(())));
    for pattern in [Pattern::Pingpong, Pattern::Pipeline] {
        let report = run(Plan { pattern, size: 1 << 20, connections: 1, ..plan(addr) });
        assert!(report.served == 1 && report.corrupt == 0, "{report}");
    }
}

#[test]
fn a_server_that_never_reads_leaves_its_clients_queued() {
    let addr = server(|_stream| thread::sleep(3 * SECOND));
    for rate in [None, Some(1000)] {
        let report = run(Plan { rate, ..plan(addr) });
        assert_eq!((report.served, report.queued, report.messages), (0, 4, 0), "{report}");
        assert!(report.latency_us.is_none(), "what nobody got has no latency");
    }
}

#[test]
fn a_server_that_hangs_in_the_middle_is_seen_in_the_latency() {
    let addr = server(|stream| {
        let mut left = 10;
        echo(stream, move |_| {
            left -= 1;
            (left > 0).then_some(()).or_else(|| {
                thread::sleep(3 * SECOND);
                None
            })
        });
    });
    let report = run(Plan { rate: Some(1000), ..plan(addr) });
    assert_eq!(report.served, 4);
    assert!(report.unanswered > 100, "{report}");
    let latency = report.latency_us.unwrap();
    assert!(latency.count == 200 && latency.p50 > 100_000.0, "{report}");
}

#[test]
fn wrong_lost_and_repeated_bytes_are_found() {
    let wrong = server(|stream| {
        echo(stream, |bytes| {
            bytes[7] ^= 1;
            Some(())
        });
    });
    let lost = server(|stream| {
        echo(stream, |bytes| {
            bytes.truncate(63);
            Some(())
        });
    });
    let repeated = server(|stream| {
        echo(stream, |bytes| {
            bytes.extend_from_within(..);
            Some(())
        });
    });
    for addr in [wrong, lost, repeated] {
        let report = run(Plan { pattern: Pattern::Pipeline, ..plan(addr) });
        assert_eq!(report.corrupt, 4, "{report}");
        assert!(report.fault.is_some_and(|fault| fault.contains("byte") || fault.contains("more")));
    }
    for addr in [wrong, repeated] {
        assert_eq!(run(plan(addr)).corrupt, 4);
    }
    // Who sends one message at a time waits for its missing byte: nothing wrong ever comes.
    assert_eq!(run(plan(lost)).unanswered, 4);
}

#[test]
fn a_server_that_leaves_is_told_from_one_that_turns_away() {
    let leaves = server(|stream| {
        let mut left = 10;
        echo(stream, move |_| {
            left -= 1;
            (left > 0).then_some(())
        });
    });
    let report = run(plan(leaves));
    assert_eq!((report.served, report.lost, report.failed), (4, 4, 0), "{report}");
    let turns_away = server(drop);
    let report = run(plan(turns_away));
    assert_eq!((report.served, report.lost, report.failed), (0, 0, 4), "{report}");
}

#[test]
fn the_edges_are_told_once_each_and_enclose_the_time_asked_for() {
    let addr = server(|stream| echo(stream, |_| Some(())));
    let mut edges = Vec::new();
    drive(plan(addr), &mut |edge| edges.push((edge, Instant::now()))).unwrap();
    let told: Vec<_> = edges.iter().map(|(edge, _)| *edge).collect();
    let [Edge::Begin, inner @ .., Edge::End] = &told[..] else { panic!("{told:?}") };
    assert_eq!(inner, [Edge::Between; SLICES as usize - 1]);
    let between = edges[told.len() - 1].1 - edges[0].1;
    assert!(between >= Duration::from_millis(200), "{between:?}");
}

#[test]
fn the_slices_make_up_the_whole() {
    let addr = server(|stream| echo(stream, |_| Some(())));
    for rate in [None, Some(1000)] {
        let report = run(Plan { rate, ..plan(addr) });
        assert_eq!(report.slices.len(), SLICES as usize);
        let messages: u64 = report.slices.iter().map(|slice| slice.messages).sum();
        assert_eq!(messages, report.messages, "{report}");
        let latencies = report.slices.iter().filter_map(|slice| slice.latency_us);
        let (count, max) = latencies
            .fold((0, 0.0_f64), |(count, max), times| (count + times.count, max.max(times.max)));
        let whole = report.latency_us.unwrap();
        assert_eq!((count, max), (whole.count, whole.max), "{report}");
        let seconds: f64 = report.slices.iter().map(|slice| slice.seconds).sum();
        assert!((seconds - report.seconds).abs() < 1e-6, "{seconds}");
    }
}

#[cfg(unix)]
#[test]
fn a_client_that_waits_costs_no_cpu_time() {
    use nix::time::{ClockId, clock_gettime};

    let addr = server(|stream| echo(stream, |_| Some(())));
    let mut at_edges = Vec::new();
    let mut note = |_| at_edges.push(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    drive(Plan { pattern: Pattern::Idle, duration: SECOND, ..plan(addr) }, &mut note).unwrap();
    let used = Duration::from(*at_edges.last().unwrap() - at_edges[0]);
    assert!(used < Duration::from_millis(20), "{used:?} of a second of silence");
}
