//! Whatever the prose names in backticks exists: files, types, functions, tests.

use crate::foreign::{MEMBERS, PATHS, WORDS};
use crate::items::{Items, words};
use crate::names::{Code, is_file, kind};
use crate::paths::resolve;
use crate::prose::{Kind, Link, Paragraph, Prose};
use crate::repo::{Repo, parents};
use crate::texts;

/// What was found in a text, and what is wrong with it.
#[derive(Default)]
pub(crate) struct Found {
    paths: usize,
    members: usize,
    words: usize,
    /// Names that a text says are in a file of this name.
    placed: usize,
    faults: Vec<String>,
}

struct Checker<'a> {
    repo: &'a Repo,
    items: &'a Items,
    prose: &'a Prose,
    /// Paths that the section has named so far, and those around it.
    named: Vec<String>,
    /// The open sections: how deep each is, and how many paths were named before it.
    sections: Vec<(usize, usize)>,
    found: Found,
}

impl Checker<'_> {
    fn new<'a>(repo: &'a Repo, items: &'a Items, prose: &'a Prose) -> Checker<'a> {
        Checker { repo, items, prose, named: vec![], sections: vec![], found: Found::default() }
    }

    fn check(mut self) -> Found {
        for paragraph in &self.prose.paragraphs {
            match paragraph.kind {
                Kind::Heading(depth) => self.section(depth),
                Kind::Block => {}
                Kind::Text | Kind::Row => self.paragraph(paragraph),
            }
        }
        self.found
    }

    fn section(&mut self, depth: usize) {
        while let Some((_, named)) = self.sections.pop_if(|(open, _)| *open >= depth) {
            self.named.truncate(named);
        }
        self.sections.push((depth, self.named.len()));
    }

    fn paragraph(&mut self, paragraph: &Paragraph) {
        let mut links = paragraph.links();
        links.retain(|link| !link.is_to_an_item());
        let (mut end, mut before, mut file) = (0, None, None);
        self.bare_paths(paragraph);
        for span in paragraph.code() {
            let link = links.iter().find(|link| link.from < span.from && span.to < link.to);
            let gap = paragraph.text.get(end..span.from).unwrap_or("");
            end = link.map_or(span.to, |link| link.to);
            let now = kind(&span.text);
            let is_name =
                words(&span.text).eq([span.text.as_str()]) || matches!(now, Code::Member(..));
            let listed = file.take().filter(|_| is_name && [": ", ", ", " and "].contains(&gap));
            let checked = match (now, listed) {
                (Code::Path(path), _) => {
                    let after = before.take().filter(|_| [" in ", " ("].contains(&gap));
                    self.path(path, link, after).map(|at| file = Some(at))
                }
                (_, Some(at)) => {
                    let checked = self.placed(&span.text, &at);
                    file = Some(at);
                    checked
                }
                (Code::Member(of, name), _) => self.member(&span.text, of, name),
                (Code::Word(name), _) => self.word(name),
                (Code::Other, _) => Ok(()),
            };
            before = is_name.then(|| span.text.clone());
            if let Err(wrong) = checked {
                let place = self.prose.place(paragraph, span.from);
                self.found.faults.push(format!("{place}: {wrong}"));
            }
        }
    }

    /// A path without its backticks would never be checked.
    fn bare_paths(&mut self, paragraph: &Paragraph) {
        let marks = |c: char| !c.is_alphanumeric() && !"/._-".contains(c);
        let code = paragraph.code();
        for word in paragraph.text.split(marks).map(|word| word.trim_end_matches('.')) {
            let at = word.as_ptr().addr() - paragraph.text.as_ptr().addr();
            let quoted = code.iter().any(|span| span.from < at && at < span.to);
            let link = at >= 2 && paragraph.text[..at].ends_with("](");
            if !quoted && !link && word.contains('/') && is_file(word) {
                let place = self.prose.place(paragraph, at);
                self.found.faults.push(format!("{place}: write {word} in backticks"));
            }
        }
    }

    /// A path, and perhaps the name that the text says is in it.
    fn path(
        &mut self,
        path: &str,
        link: Option<&Link>,
        name: Option<String>,
    ) -> Result<String, String> {
        self.found.paths += 1;
        let at = match link {
            // What a link leads to is checked in links.rs.
            Some(link) if link.target.ends_with(path) || link.target.starts_with(path) => {
                link.target.clone()
            }
            Some(link) => return Err(format!("`{path}` is a link to {}", link.target)),
            None => resolve(self.repo, &self.prose.file, &self.named, path)?,
        };
        self.named.push(at.clone());
        name.map_or(Ok(()), |name| self.placed(&name, &at)).map(|()| at)
    }

    /// `file.rs`: `a_test`, `another`, or `Type::name` in `file.rs`.
    fn placed(&mut self, name: &str, file: &str) -> Result<(), String> {
        if !self.repo.is_file(file) {
            return Ok(());
        }
        self.found.placed += 1;
        let module = file.trim_end_matches(".rs");
        let here = |at: &str| at == file || parents(at).any(|folder| folder == module);
        let there = match kind(name) {
            Code::Member(of, name) => {
                self.items.member(of, name).iter().any(|item| here(&item.file))
            }
            _ => self.items.files_with(name).any(here),
        };
        there.then_some(()).ok_or_else(|| format!("there is no `{name}` in {file}"))
    }

    fn member(&mut self, text: &str, of: &str, name: &str) -> Result<(), String> {
        self.found.members += 1;
        let foreign = |(prefix, _): &(&str, &str)| {
            let rest = text.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest == "()")
        };
        if MEMBERS.iter().any(foreign) || self.is_about_others() {
            return Ok(());
        }
        if !of.starts_with(char::is_uppercase) {
            return self.word(of).and_then(|()| self.word(name));
        }
        // The types of the steps are small forms of the runtime's, and have their names.
        let step = |file: &str| file.starts_with("examples/");
        let here = |file: &str| step(&self.prose.file) || !step(file);
        let known = self.items.member(of, name).iter().any(|item| here(&item.file));
        known.then_some(()).ok_or_else(|| format!("there is no `{text}`; is it foreign.rs's?"))
    }

    /// Pages of names that others have; ours are links there, which rustdoc checks.
    fn is_about_others(&self) -> bool {
        self.prose.file.starts_with("runtime/src/guide/from_")
    }

    fn word(&mut self, name: &str) -> Result<(), String> {
        self.found.words += 1;
        let foreign = WORDS.iter().any(|(foreign, _)| *foreign == name) || self.is_about_others();
        let known = foreign || self.items.has_word(name);
        known.then_some(()).ok_or_else(|| format!("`{name}` is in no source; is it foreign.rs's?"))
    }
}

/// How many tests and functions these name at least, each with its file.
const LEAST: [(&str, usize); 2] = [("DESIGN.md", 25), ("runtime/src/guide/behaviour.rs", 25)];

#[test]
fn what_the_prose_names_exists() {
    let repo = Repo::read();
    let items = Items::of(&repo);
    let mut all = Found::default();
    for prose in texts(&repo) {
        let found = Checker::new(&repo, &items, &prose).check();
        let least = LEAST.iter().find(|(file, _)| *file == prose.file).map_or(0, |(_, n)| *n);
        assert!(found.placed >= least, "{}: only {} tests are named", prose.file, found.placed);
        all.paths += found.paths;
        all.members += found.members;
        all.placed += found.placed;
        all.words += found.words;
        all.faults.extend(found.faults);
    }
    assert!(all.faults.is_empty(), "\n{}", all.faults.join("\n"));
    // A checker that finds nothing is a fault, too.
    let Found { paths, members, placed, words, .. } = all;
    println!("{paths} paths, {members} members, {words} words, {placed} of them with their file");
    assert!(paths >= 300 && members >= 50 && words >= 100 && placed >= 60);
}

#[test]
fn a_name_that_is_not_ours_is_still_in_use() {
    let repo = Repo::read();
    let all: String = texts(&repo).iter().map(|prose| repo.text(&prose.file)).collect();
    for (name, _) in MEMBERS.iter().chain(WORDS).chain(PATHS) {
        assert!(all.contains(name), "{name}: no text has it; take it out of foreign.rs");
    }
}

#[test]
fn what_does_not_exist_is_named() {
    let source = "impl Side {\n    fn wait(&self) {\n    }\n}\n\nfn a_test() {\n}\n";
    let files = ["runtime/src/source.rs", "runtime/tests/net.rs", "DESIGN.md"];
    let repo = Repo::of(files.map(|file| (file.to_owned(), source.to_owned())));
    let items = Items::of(&repo);
    let faults = |text: &str| {
        let prose = Prose::page("DESIGN.md", text);
        Checker::new(&repo, &items, &prose).check().faults
    };
    let sound = "`Side::wait` in `source.rs`, `runtime/tests/net.rs`: `a_test`, and `Waker::data`";
    assert_eq!(faults(sound), [""; 0]);
    for (wrong, said) in [
        ("a [`Side`](x) and\n`Side::put_back()`", "DESIGN.md:2: there is no `Side::put_back()`"),
        ("`Sides::wait`", "there is no `Sides::wait`"),
        ("`put_back`", "`put_back` is in no source"),
        ("`wait_for()`", "`wait_for` is in no source"),
        ("`runtime/src/sources.rs`", "there is no `runtime/src/sources.rs`"),
        ("`servers/`", "there is no `servers/`"),
        ("see servers/main.rs.", "write servers/main.rs in backticks"),
        ("`Side::wait` (`runtime/src/net.rs`)", "there is no `runtime/src/net.rs`"),
        ("`source.rs`: `a_test`, `b_test`", "there is no `b_test` in runtime/src/source.rs"),
        ("| x | `source.rs`: `a_test` and `Side::b` |", "there is no `Side::b` in runtime/src"),
        ("`wake()` in `source.rs`", "`wake` is in no source"),
        ("`a_test` in `DESIGN.md`", "there is no `a_test` in DESIGN.md"),
    ] {
        let faults = faults(wrong);
        assert!(faults.len() == 1 && faults[0].contains(said), "{wrong}: {faults:?}");
    }
}
