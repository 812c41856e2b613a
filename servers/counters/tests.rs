use std::time::Duration;

use super::told::excerpt;
use super::*;

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

fn err<T>(kind: ErrorKind) -> io::Result<T> {
    Err(kind.into())
}

#[test]
fn every_call_is_counted_and_not_yet_is_vain() {
    let counters = Counters::new("mio", false);
    counters.accept(|| Ok(((), PEER))).unwrap();
    counters.accept(|| err::<((), _)>(ErrorKind::WouldBlock)).unwrap_err();
    counters.read(PEER, &mut b"abc-".to_vec(), |_| Ok(3)).unwrap();
    counters.read(PEER, &mut [], |_| err(ErrorKind::WouldBlock)).unwrap_err();
    counters.read(PEER, &mut [], |_| err(ErrorKind::Interrupted)).unwrap_err();
    counters.write(PEER, || Ok(2)).unwrap();
    counters.write(PEER, || err(ErrorKind::WouldBlock)).unwrap_err();
    counters.wait(|| Ok(5)).unwrap();
    counters.wait(|| Ok(0)).unwrap();
    counters.sleep(Duration::from_millis(1));
    counters.close(PEER, &Ok(()));
    counters.close(PEER, &err(ErrorKind::BrokenPipe));
    counters.close(PEER, &err(ErrorKind::TimedOut));
    assert_eq!(
        serde_json::to_string(&counters).unwrap(),
        r#"{"model":"mio","accepted":1,"closed":3,"resets":1,"bytes_in":3,"bytes_out":2,"#
            .to_owned()
            + r#""accepts":2,"vain_accepts":1,"reads":3,"vain_reads":1,"writes":2,"#
            + r#""vain_writes":1,"waits":3,"vain_waits":2}"#
    );
}

#[test]
fn what_no_call_was_made_for_counts_as_done_but_not_as_a_call() {
    let counters = Counters::new("uring", false);
    counters.accepted(Ok(((), PEER))).unwrap();
    counters.received(PEER, Ok(3), b"abc").unwrap();
    counters.sent(PEER, Ok(2)).unwrap();
    let done = [&counters.accepted, &counters.bytes_in, &counters.bytes_out];
    assert_eq!(done.map(|counter| counter.load(Relaxed)), [1, 3, 2]);
    let calls = [&counters.accepts, &counters.reads, &counters.writes];
    assert_eq!(calls.map(|counter| counter.load(Relaxed)), [0; 3]);
}

#[test]
fn of_all_who_want_the_last_places_at_a_time_as_many_get_one_as_there_are() {
    const PLACES: usize = 100;
    let counters = Counters::new("async", false);
    let come = || (0..PLACES).filter(|_| counters.take_place(PLACES)).count();
    let admitted = std::thread::scope(|scope| {
        let doors: Vec<_> = (0..4).map(|_| scope.spawn(come)).collect();
        doors.into_iter().map(|door| door.join().unwrap()).sum::<usize>()
    });
    assert_eq!(admitted, PLACES);
    // Who is turned away never had a place, and gives none back.
    counters.turn_away(PEER, PLACES);
    assert!(!counters.take_place(PLACES));
    counters.close(PEER, &Ok(()));
    assert!(counters.take_place(PLACES) && !counters.take_place(PLACES));
}

#[test]
fn a_stay_that_is_cut_short_is_an_end() {
    let counters = Arc::new(Counters::new("async", false));
    drop(Stay::new(PEER, &counters));
    let mut stay = Stay::new(PEER, &counters);
    stay.end = err(ErrorKind::BrokenPipe);
    drop(stay);
    let ends = [&counters.closed, &counters.resets];
    assert_eq!(ends.map(|counter| counter.load(Relaxed)), [2, 1]);
}

#[test]
fn a_long_message_is_shortened_in_the_log() {
    assert_eq!(excerpt(b"short"), "short");
    assert_eq!(excerpt(&[b'x'; 65]), "x".repeat(64) + "...");
}
