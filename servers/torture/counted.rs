//! # Counted: what a server counted, against what its clients did
//!
//! Problem: a server that forgets a connection, and lets it go later for its silence, has nothing left
//! at the end; and one that spins only while descriptors are short sleeps again then.
//! Idea: both have counted: each connection is opened and closed once, who outstays its time is
//! dropped and nobody else, and calls in vain are few.
//! Leaves out: bytes: who sent them knows how many came back.
//! Read before: `torture/holdings.rs`. Read next: `torture/verdict.rs`.
//! Try: `cargo run -- serve mio --stats`, then Ctrl-C

use std::time::Duration;

use super::tally::Tally;
use crate::models::Model;
use crate::stats::Stats;

/// Connections besides those of the clients: one at the start, and one at each rest.
const GREETINGS: u64 = 3;

/// What a server must have counted.
pub(super) struct Made {
    connections: u64,
    resets: u64,
    outstayed: u64,
    /// For how long it has served.
    time: Duration,
}

impl Made {
    pub(super) fn by(warm_up: &Tally, run: &Tally, time: Duration) -> Made {
        let (first, then) = (warm_up.deeds(), run.deeds());
        Made {
            connections: warm_up.connections.get() + run.connections.get() + GREETINGS,
            resets: first.resets + then.resets,
            outstayed: first.outstayed + then.outstayed,
            time,
        }
    }

    /// What a server has counted that can't be.
    pub(super) fn miscounted(&self, model: Model, stats: &Stats, dropped: u64) -> Vec<String> {
        let Made { connections, resets, outstayed, time } = *self;
        let Stats { accepted, closed, accepts, vain_accepts, waits, .. } = *stats;
        let vain = stats.vain();
        // Ten tries a second without descriptors are expected; twice as many are none too few.
        let failed = accepts.saturating_sub(accepted + vain_accepts);
        let pauses = failed <= 20 * (1 + time.as_secs());
        let others = stats.calls() - waits;
        let sleeps = model == Model::Nonblocking
            || vain <= 1000 + stats.calls() / 3 && (others == 0 || waits <= 1000 + others);
        let right = [
            (
                accepted == connections && closed == connections,
                format!(
                    "{connections} connections were made, {accepted} accepted, {closed} closed"
                ),
            ),
            // Not all: who closes with answers unread resets too.
            (
                stats.resets >= resets,
                format!("{resets} connections were reset, and {} found so", stats.resets),
            ),
            (
                dropped == outstayed,
                format!("{outstayed} clients outstayed their time, and {dropped} were dropped"),
            ),
            (pauses, format!("{failed} accepts failed in {time:.1?}")),
            (sleeps, format!("{vain} calls in vain, {waits} waits, of {} calls", stats.calls())),
        ];
        right.into_iter().filter_map(|(is_right, what)| (!is_right).then_some(what)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_wrongly_is_found() {
        let time = Duration::from_secs(2);
        let made = Made { connections: 7, resets: 1, outstayed: 2, time };
        let stats = Stats { accepted: 7, closed: 7, resets: 3, accepts: 8, ..Stats::default() };
        let found = |stats: Stats, dropped| made.miscounted(Model::Mio, &stats, dropped).len();
        assert_eq!(found(stats, 2), 0);
        assert_eq!(found(Stats { closed: 6, ..stats }, 2), 1);
        assert_eq!(found(Stats { accepted: 8, ..stats }, 2), 1);
        assert_eq!(found(Stats { resets: 0, ..stats }, 2), 1);
        assert_eq!(found(stats, 3), 1, "somebody was forgotten, and only let go");
        let spins = Stats { waits: 9000, ..stats };
        assert_eq!(found(spins, 2), 1);
        assert_eq!(found(Stats { reads: 9000, vain_reads: 8000, ..stats }, 2), 1);
        assert_eq!(made.miscounted(Model::Nonblocking, &spins, 2), Vec::<String>::new());
        assert_eq!(found(Stats { accepts: 900, ..stats }, 2), 1, "no descriptor, and no pause");
    }
}
