//! What is alive on the heap, by the size that was asked for.
//!
//! A program that measures it says `#[global_allocator]` and [`count`]. Without both there is
//! nothing to see.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker};

/// Counts for each size.
static LIVE: Mutex<BTreeMap<usize, i64>> = Mutex::new(BTreeMap::new());

fn lock() -> MutexGuard<'static, BTreeMap<usize, i64>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears of every allocation, of any thread; its own are kept from it.
struct Tracker;

impl AllocationTracker for Tracker {
    fn allocated(&self, _: usize, size: usize, _: usize, _: AllocationGroupId) {
        *lock().entry(size).or_default() += 1;
    }

    fn deallocated(
        &self,
        _: usize,
        size: usize,
        _: usize,
        _: AllocationGroupId,
        _: AllocationGroupId,
    ) {
        *lock().entry(size).or_default() -= 1;
    }
}

/// Begins to count, with what is allocated from now on.
pub fn count() {
    AllocationRegistry::set_global_tracker(Tracker).expect("it is called once");
    AllocationRegistry::enable_tracking();
}

/// Blocks on the heap: how many of each size in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heap(BTreeMap<usize, i64>);

impl Heap {
    /// What is alive now.
    pub fn now() -> Self {
        // The copy is no part of what it describes, and is made under the lock.
        AllocationRegistry::untracked(|| Heap(lock().clone()))
    }

    /// What came since `before`, less what went.
    #[must_use]
    pub fn since(&self, before: &Heap) -> Self {
        let mut blocks = self.0.clone();
        for (size, count) in &before.0 {
            *blocks.entry(*size).or_default() -= count;
        }
        blocks.retain(|_, count| *count != 0);
        Heap(blocks)
    }

    /// All sizes, how many blocks there are of each, and their bytes.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, i64, i64)> {
        let bytes = |size: usize, count: i64| count * i64::try_from(size).expect("a block fits");
        self.0.iter().map(move |(size, count)| (*size, *count, bytes(*size, *count)))
    }

    /// All bytes.
    pub fn bytes(&self) -> i64 {
        self.blocks().map(|(_, _, bytes)| bytes).sum()
    }

    /// The same without `count` blocks of `size` bytes.
    #[must_use]
    pub fn without(mut self, count: u32, size: usize) -> Self {
        *self.0.entry(size).or_default() -= i64::from(count);
        self
    }
}

/// On one line: `SIZE:COUNT SIZE:COUNT …`.
impl fmt::Display for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(size, count)| write!(f, "{size}:{count} "))
    }
}

impl FromStr for Heap {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let block = |word: &str| {
            let (size, count) = word.split_once(':')?;
            Some((size.parse().ok()?, count.parse().ok()?))
        };
        let blocks: Option<_> = line.split_whitespace().map(block).collect();
        blocks.map(Heap).ok_or_else(|| format!("no heap: '{line}'"))
    }
}
