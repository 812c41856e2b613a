use std::net::Ipv4Addr;
use std::thread;

use super::*;
use crate::counters::Counters;

fn peer(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn not_yet<T>() -> io::Result<T> {
    Err(ErrorKind::WouldBlock.into())
}

fn recording(counters: &Counters) -> Recording {
    let recorder = counters.recorder.as_ref().unwrap();
    recorder.end().recording(counters.model, counters.stats().unwrap())
}

#[test]
fn calls_in_vain_are_one_event_until_something_else_happens() {
    let counters = Counters::new("nonblocking", false).recorded();
    for _ in 0..1000 {
        counters.accept(not_yet::<((), _)>).unwrap_err();
        counters.read(peer(1), &mut [0], |_| not_yet()).unwrap_err();
        counters.read(peer(2), &mut [0], |_| not_yet()).unwrap_err();
    }
    counters.read(peer(1), &mut [0], |_| Ok(1)).unwrap();
    counters.read(peer(2), &mut [0], |_| not_yet()).unwrap_err();
    let recording = recording(&counters);
    let told: Vec<_> = recording
        .events
        .iter()
        .map(|event| (event.kind, event.connection, event.outcome.clone(), event.count))
        .collect();
    let read = |connection, outcome, count| (Kind::Read, Some(connection), outcome, count);
    assert_eq!(
        told,
        [
            (Kind::Accept, None, Outcome::NotYet, 1000),
            read(0, Outcome::NotYet, 1000),
            read(1, Outcome::NotYet, 1000),
            read(0, Outcome::Bytes(1), 1),
            read(1, Outcome::NotYet, 1),
        ]
    );
    assert_eq!(recording.connections, ["127.0.0.1:1", "127.0.0.1:2"]);
    assert_eq!((recording.vain(), recording.stats.vain()), (3001, 3001));
    for run in &recording.events[..3] {
        assert_eq!(run.at.len(), 999, "each call but the first has its time");
        assert!(run.at.is_sorted() && run.begin + i64::from(run.at[998]) <= run.end);
    }
}

#[test]
fn an_event_lasts_as_long_as_its_call() {
    let counters = Counters::new("mio", false).recorded();
    let mut inside = 0;
    let before = now();
    counters
        .wait(|| {
            Ok(usize::from({
                inside = now();
                inside > 0
            }))
        })
        .unwrap();
    let after = now();
    let Event { begin, end, ref outcome, .. } = recording(&counters).events[0];
    let [before, inside, after] = [before, inside, after].map(u64::cast_signed);
    assert!(before <= begin && begin <= inside && inside <= end && end <= after);
    assert_eq!(*outcome, Outcome::Ready(1));
}

#[test]
fn what_finds_no_room_is_counted() {
    let counters = Counters::new("mio", false).recorded();
    for _ in 0..EVENTS + 7 {
        counters.write(peer(1), || Ok(1)).unwrap();
    }
    let recording = recording(&counters);
    assert_eq!((recording.events.len(), recording.dropped), (EVENTS, 7));
}

#[test]
fn more_marks_than_there_is_room_for_leave_the_count_right() {
    let counters = Counters::new("nonblocking", false).recorded();
    for _ in 0..MARKS + 7 {
        counters.accept(not_yet::<((), _)>).unwrap_err();
    }
    let recording = recording(&counters);
    assert_eq!(recording.events[0].at.len(), MARKS);
    assert_eq!(recording.vain(), recording.stats.vain_accepts);
}

#[test]
fn a_recording_is_read_as_it_is_written() {
    let counters = Counters::new("poll", false).recorded();
    counters.accept(|| Ok(((), peer(1)))).unwrap();
    counters.read(peer(1), &mut [0], |_| Err(ErrorKind::ConnectionReset.into())).unwrap_err();
    counters.wait(|| Ok(0)).unwrap();
    counters.close(peer(1), &Ok(()));
    let recording = recording(&counters);
    let json = serde_json::to_string(&recording).unwrap();
    assert_eq!(serde_json::from_str::<Recording>(&json).unwrap(), recording);
    assert!(json.starts_with(r#"{"schema":"dormouse-recording/1","model":"poll""#), "{json}");
}

#[test]
fn nobody_adds_to_a_recording_that_has_ended() {
    let counters = Counters::new("threads", false).recorded();
    let (begun, has_begun) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let held = counters.recorder.as_ref().unwrap().end();
        scope.spawn(|| {
            counters.write(peer(1), || {
                begun.send(()).unwrap();
                Ok(1)
            })
        });
        has_begun.recv().unwrap();
        let recording = held.recording(counters.model, counters.stats().unwrap());
        assert_eq!((recording.events.len(), recording.stats.writes), (0, 0));
        drop(held);
    });
    assert_eq!(recording(&counters).events.len(), 1);
}

#[test]
fn threads_that_come_when_there_is_no_room_take_none() {
    let counters = Counters::new("threads", false).recorded();
    for _ in 0..EVENTS {
        counters.write(peer(1), || Ok(1)).unwrap();
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| counters.write(peer(2), || Ok(1)).unwrap()).join().unwrap();
        }
    });
    let recording = recording(&counters);
    assert_eq!((recording.threads.len(), recording.dropped), (1, 3));
}

#[test]
fn whose_an_event_was_is_said_of_the_own_thread_only() {
    let recorder = Recorder::default();
    let accepted =
        |begin| drop(recorder.ends(Kind::Accept, About::default(), begin, Outcome::Done));
    accepted(1);
    thread::scope(|scope| {
        scope.spawn(|| accepted(2)).join().unwrap();
    });
    recorder.was_for(peer(7));
    let recording = recorder.end().recording("async", Stats::default());
    let whose: Vec<_> = recording.events.iter().map(|event| event.connection).collect();
    assert_eq!(whose, [Some(0), None]);
    assert_eq!(recording.connections, ["127.0.0.1:7"]);
}
