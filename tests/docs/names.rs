//! What a piece of code in the prose is: a path, a name, or neither.

use crate::items::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code<'a> {
    Path(&'a str),
    /// `Type::name`, or `module::name`.
    Member(&'a str, &'a str),
    /// One name: of a function, a type, a test.
    Word(&'a str),
    /// Anything else: a command, an option, a line of code.
    Other,
}

/// Whether it ends as a file of this repository does.
pub(crate) fn is_file(text: &str) -> bool {
    [".rs", ".md", ".toml", ".py"].iter().any(|ending| text.ends_with(ending))
}

pub(crate) fn kind(text: &str) -> Code<'_> {
    let name = text.trim_end_matches("()").trim_end_matches('!');
    let identifier =
        |name: &str| words(name).eq([name]) && !name.starts_with(|c: char| c.is_numeric());
    if let Some((before, last)) = name.rsplit_once("::") {
        let of = before.rsplit("::").next().unwrap_or(before);
        let all = before.split("::").chain([last]).all(identifier);
        return if all { Code::Member(of, last) } else { Code::Other };
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./*".contains(&byte));
    if plain && (is_file(text) || text.contains('/')) && !text.starts_with(['/', '-']) {
        return Code::Path(text);
    }
    let inner = |c: char| c.is_uppercase() || c == '_';
    let ours = name.chars().any(char::is_lowercase) && name.chars().skip(1).any(inner);
    if identifier(name) && (ours || text != name) { Code::Word(name) } else { Code::Other }
}

#[test]
fn a_name_is_told_from_a_command() {
    assert_eq!(kind("servers/models/"), Code::Path("servers/models/"));
    assert_eq!(kind("DESIGN.md"), Code::Path("DESIGN.md"));
    assert_eq!(kind("dormouse::Side::wait()"), Code::Member("Side", "wait"));
    assert_eq!(kind("poll_ready"), Code::Word("poll_ready"));
    assert_eq!(kind("JoinHandle"), Code::Word("JoinHandle"));
    assert_eq!(kind("spawn()"), Code::Word("spawn"));
    for other in ["mio", "EPERM", "--every 1ms", "/proc/self/status", "x = Side::wait", "a::b c"] {
        assert_eq!(kind(other), Code::Other, "{other}");
    }
}
