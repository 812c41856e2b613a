//! # Message: one of them, large
//!
//! Problem: what is told apart here takes microseconds, and the scene milliseconds: in its picture
//! a message is one cell.
//! Idea: draw one message alone, on an axis of its own: the one of median time. Beside each phase
//! stands how long it took.
//! Leaves out: the wait before it, which is a thousand times as long.
//! Read before: `timeline/lanes.rs`. Read next: `timeline.rs`.
//! Try: `cargo run -- timeline poll`

use console::{Color, style};

use super::lanes::column;
use crate::figures::short;
use crate::scene::Scene;
use crate::scene::exchange::{Exchange, Range, Span};
use crate::text::wrapped;

/// The median message, phase by phase, and how long such phases took in all others.
pub(super) fn draw(scene: &Scene, width: usize) -> Vec<String> {
    let Some(exchange) = scene.median.map(|place| &scene.exchanges[place]) else {
        return vec!["No message came while the server waited for it.".to_owned()];
    };
    let phases = phases(exchange, scene);
    let (begin, end) = (exchange.waiting[1], phases.last().map_or(0, |phase| phase.span[1]));
    let title = format!(
        "One message, the median of {}, from its arrival on, {} µs in all:",
        scene.exchanges.len(),
        us(end - begin)
    );
    let columns = width.saturating_sub(LABELS).max(1);
    let mut lines = vec![wrapped(&title, width)];
    lines.extend(phases.iter().map(|phase| phase.drawn([begin, end], columns)));
    if let Some(Range { min, median, max }) = scene.spread.in_hand_us {
        let [min, median, max] = [min, median, max].map(short);
        let all = format!(
            "From arrival to data in hand, all of them: {min} to {max} µs, median {median}."
        );
        lines.push(wrapped(&all, width));
    }
    lines
}

const LABELS: usize = 36;

struct Phase {
    name: &'static str,
    fill: char,
    color: Color,
    span: Span,
}

fn phases(exchange: &Exchange, scene: &Scene) -> Vec<Phase> {
    let waking = if scene.spins() { "until it asks again" } else { "waking up" };
    let all = [
        (waking, '▒', Color::Yellow, exchange.waking),
        ("the server's own code", '·', Color::White, exchange.own),
        ("copying: the read", '█', Color::Green, exchange.copying),
        ("woken and copied", '╳', Color::Yellow, exchange.together),
        ("replying", '▓', Color::Cyan, Some(exchange.replying)),
    ];
    let known = all
        .into_iter()
        .filter_map(|(name, fill, color, span)| Some(Phase { name, fill, color, span: span? }));
    // Who spins has no code between wait and read, and what `uring` hands over is not timed.
    known.filter(|Phase { span: [begin, end], .. }| begin < end).collect()
}

impl Phase {
    fn drawn(&self, [begin, end]: Span, columns: usize) -> String {
        let [from, to] = self.span;
        let column = |at: i64| column(at - begin, end - begin, columns);
        let first = column(from).min(columns - 1);
        let length = column(to).saturating_sub(first).max(1);
        let bar = self.fill.to_string().repeat(length);
        let label = format!("{:22} {:>8} µs  ", self.name, us(to - from));
        format!("{label}{}{}", " ".repeat(first), style(bar).fg(self.color))
    }
}

fn us(nanoseconds: i64) -> String {
    short(Range::us(nanoseconds))
}
