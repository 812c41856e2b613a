//! # Plan: what a rogue does, drawn from a seed
//!
//! Problem: what breaks servers is the combination that nobody thought of, and a failure that can't
//! be had again is hard to mend.
//! Idea: a rogue's whole life is drawn before it begins, from a generator that a seed sets. What
//! the server does, and when, changes nothing about it.
//! Leaves out: the order among several rogues, which the machine's schedule decides.
//! Read before: `load/source.rs`. Read next: `torture/wire.rs`.
//! Try: `cargo run -- torture async --seed 7 --duration 1s`

use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;

/// The longest that one deed goes on, whatever the server does: a server that is asked to let the
/// silent go waits for several times as long.
pub(super) const LONGEST_DEED: Duration = Duration::from_millis(200);

/// One thing that a rogue does to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Sends so many bytes, and reads none.
    Send(usize),
    /// Reads so many bytes at most, of those that must come.
    Read(usize),
    /// Sends so many bytes, each by itself, after a pause.
    Trickle(usize),
    /// Sends so many bytes, far more than the buffers hold, and reads none: from some byte on the
    /// server must wait for it.
    Flood(usize),
    /// Neither sends nor reads.
    Silence(Duration),
}

/// How a rogue leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Ends its direction, and reads all that must come, to the end.
    HalfClose,
    /// Reads what must come, and closes.
    Close,
    /// Resets the connection.
    Reset,
    /// Closes with answers unread, as a process does that is killed.
    Vanish,
    /// Says nothing until the server lets it go.
    Outstay,
}

/// The life of one rogue, after it has connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) deeds: Vec<Deed>,
    pub(super) leave: Leave,
}

impl Plan {
    /// Draws the next. `may_outstay`: it may keep its connection until the server ends it.
    pub(super) fn draw(random: &mut Rng, may_outstay: bool) -> Plan {
        let deeds = (0..random.usize(0..=4)).map(|_| Deed::draw(random)).collect();
        let leave = match random.u8(0..24) {
            0 if may_outstay => Leave::Outstay,
            1..=8 => Leave::HalfClose,
            9..=13 => Leave::Close,
            14..=18 => Leave::Reset,
            _ => Leave::Vanish,
        };
        Plan { deeds, leave }
    }
}

impl Deed {
    fn draw(random: &mut Rng) -> Deed {
        match random.u8(0..12) {
            0..=3 => Deed::Send(size(random, 1..=16_384)),
            4..=6 => Deed::Read(size(random, 1..=65_536)),
            7 => Deed::Trickle(random.usize(1..=16)),
            8 => Deed::Flood(size(random, 65_536..=4 << 20)),
            _ => Deed::Silence(LONGEST_DEED.mul_f64(random.f64())),
        }
    }
}

/// As often a small one as a large one: the number of its digits is what is drawn.
fn size(random: &mut Rng, from: RangeInclusive<usize>) -> usize {
    let bits = random.u32(from.start().ilog2()..=from.end().ilog2());
    random.usize(1 << bits..2 << bits).clamp(*from.start(), *from.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(seed: u64) -> Vec<Plan> {
        let mut random = Rng::with_seed(seed);
        (0..1000).map(|_| Plan::draw(&mut random, true)).collect()
    }

    #[test]
    fn a_seed_tells_all() {
        assert_eq!(plans(7), plans(7));
        assert_ne!(plans(7), plans(8));
    }

    #[test]
    fn every_deed_and_every_leave_is_drawn() {
        let plans = plans(1);
        let all = |is: fn(&Deed) -> bool| plans.iter().flat_map(|plan| &plan.deeds).any(is);
        assert!(all(|deed| matches!(deed, Deed::Send(_))));
        assert!(all(|deed| matches!(deed, Deed::Read(_))));
        assert!(all(|deed| matches!(deed, Deed::Trickle(_))));
        assert!(all(|deed| matches!(deed, Deed::Flood(_))));
        assert!(all(|deed| matches!(deed, Deed::Silence(_))));
        for leave in [Leave::HalfClose, Leave::Close, Leave::Reset, Leave::Vanish, Leave::Outstay] {
            assert!(plans.iter().any(|plan| plan.leave == leave), "{leave:?}");
        }
        assert!(plans.iter().any(|plan| plan.deeds.is_empty()), "one says nothing at all");
    }

    #[test]
    fn nobody_outstays_where_it_keeps_the_others_waiting() {
        let mut random = Rng::with_seed(1);
        let stays = |_| Plan::draw(&mut random, false).leave == Leave::Outstay;
        assert!(!(0..1000).any(stays));
    }
}
