//! The header of a source file: its title, and the parts that all of them have.

use crate::names::is_file;
use crate::prose::{Paragraph, Prose, Span};

/// In this order; the last one is the command.
const PARTS: [&str; 6] = ["Problem", "Idea", "Leaves out", "Read before", "Read next", "Try"];

pub(crate) struct Header {
    title: String,
    /// As one line.
    text: String,
}

impl Header {
    pub(crate) fn of(source: &str) -> Header {
        let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
        let lines: Vec<_> = lines.map(str::trim).collect();
        let title = lines.first().copied().unwrap_or_default().to_owned();
        Header { title, text: lines.join(" ") }
    }

    /// What is said in a part, up to the next one.
    pub(crate) fn part(&self, name: &str) -> Option<&str> {
        let start = self.find(name)?;
        let rest = &self.text[start..];
        let next = PARTS.iter().filter_map(|part| rest[1..].find(&format!("{part}: ")));
        let end = next.min().map_or(rest.len(), |end| end + 1);
        Some(rest[name.len() + 1..end].trim())
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.text.find(&format!(" {name}: ")).map(|at| at + 1)
    }

    /// The paths in a part.
    pub(crate) fn paths(&self, part: &str) -> Vec<String> {
        let said = Prose::page("", self.part(part).unwrap_or_default());
        let code = said.paragraphs.iter().flat_map(Paragraph::code);
        code.map(|Span { text, .. }| text).filter(|text| is_file(text)).collect()
    }

    /// What is wrong with its form, if these of its parts must be there.
    pub(crate) fn faults(&self, needed: &[&str]) -> Vec<String> {
        let mut faults = Vec::new();
        let title = self.title.strip_prefix("# ").and_then(|title| title.split_once(": "));
        if title.is_none_or(|(name, sentence)| name.is_empty() || sentence.is_empty()) {
            faults.push("it does not begin with `//! # Title: a sentence`".to_owned());
        }
        let there: Vec<_> = PARTS.iter().filter(|part| self.find(part).is_some()).collect();
        let places: Vec<_> = there.iter().map(|part| self.find(part)).collect();
        if !places.is_sorted() {
            faults.push(format!("its parts do not come in the order {PARTS:?}"));
        }
        let missing = needed.iter().filter(|part| self.part(part).is_none_or(str::is_empty));
        faults.extend(missing.map(|part| format!("its header has no '{part}:'")));
        faults
    }
}

#[test]
fn a_header_is_read_part_by_part() {
    let header = Header::of(
        "//! # Slots: one number\n//!\n//! Problem: an index\n//! goes stale. The rest: see.\n\
         //! Idea: a generation.\n//! Read before: `a.rs`, `b.rs`. Read next: `c/d.rs`.\n\
         //! Try: `cargo test`\n\nuse std::fmt;\n",
    );
    assert_eq!(header.part("Problem"), Some("an index goes stale. The rest: see."));
    assert_eq!(header.paths("Read before"), ["a.rs", "b.rs"]);
    assert_eq!(header.paths("Read next"), ["c/d.rs"]);
    assert_eq!(header.part("Try"), Some("`cargo test`"));
    assert_eq!(header.faults(&["Problem", "Try"]), [""; 0]);
    assert_eq!(header.faults(&["Leaves out"]), ["its header has no 'Leaves out:'"]);
    let header = Header::of("//! Slots.\n//! Idea: b. Problem: a.\n");
    assert_eq!(header.faults(&[]).len(), 2);
}
