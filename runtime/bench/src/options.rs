//! What the command line asks for.

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Only whether it runs: what `cargo test --benches` does.
    Smoke,
    /// A first impression.
    Quick,
    /// What a table is made of.
    Full,
}

impl Effort {
    /// One of three values, by effort.
    pub fn pick<T>(self, smoke: T, quick: T, full: T) -> T {
        match self {
            Effort::Smoke => smoke,
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }
}

/// How much to measure, and what.
#[derive(Debug)]
pub struct Options {
    /// How much is measured.
    pub effort: Effort,
    words: Vec<String>,
}

impl Options {
    /// Reads the arguments of this process; ends it with 2 where they make no sense.
    pub fn from_args() -> Self {
        let mut options = Options { effort: Effort::Smoke, words: Vec::new() };
        for arg in std::env::args().skip(1) {
            match arg.as_str() {
                // Said by `cargo bench`, and not by `cargo test`.
                "--bench" if options.effort == Effort::Smoke => options.effort = Effort::Full,
                "--bench" => {}
                "--quick" => options.effort = Effort::Quick,
                word if !word.starts_with('-') => options.words.push(word.to_owned()),
                _ => {
                    eprintln!("unknown option {arg}: there is --quick, and words that choose");
                    std::process::exit(2);
                }
            }
        }
        options
    }

    /// Whether `name` is asked for: it contains one of the words, or there are none.
    pub fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| contains(name, word))
    }
}

/// Whether `word` is in `name`, and no digit follows: `c=1` is not `c=16`.
fn contains(name: &str, word: &str) -> bool {
    let mut ends = name.match_indices(word).map(|(at, _)| &name[at + word.len()..]);
    ends.any(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_number_is_not_the_beginning_of_another() {
        assert!(contains("echo c=1", "c=1"));
        assert!(!contains("echo c=16", "c=1"));
        assert!(contains("yield, 100 tasks, ns", "yield"));
        assert!(!contains("yield, 100 tasks, ns", "echo"));
    }
}
