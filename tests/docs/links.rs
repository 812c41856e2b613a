//! Links lead somewhere, and so does `DESIGN.md, "a title"`.

use crate::prose::{Kind, Paragraph, Prose};
use crate::repo::Repo;
use crate::texts;

/// How many links there are, and which lead nowhere.
fn check(repo: &Repo, prose: &Prose) -> (usize, Vec<String>) {
    let (mut links, mut faults) = (0, Vec::new());
    for paragraph in prose.paragraphs.iter().filter(|paragraph| paragraph.kind != Kind::Block) {
        for link in paragraph.links() {
            if link.target.contains("://") || link.is_to_an_item() {
                continue;
            }
            links += 1;
            if let Err(wrong) = leads(repo, &prose.file, &link.target) {
                faults.push(format!("{}: {wrong}", prose.place(paragraph, link.from)));
            }
        }
        if let Some(source) = source_page(&paragraph.text) {
            links += 1;
            if !repo.has(&source) {
                faults.push(format!("{}: there is no {source}", prose.place(paragraph, 0)));
            }
        }
        for (at, title) in quoted_titles(paragraph) {
            links += 1;
            if !titles(repo.text("DESIGN.md")).iter().any(|found| found == title) {
                faults
                    .push(format!("{}: DESIGN.md has no \"{title}\"", prose.place(paragraph, at)));
            }
        }
    }
    (links, faults)
}

/// A relative link leads to a file or folder, and its anchor to a heading there.
fn leads(repo: &Repo, from: &str, target: &str) -> Result<(), String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = from.rfind('/').map_or("", |end| &from[..=end]);
    let path = if path.is_empty() { from.to_owned() } else { format!("{folder}{path}") };
    if !repo.has(&path) {
        return Err(format!("the link to {target} leads nowhere: there is no {path}"));
    }
    if anchor.is_empty() || headings(repo.text(&path)).iter().any(|title| slug(title) == anchor) {
        return Ok(());
    }
    Err(format!("the link to {target} leads nowhere: {path} has no such heading"))
}

/// The file that rustdoc shows under this address: `[a]: ../src/dormouse/slots.rs.html`.
fn source_page(text: &str) -> Option<String> {
    let (_, page) = text.split_once("]: ../src/dormouse")?;
    let source = page.strip_suffix(".html")?;
    let study = source.strip_prefix("_study/").map(|source| format!("servers/{source}"));
    study.or_else(|| Some(format!("runtime/src{source}")))
}

/// `DESIGN.md, "One thread"` in a text.
fn quoted_titles(paragraph: &Paragraph) -> impl Iterator<Item = (usize, &str)> {
    const BEFORE: &str = "DESIGN.md, \"";
    let found = paragraph.text.match_indices(BEFORE);
    found.filter_map(|(at, _)| {
        let title = &paragraph.text[at + BEFORE.len()..];
        Some((at, &title[..title.find('"')?]))
    })
}

fn headings(page: &str) -> Vec<String> {
    let paragraphs = Prose::page("", page).paragraphs.into_iter();
    let headings = paragraphs.filter(|paragraph| matches!(paragraph.kind, Kind::Heading(_)));
    headings.map(|heading| heading.text).collect()
}

/// What can be called a title: a heading, or what stands in bold at the start of a paragraph.
fn titles(page: &str) -> Vec<String> {
    let bold = Prose::page("", page).paragraphs.into_iter().filter_map(|paragraph| {
        let said =
            paragraph.text.trim_start_matches(|c: char| c.is_ascii_digit() || ". ".contains(c));
        let said = said.strip_prefix("**")?;
        Some(said[..said.find("**")?].trim_end_matches('.').to_owned())
    });
    headings(page).into_iter().chain(bold).collect()
}

/// The anchor of a heading, as GitHub makes it.
fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let repo = Repo::read();
    let checked = texts(&repo).into_iter().map(|prose| check(&repo, &prose));
    let (links, faults) = checked.fold((0, vec![]), |(links, mut all), (more, faults)| {
        all.extend(faults);
        (links + more, all)
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(links >= 25, "only {links} links were found");
}

#[test]
fn a_link_that_leads_nowhere_is_named() {
    let page = "# One page\n\n## What it is, and `why`\n\n[a](b.md), [b](#what-it-is-and-why),\n\
        [c](c.md#one-page) [d](#one) `[e](f.md)` [g](https://example.org) (c.md)\n";
    let repo = Repo::of(
        [("c.md", page), ("DESIGN.md", "1. **One thread.** Why?\n")]
            .map(|(file, text)| (file.to_owned(), text.to_owned())),
    );
    let (links, faults) = check(&repo, &Prose::page("c.md", page));
    assert_eq!(links, 4);
    assert!(
        faults[0].starts_with("c.md:5: ") && faults[0].contains("there is no b.md"),
        "{faults:?}"
    );
    assert!(
        faults[1].starts_with("c.md:6: ") && faults[1].contains("no such heading"),
        "{faults:?}"
    );
    assert_eq!(faults.len(), 2, "{faults:?}");
    let (links, faults) = check(&repo, &Prose::page("c.md", "[a]: ../src/dormouse/a.rs.html\n"));
    assert!(links == 1 && faults[0].contains("there is no runtime/src/a.rs"), "{faults:?}");
    let page = "(DESIGN.md, \"One thread\"), and DESIGN.md, \"Two\nthreads\"";
    let (_, faults) = check(&repo, &Prose::page("c.md", page));
    assert!(faults.len() == 1 && faults[0].contains("no \"Two threads\""), "{faults:?}");
}
