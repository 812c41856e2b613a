//! # Story: what the reader just saw, in words
//!
//! Problem: eight columns are a lot to read, and a text written beforehand tells what its writer
//! expected.
//! Idea: each sentence is made of the figures of this run, and asks them first whether it is true.
//! The one that nobody expects is among them: waiting by spinning can be faster.
//! Leaves out: the words, which are in `text/story.md`; models by name, but for the pair that is
//! one server written twice.
//! Read before: `text.rs`. Read next: `study.rs`.
//! Try: `cargo test story`

use std::cmp::Ordering::{self, Equal, Greater, Less};

use serde::Serialize;

use super::row::{Findings, Phases, Row};
use crate::figures::{grouped, short};
use crate::text;

/// From so many percent of a core on, while nobody says anything, a server spins. One that sleeps
/// stays far below; one that spins may get little more on a busy machine.
const SPINS: f64 = 5.0;

/// Figures that differ by less tell nothing apart, in one run of a few seconds.
const TIE: f64 = 0.05;

/// One sentence or two for each thing that the figures show.
pub fn story(rows: &[Row]) -> Vec<String> {
    let measured = rows.iter().filter_map(|row| Some((row.model, row.phases.as_ref()?)));
    let seen = Seen(measured.collect());
    text::paragraphs(include_str!("text/story.md"), seen.facts())
}

/// What there is to say; what was not measured, or does not count, is not there.
#[derive(Serialize)]
struct Facts<'a> {
    burned: Vec<Burned<'a>>,
    slept: Option<Slept<'a>>,
    spinning: Option<Spinning<'a>>,
    busy: Option<Busy<'a>>,
    throughput: Option<Throughput<'a>>,
    twice: Option<Twice>,
    queued: Vec<Queued<'a>>,
    generator: Option<Generator<'a>>,
}

/// Used the CPU while nobody said anything.
#[derive(Serialize)]
struct Burned<'a> {
    model: &'a str,
    clients: String,
    asked: Option<String>,
    cpu: String,
}

#[derive(Serialize)]
struct Slept<'a> {
    models: Vec<&'a str>,
    bound: String,
}

/// Whether spinning had the lower latency, and what it cost.
#[derive(Serialize)]
struct Spinning<'a> {
    spinner: &'a str,
    sleeper: &'a str,
    half: &'static str,
    slow_end: &'static str,
    own: String,
    best: String,
    tail: Option<Pair>,
    price: Option<Pair>,
}

#[derive(Serialize)]
struct Pair {
    own: String,
    best: String,
}

/// What a busy server has of spinning.
#[derive(Serialize)]
struct Busy<'a> {
    spinner: &'a str,
    is_less: bool,
    full: String,
    rate: String,
}

/// Who answered the most.
#[derive(Serialize)]
struct Throughput<'a> {
    first: &'a str,
    other: &'a str,
    times: String,
    most: String,
    fewest: String,
}

/// `async` is `mio` in straight lines: what that costs.
#[derive(Serialize)]
struct Twice {
    by_hand: String,
    by_compiler: String,
    order: &'static str,
    percent: String,
}

/// Left clients waiting.
#[derive(Serialize)]
struct Queued<'a> {
    model: &'a str,
    served: usize,
    connections: usize,
}

/// How much of each latency the load generator has made itself.
#[derive(Serialize)]
struct Generator<'a> {
    least: String,
    most: String,
    held_up: Vec<&'a str>,
}

/// The models that were measured, by name.
struct Seen<'a>(Vec<(&'a str, &'a Phases)>);

type Model<'a> = (&'a str, &'a Phases);

impl<'a> Seen<'a> {
    fn facts(&self) -> Facts<'a> {
        let used = self.each(|phases| phases.idle.cpu_percent.get());
        let (burned, slept): (Vec<_>, Vec<_>) =
            used.into_iter().partition(|(_, cpu)| *cpu >= SPINS);
        Facts {
            burned: burned.into_iter().map(|(model, cpu)| burning(model, cpu)).collect(),
            slept: sleeping(&slept),
            spinning: self.spinning(),
            busy: self.busy_spinning(),
            throughput: self.throughput(),
            twice: self.written_twice(),
            queued: self.queued(),
            generator: self.generator(),
        }
    }

    fn spinning(&self) -> Option<Spinning<'a>> {
        let (spinner, spun) = self.spinner()?;
        let p50 = |phases: &Phases| phases.rate.latency(|latency| latency.p50).get();
        let sleepers = self.each(|phases| p50(phases).filter(|_| phases.rate.all_served()));
        let sleepers = sleepers.into_iter().filter(|((_, phases), _)| !spins(phases));
        let ((sleeper, slept), best) = sleepers.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let own = p50(spun).filter(|_| spun.rate.all_served())?;
        let p99 = |phases: &Phases| phases.rate.latency(|latency| latency.p99).get();
        let judged = !is_held_up(spun) && !is_held_up(slept);
        let tails = p99(spun).zip(p99(slept)).filter(|_| judged);
        let price = |phases: &Phases| phases.rate.cpu_us_per_message.get();
        Some(Spinning {
            spinner,
            sleeper,
            half: word(compare(own, best)),
            slow_end: word(tails.map_or(Equal, |(own, best)| compare(own, best))),
            own: short(own),
            best: short(best),
            tail: tails.map(Pair::new),
            price: price(spun).zip(price(slept)).map(Pair::new),
        })
    }

    fn busy_spinning(&self) -> Option<Busy<'a>> {
        let (spinner, spun) = self.spinner()?;
        let vain = |findings: &Findings| findings.vain_per_message.get();
        let (full, rate) = (vain(&spun.full)?, vain(&spun.rate)?);
        Some(Busy { spinner, is_less: full < rate, full: short(full), rate: short(rate) })
    }

    fn throughput(&self) -> Option<Throughput<'a>> {
        let answered = self.each(|phases| {
            phases.full.messages_per_second().get().filter(|_| phases.full.all_served())
        });
        let ((first, _), most) = *answered.iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let ((other, _), fewest) = *answered.iter().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let times = format!("{:.1}", most / fewest);
        let told = Throughput { first, other, times, most: short(most), fewest: short(fewest) };
        (compare(most, fewest) != Equal).then_some(told)
    }

    fn written_twice(&self) -> Option<Twice> {
        let price = |name| {
            let (_, phases) = self.0.iter().find(|(model, _)| *model == name)?;
            phases.full.cpu_us_per_message.get()
        };
        let (by_hand, by_compiler) = (price("mio")?, price("async")?);
        Some(Twice {
            order: word(compare(by_compiler, by_hand)),
            percent: format!("{:.0}", 100.0 * (by_compiler / by_hand - 1.0).abs()),
            by_hand: short(by_hand),
            by_compiler: short(by_compiler),
        })
    }

    fn queued(&self) -> Vec<Queued<'a>> {
        let left_some = self.0.iter().filter(|(_, phases)| phases.full.load.queued > 0);
        let told = left_some.map(|(model, Phases { full, .. })| Queued {
            model,
            served: full.load.served,
            connections: full.load.connections,
        });
        told.collect()
    }

    fn generator(&self) -> Option<Generator<'a>> {
        let late = self.each(|phases| Some(phases.rate.load.late_us?.p50));
        let least = late.iter().map(|(_, late)| *late).reduce(f64::min)?;
        let most = late.iter().map(|(_, late)| *late).reduce(f64::max)?;
        let held_up = self.0.iter().filter(|(_, phases)| is_held_up(phases)).map(|(name, _)| *name);
        Some(Generator { least: short(least), most: short(most), held_up: held_up.collect() })
    }

    /// Each model for which there is such a figure.
    fn each(&self, figure: impl Fn(&Phases) -> Option<f64>) -> Vec<(Model<'a>, f64)> {
        self.0.iter().filter_map(|model| Some((*model, figure(model.1)?))).collect()
    }

    /// The model that uses the most CPU time in silence, if that is a lot.
    fn spinner(&self) -> Option<Model<'a>> {
        let spinning = self.each(|phases| phases.idle.cpu_percent.get().filter(|_| spins(phases)));
        let (spinner, _) = spinning.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(spinner)
    }
}

impl Pair {
    fn new((own, best): (f64, f64)) -> Pair {
        Pair { own: short(own), best: short(best) }
    }
}

/// Which one is less, if the difference counts.
fn compare(a: f64, b: f64) -> Ordering {
    match a / b - 1.0 {
        less if less < -TIE => Less,
        more if more > TIE => Greater,
        _ => Equal,
    }
}

/// Whether most of the slow end is the load generator's own delay, and far more than a wake takes.
fn is_held_up(phases: &Phases) -> bool {
    const FAR_MORE: f64 = 1000.0;

    let load = &phases.rate.load;
    let p99 = load.late_us.zip(load.latency_us).map(|(late, latency)| (late.p99, latency.p99));
    p99.is_some_and(|(late, latency)| late >= FAR_MORE && late > latency / 2.0)
}

fn spins(phases: &Phases) -> bool {
    phases.idle.cpu_percent.get().is_some_and(|cpu| cpu >= SPINS)
}

fn burning((model, phases): Model<'_>, cpu: f64) -> Burned<'_> {
    let Findings { load, stats, .. } = &phases.idle;
    let vain = stats.map(|stats| stats.vain()).filter(|vain| *vain > 0);
    let clients = grouped(load.connections as u64);
    Burned { model, clients, asked: vain.map(grouped), cpu: format!("{cpu:.1}") }
}

fn sleeping<'a>(slept: &[(Model<'a>, f64)]) -> Option<Slept<'a>> {
    let most = slept.iter().map(|(_, cpu)| *cpu).reduce(f64::max)?;
    let bound = format!("{:.1}", ((most * 10.0).floor() + 1.0) / 10.0);
    Some(Slept { models: slept.iter().map(|((name, _), _)| *name).collect(), bound })
}

/// An order as the text asks for it.
fn word(order: Ordering) -> &'static str {
    match order {
        Less => "less",
        Equal => "equal",
        Greater => "greater",
    }
}

#[cfg(test)]
mod tests;
