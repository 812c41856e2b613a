//! # Output: lines that nothing a peer sends can break
//!
//! Problem: a peer's bytes go to a terminal and to logs, and whoever reads stdout may leave.
//! Idea: escape what can't be printed; report a failed write instead of a panic.
//! Leaves out: colours, and other encodings than UTF-8.
//! Read next: `counters.rs`.
//! Try: `cargo test output`

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Turns what a peer sent into one printable line.
///
/// Letters of any language and quotes stay as they are; control characters, backslashes and bytes
/// that are not UTF-8 are escaped, so that a message can neither end the line nor move the cursor.
///
/// ```
/// use dormouse_study::output::printable;
/// assert_eq!(printable("it's \u{1b}[2J\n".as_bytes()), r"it's \u{1b}[2J\n");
/// ```
pub fn printable(bytes: &[u8]) -> String {
    let mut line = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\'' => line.push(letter),
                _ => line.extend(letter.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            write!(line, "\\x{byte:02x}").expect("a String takes all that is written to it");
        }
    }
    line
}

/// Writes one line to stdout and flushes it: `println!` would panic where the reader has left.
///
/// # Errors
///
/// What the write said, [`io::ErrorKind::BrokenPipe`] when nobody reads any more.
pub fn print_line(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    // One write for the whole line, so that two processes on one pipe don't mix theirs.
    stdout
        .write_all(format!("{line}\n").as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|e| io::Error::new(e.kind(), format!("write to stdout: {e}")))
}

/// Writes the file that was asked for with `option`.
///
/// # Errors
///
/// What the system says, with the path and what to do.
pub fn write_file(option: &str, path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text).map_err(|e| unwritable(option, path, &e))
}

/// Says whether [`write_file`] could write now; what is in the file stays as it is.
///
/// # Errors
///
/// As there.
pub fn check_writable(option: &str, path: &Path) -> io::Result<()> {
    let open = OpenOptions::new().append(true).create(true).open(path);
    open.map(drop).map_err(|e| unwritable(option, path, &e))
}

fn unwritable(option: &str, path: &Path, e: &io::Error) -> io::Error {
    let hint = format!("give {option} a file in a folder that can be written");
    io::Error::new(e.kind(), format!("write {}: {e}; {hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn letters_of_any_language_stay_readable() {
        assert_eq!(printable("消息: \"naïve\"".as_bytes()), "消息: \"naïve\"");
    }

    #[test]
    fn nothing_a_peer_sends_ends_the_line() {
        assert_eq!(printable(b"a\r\nb\0\\\xff"), r"a\r\nb\0\\\xff");
    }

    #[test]
    fn text_that_runs_backwards_is_escaped() {
        assert_eq!(printable("\u{202e}txt".as_bytes()), r"\u{202e}txt");
    }
}
