//! One suite for all models: every case runs against every model, as `case::model`.
//!
//! The servers are processes of their own, the peers real sockets. What makes models differ
//! stands in one table, [`MODELS`]. The last trials are for the suite itself: servers that are
//! broken on purpose must fail it.
//!
//! `cargo test --test conformance -- --ignored` runs the long forms.
#![allow(clippy::unwrap_used)]

mod exposure;
mod foreign;
mod impostor;
mod limits;
mod peers;
mod process;
mod queue;
mod streams;
#[path = "../support/mod.rs"]
mod support;

use std::cell::Cell;
use std::panic::{self, catch_unwind};
use std::time::Duration;

use dormouse_study::models::Model;
use libtest_mimic::{Arguments, Trial};

use crate::impostor::Fault;
use crate::support::{left, with_patience};

/// All that a case may know of a model.
#[derive(Clone, Copy, Debug)]
struct Traits {
    /// Its word on the command line, and options that make it another server.
    name: &'static str,
    /// Serves several connections at a time. Otherwise the second waits for the first to leave.
    concurrent: bool,
    /// Sleeps while nobody says anything.
    sleeps: bool,
}

impl Traits {
    /// The model's word, as it stands in statistics.
    fn word(&self) -> &'static str {
        self.name.split(' ').next().unwrap()
    }

    /// On how many threads it accepts, each by itself.
    fn accepts_on(&self) -> u64 {
        if self.name == SHARDS { 2 } else { 1 }
    }
}

const SHARDS: &str = "async --shards 2";

#[rustfmt::skip]
const MODELS: &[Traits] = &[
    Traits { name: "blocking",    concurrent: false, sleeps: true },
    Traits { name: "threads",     concurrent: true,  sleeps: true },
    Traits { name: "nonblocking", concurrent: true,  sleeps: false },
    Traits { name: "select",      concurrent: true,  sleeps: true },
    Traits { name: "poll",        concurrent: true,  sleeps: true },
    Traits { name: "mio",         concurrent: true,  sleeps: true },
    Traits { name: "signal",      concurrent: true,  sleeps: true },
    Traits { name: "uring",       concurrent: true,  sleeps: true },
    Traits { name: "async",       concurrent: true,  sleeps: true },
    Traits { name: SHARDS,        concurrent: true,  sleeps: true },
    Traits { name: "async --shards 2 --hand-over", concurrent: true, sleeps: true },
];

type Case = (&'static str, fn(Traits));

/// Cases for every model.
const CASES: &[Case] = &[
    ("what_comes_in_goes_back", streams::what_comes_in_goes_back),
    ("a_long_stream_comes_back_byte_by_byte", streams::a_long_stream_comes_back_byte_by_byte),
    ("a_tiny_buffer_is_enough", streams::a_tiny_buffer_is_enough),
    ("a_burst_then_silence_is_answered", streams::a_burst_and_then_silence_is_answered_whole),
    ("one_byte_at_a_time", streams::one_byte_at_a_time),
    ("small_socket_buffers", streams::small_socket_buffers),
    ("an_answer_larger_than_the_send_buffer", streams::an_answer_larger_than_the_send_buffer),
    ("an_urgent_byte_loses_no_other", streams::an_urgent_byte_loses_no_other),
    ("random_writes_and_reads_are_a_queue", queue::random_writes_and_reads_are_a_queue),
    ("each_end_costs_one_read", peers::each_end_costs_one_read),
    ("a_storm_of_connections_leaves_nothing", peers::a_storm_of_connections_leaves_nothing),
    ("churn_leaves_nothing", peers::churn_leaves_nothing),
    ("a_peer_that_vanishes_hurts_nobody", peers::a_peer_that_vanishes_hurts_nobody),
    ("a_peer_that_never_reads_costs_no_memory", peers::a_peer_that_never_reads_costs_no_memory),
    ("a_silent_client_is_the_lesson", peers::a_silent_client_is_the_lesson),
    ("a_signal_ends_it_whatever_it_waits_for", process::a_signal_ends_it_whatever_it_waits_for),
    ("it_stops_within_a_second", process::it_stops_within_a_second),
    ("the_port_is_free_at_once", process::the_port_is_free_at_once),
    ("stopped_and_continued_it_goes_on", process::stopped_and_continued_it_goes_on),
    ("a_storm_of_signals_only_interrupts", process::a_storm_of_signals_only_interrupts),
    ("a_lost_peer_ends_no_process_by_sigpipe", process::a_lost_peer_ends_no_process_by_sigpipe),
    ("each_message_is_printed_with_its_peer", process::each_message_is_printed_with_its_peer),
    ("a_silent_peer_is_let_go_after_its_time", limits::a_silent_peer_is_let_go_after_its_time),
    ("a_slow_reader_is_not_silent", limits::a_slow_reader_is_not_silent),
    ("a_half_closed_deaf_peer_is_let_go", limits::a_half_closed_peer_that_never_reads_is_let_go),
    ("who_spoke_unseen_is_answered", limits::who_spoke_while_it_could_not_look_is_answered),
    ("what_a_peer_sends_breaks_no_line", exposure::what_a_peer_sends_breaks_no_line),
    ("a_connection_is_two_lines", exposure::a_connection_is_two_lines_of_the_log),
    ("it_ends_though_nobody_reads_its_log", process::it_ends_though_nobody_reads_its_log),
];

/// Cases that make sense only where several connections are served at a time.
const CONCURRENT_CASES: &[Case] = &[
    ("two_hundred_at_once", peers::two_hundred_at_once),
    ("every_other_leaves", peers::every_other_leaves_and_the_rest_keep_their_answers),
    ("a_reset_ends_that_connection_alone", peers::a_reset_ends_that_connection_alone),
    ("out_of_descriptors_it_serves_on", limits::out_of_descriptors_it_serves_on),
    ("one_more_than_allowed_is_turned_away", limits::one_more_than_allowed_is_turned_away),
];

/// Cases that take too long for every day.
const LONG_CASES: &[Case] = &[("long_churn_leaves_nothing", peers::long_churn_leaves_nothing)];

/// Cases that need python3.
const FOREIGN_CASES: &[Case] =
    &[("the_article_s_client_is_heard", foreign::the_article_s_client_is_heard)];

fn main() {
    impostor::play();
    let mut known: Vec<_> = MODELS.iter().map(Traits::word).collect();
    known.dedup();
    let all: Vec<_> = Model::all().iter().map(|model| model.name()).collect();
    assert_eq!(known, all, "each model has its row in the table");
    let mut arguments = Arguments::from_args();
    // Each case has a process of its own, and some measure silence: two at a time is enough.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    keep_expected_panics_quiet();
    let mut trials: Vec<Trial> = MODELS.iter().flat_map(trials_of).collect();
    trials.push(skippable(
        "our_client_and_load_talk_to_the_article_s_server".into(),
        foreign::missing().as_ref(),
        foreign::our_client_and_load_talk_to_the_article_s_server,
    ));
    for fault in [Fault::DropsTheLastByte, Fault::NeverCloses, Fault::Spins, Fault::Keeps] {
        let name = format!("the_suite_notices_a_server_that_is_broken::{fault:?}");
        trials.push(skippable(name, None, move || the_suite_notices(fault)));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    assert_eq!(left::children(std::process::id()), [""; 0], "processes that no case waited for");
    conclusion.exit();
}

fn trials_of(model: &Traits) -> Vec<Trial> {
    let model = *model;
    let unavailable = Model::all()
        .iter()
        .find(|known| known.name() == model.word())
        .and_then(|known| known.check().err())
        .map(|why| why.to_string());
    let no_python = unavailable.clone().or_else(foreign::missing);
    let trials = |cases: &[Case], missing: Option<&String>| -> Vec<Trial> {
        let trial = |(name, case): &Case| {
            let case = *case;
            skippable(format!("{name}::{}", model.name), missing, move || case(model))
        };
        cases.iter().map(trial).collect()
    };
    let mut all = trials(CASES, unavailable.as_ref());
    if model.concurrent {
        all.extend(trials(CONCURRENT_CASES, unavailable.as_ref()));
    }
    all.extend(trials(FOREIGN_CASES, no_python.as_ref()));
    let long = trials(LONG_CASES, unavailable.as_ref());
    all.extend(long.into_iter().map(|trial| trial.with_ignored_flag(true)));
    all
}

/// A test that says why it is skipped where something is `missing`.
fn skippable(
    name: String,
    missing: Option<&String>,
    test: impl FnOnce() + Send + 'static,
) -> Trial {
    match missing {
        None => Trial::test(name, || {
            test();
            Ok(())
        }),
        Some(why) => {
            println!("{name}: skipped: {why}");
            Trial::test(name, || Ok(())).with_ignored_flag(true).with_kind("skipped")
        }
    }
}

thread_local! {
    /// This thread runs a case that is meant to fail: its panic is nobody's news.
    static MAY_FAIL: Cell<bool> = const { Cell::new(false) };
}

fn keep_expected_panics_quiet() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !MAY_FAIL.get() {
            report(panic);
        }
    }));
}

/// The sound impostor passes what the one with `fault` fails.
fn the_suite_notices(fault: Fault) {
    let passes = |fault: Fault, case: fn(Traits)| {
        let model = Traits { name: fault.name(), concurrent: true, sleeps: true };
        let run = || with_patience(Duration::from_secs(4), || case(model));
        MAY_FAIL.set(fault != Fault::Nothing);
        let passes = catch_unwind(run).is_ok();
        MAY_FAIL.set(false);
        passes
    };
    let case = match fault {
        // `Keeps` is noticed by what every case checks as it ends its server.
        Fault::Nothing | Fault::DropsTheLastByte | Fault::Keeps => streams::one_byte_at_a_time,
        Fault::NeverCloses => streams::a_tiny_buffer_is_enough,
        Fault::Spins => peers::a_peer_that_never_reads_costs_no_memory,
    };
    assert!(passes(Fault::Nothing, case), "a sound server fails");
    assert!(!passes(fault, case), "a server that {fault:?} passes, too");
}
