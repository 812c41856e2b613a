//! # Ink: what a cell of the picture says
//!
//! Problem: a cell is half a millisecond wide, and many things happen in it.
//! Idea: each thing has a letter or a shade, and a rank: the rarer one is seen.
//! Leaves out: how many of them there were.
//! Read before: `scene.rs`. Read next: `timeline/lanes.rs`.
//! Try: `cargo run -- timeline async`

use console::{Color, style};

/// What happens in a cell, the most common thing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ink {
    Nothing,
    Sleeps,
    Unheard,
    Vain,
    Queued,
    Poll,
    Signal,
    Event,
    Submit,
    Accept,
    Write,
    Read,
    Answered,
    Sent,
    Connect,
    Left,
}

/// What is drawn for it, in which colour, and what it means.
type Look = (char, Color, &'static str);

impl Ink {
    fn look(self) -> Look {
        match self {
            Ink::Nothing => (' ', Color::White, ""),
            Ink::Sleeps => ('─', Color::Blue, "sleeps in the kernel"),
            Ink::Unheard => ('░', Color::Yellow, "not looked at yet: its data is there"),
            Ink::Vain => ('▓', Color::Red, "asks in vain, again and again"),
            Ink::Queued => ('q', Color::Yellow, "a task is in the run queue"),
            Ink::Poll => ('p', Color::Cyan, "a task is polled"),
            Ink::Signal => ('!', Color::Magenta, "a signal"),
            Ink::Event => ('e', Color::Magenta, "the kernel reports it"),
            Ink::Submit => ('s', Color::Cyan, "handed to the kernel"),
            Ink::Accept => ('a', Color::Green, "accept"),
            Ink::Write => ('w', Color::Cyan, "write"),
            Ink::Read => ('r', Color::Green, "read, or its result"),
            Ink::Answered => ('<', Color::Cyan, "the answer is there"),
            Ink::Sent => ('>', Color::Green, "a message is sent"),
            Ink::Connect => ('c', Color::White, "connect"),
            Ink::Left => ('x', Color::White, "leaves"),
        }
    }

    /// So many cells of it.
    pub(super) fn drawn(self, cells: usize) -> String {
        let (letter, color, _) = self.look();
        let cells: String = std::iter::repeat_n(letter, cells).collect();
        if self == Ink::Nothing { cells } else { style(cells).fg(color).to_string() }
    }

    /// As it stands in the legend.
    pub(super) fn explained(self) -> String {
        format!("{} {}", self.drawn(1), self.look().2)
    }

    /// How wide that is.
    pub(super) fn legend_width(self) -> usize {
        2 + self.look().2.chars().count()
    }
}
