//! A copy of the sources, to be broken.

use std::fs;
use std::path::Path;

/// Copies what a build needs; files that did not change keep their time, so that little is rebuilt.
pub(crate) fn copy_sources(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name();
        if name == "target" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        if source.is_dir() {
            copy_sources(&source, &target);
        } else if fs::read(&source).unwrap() != fs::read(&target).unwrap_or_default() {
            fs::copy(&source, &target).unwrap();
        }
    }
}
