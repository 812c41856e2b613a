//! # Report: what was found, thread by thread
//!
//! Problem: a tool in somebody's CI must be read by machines, and understood by whoever it stops.
//! Idea: one struct holds all figures; its JSON has each of them, and its text is the table and one
//! sentence about the worst that was found.
//! Leaves out: the slices: only what they showed.
//! Read before: `audit/watch.rs`, `audit/perf.rs`. Read next: `audit/table.rs`.
//! Try: `cargo run -- audit --json -- sleep 60`

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::perf::Counts;
use super::verdict::{Calls, Source, Verdict, cpu_share, is_rare, judge};
use super::watch::Thread;
use crate::figures::{float, grouped, short, whole};
use crate::stats::Stats;
use crate::study::row::Figure;

/// All that an audit has found: the object that `--json` prints, described in DESIGN.md, "Figures
/// as JSON".
#[derive(Debug, Serialize)]
pub struct Report {
    /// `dormouse-audit/1`: the number grows when a key changes its meaning or goes.
    pub schema: &'static str,
    /// How long was watched.
    pub seconds: f64,
    /// Into how many slices that was divided: fewer than 20 where looking takes its time.
    pub slices: usize,
    /// The worst of all verdicts.
    pub verdict: Verdict,
    /// Every thread that was seen, by process and number.
    pub threads: Vec<Finding>,
    /// What it means, in one sentence.
    pub meaning: String,
}

/// What was found of one thread.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The number of its process.
    pub process: u32,
    /// Its own number.
    pub thread: u32,
    /// What it calls itself.
    pub name: String,
    /// What it did.
    pub verdict: Verdict,
    /// CPU time in percent of the time in which it was seen; 100 is one core.
    pub cpu_percent: f64,
    /// Times that it had waited, and went on, per second of the watch.
    pub wakes_per_second: f64,
    /// Context switches, voluntary or not, in all.
    pub switches: u64,
    /// Whether it began while it was watched.
    pub came: bool,
    /// Whether it ended while it was watched.
    pub ended: bool,
    /// Its system calls.
    pub calls: Figure,
    /// Those of them that came back with 'not yet', or with nothing.
    pub vain_calls: Figure,
    /// Who counted the calls, and so over which time; `null` where nobody did.
    pub calls_source: Option<Source>,
}

/// Who may have counted system calls.
pub struct Evidence {
    /// What the kernel counted, by thread, or why it did not.
    pub perf: Result<BTreeMap<u32, Counts>, String>,
    /// What the command counted over its life, all its threads together.
    pub stats: Option<Stats>,
}

impl Report {
    /// Judges each thread.
    pub fn new(span: Duration, threads: &[&Thread], evidence: &Evidence) -> Report {
        let ran = |thread: &&&Thread| judge(&thread.slices, thread.ended, None) == Verdict::Busy;
        let busy: Vec<_> = threads.iter().filter(ran).map(|thread| thread.thread).collect();
        let finding = |thread: &&Thread| {
            // The counters are the whole program's: only who ran alone can have made them.
            let stats = evidence.stats.filter(|_| busy == [thread.thread]);
            Finding::new(span, thread, calls(thread, stats, &evidence.perf))
        };
        let slices = threads.iter().map(|thread| thread.slices.len()).max().unwrap_or_default();
        let threads: Vec<Finding> = threads.iter().map(finding).collect();
        Report {
            schema: "dormouse-audit/1",
            seconds: span.as_secs_f64(),
            slices,
            verdict: threads.iter().map(|t| t.verdict).max().unwrap_or(Verdict::Asleep),
            meaning: meaning(span, &threads),
            threads,
        }
    }

    /// Says that all slept.
    ///
    /// # Errors
    ///
    /// The first thread that did not, with its numbers.
    pub fn expect_idle(&self) -> Result<(), String> {
        let mut awake = self.threads.iter().filter(|thread| thread.verdict != Verdict::Asleep);
        awake.next().map_or(Ok(()), |first| {
            Err(format!("--expect-idle: {}{}", first.sentence(), first.evidence("; ")))
        })
    }
}

/// Whatever counted the calls of a thread.
fn calls(
    thread: &Thread,
    stats: Option<Stats>,
    perf: &Result<BTreeMap<u32, Counts>, String>,
) -> Result<Calls, String> {
    // The two are not read in one moment: a call in between would be in one of them only.
    let of = |all: u64, vain, during, source| Calls { all: all.max(vain), vain, during, source };
    if let Some(stats) = stats {
        return Ok(of(stats.calls(), stats.vain(), thread.life, Source::Counters));
    }
    let counts = perf.as_ref().map_err(Clone::clone)?;
    let uncounted = if thread.came {
        "it began after perf had begun to count"
    } else {
        "perf did not count it"
    };
    let (all, vain) = *counts.get(&thread.thread).ok_or(uncounted)?;
    Ok(of(all, vain, thread.account(), Source::Perf))
}

impl Finding {
    fn new(span: Duration, thread: &Thread, calls: Result<Calls, String>) -> Finding {
        let account = thread.account();
        let figure = |count: fn(&Calls) -> u64| match &calls {
            Ok(calls) => Figure::Is(float(count(calls))),
            Err(why) => Figure::missing(why),
        };
        Finding {
            process: thread.process,
            thread: thread.thread,
            name: thread.name.clone(),
            verdict: judge(&thread.slices, thread.ended, calls.as_ref().ok()),
            cpu_percent: 100.0 * cpu_share(&thread.slices),
            wakes_per_second: float(account.voluntary) / span.as_secs_f64(),
            switches: account.switches(),
            came: thread.came,
            ended: thread.ended,
            calls: figure(|calls| calls.all),
            vain_calls: figure(|calls| calls.vain),
            calls_source: calls.ok().map(|calls| calls.source),
        }
    }

    /// What would tell more of one that ran.
    fn advice(&self) -> &'static str {
        if self.calls == Figure::Is(0.0) {
            ": it computes, or loops without asking anybody; a profile tells which"
        } else if is_rare(self.switches, self.cpu_percent) {
            "; too little to tell a rhythm: watch longer, as with --duration 20s"
        } else {
            ""
        }
    }

    /// Who did what.
    fn sentence(&self) -> String {
        let did = match self.verdict {
            Verdict::Asleep => "slept",
            Verdict::Periodic => "woke at a steady rate",
            Verdict::Busy => "ran",
            Verdict::Spinning => "spun",
        };
        format!(
            "thread {} ({}) of process {} {did}: {:.1} % of a core, {} wakes per second, {} \
             context switches",
            self.thread,
            self.name,
            self.process,
            self.cpu_percent,
            short(self.wakes_per_second),
            grouped(self.switches),
        )
    }

    /// What is known of its calls, where that matters: for one that ran.
    pub fn evidence(&self, before: &str) -> String {
        let text = match (&self.calls, &self.vain_calls) {
            _ if self.verdict < Verdict::Busy => return String::new(),
            (Figure::Is(0.0), _) => "no system call".into(),
            (Figure::Is(all), Figure::Is(vain)) => {
                format!("{} of {} calls in vain", grouped(whole(*vain)), grouped(whole(*all)))
            }
            (Figure::Missing { missing }, _) | (_, Figure::Missing { missing }) => {
                format!("can't tell work from spinning: {missing}")
            }
        };
        format!("{before}{text}")
    }
}

/// What the worst of the threads mean.
fn meaning(span: Duration, threads: &[Finding]) -> String {
    let order = |a: &&Finding, b: &&Finding| {
        a.verdict.cmp(&b.verdict).then(a.cpu_percent.total_cmp(&b.cpu_percent))
    };
    let Some(worst) = threads.iter().max_by(order) else { return "Nobody was there.".into() };
    let alike = threads.iter().filter(|thread| thread.verdict == worst.verdict).count();
    let who = match (alike, threads.len()) {
        (1, 1) => "The only thread".into(),
        (all, of) if all == of => format!("All {} threads", grouped(of as u64)),
        (some, of) => format!("{} of {} threads", grouped(some as u64), grouped(of as u64)),
    };
    let most = match alike {
        1 => format!("{} ({})", worst.thread, worst.name),
        _ => format!("most of all {} ({})", worst.thread, worst.name),
    };
    let (cpu, seconds) = (worst.cpu_percent, span.as_secs_f64());
    let evidence = worst.evidence("");
    match worst.verdict {
        Verdict::Asleep => format!(
            "{who} slept for {seconds:.1} s, without CPU time and without a context switch: \
             nothing spins, and no timer wakes anybody."
        ),
        Verdict::Periodic => format!(
            "{who} woke at a steady rate, {most}, {} times per second, and slept again: a timer \
             wakes it, or it asks at intervals; who waits for events would have slept through.",
            short(worst.wakes_per_second)
        ),
        Verdict::Busy => {
            format!("{who} ran, {most}, {cpu:.1} % of a core; {evidence}{}.", worst.advice())
        }
        Verdict::Spinning => format!(
            "{who} spun, {most}: {evidence}, {cpu:.1} % of a core; who waits for events would \
             have slept."
        ),
    }
}

#[cfg(test)]
mod tests {
    use asleep::Account;

    use super::super::verdict::Slice;
    use super::*;

    const SPAN: Duration = Duration::from_secs(2);

    fn thread(thread: u32, cpu: Duration) -> Thread {
        let life = Account { cpu, ..Account::default() };
        let slices = vec![Slice { time: SPAN, account: life }];
        let (process, name) = (7, "worker".into());
        Thread { process, thread, name, slices, came: false, ended: false, life }
    }

    fn report(busy: u32) -> Report {
        let mut threads = vec![thread(7, Duration::ZERO)];
        threads.extend((8..8 + busy).map(|n| thread(n, SPAN)));
        let perf = Err("nobody looked".into());
        let stats = Stats { reads: 1_204_331, vain_reads: 1_204_327, ..Stats::default() };
        let threads: Vec<_> = threads.iter().collect();
        Report::new(SPAN, &threads, &Evidence { perf, stats: Some(stats) })
    }

    #[test]
    fn counters_show_that_the_one_busy_thread_spins() {
        let report = report(1);
        assert_eq!(report.verdict, Verdict::Spinning);
        assert!(report.meaning.contains("1,204,327 of 1,204,331 calls in vain"), "{report:?}");
        let said = report.expect_idle().unwrap_err();
        assert!(said.contains("thread 8 (worker) of process 7 spun: 100.0 % of a core"), "{said}");
    }

    #[test]
    fn counters_that_may_be_anothers_are_no_evidence() {
        let report = report(2);
        assert_eq!(report.verdict, Verdict::Busy);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["threads"][1]["vain_calls"]["missing"], "nobody looked", "{json}");
    }

    #[test]
    fn silence_is_what_was_expected() {
        let report = report(0);
        assert_eq!((report.verdict, report.expect_idle()), (Verdict::Asleep, Ok(())));
    }
}
