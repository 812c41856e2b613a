//! # Judge: is it a difference, or noise?
//!
//! Problem: two runs never say the same, and the eye takes each difference for an effect.
//! Idea: a figure has changed only if the spreads of old and new do not touch, and are farther apart
//! than those of one program that runs twice. What has no spread must be farther apart still.
//! Leaves out: statistics: seven measurements of a busy machine are too few for a distribution.
//! Read before: `study/noise.rs`. Read next: `study/compare.rs`.
//! Try: `cargo test judge`

use serde_json::Value;

use crate::output::printable;

/// A figure that two runs can be compared by, and where it stands in the JSON of a model.
pub(super) struct Compared {
    /// The phase.
    pub(super) phase: &'static str,
    /// The figure, with its unit.
    pub(super) title: &'static str,
    figure: &'static str,
    /// Nothing for what is measured once.
    noise: Option<&'static str>,
    more_is_better: bool,
    /// Less of a difference does not count, however large the ratio is.
    least: f64,
}

/// Spreads must be apart by more, as a ratio: the least of one to the greatest of the other.
pub(super) const FLOOR: f64 = 1.25;

/// The same for what is measured once.
pub(super) const FLOOR_OF_ONE: f64 = 2.0;

const fn timed(
    [phase, title]: [&'static str; 2],
    figure: &'static str,
    noise: &'static str,
) -> Compared {
    Compared { phase, title, figure, noise: Some(noise), more_is_better: false, least: 0.0 }
}

pub(super) const COMPARED: [Compared; 10] = [
    Compared {
        more_is_better: true,
        ..timed(
            ["full load", "messages/s"],
            "/full/load/messages_per_second",
            "/full/noise/messages_per_second",
        )
    },
    timed(
        ["full load", "CPU µs/msg"],
        "/full/cpu_us_per_message",
        "/full/noise/cpu_us_per_message",
    ),
    timed(["1000/s", "p50 µs"], "/rate/load/latency_us/p50", "/rate/noise/p50_us"),
    timed(["1000/s", "p99 µs"], "/rate/load/latency_us/p99", "/rate/noise/p99_us"),
    timed(["1000/s", "CPU µs/msg"], "/rate/cpu_us_per_message", "/rate/noise/cpu_us_per_message"),
    Compared {
        noise: None,
        least: 0.5,
        ..timed(["1000/s", "vain calls/msg"], "/rate/vain_per_message", "")
    },
    timed(["10,000/s", "p50 µs"], "/fast/load/latency_us/p50", "/fast/noise/p50_us"),
    timed(["10,000/s", "p99 µs"], "/fast/load/latency_us/p99", "/fast/noise/p99_us"),
    Compared {
        least: 1.0,
        ..timed(["idle", "CPU %"], "/idle/cpu_percent", "/idle/noise/cpu_percent")
    },
    Compared {
        noise: None,
        least: 256.0,
        ..timed(["idle", "bytes/conn"], "/idle/memory_per_connection", "")
    },
];

/// A figure of one run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) figure: f64,
    /// The least and the greatest.
    pub(super) spread: Option<(f64, f64)>,
}

/// What has become of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Noise,
    Better,
    Worse,
}

impl Compared {
    /// The figure of a model in a file.
    ///
    /// # Errors
    ///
    /// Why it is missing.
    pub(super) fn find(&self, model: Option<&Value>) -> Result<Seen, String> {
        let model = model.ok_or("not measured")?;
        if let Some(why) = model["unavailable"].as_str() {
            return Err(format!("not available: {}", printable(why.as_bytes())));
        }
        let found = model.pointer(self.figure).unwrap_or(&Value::Null);
        let figure = found.as_f64().ok_or_else(|| found["missing"].as_str().unwrap_or("no figure"));
        let range = self.noise.and_then(|noise| model.pointer(noise));
        let edge = |name: &str| range?[name].as_f64();
        let figure = figure.map_err(|why| printable(why.as_bytes()))?;
        Ok(Seen { figure, spread: edge("min").zip(edge("max")) })
    }

    pub(super) fn judge(&self, old: &Seen, new: &Seen) -> Verdict {
        let once = old.spread.is_none() || new.spread.is_none();
        let floor = if once { FLOOR_OF_ONE } else { FLOOR };
        let whole = |seen: &Seen| seen.spread.unwrap_or((seen.figure, seen.figure));
        let (old, new) = (whole(old), whole(new));
        let more = new.0 > old.1;
        let (below, above) = if more { (old.1, new.0) } else { (new.1, old.0) };
        match above - below {
            gap if gap <= self.least || above <= floor * below => Verdict::Noise,
            _ if more == self.more_is_better => Verdict::Better,
            _ => Verdict::Worse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(title: [&str; 2], old: (f64, f64, f64), new: (f64, f64, f64)) -> Verdict {
        let seen = |(least, figure, most)| Seen { figure, spread: Some((least, most)) };
        let compared = COMPARED.iter().find(|one| [one.phase, one.title] == title).unwrap();
        compared.judge(&seen(old), &seen(new))
    }

    #[test]
    fn a_difference_is_beyond_the_spreads_and_beyond_the_floor() {
        let cpu = ["full load", "CPU µs/msg"];
        assert_eq!(verdict(cpu, (5.0, 6.0, 7.0), (9.0, 10.0, 11.0)), Verdict::Worse);
        assert_eq!(verdict(cpu, (9.0, 10.0, 11.0), (5.0, 6.0, 7.0)), Verdict::Better);
        assert_eq!(verdict(cpu, (5.0, 6.0, 9.5), (9.0, 10.0, 11.0)), Verdict::Noise, "they touch");
        assert_eq!(verdict(cpu, (5.9, 6.0, 6.1), (6.9, 7.0, 7.1)), Verdict::Noise, "too near");
        assert_eq!(verdict(cpu, (6.9, 7.0, 7.1), (5.9, 6.0, 6.1)), Verdict::Noise, "too near");
        let more = (90_000.0, 95_000.0, 99_000.0);
        let less = (50_000.0, 55_000.0, 60_000.0);
        assert_eq!(verdict(["full load", "messages/s"], less, more), Verdict::Better);
        assert_eq!(verdict(["full load", "messages/s"], more, less), Verdict::Worse);
    }

    #[test]
    fn next_to_nothing_is_nothing_whatever_the_ratio() {
        let idle = ["idle", "CPU %"];
        let none = (0.0, 0.0, 0.0);
        assert_eq!(verdict(idle, none, none), Verdict::Noise);
        assert_eq!(verdict(idle, none, (0.1, 0.2, 0.3)), Verdict::Noise);
        assert_eq!(verdict(idle, none, (99.0, 99.5, 100.0)), Verdict::Worse);
    }

    #[test]
    fn what_is_measured_once_must_be_farther_apart() {
        let vain = COMPARED.iter().find(|one| one.title == "vain calls/msg").unwrap();
        let judge = |old, new| {
            vain.judge(&Seen { figure: old, spread: None }, &Seen { figure: new, spread: None })
        };
        assert_eq!(judge(0.04, 0.3), Verdict::Noise);
        assert_eq!(judge(1000.0, 1900.0), Verdict::Noise);
        assert_eq!(judge(0.04, 1.04), Verdict::Worse);
    }
}
