//! # Output: lines that nothing a peer sends can break
//!
//! Problem: a peer's bytes go to a terminal and to logs, and whoever reads stdout may leave.
//! Idea: escape what can't be printed; report a failed write instead of a panic.
//! Leaves out: colours, and other encodings than UTF-8.
//! Read next: `counters.rs`.
//! Try: `cargo test output`

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process;

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

/// Writes the file that was asked for with `option`: all of it, or what was there stays.
///
/// # Errors
///
/// What the system says, with the path and what to do.
pub fn write_file(option: &str, path: &Path, text: &str) -> io::Result<()> {
    let written = if is_special(path) { fs::write(path, text) } else { replace(path, text) };
    written.map_err(|e| unwritable(option, path, &e))
}

/// Whether it is a pipe, a device, or a folder: nothing that another file can take the place of.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// Writes a file beside it first: where a disk is full, or the process ends, half a file has not
/// replaced a whole one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // Of a link, the file that it leads to.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", process::id()));
    let beside = path.with_file_name(name);
    let file = OpenOptions::new().write(true).create_new(true).open(&beside);
    // A file that can be written may stand in a folder that can't.
    let Ok(mut file) = file else { return fs::write(path, text) };
    let written = fs::metadata(path)
        // Who may read it stays as it was.
        .map_or(Ok(()), |before| file.set_permissions(before.permissions()))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&beside, path));
    // What can't be removed either is not worth more words than why.
    written.inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Says whether [`write_file`] could write now; what is in the file stays as it is.
///
/// # Errors
///
/// As there.
pub fn check_writable(option: &str, path: &Path) -> io::Result<()> {
    if is_special(path) && !path.is_dir() {
        // Whoever reads a pipe would take this for all that comes.
        return Ok(());
    }
    let open = OpenOptions::new().append(true).create(true).open(path);
    open.map(drop).map_err(|e| unwritable(option, path, &e))
}

fn unwritable(option: &str, path: &Path, e: &io::Error) -> io::Error {
    let hint = format!("give {option} a file in a folder that can be written");
    io::Error::new(e.kind(), format!("write {}: {e}; {hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.json");
        for text in ["first", "second"] {
            write_file("--json", &path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_link_stays_one_and_a_full_device_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["figures.json", "link"].map(|name| folder.path().join(name));
        fs::write(&path, "before").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_file("--json", &link, "after").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        let full = write_file("--json", Path::new("/dev/full"), "text").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert!(full.to_string().contains("/dev/full"), "{full}");
    }

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
