//! # Story: what the reader just saw, in words
//!
//! Problem: eight columns are a lot to read, and a text written beforehand tells what its writer
//! expected.
//! Idea: each sentence is made of the figures of this run, and asks them first whether it is true.
//! The one that nobody expects is among them: waiting by spinning can be faster.
//! Leaves out: models by name, but for the pair that is one server written twice.
//! Read before: `study/table.rs`. Read next: `study.rs`.
//! Try: `cargo test story`

use std::cmp::Ordering::{self, Equal, Greater, Less};

use super::row::{Findings, Phases, Row};
use crate::figures::{grouped, short};

/// From so many percent of a core on, while nobody says anything, a server spins. One that sleeps
/// stays far below; one that spins may get little more on a busy machine.
const SPINS: f64 = 5.0;

/// Figures that differ by less tell nothing apart, in one run of a few seconds.
const TIE: f64 = 0.05;

/// One sentence or two for each thing that the figures show.
pub fn story(rows: &[Row]) -> Vec<String> {
    let measured = rows.iter().filter_map(|row| Some((row.model, row.phases.as_ref()?)));
    let seen = Seen(measured.collect());
    let told = [
        seen.silence(),
        seen.spinning(),
        seen.busy_spinning(),
        seen.throughput(),
        seen.written_twice(),
        seen.queued(),
        seen.generator(),
    ];
    told.into_iter().flatten().collect()
}

/// The models that were measured, by name.
struct Seen<'a>(Vec<(&'a str, &'a Phases)>);

type Model<'a> = (&'a str, &'a Phases);

impl<'a> Seen<'a> {
    /// Who used the CPU while nobody said anything.
    fn silence(&self) -> Option<String> {
        let used = self.each(|phases| phases.idle.cpu_percent.get());
        let (burned, slept): (Vec<_>, Vec<_>) =
            used.into_iter().partition(|(_, cpu)| *cpu >= SPINS);
        let most = slept.iter().map(|(_, cpu)| *cpu).reduce(f64::max);
        let mut sentences: Vec<String> =
            burned.iter().map(|(model, cpu)| burning(*model, *cpu)).collect();
        if let Some(most) = most {
            let names = names(slept.iter().map(|((name, _), _)| *name));
            let bound = ((most * 10.0).floor() + 1.0) / 10.0;
            sentences.push(format!("In silence {names} stayed below {bound:.1} % of a core."));
        }
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    /// Whether spinning had the lower latency, and what it cost.
    fn spinning(&self) -> Option<String> {
        let (spinner, spun) = self.spinner()?;
        let p50 = |phases: &Phases| phases.rate.latency(|latency| latency.p50).get();
        let sleepers = self.each(|phases| p50(phases).filter(|_| phases.rate.all_served()));
        let sleepers = sleepers.into_iter().filter(|((_, phases), _)| !spins(phases));
        let ((sleeper, slept), best) = sleepers.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let own = p50(spun).filter(|_| spun.rate.all_served())?;
        let p99 = |phases: &Phases| phases.rate.latency(|latency| latency.p99).get();
        let judged = !is_held_up(spun) && !is_held_up(slept);
        let tails = p99(spun).zip(p99(slept)).filter(|_| judged);
        let tail = tails
            .map(|(own, best)| format!("; 99 in 100 within {} and {} µs", short(own), short(best)));
        let at_the_slow_end = tails.map_or(Ordering::Equal, |(own, best)| compare(own, best));
        let verdict = match (compare(own, best), at_the_slow_end) {
            (Less, Less | Equal) | (Equal, Less) => "spinning won: nobody had to be woken",
            (Less, Greater) => "spinning won in the middle, and lost at the slow end",
            (Greater, Less) => "spinning lost in the middle, and won at the slow end",
            (Greater, _) | (Equal, Greater) => "spinning did not win in this run",
            (Equal, Equal) => "spinning made no difference that counts",
        };
        let price = |phases: &Phases| phases.rate.cpu_us_per_message.get();
        let price = price(spun).zip(price(slept)).map(|(own, best)| {
            let (own, best) = (short(own), short(best));
            format!(" The price: {own} µs of CPU time per message, against {best}.")
        });
        Some(format!(
            "At a load that leaves time to sleep, {verdict}: half of {spinner}'s answers came \
             within {own} µs, of {sleeper}'s, the best of the others, within {best} µs{tail}.{price}",
            own = short(own),
            best = short(best),
            tail = tail.unwrap_or_default(),
            price = price.unwrap_or_default(),
        ))
    }

    /// What a busy server has of spinning.
    fn busy_spinning(&self) -> Option<String> {
        let (spinner, spun) = self.spinner()?;
        let (calm, busy) = (spun.rate.vain_per_message.get()?, spun.full.vain_per_message.get()?);
        let verdict = if busy < calm { "less" } else { "not less" };
        let (calm, busy) = (short(calm), short(busy));
        Some(format!(
            "Under full load {spinner} asked {verdict} often in vain: {busy} times per message, \
             against {calm}."
        ))
    }

    /// Who answered the most.
    fn throughput(&self) -> Option<String> {
        let answered = self.each(|phases| {
            phases.full.messages_per_second().get().filter(|_| phases.full.all_served())
        });
        let ((first, _), most) = answered.iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let ((other, _), fewest) = answered.iter().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        if compare(*most, *fewest) == Equal {
            return None;
        }
        let (times, most, fewest) = (most / fewest, short(*most), short(*fewest));
        Some(format!(
            "Of those that serve all clients, {first} answered the most under full load, {most} \
             messages per second: {times:.1} times as many as {other}, with {fewest}."
        ))
    }

    /// `async` is `mio` in straight lines: what that costs.
    fn written_twice(&self) -> Option<String> {
        let price = |name| {
            let (_, phases) = self.0.iter().find(|(model, _)| *model == name)?;
            phases.full.cpu_us_per_message.get()
        };
        let (by_hand, by_compiler) = (price("mio")?, price("async")?);
        let more = 100.0 * (by_compiler / by_hand - 1.0);
        let verdict = match compare(by_compiler, by_hand) {
            Equal => "no difference that counts".into(),
            Greater => format!("in this one run async took {more:.0} % more"),
            Less => format!("in this one run async took {:.0} % less", -more),
        };
        let (by_hand, by_compiler) = (short(by_hand), short(by_compiler));
        Some(format!(
            "Written in straight lines, async took {by_compiler} µs of CPU time per message; by \
             hand, mio took {by_hand}: {verdict}."
        ))
    }

    /// Who left clients waiting.
    fn queued(&self) -> Option<String> {
        let told = self.0.iter().filter(|(_, phases)| phases.full.load.queued > 0).map(|(model, phases)| {
            let load = &phases.full.load;
            format!(
                "{model} served {} of {} clients, and the others waited all the time: its figures \
                 are those of {}.",
                load.served,
                load.connections,
                if load.served == 1 { "one client" } else { "these clients" },
            )
        });
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join(" "))
    }

    /// How much of each latency the load generator has made itself.
    fn generator(&self) -> Option<String> {
        let late = self.each(|phases| Some(phases.rate.load.late_us?.p50));
        let least = late.iter().map(|(_, late)| *late).reduce(f64::min)?;
        let most = late.iter().map(|(_, late)| *late).reduce(f64::max)?;
        let (least, most) = (short(least), short(most));
        let range = if least == most { most } else { format!("{least} to {most}") };
        let held_up = self.0.iter().filter(|(_, phases)| is_held_up(phases)).map(|(name, _)| *name);
        let held_up = names(held_up);
        let doubt = if held_up.is_empty() {
            String::new()
        } else {
            format!(
                " While {held_up} served, it did not get the CPU for milliseconds at a time: these \
                 p99 tell little of the server."
            )
        };
        Some(format!(
            "Of each latency, {range} µs (median) are the load generator's own delay: it sleeps \
             too, and has to be woken.{doubt}"
        ))
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

fn burning((model, phases): Model<'_>, cpu: f64) -> String {
    let Findings { load, stats, .. } = &phases.idle;
    let vain = stats.map(|stats| stats.vain()).filter(|vain| *vain > 0);
    let asked = vain.map(|vain| format!("asked {} times in vain, and ", grouped(vain)));
    format!(
        "With {} clients and nothing to do, {model} {}used {cpu:.1} % of a core.",
        grouped(load.connections as u64),
        asked.unwrap_or_default(),
    )
}

/// `mio`, `mio and async`, `poll, mio and async`.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    match &names[..] {
        [one] => (*one).into(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests;
