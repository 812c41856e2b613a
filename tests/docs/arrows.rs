//! A file uses only files that come before it on the way.

use std::collections::BTreeSet;

use crate::items::words;
use crate::repo::Repo;
use crate::tour::way;

/// Where the modules of a crate lie.
const CRATES: [&str; 3] = ["runtime/src", "servers", "asleep/src"];

/// Who uses the runtime: two servers, and tools.
const ON_THE_RUNTIME: [&str; 6] = [
    "servers/models/async.rs",
    "servers/models/shards.rs",
    "servers/load/",
    "servers/look.rs",
    "servers/record",
    "servers/torture/",
];

/// The code of a file, without comments and without its tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The files that a file uses through `crate::` and `super::`.
fn used(repo: &Repo, file: &str) -> Result<BTreeSet<String>, String> {
    let root = CRATES.iter().find(|root| file.starts_with(&format!("{root}/")));
    let root = root.ok_or_else(|| format!("{file} is in no crate"))?;
    let module = file.trim_end_matches(".rs");
    let parent = module.rfind('/').map_or("", |end| &module[..end]);
    let code = code(repo.text(file));
    let mut found = BTreeSet::new();
    for (prefix, from) in [("crate::", *root), ("super::", parent)] {
        for (at, _) in code.match_indices(prefix) {
            let path = &code[at + prefix.len()..];
            let path = path.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next();
            let path = path.unwrap_or_default().trim_end_matches(':');
            if !code[..at].ends_with("super::") && !path.starts_with("super") {
                found.extend(file_of(repo, from, path));
            }
        }
    }
    Ok(found)
}

/// The file of `a::b::name` below a folder: the deepest module, or who exports the name.
fn file_of(repo: &Repo, from: &str, path: &str) -> Option<String> {
    let parts: Vec<_> = path.split("::").filter(|part| !part.is_empty()).collect();
    let mut at = from.to_owned();
    let mut depth = 0;
    for part in &parts {
        let next = format!("{at}/{part}");
        if !repo.is_file(&format!("{next}.rs")) {
            break;
        }
        at = next;
        depth += 1;
    }
    if depth > 0 {
        return Some(format!("{at}.rs"));
    }
    let lib = [format!("{from}/lib.rs"), format!("{from}.rs")];
    let lib = lib.iter().find(|lib| repo.is_file(lib))?;
    let name = parts.first()?;
    let exports = repo.text(lib).lines().filter(|line| line.starts_with("pub use "));
    let export = exports.into_iter().find(|line| words(line).any(|word| word == *name))?;
    file_of(repo, from, export.strip_prefix("pub use ")?.split('{').next()?.trim_end_matches("::"))
}

#[test]
fn a_file_uses_only_files_before_it() {
    let repo = Repo::read();
    let way = way(&repo);
    let (mut arrows, mut faults) = (0, Vec::new());
    for (at, file) in way.iter().enumerate().filter(|(_, file)| !file.ends_with("/lib.rs")) {
        for used in used(&repo, file).unwrap() {
            arrows += 1;
            if way[at + 1..].contains(&used) {
                faults.push(format!("{file} uses {used}, which comes later"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(arrows >= 100, "only {arrows} uses were found");
}

#[test]
fn the_runtime_lists_its_modules_in_the_order_of_the_way() {
    let repo = Repo::read();
    let way = way(&repo);
    let lines = repo.text("runtime/src/lib.rs").lines();
    let modules = lines.filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    let modules: Vec<_> = modules.map(|name| name.trim_end_matches(';')).collect();
    let first = |module: &&str| {
        let below = format!("runtime/src/{module}");
        let here = |file: &&String| {
            file.starts_with(&below) && file[below.len()..].starts_with(['.', '/'])
        };
        way.iter().position(|file| here(&file))
    };
    let places: Vec<_> = modules.iter().filter_map(first).collect();
    assert!(places.is_sorted(), "{modules:?}");
    assert!(places.len() >= 20);
}

#[test]
fn only_the_last_servers_and_tools_use_the_runtime() {
    let repo = Repo::read();
    for file in repo.below(&["servers"], ".rs") {
        let uses = code(repo.text(file)).contains("dormouse::");
        let may = ON_THE_RUNTIME.iter().any(|user| file.starts_with(user));
        assert!(may || !uses, "{file} uses the runtime");
    }
    for user in ON_THE_RUNTIME {
        let uses = |file: &str| code(repo.text(file)).contains("dormouse::");
        let files = || repo.below(&["servers"], ".rs").filter(|file| file.starts_with(user));
        assert!(files().any(uses), "{user} does not use the runtime");
    }
}

#[test]
fn an_arrow_is_seen_in_all_its_forms() {
    let files = [
        ("runtime/src/lib.rs", "mod a;\npub use a::{Task, spawn};\n"),
        ("runtime/src/a.rs", ""),
        (
            "runtime/src/net/tcp.rs",
            "use crate::net::{x};\nuse super::udp::Udp;\nfn f() { crate::spawn(); }\n",
        ),
        (
            "runtime/src/net.rs",
            "pub use udp::Udp;\n// crate::later\n#[cfg(test)]\nmod tests { use crate::later; }",
        ),
        ("runtime/src/net/udp.rs", "use super::Udp;\nuse crate::Task;"),
        ("runtime/src/later.rs", ""),
    ];
    let repo = Repo::of(files.map(|(file, text)| (file.to_owned(), text.to_owned())));
    let used = |file: &str| used(&repo, file).unwrap().into_iter().collect::<Vec<_>>();
    let (a, net, udp) = ("runtime/src/a.rs", "runtime/src/net.rs", "runtime/src/net/udp.rs");
    assert_eq!(used("runtime/src/net/tcp.rs"), [a, net, udp]);
    assert_eq!(used(udp), [a, udp]);
    assert_eq!(used(net), [""; 0]);
}
