//! What the sources declare: which type has which function, and what stands in its body.
//!
//! The sources are formatted by rustfmt, so a block ends at the first `}` that stands as far to the
//! right as the line that opens it. Nothing more of Rust has to be understood for that.

use std::collections::{BTreeMap, BTreeSet};

use crate::repo::Repo;
use crate::sources;

/// A function, constant, variant or field of a type, or a function of its own.
pub(crate) struct Item {
    pub(crate) file: String,
    /// From its first line to its last.
    pub(crate) body: String,
}

#[derive(Default)]
pub(crate) struct Items {
    /// By type, then by name.
    members: BTreeMap<String, BTreeMap<String, Vec<Item>>>,
    /// The files that declare a function or a type, by its name.
    declared: BTreeMap<String, Vec<String>>,
    /// All words of the code, comments apart.
    words: BTreeSet<String>,
}

impl Items {
    pub(crate) fn of(repo: &Repo) -> Items {
        let mut items = Items::default();
        for file in sources(repo) {
            items.read(file, repo.text(file));
        }
        items
    }

    pub(crate) fn has_type(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Each item of this name that a type of this name has.
    pub(crate) fn member(&self, of: &str, name: &str) -> &[Item] {
        self.members.get(of).and_then(|all| all.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The files that declare a function or a type of this name.
    pub(crate) fn files_with(&self, name: &str) -> impl Iterator<Item = &str> {
        self.declared.get(name).into_iter().flatten().map(String::as_str)
    }

    pub(crate) fn has_word(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    fn read(&mut self, file: &str, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let mut owners: Vec<(usize, String)> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let code = without_comment(line);
            let said = code.trim();
            if said.is_empty() {
                continue;
            }
            self.words.extend(words(said).map(str::to_owned));
            let indent = code.len() - code.trim_start().len();
            if said != "where" && said != "{" {
                owners.retain(|(from, _)| *from < indent);
            }
            if let Some(name) = declared(said) {
                self.declared.entry(name.to_owned()).or_default().push(file.to_owned());
            }
            if let Some((_, owner)) = owners.last().filter(|(from, _)| from + 4 == indent)
                && let Some(name) = member(said)
            {
                let item = Item { file: file.to_owned(), body: block(&lines[at..], indent) };
                let all = self.members.entry(owner.clone()).or_default();
                all.entry(name.to_owned()).or_default().push(item);
            }
            if let Some(owner) = owner(&lines[at..]) {
                self.members.entry(owner.clone()).or_default();
                owners.push((indent, owner));
            }
        }
    }
}

/// The line without what follows `//`; an address in a string loses its end, which harms nobody.
fn without_comment(line: &str) -> &str {
    line.find("//").map_or(line, |end| &line[..end])
}

pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// From the first line to the `}` that closes it; the line alone, if it opens nothing.
fn block(lines: &[&str], indent: usize) -> String {
    let end = format!("{}}}", " ".repeat(indent));
    let one = lines[0].trim_end();
    if one.ends_with([';', ',', '}']) {
        return one.to_owned();
    }
    let mut taken = lines.iter().take_while(|line| !line.starts_with(&end)).copied();
    taken.by_ref().collect::<Vec<_>>().join("\n")
}

const BEFORE: [&str; 8] =
    ["pub ", "pub(crate) ", "pub(super) ", "async ", "const ", "unsafe ", "default ", "extern "];

/// What is left when words like `pub` are gone; `const` goes only before `fn`.
fn plain(mut said: &str) -> &str {
    while let Some(rest) = BEFORE.iter().find_map(|word| said.strip_prefix(word)) {
        if said.starts_with("const ") && !rest.contains("fn ") {
            break;
        }
        said = rest;
    }
    said
}

fn declared(said: &str) -> Option<&str> {
    let kinds = ["fn ", "struct ", "enum ", "trait ", "union ", "type "];
    kinds.iter().find_map(|word| plain(said).strip_prefix(word)).and_then(|rest| words(rest).next())
}

/// A function, a constant, a type, a variant or a field.
fn member(said: &str) -> Option<&str> {
    let said = plain(said);
    if let Some(rest) = ["fn ", "const ", "type "].iter().find_map(|word| said.strip_prefix(word)) {
        return words(rest).next();
    }
    let name = words(said).next().filter(|name| said.starts_with(name))?;
    let after = said[name.len()..].trim_start();
    let variant = after.is_empty() || after.starts_with([',', '(', '{', '=', ':']);
    (variant && !after.starts_with("::")).then_some(name)
}

/// The type that this line begins to declare or to implement.
fn owner(lines: &[&str]) -> Option<String> {
    let said = plain(lines[0].trim());
    if let Some(name) = declared(said).filter(|_| !said.starts_with("fn ")) {
        return Some(name.to_owned());
    }
    let rest = said.strip_prefix("impl").filter(|rest| rest.starts_with([' ', '<']))?;
    let mut head = String::from(rest);
    for line in lines.iter().skip(1).take_while(|_| !said.ends_with('{')) {
        head.push(' ');
        head.push_str(line.trim());
        if line.ends_with('{') {
            break;
        }
    }
    let head = without_generics(&head);
    let head = head.split(" where").next()?.trim_end_matches('{');
    let of = head.rsplit(" for ").next()?;
    words(of.split('<').next()?).last().map(str::to_owned)
}

/// Without what stands between `<` and `>`; the `>` of an arrow ends nothing.
fn without_generics(text: &str) -> String {
    let (mut depth, mut before) = (0_usize, ' ');
    let mut kept = String::new();
    for c in text.chars() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
        before = c;
    }
    kept
}

#[test]
fn a_type_has_what_its_blocks_declare() {
    let source = "\
pub(crate) enum Way {
    In,
    Out { n: u8 },
}

impl<T: Fn() -> u8> fmt::Display for Slots<T>
where
    T: Copy,
{
    const MOST: usize = 3;

    pub(crate) async fn take(&mut self) -> u8 {
        // fn said_only()
        let n = self.find(1);
        n
    }
}

fn find() {}
";
    let repo = Repo::of([("servers/slots.rs".to_owned(), source.to_owned())]);
    let items = Items::of(&repo);
    for (of, name) in [("Way", "In"), ("Way", "Out"), ("Slots", "MOST"), ("Slots", "take")] {
        assert_eq!(items.member(of, name).len(), 1, "{of}::{name}");
    }
    assert!(items.member("Slots", "take")[0].body.contains("let n = self.find(1);"));
    assert!(items.files_with("find").eq(["servers/slots.rs"]) && items.has_type("Way"));
    assert!(items.member("Slots", "find").is_empty() && items.member("Slots", "n").is_empty());
    assert!(!items.has_word("said_only") && items.files_with("said_only").next().is_none());
}
