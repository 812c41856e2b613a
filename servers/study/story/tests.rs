//! Each sentence, with figures that make it true and with figures that don't.

use super::*;
use crate::study::made_up::{row, spinner, spread, unavailable};
use crate::study::row::Figure;

fn told(rows: &[Row]) -> String {
    story(rows).join("\n")
}

/// All of these are said, in one story.
fn assert_says(rows: &[Row], words: &[&str]) {
    let told = told(rows);
    for words in words {
        assert!(told.contains(words), "'{words}' is not in:\n{told}");
    }
}

#[test]
fn silence_names_who_burned_and_who_slept() {
    let rows = [row("mio", |_| {}), spinner("nonblocking", |_| {}), row("async", |_| {})];
    let burned = "nonblocking asked 1,204,331 times in vain, and used 99.8 % of a core";
    assert_says(&rows, &[burned, "mio and async stayed below 0.1 % of a core"]);
    let restless = row("mio", |phases| phases.idle.cpu_percent = Figure::Is(1.23));
    assert_says(&[restless], &["mio stayed below 1.3 % of a core"]);
}

#[test]
fn spinning_that_won_is_said_with_its_price() {
    let rows = [row("mio", |_| {}), spinner("nonblocking", |_| {})];
    assert_says(&rows, &["spinning won: nobody had to be woken", "within 30.0 µs"]);
    assert_says(&rows, &["99 in 100 within 100 and 200 µs", "998 µs of CPU", "against 6.00"]);
}

#[test]
fn spinning_that_did_not_win_is_not_said_to_have_won() {
    let slow = spinner("nonblocking", |phases| {
        phases.rate.load.latency_us = Some(spread(120.0, 9000.0));
    });
    let rows = [slow, row("mio", |_| {})];
    assert_says(&rows, &["did not win in this run", "within 120 µs", "within 60.0 µs"]);
    assert!(!told(&rows).contains("won:"));
    let latency = |p50, p99| {
        spinner("nonblocking", move |phases| phases.rate.load.latency_us = Some(spread(p50, p99)))
    };
    let halves = [latency(120.0, 130.0), row("mio", |_| {})];
    assert_says(&halves, &["lost in the middle, and won at the slow end"]);
    let halves = [latency(30.0, 9000.0), row("mio", |_| {})];
    assert_says(&halves, &["won in the middle, and lost at the slow end"]);
    let even = spinner("nonblocking", |phases| {
        phases.rate.load.latency_us = Some(spread(61.0, 200.0));
    });
    assert_says(&[even, row("mio", |_| {})], &["no difference that counts"]);
}

#[test]
fn a_slow_end_that_the_generator_made_itself_is_no_servers() {
    let held_up = row("mio", |phases| {
        phases.rate.load.latency_us = Some(spread(60.0, 175_000.0));
        phases.rate.load.late_us = Some(spread(40.0, 142_000.0));
    });
    let rows = [spinner("nonblocking", |_| {}), held_up, row("async", |_| {})];
    assert_says(&rows, &["While mio served, it did not get the CPU", "spinning won"]);
    assert!(!told(&rows).contains("175,000"));
    assert!(!told(&[row("mio", |_| {})]).contains("did not get the CPU"));
}

#[test]
fn the_best_of_the_others_is_named_and_one_that_left_clients_waiting_is_not_it() {
    let rows = [
        row("blocking", |phases| {
            phases.rate.load.latency_us = Some(spread(10.0, 20.0));
            phases.rate.load.served = 1;
        }),
        spinner("nonblocking", |_| {}),
        row("mio", |phases| phases.rate.load.latency_us = Some(spread(70.0, 80.0))),
        row("async", |phases| phases.rate.load.latency_us = Some(spread(65.0, 80.0))),
    ];
    assert_says(&rows, &["of async's, the best of the others, within 65.0 µs"]);
}

#[test]
fn how_often_a_busy_spinner_asks_in_vain_is_said_as_it_was() {
    assert_says(&[spinner("nonblocking", |_| {})], &["asked less often in vain: 1.00 times"]);
    let more = spinner("nonblocking", |phases| {
        phases.full.vain_per_message = Figure::Is(900.0);
    });
    assert_says(&[more], &["asked not less often in vain: 900 times per message, against 800"]);
}

#[test]
fn the_pair_is_compared_either_way() {
    let pair = |price| {
        let change = move |phases: &mut Phases| phases.full.cpu_us_per_message = Figure::Is(price);
        [row("mio", |_| {}), row("async", change)]
    };
    assert_says(&pair(9.0), &["async took 9.00 µs", "mio took 6.00", "async took 50 % more"]);
    assert_says(&pair(3.0), &["async took 50 % less"]);
    assert_says(&pair(6.1), &["no difference that counts"]);
}

#[test]
fn throughput_compares_only_who_serves_all_and_only_what_differs() {
    let fast = row("mio", |phases| phases.full.load.messages_per_second = 90_000.0);
    let one = row("blocking", |phases| {
        phases.full.load.messages_per_second = 200_000.0;
        phases.full.load.served = 1;
        phases.full.load.queued = 63;
    });
    let rows = [one, fast, row("async", |_| {})];
    assert_says(&rows, &["mio answered the most", "90,000", "1.8 times as many as async"]);
    assert_says(&rows, &["blocking served 1 of 64 clients", "those of one client"]);
    let even = told(&[row("mio", |_| {}), row("async", |_| {})]);
    assert!(!even.contains("the most"), "{even}");
}

#[test]
fn nothing_is_said_of_what_was_not_measured() {
    assert_eq!(story(&[unavailable("uring", "switched off")]), [""; 0]);
    let dumb = row("mio", |phases| {
        phases.idle.cpu_percent = Figure::missing("no account");
        phases.rate.load.late_us = None;
    });
    assert_eq!(story(&[dumb]), [""; 0]);
}
