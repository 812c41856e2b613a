//! Prose, cut into paragraphs, and what stands between backticks and in links there.
//!
//! It is a Markdown page, or the comments of a source file. Of Markdown only what our pages use is
//! understood.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// How deep it stands, from 1.
    Heading(usize),
    Text,
    /// A row of a table.
    Row,
    /// A line of an indented block, as it stands: a command, or what one prints.
    Block,
}

#[derive(Debug)]
pub(crate) struct Paragraph {
    pub(crate) kind: Kind,
    /// Its lines, joined by spaces.
    pub(crate) text: String,
    /// Where each line begins in `text`, and its number in the file.
    lines: Vec<(usize, usize)>,
}

/// A piece of a paragraph: what it says, and from where to where it stands, its marks included.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

pub(crate) struct Link {
    pub(crate) target: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Link {
    /// `[spawn](crate::spawn)`: rustdoc checks those.
    pub(crate) fn is_to_an_item(&self) -> bool {
        !self.target.contains(['.', '/', '#'])
    }
}

pub(crate) struct Prose {
    pub(crate) file: String,
    pub(crate) paragraphs: Vec<Paragraph>,
}

impl Prose {
    pub(crate) fn page(file: &str, text: &str) -> Prose {
        Prose::of(
            file,
            Cutter { fences: Fences::Blocks, ..Cutter::default() },
            text.lines().enumerate(),
        )
    }

    /// The header of a source file, without the programs in it.
    pub(crate) fn header(file: &str, text: &str) -> Prose {
        let top = text.lines().enumerate().take_while(|(_, line)| line.starts_with("//!"));
        let said = top.map(|(number, line)| (number, line[3..].strip_prefix(' ').unwrap_or("")));
        Prose::of(file, Cutter::default(), said)
    }

    /// All comments of a source file that stand on lines of their own, its header among them.
    pub(crate) fn comments(file: &str, text: &str) -> Prose {
        let said = text.lines().enumerate().map(|(number, line)| {
            let comment = line.trim_start().strip_prefix("//").unwrap_or("");
            let comment = comment.trim_start_matches(['/', '!']);
            (number, comment.strip_prefix(' ').unwrap_or(comment))
        });
        Prose::of(file, Cutter::default(), said)
    }

    fn of<'a>(
        file: &str,
        mut cutter: Cutter,
        lines: impl Iterator<Item = (usize, &'a str)>,
    ) -> Prose {
        for (number, line) in lines {
            cutter.take(number + 1, line);
        }
        cutter.end();
        Prose { file: file.to_owned(), paragraphs: cutter.done }
    }

    /// The file and the line of what stands at `from` in the paragraph.
    pub(crate) fn place(&self, paragraph: &Paragraph, from: usize) -> String {
        format!("{}:{}", self.file, paragraph.line(from))
    }
}

impl Paragraph {
    fn line(&self, at: usize) -> usize {
        let before = self.lines.iter().take_while(|(start, _)| *start <= at);
        before.last().map_or(0, |(_, number)| *number)
    }

    /// What stands between backticks, in a table without the strokes that a `|` needs there.
    pub(crate) fn code(&self) -> Vec<Span> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(start) = self.text[at..].find('`').map(|start| at + start) {
            let marks = self.text[start..].bytes().take_while(|byte| *byte == b'`').count();
            let inside = start + marks;
            let Some(length) = self.text[inside..].find(&"`".repeat(marks)) else { break };
            at = inside + length + marks;
            let text = self.text[inside..inside + length].trim().replace("\\|", "|");
            found.push(Span { text, from: start, to: at });
        }
        found
    }

    /// What `[…](target)` leads to, wherever that does not stand between backticks.
    pub(crate) fn links(&self) -> Vec<Link> {
        let code = self.code();
        let quoted = |at: usize| code.iter().any(|span| span.from < at && at < span.to);
        let mut found = Vec::new();
        for (middle, _) in self.text.match_indices("](").filter(|(at, _)| !quoted(*at)) {
            let mut before = self.text[..middle].rmatch_indices('[');
            let Some((from, _)) = before.find(|(at, _)| !quoted(*at)) else { continue };
            let Some(length) = self.text[middle..].find(')') else { continue };
            let target = self.text[middle + 2..middle + length].to_owned();
            found.push(Link { target, from, to: middle + length + 1 });
        }
        found
    }
}

/// What stands between lines of three backticks.
#[derive(Default, PartialEq, Eq)]
enum Fences {
    Blocks,
    /// In a source file: the compiler has seen them.
    #[default]
    Programs,
}

#[derive(Default)]
struct Cutter {
    done: Vec<Paragraph>,
    open: Option<Paragraph>,
    blank_before: bool,
    in_list: bool,
    in_fence: bool,
    fences: Fences,
}

impl Cutter {
    fn take(&mut self, number: usize, line: &str) {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with("```") {
            self.end();
            self.in_fence = !self.in_fence;
        } else if self.in_fence {
            if self.fences == Fences::Blocks {
                self.one(Kind::Block, number, line);
            }
        } else if line.trim().is_empty() {
            self.end();
            self.blank_before = true;
            return;
        } else if self.is_block(indent) {
            self.one(Kind::Block, number, line);
            return;
        } else if line.starts_with('#') {
            let title = line.trim_start_matches('#');
            self.one(Kind::Heading(line.len() - title.len()), number, title);
            self.in_list = false;
        } else if line.starts_with('|') {
            self.one(Kind::Row, number, line);
        } else {
            self.text(number, line, indent);
        }
        self.blank_before = false;
    }

    /// An indented line is a block after a blank line, or after another line of a block.
    fn is_block(&self, indent: usize) -> bool {
        let after = self.done.last().is_some_and(|last| last.kind == Kind::Block);
        let open = self.open.is_some();
        indent >= if self.in_list { 8 } else { 4 } && !open && (self.blank_before || after)
    }

    fn text(&mut self, number: usize, line: &str, indent: usize) {
        let said = line.trim();
        let item = begins_an_item(said);
        if indent == 0 {
            self.in_list = item || (self.in_list && !self.blank_before);
        }
        if item || begins_a_part(said) {
            self.end();
        }
        match &mut self.open {
            None => {
                let lines = vec![(0, number)];
                self.open = Some(Paragraph { kind: Kind::Text, text: said.to_owned(), lines });
            }
            Some(open) => {
                open.lines.push((open.text.len() + 1, number));
                open.text.push(' ');
                open.text.push_str(said);
            }
        }
    }

    fn one(&mut self, kind: Kind, number: usize, line: &str) {
        self.end();
        self.done.push(Paragraph { kind, text: line.trim().to_owned(), lines: vec![(0, number)] });
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }
}

fn begins_an_item(line: &str) -> bool {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    line.starts_with("- ") || (digits > 0 && line[digits..].starts_with(". "))
}

/// The parts of a source file's header, and where links lead, stand on lines of their own.
fn begins_a_part(line: &str) -> bool {
    const PARTS: [&str; 8] = [
        "Problem:",
        "Idea:",
        "Leaves out:",
        "Read before:",
        "Read next:",
        "Try:",
        "You should see",
        "Break it:",
    ];
    PARTS.iter().any(|part| line.starts_with(part)) || line.starts_with('[') && line.contains("]: ")
}
