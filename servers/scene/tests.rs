use super::client::Message;
use super::exchange::{Exchange, exchanges, median};
use super::*;
use crate::record::event::{Kind, Outcome};

const BYTES: usize = 100;

fn event(kind: Kind, connection: Option<usize>, [begin, end]: [i64; 2], outcome: Outcome) -> Event {
    Event { kind, thread: 0, connection, task: None, begin, end, outcome, count: 1, at: Vec::new() }
}

fn wait(span: [i64; 2]) -> Event {
    event(Kind::Wait, None, span, Outcome::Ready(1))
}

fn read(span: [i64; 2]) -> Event {
    event(Kind::Read, Some(0), span, Outcome::Bytes(BYTES))
}

fn write(span: [i64; 2]) -> Event {
    event(Kind::Write, Some(0), span, Outcome::Bytes(BYTES))
}

fn client(arrivals: &[i64]) -> Vec<Client> {
    let message = |at: &i64| Message {
        bytes: BYTES,
        sent: [at - 1, at + 1],
        arrived: Some(*at),
        answered: None,
    };
    let messages = arrivals.iter().map(message).collect();
    vec![Client { name: "A", addr: String::new(), connected: [0, 1], messages, left: 0 }]
}

#[test]
fn three_moments_cut_the_time_of_a_message() {
    let events = [wait([10, 60]), read([63, 70]), write([72, 80])];
    let found = exchanges(&events, &client(&[40]), true);
    let [exchange] = &found[..] else { panic!("{found:?}") };
    let expected = Exchange {
        client: 0,
        message: 0,
        waiting: [10, 40],
        waking: Some([40, 60]),
        own: Some([60, 63]),
        copying: Some([63, 70]),
        together: None,
        replying: [72, 80],
    };
    assert_eq!((exchange, exchange.in_hand()), (&expected, 30));
}

#[test]
fn where_a_call_waits_and_reads_nothing_is_told_apart() {
    let events = [read([10, 70]), write([72, 80])];
    let found = exchanges(&events, &client(&[40]), false);
    let [exchange] = &found[..] else { panic!("{found:?}") };
    assert_eq!((exchange.waiting, exchange.together), ([10, 40], Some([40, 70])));
    assert_eq!((exchange.waking, exchange.copying, exchange.in_hand()), (None, None, 30));
}

#[test]
fn a_server_that_asks_again_and_again_is_awake_when_data_comes() {
    let vain = Event { count: 9, ..event(Kind::Read, Some(0), [10, 45], Outcome::NotYet) };
    let events = [vain, read([47, 50]), write([52, 60])];
    let found = exchanges(&events, &client(&[40]), true);
    assert_eq!(found[0].waking, Some([40, 47]));
    assert_eq!(found[0].copying, Some([47, 50]));
    // It came in the midst of the call that brought it: nobody was waited for.
    let found = exchanges(&events, &client(&[48]), true);
    assert_eq!((found[0].waking, found[0].copying), (Some([48, 48]), Some([48, 50])));
}

#[test]
fn a_message_that_met_a_busy_server_is_no_measure() {
    // It came before the wait began, as the server did something else.
    let events = [wait([50, 51]), read([53, 60]), write([61, 62])];
    assert!(exchanges(&events, &client(&[40]), true).is_empty());
    // It stood in the queue until the server came to it.
    let events = [read([50, 60]), write([61, 62])];
    assert!(exchanges(&events, &client(&[40]), false).is_empty());
}

#[test]
fn messages_are_told_apart_by_their_bytes() {
    let part = |span, n| event(Kind::Read, Some(0), span, Outcome::Bytes(n));
    let events = [
        wait([10, 60]),
        part([61, 62], BYTES / 2),
        wait([63, 80]),
        part([81, 84], BYTES / 2),
        write([85, 86]),
        wait([90, 110]),
        part([112, 113], BYTES),
        write([115, 116]),
    ];
    let found = exchanges(&events, &client(&[70, 100]), true);
    let copied: Vec<_> = found.iter().map(|exchange| exchange.copying).collect();
    assert_eq!(copied, [Some([81, 84]), Some([112, 113])]);
    let replied: Vec<_> = found.iter().map(|exchange| exchange.replying).collect();
    assert_eq!(replied, [[85, 86], [115, 116]]);
    assert_eq!(median(&found), Some(1), "13 and 14 ns: the lower of two");
}
