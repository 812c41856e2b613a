//! The table against a map; and what it promises, one by one.
//!
//! Broken once, to see the map fail: a key that finds who has its place now, a removal that does
//! not look whose place it is, a generation that is never counted.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

/// What can be done with a table. An index chooses among all keys that ever were.
#[derive(Clone, Copy, Debug)]
enum Op {
    Insert(u8),
    Remove(usize),
    Get(usize),
    Change(usize, u8),
    /// A number that nobody gave out, as far as we know: any place, any generation.
    GetMadeUp {
        place: usize,
        generation: usize,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let made_up = (0..20usize, 0..=LOWER);
    let op = prop_oneof![
        4 => any::<u8>().prop_map(Op::Insert),
        3 => any::<usize>().prop_map(Op::Remove),
        2 => any::<usize>().prop_map(Op::Get),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(index, value)| Op::Change(index, value)),
        1 => made_up.prop_map(|(place, generation)| Op::GetMadeUp { place, generation }),
    ];
    prop::collection::vec(op, 0..100)
}

/// How the models of this crate are run: as many sequences as ever are asked for, and no file kept
/// of those that fail.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig {
        // An interpreter takes its time.
        cases: if cfg!(miri) { 1 } else { ProptestConfig::default().cases },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// From any generation on, also over the last one: `left` is how many come before it.
    #[test]
    fn the_table_is_a_map(left in prop_oneof![0..50usize, 0..=LOWER], ops in ops()) {
        let mut slots = Slots { generation: LOWER - left, ..Slots::default() };
        let (mut model, mut keys) = (HashMap::new(), Vec::new());
        for op in ops {
            let any_key = |index: usize| index.checked_rem(keys.len()).map(|index| keys[index]);
            match op {
                Op::Insert(value) => {
                    let mut key = Key::RESERVED;
                    slots.insert_with(|given| { key = given; value });
                    assert!(!keys.contains(&key), "{key} was given before");
                    keys.push(key);
                    model.insert(key, value);
                }
                Op::Remove(index) => if let Some(key) = any_key(index) {
                    assert_eq!(slots.remove(key), model.remove(&key));
                },
                Op::Get(index) => if let Some(key) = any_key(index) {
                    assert_eq!(slots.get(key), model.get(&key));
                },
                Op::Change(index, value) => if let Some(key) = any_key(index) {
                    let (here, there) = (slots.get_mut(key), model.get_mut(&key));
                    assert_eq!(here, there);
                    here.into_iter().chain(there).for_each(|old| *old = value);
                },
                Op::GetMadeUp { place, generation } => {
                    let key = Key(generation << HALF | place);
                    assert_eq!(slots.get(key), model.get(&key));
                }
            }
            assert_eq!(slots.get(Key::RESERVED), None);
        }
        let found: HashMap<_, _> = slots.iter().map(|(key, value)| (key, *value)).collect();
        assert_eq!(found, model);
        let places: HashSet<_> = model.keys().map(|key| key.place()).collect();
        assert_eq!(places.len(), model.len(), "one value in each place");
        assert_eq!(slots.into_values().count(), model.len());
    }
}

#[test]
fn a_key_finds_its_value_until_it_is_removed() {
    let mut slots = Slots::default();
    let key = *slots.insert_with(|key| key);
    assert_eq!(slots.get(key), Some(&key));
    assert_eq!(slots.remove(key), Some(key));
    assert_eq!(slots.get(key), None);
    assert_eq!(slots.remove(key), None);
}

#[test]
fn a_stale_key_does_not_find_who_took_its_place() {
    let mut slots = Slots::default();
    let old = *slots.insert_with(|key| key);
    slots.remove(old);
    let new = *slots.insert_with(|key| key);
    assert_eq!(old.place(), new.place(), "the place is taken again");
    assert_eq!(slots.get(old), None);
    assert_eq!(slots.get_mut(old), None);
    assert_eq!(slots.remove(old), None);
    assert_eq!(slots.get(new), Some(&new));
}

#[test]
fn a_key_is_written_as_its_place_and_its_count() {
    let mut slots = Slots::default();
    let (first, second) = (*slots.insert_with(|key| key), *slots.insert_with(|key| key));
    assert_eq!((format!("{first}"), format!("{second:?}")), ("0.1".into(), "1.2".into()));
}

#[test]
fn the_reserved_key_finds_nothing() {
    let mut slots = Slots::default();
    for _ in 0..2000 {
        assert_ne!(*slots.insert_with(|key| key), Key::RESERVED);
    }
    assert_eq!(slots.get(Key::RESERVED), None);
}
