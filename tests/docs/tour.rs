//! The way through the sources: each file names the next, nothing is left out, no file needs a
//! later one, and all of it is the reading order of DESIGN.md.

use std::collections::BTreeSet;

use crate::header::Header;
use crate::names::{Code, kind};
use crate::paths::resolve;
use crate::prose::{Kind, Prose};
use crate::repo::Repo;

/// What the servers share is read first, or when it is used.
const FIRST: &str = "servers/output.rs";
const START: &str = "servers/models/blocking.rs";
/// The last one of the reading order; the tools of the command line come after it.
const END: &str = "servers/models/shards.rs";

/// All files from `from` on, each named by the one before as what to read next.
fn follow(repo: &Repo, from: &str) -> Result<Vec<String>, String> {
    let mut way = vec![from.to_owned()];
    loop {
        let last = way.last().map_or(from, String::as_str);
        let Some(next) = Header::of(repo.text(last)).paths("Read next").into_iter().next() else {
            return Ok(way);
        };
        let next = resolve(repo, last, &[], &next).map_err(|wrong| format!("{last}: {wrong}"))?;
        if way.contains(&next) {
            return Err(format!("{last} leads back to {next}"));
        }
        way.push(next);
    }
}

/// The way from the first server to the last one, through the runtime.
pub(crate) fn way(repo: &Repo) -> Vec<String> {
    let mut way = follow(repo, START).unwrap();
    let end = way.iter().position(|file| file == END);
    way.truncate(end.unwrap_or_else(|| panic!("the way from {START} leads to {way:?}")) + 1);
    way
}

/// What the servers share, from the first such file up to the first server.
pub(crate) fn shared(repo: &Repo) -> Vec<String> {
    let way = follow(repo, FIRST).unwrap();
    way.into_iter().take_while(|file| file != START).collect()
}

/// Files and folders of the table in DESIGN.md, as they stand there, and those named below it.
fn of_the_map(repo: &Repo) -> (Vec<String>, Vec<String>) {
    let page = Prose::page("DESIGN.md", repo.text("DESIGN.md"));
    let section =
        page.paragraphs.iter().skip_while(|part| part.text != "The reading order").skip(1);
    let section = section.take_while(|part| !matches!(part.kind, Kind::Heading(_)));
    let (mut named, mut rows) = (Vec::new(), 0);
    for part in section {
        for span in part.code() {
            if let Code::Path(path) = kind(&span.text) {
                named.push(resolve(repo, "DESIGN.md", &named, path).unwrap());
            }
        }
        if part.kind == Kind::Row {
            rows = named.len();
        }
    }
    let beside = named.split_off(rows);
    (named, beside)
}

/// Every source file of the runtime and of the servers, tests apart.
fn sources(repo: &Repo) -> impl Iterator<Item = &str> {
    let all = repo.below(&["runtime/src", "servers/models"], ".rs");
    all.filter(|file| !file.ends_with("/tests.rs"))
}

#[test]
fn each_file_leads_to_the_next_in_the_order_of_the_map() {
    let repo = Repo::read();
    let way: Vec<_> = shared(&repo).into_iter().chain(way(&repo)).collect();
    assert!(way.len() >= 60, "{way:#?}");
    let (map, _) = of_the_map(&repo);
    let place = |file: &String| way.iter().position(|on_way| on_way == file);
    let missing: Vec<_> =
        map.iter().filter(|path| repo.is_file(path)).filter(|file| place(file).is_none()).collect();
    assert!(missing.is_empty(), "no file leads to {missing:?}, of the map in DESIGN.md");
    let places: Vec<_> = map.iter().filter_map(place).collect();
    assert!(places.is_sorted(), "the headers lead another way than DESIGN.md: {way:#?}");
    let on_map = |file: &String| {
        map.iter().any(|path| {
            file == path || file.starts_with(&format!("{}/", path.trim_end_matches('/')))
        })
    };
    let unknown: Vec<_> = way.iter().filter(|file| !on_map(file)).collect();
    assert!(unknown.is_empty(), "the map in DESIGN.md has no {unknown:?}");
}

#[test]
fn no_file_is_left_out() {
    let repo = Repo::read();
    let way: BTreeSet<_> = way(&repo).into_iter().collect();
    let (_, beside) = of_the_map(&repo);
    let named = |file: &str| {
        way.contains(file)
            || beside
                .iter()
                .any(|path| file == path || path.ends_with('/') && file.starts_with(path.as_str()))
    };
    let left: Vec<_> = sources(&repo).filter(|file| !named(file)).collect();
    assert!(left.is_empty(), "no file leads to {left:?}, and DESIGN.md does not name them");
    assert!(sources(&repo).count() >= 50);
}

#[test]
fn each_step_has_all_parts_of_a_header() {
    const STEPS: [&str; 4] = ["examples/0", "examples/1", "examples/2", "examples/support/"];
    let repo = Repo::read();
    let is_step = |file: &&str| STEPS.iter().any(|begin| file.starts_with(begin));
    let steps: Vec<_> = repo.below(&["examples"], ".rs").filter(is_step).collect();
    assert!(steps.len() >= 20, "{steps:?}");
    for step in steps {
        let parts = ["Problem", "Idea", "Leaves out", "Try", "Read next"];
        let faults = Header::of(repo.text(step)).faults(&parts);
        // What to read next is the last line of a step.
        let faults: Vec<_> = faults.iter().filter(|wrong| !wrong.contains("order")).collect();
        assert!(faults.is_empty(), "{step}: {faults:?}");
    }
}

#[test]
fn each_file_opens_in_the_same_way() {
    let repo = Repo::read();
    let mut faults = Vec::new();
    for file in
        shared(&repo).into_iter().chain(way(&repo)).filter(|file| !file.ends_with("/lib.rs"))
    {
        let mut needed = vec!["Problem", "Idea", "Leaves out", "Try"];
        if file != FIRST {
            needed.push("Read before");
        }
        if file != END {
            needed.push("Read next");
        }
        let header = Header::of(repo.text(&file));
        faults.extend(header.faults(&needed).into_iter().map(|wrong| format!("{file}: {wrong}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn what_is_to_be_read_before_comes_before() {
    let repo = Repo::read();
    let (shared, way) = (shared(&repo), way(&repo));
    for (at, file) in way.iter().enumerate() {
        for before in Header::of(repo.text(file)).paths("Read before") {
            let before = resolve(&repo, file, &[], &before).unwrap();
            let known = shared.contains(&before) || way[..at].contains(&before);
            assert!(known, "{file} wants {before} to be read before, which comes later");
        }
    }
}

#[test]
fn each_file_has_one_idea() {
    let repo = Repo::read();
    for file in way(&repo).iter().filter(|file| !file.ends_with("/lib.rs")) {
        let ideas = repo.text(file).lines().filter(|line| line.trim().starts_with("// IDEA:"));
        assert_eq!(ideas.count(), 1, "{file}: one comment says '// IDEA:', where the idea lives");
    }
}

#[test]
fn a_way_in_a_circle_and_one_into_nothing_are_noticed() {
    let file = |name: &str, next: &str| {
        (format!("servers/{name}"), format!("//! # A: b\n//! Read next: `{next}`.\n"))
    };
    let repo = Repo::of([file("a.rs", "b.rs"), file("b.rs", "c.rs"), file("c.rs", "b.rs")]);
    assert_eq!(
        follow(&repo, "servers/a.rs").unwrap_err(),
        "servers/c.rs leads back to servers/b.rs"
    );
    let repo = Repo::of([file("a.rs", "b.rs")]);
    assert!(follow(&repo, "servers/a.rs").unwrap_err().contains("there is no `b.rs`"));
    let repo =
        Repo::of([file("a.rs", "b.rs"), ("servers/b.rs".to_owned(), "//! # B: c\n".to_owned())]);
    assert_eq!(follow(&repo, "servers/a.rs").unwrap(), ["servers/a.rs", "servers/b.rs"]);
}
