//! No term is used before the file that explains it.

use crate::items::words;
use crate::repo::Repo;
use crate::tour::{shared, way};

struct Term {
    /// In all its forms.
    words: &'static [&'static str],
    /// The file whose title it begins, or that has it in italics: `*token*`.
    explained_in: &'static str,
    /// Where the same word is plain English.
    but_not: &'static [&'static str],
}

const LIB: &str = "runtime/src/lib.rs";

const fn term(explained_in: &'static str, words: &'static [&'static str]) -> Term {
    Term { words, explained_in, but_not: &[] }
}

const TERMS: &[Term] = &[
    term("servers/counters.rs", &["vain"]),
    term("servers/models/select.rs", &["token", "tokens"]),
    term("servers/models/poll.rs", &["interest", "interests"]),
    term("servers/models/readiness.rs", &["readiness"]),
    Term {
        words: &["turn", "turns"],
        explained_in: "servers/models/readiness.rs",
        but_not: &["in turn", "their turn", "Turns ", "turns a ", "turn clients away"],
    },
    term("servers/models/uring/setup.rs", &["completion", "completions"]),
    term(LIB, &["task", "tasks"]),
    term(LIB, &["executor"]),
    term(LIB, &["run queue", "run queues"]),
    term(LIB, &["waker", "wakers"]),
    term(LIB, &["wake", "wakes", "woken", "woke", "waking"]),
    term(LIB, &["park", "parks", "parked", "parking"]),
    term(LIB, &["unpark", "unparks", "unparked"]),
    term(LIB, &["deadline", "deadlines"]),
    term(LIB, &["reactor"]),
    term(LIB, &["source", "sources"]),
];

/// The files in the order in which they are read: of what the servers share, the later ones when
/// the first server uses them.
fn order(repo: &Repo) -> Vec<String> {
    const AT_ONCE: [&str; 4] = ["output.rs", "counters.rs", "reply.rs", "options.rs"];
    let (mut order, later): (Vec<_>, Vec<_>) =
        shared(repo).into_iter().partition(|file| AT_ONCE.iter().any(|name| file.ends_with(name)));
    for file in way(repo) {
        for shared in &later {
            let name = shared.trim_start_matches("servers/").trim_end_matches(".rs");
            let uses = repo.text(&file).contains(&format!("use crate::{name}::"));
            if uses && file.starts_with("servers/") && !order.contains(shared) {
                order.push(shared.clone());
            }
        }
        order.push(file);
    }
    order
}

/// What the comments of a line say, without the code in them.
fn said(line: &str) -> Option<String> {
    let start = line.find("//")?;
    let comment = line[start..].trim_start_matches(['/', '!']);
    Some(comment.split('`').step_by(2).collect::<Vec<_>>().join("``"))
}

/// The lines of a file's comments, its tests apart, that have the term.
fn uses(text: &str, term: &Term) -> impl Iterator<Item = (usize, String)> {
    let before_tests = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines = before_tests.lines().enumerate();
    lines.filter_map(move |(at, line)| {
        let mut said = said(line)?;
        for plain in term.but_not {
            said = said.replace(plain, "");
        }
        let lower = words(&said).map(str::to_lowercase).collect::<Vec<_>>().join(" ");
        let lower = format!(" {lower} ");
        let has = term.words.iter().any(|word| lower.contains(&format!(" {word} ")));
        has.then(|| (at + 1, line.trim().to_owned()))
    })
}

fn explains(text: &str, term: &Term) -> bool {
    let comments: String = text.lines().filter_map(said).collect();
    let title = text.lines().next().unwrap_or_default().to_lowercase();
    let italic = comments.split('*').skip(1).step_by(2);
    let mut italic = italic.map(str::to_lowercase).map(|said| format!(" {said} "));
    let word = |said: &str| term.words.iter().any(|word| said.contains(&format!(" {word} ")));
    italic.any(|said| word(&said))
        || term.words.iter().any(|word| title == format!("//! # {word}"))
        || term.words.iter().any(|word| title.starts_with(&format!("//! # {word}: ")))
}

#[test]
fn no_term_is_used_before_it_is_explained() {
    let repo = Repo::read();
    let order = order(&repo);
    let mut faults = Vec::new();
    for term in TERMS {
        let name = term.words[0];
        let at = order.iter().position(|file| file == term.explained_in).unwrap();
        if !explains(repo.text(term.explained_in), term) {
            faults.push(format!("{} does not explain '{name}'", term.explained_in));
        }
        for file in &order[..at] {
            for (line, said) in uses(repo.text(file), term) {
                faults.push(format!("{file}:{line}: '{name}' before it is explained: {said}"));
            }
        }
        let later =
            order[at + 1..].iter().filter(|file| uses(repo.text(file), term).next().is_some());
        assert!(later.count() >= 1, "nobody uses '{name}' after it is explained");
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_term_is_told_from_the_same_word_in_plain_english() {
    let turn = TERMS.iter().find(|term| term.words[0] == "turn").unwrap();
    let used = |text: &str| uses(text, turn).map(|(line, _)| line).collect::<Vec<_>>();
    let text =
        "//! Ask each in turn.\n// In a turn.\nlet turn = 1;\nx(); // Two turns.\n// `turn`\n";
    assert_eq!(used(text), [2, 4]);
    assert_eq!(used("//! A.\n#[cfg(test)]\nmod tests {\n    // a turn\n}\n"), [0; 0]);
    let run_queue = TERMS.iter().find(|term| term.words[0] == "run queue").unwrap();
    assert_eq!(uses("// It runs: queue it.\n// The run queue.\n", run_queue).count(), 1);
    assert!(explains("//! # Turn: one pass\n", turn) && explains("// A pass is a *turn*.\n", turn));
    assert!(!explains("//! # Turning: many\n// turn * return\n", turn));
}
