//! Where a path of the prose leads, though most are written shorter than from the root.

use crate::foreign::PATHS;
use crate::repo::{Repo, parents};

/// Where a bare name like `source.rs` lives, if nothing around it says so.
const HOMES: [&str; 3] = ["runtime/src", "servers", "servers/models"];

/// The file or folder that `path` means in `file`, whose section has `named` these before.
///
/// It is looked for from the root; in the folders named before, the last one first; in those that
/// `file` lies in; in those of the files named before, with what they lie in; and at last at home,
/// if one home only has it.
pub(crate) fn resolve(
    repo: &Repo,
    file: &str,
    named: &[String],
    path: &str,
) -> Result<String, String> {
    let pattern = path.replace("NN_name", "*_*").replace("NAME", "*");
    if PATHS.iter().any(|(foreign, _)| *foreign == path)
        || pattern.contains('*') && repo.matches(&pattern)
    {
        return Ok(path.to_owned());
    }
    let before = || named.iter().rev().map(|path| path.trim_end_matches('/'));
    let folders = before().filter(|path| !repo.is_file(path));
    let around = folders.chain(parents(file)).chain(before().flat_map(parents));
    let around = around.map(|folder| format!("{folder}/{path}"));
    let mut places = [path.to_owned()].into_iter().chain(around);
    if let Some(at) = places.find(|place| repo.has(place)) {
        return Ok(at);
    }
    let homes = HOMES.iter().map(|home| format!("{home}/{path}"));
    match homes.filter(|place| repo.has(place)).collect::<Vec<_>>().as_slice() {
        [] => Err(format!("there is no `{path}`; write it from the root")),
        [one] => Ok(one.clone()),
        [one, two, ..] => Err(format!("`{path}` may be `{one}` or `{two}`; write which")),
    }
}

#[test]
fn a_bare_name_is_looked_for_where_the_text_is_and_what_it_has_named() {
    let files =
        ["runtime/src/net.rs", "runtime/src/net/tcp.rs", "runtime/tests/net.rs", "servers/net.rs"];
    let repo = Repo::of(files.map(|file| (file.to_owned(), String::new())));
    let found = |file, named: &[&str], path| {
        let named: Vec<_> = named.iter().map(|path| String::from(*path)).collect();
        resolve(&repo, file, &named, path)
    };
    assert_eq!(found("runtime/src/net/tcp.rs", &[], "net.rs").unwrap(), "runtime/src/net.rs");
    assert_eq!(found("DESIGN.md", &["runtime/tests/"], "net.rs").unwrap(), "runtime/tests/net.rs");
    assert_eq!(
        found("runtime/src/net.rs", &["runtime/tests"], "net.rs").unwrap(),
        "runtime/tests/net.rs"
    );
    assert_eq!(
        found("DESIGN.md", &["runtime/src/net/tcp.rs"], "net.rs").unwrap(),
        "runtime/src/net.rs"
    );
    assert_eq!(found("DESIGN.md", &[], "net/").unwrap(), "runtime/src/net/");
    assert!(found("DESIGN.md", &[], "net.rs").unwrap_err().contains("write which"));
    assert!(found("DESIGN.md", &[], "udp.rs").unwrap_err().contains("there is no"));
    assert!(found("DESIGN.md", &[], "runtime/*/NAME.rs").is_ok());
    assert!(found("DESIGN.md", &[], "servers/*/NAME.rs").is_err());
}
