//! A step as its file says it is: header, what it shows, what breaks it.

use std::fs;
use std::path::Path;

/// At least so many; DESIGN.md and README name them.
pub(crate) const STEPS: usize = 20;

#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) lines: usize,
    /// What the header says that it prints.
    pub(crate) shows: String,
    text: String,
}

impl Step {
    /// All of them, by their number.
    pub(crate) fn all(folder: &Path) -> Vec<Step> {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut steps: Vec<_> =
            files.filter(|path| path.is_file()).map(|path| Step::read(&path)).collect();
        steps.sort_by(|one, other| one.name.cmp(&other.name));
        steps
    }

    fn read(path: &Path) -> Step {
        let text = fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let header = text.lines().take_while(|line| line.starts_with("//!"));
        let block = header.skip_while(|line| !line.starts_with("//! You should see"));
        let block = block.take_while(|line| !line.starts_with("//! Break it: "));
        let lines = block.filter_map(|line| line.strip_prefix("//!     "));
        let shows = lines.collect::<Vec<_>>().join("\n");
        assert!(!shows.is_empty(), "{name}: its header says what it prints");
        Step { name, lines: text.lines().count(), shows, text }
    }

    /// Its header, and its code.
    pub(crate) fn parts(&self) -> (&str, &str) {
        let header: usize = self
            .text
            .split_inclusive('\n')
            .take_while(|line| line.starts_with("//!"))
            .map(str::len)
            .sum();
        self.text.split_at(header)
    }

    /// The line of code, and what to put in its place: `Break it: put NEW in place of OLD`.
    pub(crate) fn to_break(&self) -> (String, String) {
        let header = self.parts().0.replace("\n//! ", " ");
        let (_, rest) = header.split_once("Break it: put `").expect("a header says what breaks it");
        let (new, rest) = rest.split_once("` in place of `").expect("in place of what");
        let (old, _) = rest.split_once('`').expect("both in backticks");
        (old.to_owned(), new.to_owned())
    }

    /// How many lines of code come, and how many go, since `before`: its header says at most how
    /// many, after `diff examples/… examples/…`.
    pub(crate) fn differs_from(&self, before: &str) -> Option<(usize, usize)> {
        let header = self.parts().0.replace("\n//! ", " ");
        let diff = format!("`diff examples/{before}.rs examples/{}.rs`: ", self.name);
        let (_, said) = header.split_once(&diff)?;
        let (come, said) = said.split_once(" lines of code come, ").expect("how many come");
        let (go, _) = said.split_once(" go").expect("how many go");
        Some((come.parse().expect("a number"), go.parse().expect("a number")))
    }

    pub(crate) fn is_tried_by(&self, name: &str) -> bool {
        self.parts().0.contains(&format!("//! Try: `cargo run --example {name}`"))
    }

    pub(crate) fn leads_to(&self, name: &str) -> bool {
        let header = self.parts().0.replace("\n//! ", " ");
        header.contains(&format!("Run next: `cargo run --example {name}`."))
    }
}

/// The lines, each figure replaced by `#`: only those differ from run to run.
pub(crate) fn without_figures(text: &str) -> Vec<String> {
    text.lines().map(without_figures_in).collect()
}

fn without_figures_in(line: &str) -> String {
    let mut short = String::new();
    for word in line.split_whitespace() {
        let word = word.replace(|c: char| c.is_ascii_digit(), "#");
        let word = word.replace("#,#", "##").replace("#.#", "##");
        let mut chars = word.chars().collect::<Vec<_>>();
        chars.dedup_by(|one, other| *one == '#' && *other == '#');
        if !short.is_empty() {
            short.push(' ');
        }
        short.extend(chars);
    }
    short
}
