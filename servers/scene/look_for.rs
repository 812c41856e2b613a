//! # Look for: three sentences beside each picture
//!
//! Problem: a picture shows everything at once, and who sees the first of its kind does not know
//! where to look.
//! Idea: say what this model's picture shows, with the figures of this very recording.
//! Leaves out: the words, which are in `scene/text/look_for.md`.
//! Read before: `scene/exchange.rs`. Read next: `scene.rs`.
//! Try: `cargo run -- timeline nonblocking`

use serde::Serialize;

use super::Scene;
use super::exchange::Range;
use crate::figures::{grouped, short};
use crate::record::event::{Event, Kind, Outcome};
use crate::text;

/// What there is to say of one scene.
#[derive(Serialize)]
struct Facts<'a> {
    model: &'a str,
    spins: bool,
    span: String,
    vain: String,
    slept: String,
    waits: usize,
    vain_waits: u64,
    signals: usize,
    completions: usize,
    parks: usize,
    second_spoke: String,
    second_heard: String,
    second_waits: Option<String>,
    second_us: String,
    in_hand: Option<String>,
    copying: Option<String>,
}

/// The three sentences.
pub fn look_for(scene: &Scene) -> Vec<String> {
    text::paragraphs(include_str!("text/look_for.md"), facts(scene))
}

fn facts(scene: &Scene) -> Facts<'_> {
    let count = |kind| scene.events.iter().filter(|event| event.kind == kind).count();
    let waits = |event: &&Event| event.kind == Kind::Wait;
    let vain_waits = scene.events.iter().filter(waits).filter(|event| event.outcome.is_vain());
    let (spoke, heard) = second(scene).unwrap_or_default();
    let late = heard - spoke;
    let after_the_first = scene.clients.first().is_some_and(|first| heard >= first.left);
    let median = |range: Option<Range>| range.map(|range| short(range.median));
    Facts {
        model: &scene.model,
        spins: scene.spins(),
        span: ms(scene.span),
        vain: grouped(scene.vain),
        slept: format!("{:.0}", 100.0 * scene.slept()),
        waits: count(Kind::Wait),
        vain_waits: vain_waits.map(|event| event.count).sum(),
        signals: count(Kind::Signal),
        completions: count(Kind::Complete),
        parks: count(Kind::Park),
        second_spoke: ms(spoke),
        second_heard: ms(heard),
        second_waits: after_the_first.then(|| ms(late)),
        second_us: grouped(late.cast_unsigned() / 1000),
        in_hand: median(scene.spread.in_hand_us),
        copying: median(scene.spread.copying_us),
    }
}

/// When the first message of the second client was there, and when the server had it.
fn second(scene: &Scene) -> Option<(i64, i64)> {
    let there = scene.clients.get(1)?.messages.first()?.there();
    let taken = scene.events.iter().find(|event| {
        event.connection == Some(1)
            && matches!(event.kind, Kind::Read | Kind::Complete)
            && matches!(event.outcome, Outcome::Bytes(_))
    })?;
    Some((there, taken.end))
}

fn ms(nanoseconds: i64) -> String {
    format!("{:.1}", Range::us(nanoseconds) / 1000.0)
}

impl Scene {
    /// The calls in which the server slept.
    pub fn sleeps(&self) -> Vec<&Event> {
        let waits_in_its_calls = matches!(self.model.as_str(), "blocking" | "threads");
        let sleeps = |event: &&Event| match event.kind {
            Kind::Wait | Kind::Park => true,
            Kind::Accept | Kind::Read => waits_in_its_calls,
            _ => false,
        };
        self.events.iter().filter(sleeps).collect()
    }

    /// Whether it slept in none.
    pub fn spins(&self) -> bool {
        self.sleeps().is_empty()
    }

    /// For which part of the scene the first of the server's threads slept.
    pub fn slept(&self) -> f64 {
        let first = self.sleeps().into_iter().filter(|event| event.thread == 0);
        let within =
            |event: &Event| event.end.clamp(0, self.span) - event.begin.clamp(0, self.span);
        Range::us(first.map(within).sum()) / Range::us(self.span)
    }
}
