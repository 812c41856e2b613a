use super::*;
use crate::record::event::{Event, Kind, Outcome};
use crate::scene::client::{Client, Message};
use crate::scene::exchange::{Spread, exchanges, median};

/// A spinning server with one client, who speaks once, at 60 of 100 ms.
fn made_up() -> Scene {
    const MS: i64 = 1_000_000;

    let event = |kind, [begin, end]: [i64; 2], outcome| Event {
        kind,
        thread: 0,
        connection: Some(0),
        task: None,
        begin,
        end,
        outcome,
        count: 1,
        at: Vec::new(),
    };
    let events = vec![
        event(Kind::Accept, [0, MS], Outcome::Done),
        event(Kind::Read, [2 * MS, 59 * MS], Outcome::NotYet),
        event(Kind::Read, [60 * MS + 500, 60 * MS + 900], Outcome::Bytes(5)),
        event(Kind::Write, [60 * MS + 1000, 60 * MS + 2000], Outcome::Bytes(5)),
        event(Kind::Read, [62 * MS, 99 * MS], Outcome::End),
    ];
    let sent = [60 * MS - 100, 60 * MS + 100];
    let arrived = Some(60 * MS);
    let messages = vec![Message { bytes: 5, sent, arrived, answered: Some(61 * MS) }];
    let addr = String::new();
    let clients = vec![Client { name: "A", addr, connected: [0, 100], messages, left: 99 * MS }];
    let exchanges = exchanges(&events, &clients, true);
    Scene {
        schema: "dormouse-scene/1",
        model: "nonblocking".into(),
        summary: "it asks".into(),
        unavailable: None,
        span: 100 * MS,
        threads: vec!["main".into()],
        connections: vec!["A".into()],
        tasks: Vec::new(),
        separable: true,
        events,
        clients,
        median: median(&exchanges),
        spread: Spread::of(&exchanges),
        exchanges,
        vain: 1,
        calls: 5,
        dropped: 0,
        look_for: vec!["Look at the band.".into()],
    }
}

fn lane<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"))
}

#[test]
fn each_thing_stands_where_it_happened() {
    console::set_colors_enabled(false);
    // Eleven columns of names, and one column for each millisecond.
    let text = draw(&made_up(), 111);
    let server = lane(&text, "server");
    let column = |letter| server.chars().skip(11).position(|drawn| drawn == letter);
    assert_eq!(column('a'), Some(0));
    assert_eq!(column('▓'), Some(2));
    assert_eq!(server.chars().filter(|drawn| *drawn == '▓').count(), 58);
    assert_eq!(column('r'), Some(60));
    assert_eq!(lane(&text, "client A").chars().position(|drawn| drawn == 'x'), Some(11 + 99));
    assert!(lane(&text, "ms").contains("10"), "{text}");
    assert!(text.contains("asks in vain"), "what is drawn is explained: {text}");
    assert!(!text.contains("a signal"), "and nothing else: {text}");
    assert!(text.ends_with("Look at the band."), "{text}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    console::set_colors_enabled(false);
    let mut scene = made_up();
    scene.summary = "it asks, and asks, and asks once more, and never waits for an answer".into();
    for width in [40, 60, 80, 200] {
        for line in draw(&scene, width).lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn the_phases_of_a_message_follow_one_another() {
    console::set_colors_enabled(false);
    let text = draw(&made_up(), 100);
    let begins = |name: &str, fill: char| lane(&text, name).chars().position(|c| c == fill);
    let places =
        [begins("until it asks again", '▒'), begins("copying", '█'), begins("replying", '▓')];
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
    assert!(lane(&text, "copying").contains("0.4"), "{text}");
}
