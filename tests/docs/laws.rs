//! The lines of code that DESIGN.md says keep a law stand where it says.

use crate::items::Items;
use crate::prose::{Kind, Paragraph, Prose};
use crate::repo::Repo;

/// The column 'kept by' of the table of laws.
const COLUMN: usize = 2;

/// A line of code, and the function or folder that it must stand in.
struct Kept {
    code: String,
    place: String,
}

/// Which lines a row names, each with the place that follows it.
fn kept(row: &str) -> Result<Vec<Kept>, String> {
    let cell = Prose::page("", row.trim().trim_matches('|').split(" | ").nth(COLUMN).unwrap_or(""));
    let code = cell.paragraphs.first().map(Paragraph::code).unwrap_or_default();
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for span in code {
        if span.text.contains(' ') || !(span.text.ends_with('/') || is_function(&span.text)) {
            open.push(span.text);
        } else {
            let place = &span.text;
            found.extend(open.drain(..).map(|code| Kept { code, place: place.clone() }));
        }
    }
    match open.first() {
        Some(code) => {
            Err(format!("`{code}`: say in which function it stands, as `Type::function`"))
        }
        None => Ok(found),
    }
}

fn is_function(text: &str) -> bool {
    let part = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    text.split_once("::").is_some_and(|(of, name)| {
        part(of) && part(name) && !name.is_empty() && name.starts_with(char::is_lowercase)
    })
}

/// The same line, however it is broken.
fn plain(code: &str) -> String {
    code.split_whitespace().collect()
}

fn stands(repo: &Repo, items: &Items, kept: &Kept) -> bool {
    let code = plain(&kept.code);
    if let Some((of, name)) = kept.place.split_once("::") {
        return items.member(of, name).iter().any(|item| plain(&item.body).contains(&code));
    }
    let folder = format!("runtime/src/{}", kept.place.trim_end_matches('/'));
    repo.below(&[folder.as_str()], ".rs").any(|file| plain(repo.text(file)).contains(&code))
}

/// The rows of the table in the section 'The laws' that begin with a number.
fn rows(page: &str) -> Vec<String> {
    let paragraphs = Prose::page("", page).paragraphs.into_iter();
    let section = paragraphs.skip_while(|paragraph| paragraph.text != "The laws").skip(1);
    let section = section.take_while(|paragraph| !matches!(paragraph.kind, Kind::Heading(_)));
    let rows = section.filter(|paragraph| paragraph.kind == Kind::Row).map(|row| row.text);
    rows.filter(|row| row.trim_start_matches(['|', ' ']).starts_with(|c: char| c.is_numeric()))
        .collect()
}

fn check(repo: &Repo, items: &Items, row: &str) -> Result<usize, String> {
    let kept = kept(row)?;
    match kept.iter().find(|kept| !stands(repo, items, kept)) {
        Some(Kept { code, place }) => Err(format!("`{code}` does not stand in `{place}`")),
        None => Ok(kept.len()),
    }
}

#[test]
fn what_keeps_a_law_stands_in_the_code() {
    let repo = Repo::read();
    let items = Items::of(&repo);
    let rows = rows(repo.text("DESIGN.md"));
    assert_eq!(rows.len(), 6, "one row for each law");
    for row in rows {
        let lines = check(&repo, &items, &row);
        assert!(lines.as_ref().is_ok_and(|lines| *lines >= 1), "{lines:?}: {row}");
    }
}

#[test]
fn a_line_that_has_changed_is_noticed() {
    let source = "impl Side {\n    fn clear(&self) {\n        self.ready\n            .set(false);\n    }\n}";
    let repo = Repo::of([("runtime/src/net/a.rs".to_owned(), source.to_owned())]);
    let items = Items::of(&repo);
    let check = |cell: &str| check(&repo, &items, &format!("| 0 | says | {cell} | tests |"));
    assert_eq!(
        check("`self.ready.set(false)`, once, in `Side::clear`; `self.ready` in `net/`"),
        Ok(2)
    );
    assert!(
        check("`self.ready.set(true)` in `Side::clear`").unwrap_err().contains("does not stand")
    );
    assert!(check("`self.ready.set(false)` in `Side::wake`").unwrap_err().contains("Side::wake"));
    assert!(check("`self.ready.set(false)`").unwrap_err().contains("say in which function"));
}
