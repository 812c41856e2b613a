//! # Reply: what a server answers
//!
//! Problem: every server must answer the same, or the comparison compares answers.
//! Idea: one function turns a message into its answer, in the buffer where the message lies.
//! Leaves out: messages. A server answers the bytes that one read brought, wherever they end.
//! Read before: `counters.rs`. Read next: `options.rs`.
//! Try: `cargo run -- serve blocking --reply verbatim`

use clap::ValueEnum;

/// What comes back for what comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reply {
    /// The same in upper case: ASCII letters only, every other byte unchanged
    Upper,
    /// The same, unchanged
    Verbatim,
    /// Nothing: the bytes are read and dropped
    None,
}

impl Reply {
    /// Turns the message in `buffer` into its answer, in place, and returns the bytes to send.
    ///
    /// ```
    /// use dormouse_study::reply::Reply;
    /// let mut buffer = *b"hello, 7";
    /// assert_eq!(Reply::Upper.answer(&mut buffer), b"HELLO, 7");
    /// assert_eq!(Reply::None.answer(&mut buffer), b"");
    /// ```
    pub fn answer(self, buffer: &mut [u8]) -> &[u8] {
        match self {
            Reply::Upper => buffer.make_ascii_uppercase(),
            Reply::Verbatim => {}
            Reply::None => return &[],
        }
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;

    #[test]
    fn upper_changes_ascii_letters_and_no_other_byte() {
        let mut every_byte: Vec<u8> = (0..=255).collect();
        let before = every_byte.clone();
        for (old, new) in before.iter().zip(Reply::Upper.answer(&mut every_byte)) {
            assert_eq!(*new, if old.is_ascii_lowercase() { old - 32 } else { *old });
        }
    }

    #[test]
    fn verbatim_changes_nothing() {
        let mut every_byte: Vec<u8> = (0..=255).collect();
        let before = every_byte.clone();
        assert_eq!(Reply::Verbatim.answer(&mut every_byte), before);
    }
}
