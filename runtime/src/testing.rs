//! # Testing: exact counters, and the laws as equations
//!
//! Problem: a program that asks again and again gives the right answers, too. A test that looks at
//! one figure, or at the time it took, does not see it.
//! Idea: a test names every figure that it expects, and all others must be 0. And whatever a
//! runtime does, its figures keep to a few equations: what was queued was polled, what blocked
//! returned for a reason.
//! Leaves out: what the kernel says of the thread. The crate `asleep` asserts that, under any
//! runtime.
//! Read before: `builder.rs`. Read next: `asleep/src/account.rs`, `runtime/tests/laws/main.rs`.
//! Try: `cargo test -p dormouse --test laws`
//!
//! ```
//! use std::{future::pending, time::Duration};
//! use dormouse::{Runtime, spawn, testing, time::sleep, yield_now};
//!
//! # /*
//! #[test]
//! # */
//! fn a_task_that_waits_costs_nothing() {
//!     let runtime = Runtime::new().unwrap();
//!     runtime.block_on(async {
//!         let waits = spawn(pending::<()>());
//!         // It has its first poll, and waits from then on.
//!         yield_now().await;
//!         let before = runtime.metrics();
//!         sleep(Duration::from_millis(20)).await;
//!         // What our own sleep costs, and not a turn or a poll more.
//!         testing::expect(&runtime.metrics().since(before), |m| {
//!             (m.timers_armed, m.parks, m.returned_deadline, m.turns) = (1, 1, 1, 1);
//!             (m.timers_fired, m.wakes_local, m.enqueued, m.polls) = (1, 1, 1, 1);
//!         });
//!         waits.abort();
//!     });
//!     // Whoever is still queued gets its poll before the books are checked.
//!     runtime.block_on(yield_now());
//!     testing::check_books(&runtime.metrics()).unwrap();
//! }
//! # a_task_that_waits_costs_nothing();
//! ```

use std::fmt;

use crate::metrics::Metrics;

/// The figures that are not 0, by name.
///
/// ```
/// let runtime = dormouse::Runtime::new()?;
/// runtime.block_on(async {});
/// let did = dormouse::testing::changes(&runtime.metrics());
/// assert_eq!(did, [("turns", 1), ("polls", 1), ("spawns", 1)]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn changes(did: &Metrics) -> Vec<(&'static str, u64)> {
    named(*did).into_iter().filter(|(_, value)| *value > 0).collect()
}

/// Asserts that `did` is what `fill_in` fills in, in every figure. See the example of the
/// [module](self).
///
/// # Panics
///
/// If not; the message names the figures that differ, and no others.
#[track_caller]
pub fn expect(did: &Metrics, fill_in: impl FnOnce(&mut Metrics)) {
    let mut expected = Metrics::default();
    fill_in(&mut expected);
    let pairs = named(*did).into_iter().zip(named(expected));
    let differ = pairs.filter(|(did, expected)| did != expected);
    let differ: Vec<_> = differ
        .map(|((name, did), (_, expected))| format!("{name}: {did}, not {expected}"))
        .collect();
    assert!(differ.is_empty(), "it did what was not expected: {}", differ.join("; "));
}

/// All figures by name: a copy, as `fields` lends them for writing.
fn named(mut did: Metrics) -> impl IntoIterator<Item = (&'static str, u64)> {
    did.fields().map(|(name, value)| (name, *value))
}

/// A law that does not hold, and the figures that give it away.
///
/// ```
/// use dormouse::testing::{check_books, check_events, check_silence};
///
/// let runtime = dormouse::Runtime::new()?;
/// runtime.block_on(dormouse::yield_now());
/// let did = runtime.metrics();
/// assert_eq!((check_books(&did), check_events(&did, 0)), (Ok(()), Ok(())));
/// let since = runtime.metrics().since(did);
/// assert_eq!(check_silence(&since, 0), Ok(()));
/// let breach = check_silence(&did, 0).expect_err("it was not silent before");
/// assert_eq!(breach.law(), 4);
/// assert_eq!(breach.to_string(), "law 4 (silence): polls = 2, more than 0");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    law: usize,
    figure: (&'static str, u64),
    /// Its name is empty where it has none but its value.
    limit: (&'static str, u64),
}

impl Breach {
    /// Which law: 0 progress, 1 park, 2 poll, 3 return, 4 silence, 5 cost. See the example of
    /// [`Breach`].
    pub fn law(&self) -> usize {
        self.law
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let law = ["progress", "park", "poll", "return", "silence", "cost"][self.law];
        let ((figure, value), (limit, most)) = (self.figure, self.limit);
        write!(f, "law {} ({law}): {figure} = {value}, more than ", self.law)?;
        if limit.is_empty() { write!(f, "{most}") } else { write!(f, "{limit} = {most}") }
    }
}

/// As `Display`: this is what a test shows that unwraps.
impl fmt::Debug for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Breach {}

/// Checks what holds whatever was asked of a runtime: laws 0 to 3, as equations. See the examples
/// of the [module](self) and of [`Breach`].
///
/// `did` is all that it did, or a part; at its ends no task that was spawned or woken waits for its
/// poll: `runtime.block_on(yield_now())` sees to that.
///
/// # Errors
///
/// The first law that does not hold.
pub fn check_books(did: &Metrics) -> Result<(), Breach> {
    let m = did;
    let wakes = ("wakes", m.wakes_local + m.wakes_remote);
    let answers = m.enqueued + m.wakes_queued + m.wakes_finished;
    let answers = ("enqueued + wakes_queued + wakes_finished", answers);
    let queued = ("spawns + enqueued", m.spawns + m.enqueued);
    let polled = ("polls + discarded", m.polls + m.discarded);
    let returns = m.returned_event
        + m.returned_deadline
        + m.returned_unpark
        + m.returned_interrupted
        + m.returned_clamped;
    let (parks, returns) = (("parks", m.parks), ("returns with a cause", returns));
    // IDEA: a law is an equation between counters, so whoever breaks it is given away by a number.
    at_most(0, wakes, answers)?;
    at_most(0, queued, polled)?;
    // Asked without waiting: once per batch while tasks can run, and once for a deadline that has
    // come.
    let reasons = ("polls + discarded + timers_fired", polled.1 + m.timers_fired);
    at_most(1, ("polls_nowait", m.polls_nowait), reasons)?;
    let vain = ("vain_polls_nowait", m.vain_polls_nowait);
    at_most(1, vain, ("polls_nowait", m.polls_nowait))?;
    at_most(1, ("parks + polls_nowait", m.parks + m.polls_nowait), ("turns", m.turns))?;
    // A deadline that was waited for has come; or with the second wait, as two clocks may differ.
    let due = ("twice timers_fired", 2 * m.timers_fired);
    at_most(1, ("returned_deadline", m.returned_deadline), due)?;
    at_most(2, polled, queued)?;
    at_most(2, answers, wakes)?;
    at_most(3, parks, returns)?;
    at_most(3, returns, parks)?;
    at_most(3, ("returned_none", m.returned_none), ("", 0))?;
    at_most(3, ("returned_unpark", m.returned_unpark), ("wakes_remote", m.wakes_remote))?;
    at_most(3, ("returned_event", m.returned_event), ("events", m.events))?;
    at_most(3, ("events_stale", m.events_stale), ("events", m.events))
}

/// Checks law 3 where it is known how many `events` the kernel had to report: none comes twice.
/// See the example of [`Breach`].
///
/// # Errors
///
/// If more returned.
pub fn check_events(did: &Metrics, events: u64) -> Result<(), Breach> {
    at_most(3, ("events", did.events), ("edges of the kernel", events))
}

/// Checks law 4 over a span of silence: no figure may be above `retries`, which is how often, out
/// of descriptors, accepting could be tried again in it; else 0. A sleep of your own in that span
/// counts: let the time pass outside of the runtime, or use [`expect`]. See the example of
/// [`Breach`].
///
/// # Errors
///
/// If anything happened (more often).
pub fn check_silence(did: &Metrics, retries: u64) -> Result<(), Breach> {
    let most = changes(did).into_iter().max_by_key(|(_, value)| *value);
    most.map_or(Ok(()), |figure| at_most(4, figure, ("", retries)))
}

/// Checks law 5 over `messages`, each read in one piece on a warm connection.
///
/// # Errors
///
/// If they cost more than one return and one poll each, or any call was made in vain: on
/// Windows each read is followed by one. A peer on another core can, about once in 10,000 messages,
/// have one read before its event is reported, which then costs a return of its own.
///
/// ```
/// use dormouse::{net::{TcpListener, TcpStream}, spawn, testing::check_cost};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// let runtime = dormouse::Runtime::new()?;
/// runtime.block_on(async {
///     let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address"))?;
///     let mut client = TcpStream::connect(listener.local_addr()?).await?;
///     let (mut stream, _) = listener.accept().await?;
///     spawn(async move {
///         let mut buffer = [0; 64];
///         while let Ok(n @ 1..) = stream.read(&mut buffer).await {
///             stream.write_all(&buffer[..n]).await.expect("the client is there");
///         }
///     });
///     let mut warm = runtime.metrics();
///     for message in 1..=5 {
///         client.write_all(b"hello").await?;
///         client.read(&mut [0; 64]).await?;
///         if message == 2 {
///             warm = runtime.metrics();
///         }
///     }
///     let did = runtime.metrics().since(warm);
/// #   if cfg!(unix) {
///     check_cost(&did, 2 * 3).expect("three there and three back");
/// #   }
///     Ok(())
/// })
/// # .map_err(|error: std::io::Error| panic!("{error}"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn check_cost(did: &Metrics, messages: u64) -> Result<(), Breach> {
    let vain = did.vain_accepts + did.vain_reads + did.vain_writes;
    at_most(5, ("vain calls", vain), ("", 0))?;
    at_most(5, ("parks", did.parks), ("messages", messages))?;
    at_most(5, ("polls", did.polls), ("messages", messages))
}

fn at_most(
    law: usize,
    figure: (&'static str, u64),
    limit: (&'static str, u64),
) -> Result<(), Breach> {
    if figure.1 <= limit.1 { Ok(()) } else { Err(Breach { law, figure, limit }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_names_its_law_and_its_figures() {
        let did = Metrics { spawns: 1, polls: 900, ..Metrics::default() };
        let breach = check_books(&did).expect_err("it was polled without a cause");
        assert_eq!(breach.law(), 2);
        let text = "law 2 (poll): polls + discarded = 900, more than spawns + enqueued = 1";
        assert_eq!(format!("{breach:?}"), text);
    }

    #[test]
    fn only_what_differs_is_named() {
        let did = Metrics { turns: 3, polls: 2, ..Metrics::default() };
        let differs = std::panic::catch_unwind(|| expect(&did, |m| (m.turns, m.parks) = (3, 1)));
        let text = differs.expect_err("they differ");
        let text = text.downcast_ref::<String>().expect("a formatted message");
        assert_eq!(text, "it did what was not expected: polls: 2, not 0; parks: 0, not 1");
    }
}
