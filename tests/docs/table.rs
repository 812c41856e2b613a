//! A row for each command that no rule of `cover.rs` covers, and how to write one; they are in
//! `rows.rs`.

/// A command, as it stands in the prose.
pub(crate) struct Row {
    pub(crate) text: &'static str,
    pub(crate) how: How,
}

/// What is typed, and what must come of it.
#[derive(Clone, Copy)]
pub(crate) struct Typed {
    /// Word by word; only what the text leaves to the reader is filled in.
    pub(crate) line: &'static str,
    pub(crate) says: &'static [&'static str],
    pub(crate) end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It ends by itself, with this status.
    Status(i32),
    /// Ctrl-C, once it has said what it should.
    CtrlC,
}

pub(crate) enum How {
    Typed(Typed),
    /// A server in one terminal; each of the others in turn in another; then Ctrl-C.
    Serves(Typed, &'static [Typed]),
    /// In the other terminal: a row of `Serves` types this.
    Beside(&'static str),
    /// The same as this one.
    Same(&'static str),
    /// `.ci/run` has this line.
    Ci(&'static str),
    /// A test of this file does the same.
    Test(&'static str, &'static str),
    /// Not run, with the reason.
    Exempt(&'static str),
}

pub(crate) const fn row(text: &'static str, how: How) -> Row {
    Row { text, how }
}

/// Ends by itself, and well.
pub(crate) const fn ends(text: &'static str, says: &'static [&'static str]) -> Row {
    filled(text, text, says)
}

/// The same, with what the text leaves open filled in.
pub(crate) const fn filled(
    text: &'static str,
    line: &'static str,
    says: &'static [&'static str],
) -> Row {
    Row { text, how: How::Typed(Typed { line, says, end: End::Status(0) }) }
}

/// A benchmark, for a first impression.
pub(crate) const fn quick(text: &'static str, line: &'static str) -> Row {
    filled(text, line, &["tokio"])
}

pub(crate) const fn fails(text: &'static str, status: i32, says: &'static [&'static str]) -> Row {
    Row { text, how: How::Typed(Typed { line: text, says, end: End::Status(status) }) }
}

pub(crate) const fn serves(
    text: &'static str,
    says: &'static [&'static str],
    others: &'static [Typed],
) -> Row {
    Row { text, how: How::Serves(Typed { line: text, says, end: End::CtrlC }, others) }
}

/// In the other terminal.
pub(crate) const fn other(line: &'static str, says: &'static [&'static str]) -> Typed {
    Typed { line, says, end: End::Status(0) }
}

/// The same, but it goes on until Ctrl-C.
pub(crate) const fn endless(line: &'static str, says: &'static [&'static str]) -> Typed {
    Typed { line, says, end: End::CtrlC }
}

pub(crate) const fn beside(text: &'static str) -> Row {
    Row { text, how: How::Beside(text) }
}
