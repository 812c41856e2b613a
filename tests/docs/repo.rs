//! The files of the repository, by their paths from its root.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What belongs to nobody's reading: what is built, and what git keeps.
const NOT_OURS: [&str; 2] = ["target", ".git"];

pub(crate) struct Repo {
    files: BTreeMap<String, String>,
    folders: BTreeSet<String>,
}

impl Repo {
    pub(crate) fn read() -> Repo {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                if NOT_OURS.contains(&name.as_str()) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                    files.push((name, text));
                }
            }
        }
        Repo::of(files)
    }

    pub(crate) fn of(files: impl IntoIterator<Item = (String, String)>) -> Repo {
        let files: BTreeMap<_, _> = files.into_iter().collect();
        let folders = files.keys().flat_map(|file| parents(file)).map(str::to_owned).collect();
        Repo { files, folders }
    }

    pub(crate) fn text(&self, file: &str) -> &str {
        self.files.get(file).unwrap_or_else(|| panic!("there is no {file}"))
    }

    pub(crate) fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// A file, or a folder, with or without the stroke at its end.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.is_file(path) || self.folders.contains(path.trim_end_matches('/'))
    }

    /// All files below one of `folders` with this ending, in the order of their names.
    pub(crate) fn below<'a>(
        &'a self,
        folders: &'a [&str],
        ending: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let files = self.files.keys().map(String::as_str);
        files.filter(move |file| {
            let here =
                |folder: &&str| file.strip_prefix(*folder).is_some_and(|at| at.starts_with('/'));
            file.ends_with(ending) && folders.iter().any(here)
        })
    }

    /// Whether a file or folder is named so, where a `*` stands for anything within a name.
    pub(crate) fn matches(&self, pattern: &str) -> bool {
        let pattern = pattern.trim_end_matches('/');
        let names = self.files.keys().chain(&self.folders);
        names.into_iter().any(|name| like(name, pattern))
    }
}

/// The folders that a path lies in, the nearest first; the root is not among them.
pub(crate) fn parents(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path.trim_end_matches('/');
    std::iter::from_fn(move || {
        rest = &rest[..rest.rfind('/')?];
        Some(rest)
    })
}

fn like(name: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return name == pattern };
    let Some(rest) = name.strip_prefix(before) else { return false };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    let mut ends = ends.take_while(|end| !rest[..*end].contains('/'));
    ends.any(|end| like(&rest[end..], after))
}

#[test]
fn a_star_stands_for_a_name_and_not_for_a_folder() {
    let files = ["examples/01_blocking.rs", "servers/models/mio.rs"];
    let repo = Repo::of(files.map(|file| (file.to_owned(), String::new())));
    assert!(repo.matches("examples/*_*.rs") && repo.matches("servers/*"));
    assert!(!repo.matches("examples/*_*.md") && !repo.matches("servers/*.rs"));
    assert!(repo.has("servers/models/") && !repo.has("models"));
    assert_eq!(parents("a/b/c.rs").collect::<Vec<_>>(), ["a/b", "a"]);
    assert_eq!(parents("a/b/").collect::<Vec<_>>(), ["a"]);
}
