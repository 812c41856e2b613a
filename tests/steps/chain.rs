//! The steps that build on each other: little changes from one to the next, and what has moved to
//! `support/` has stayed what it was.

use std::fs;

use crate::examples;
use crate::step::Step;

/// The steps that say how much of their code is new.
const BUILD_ON: [&str; 4] = ["13_", "14_", "15_", "16_"];

pub(crate) fn builds_up(steps: &[Step]) {
    for pair in steps.windows(2) {
        let [before, step] = pair else { continue };
        let Some(said) = step.differs_from(&before.name) else {
            let must = BUILD_ON.iter().any(|number| step.name.starts_with(number));
            assert!(!must, "{} does not say how it differs from {}", step.name, before.name);
            continue;
        };
        let (come, go) = differ(before.parts().1, step.parts().1);
        println!("{}: {come} lines of code come, {go} go; its header says {said:?}", step.name);
        assert!(come <= said.0 && go <= said.1, "{}: its header says less", step.name);
    }
    let reactor = fs::read_to_string(examples().join("support/reactor.rs")).unwrap();
    let (_, reactor) = reactor.split_once("slab::Slab;\n").expect("its code follows its imports");
    let step = steps.iter().find(|step| step.name == "15_reactor").expect("it is shown there");
    assert!(step.parts().1.ends_with(&reactor.replace("pub(crate) ", "")), "word for word");
}

/// How many lines only the second text has, and how many only the first: what `diff` shows, if it
/// shows as little as it can.
fn differ(first: &str, second: &str) -> (usize, usize) {
    let second: Vec<_> = second.lines().collect();
    // Of the lines of `first` so far, and the first so many of `second`: how many both have.
    let mut common = vec![0; second.len() + 1];
    for line in first.lines() {
        let mut diagonal = 0;
        for (place, other) in second.iter().enumerate() {
            let here = if line == *other { diagonal + 1 } else { common[place] };
            diagonal = common[place + 1];
            common[place + 1] = here.max(diagonal);
        }
    }
    let common = common[second.len()];
    (second.len() - common, first.lines().count() - common)
}
