//! Lines with those that continue them, in one piece.
//!
//! The server writes a TAB behind each line break of its own. Without these TABs a text of many lines
//! stands in one piece and can be borrowed like any other. So they are taken out once, for all lines that
//! came together. A line that nothing continues stays where it is.

use std::ops::Range;

use crate::lanes::each_place;

/// Texts of many lines without the TABs that continue them, and where lines are. Made to be filled again.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// Lines that are continued, with what continues them.
    text: String,
    /// Each line that continues no other in the text, in its order.
    marks: Vec<Mark>,
}

/// A line that begins behind the mark before it, and what continues it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// Where the line itself ends, before its line break.
    line_end: usize,
    /// Where the last line that continues it ends.
    end: usize,
    /// How many lines continue it.
    tabs: usize,
}

/// By which [`Folded::runs`] finds the lines that were added together.
#[derive(Debug, Default)]
pub(super) struct Added {
    marks: Range<usize>,
    /// Where the first of those stands that are continued.
    start: usize,
}

/// A line with those that continue it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    /// The line, without its line break.
    pub(super) line: &'a str,
    /// The same with all that continues it, without the TABs.
    pub(super) whole: &'a str,
    /// The lines that continue it, as they stand in the file.
    continued: &'a str,
}

impl Folded {
    /// Forgets all lines.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.marks.clear();
    }

    /// Adds whole lines without the TABs.
    pub(super) fn fold(&mut self, text: &str) -> Added {
        let (first_mark, first_byte) = (self.marks.len(), self.text.len());
        let bytes = text.as_bytes();
        // Where the last line that continues none begins, and the one behind the last line break.
        let (mut first, mut start) = (0, 0);
        each_place(bytes, b'\n', |end| {
            let is_continued = start > 0 && bytes.get(start) == Some(&b'\t');
            if is_continued && let Some(mark) = self.marks.last_mut() {
                if mark.tabs == 0 {
                    self.text.push_str(text.get(first..mark.line_end).unwrap_or_default());
                }
                self.text.push('\n');
                self.text.push_str(text.get(start + 1..end).unwrap_or_default());
                mark.end = end;
                mark.tabs += 1;
            } else {
                self.marks.push(Mark { line_end: end, end, tabs: 0 });
                first = start;
            }
            start = end + 1;
        });
        Added { marks: first_mark..self.marks.len(), start: first_byte }
    }

    /// Returns lines that were added together, in their order. To be given the same text again.
    pub(super) fn runs<'a>(&'a self, text: &'a str, added: Added) -> impl Iterator<Item = Run<'a>> {
        let (mut start, mut folded_start) = (0, added.start);
        self.marks.get(added.marks).unwrap_or_default().iter().filter_map(move |mark| {
            let line = text.get(start..mark.line_end)?;
            let (mut whole, mut continued) = (line, "");
            if mark.tabs > 0 {
                let folded_end = folded_start + mark.end - start - mark.tabs;
                whole = self.text.get(folded_start..folded_end)?;
                continued = text.get(mark.line_end + 1..=mark.end)?;
                folded_start = folded_end;
            }
            start = mark.end + 1;
            Some(Run { line, whole, continued })
        })
    }
}

impl<'a> Run<'a> {
    /// How many bytes of the file the lines take that continue the first one.
    pub(super) const fn continued_bytes(&self) -> usize {
        self.continued.len()
    }

    /// Returns the lines that continue the first one, as they stand in the file, without line break.
    pub(super) fn continuations(&self) -> impl Iterator<Item = &'a str> {
        self.continued.split_terminator('\n')
    }

    /// Returns a text with all that continues it. `None` unless it is the end of the line, in its place.
    pub(super) fn with_continuations(&self, text: &str) -> Option<&'a str> {
        let start = self.line.len().checked_sub(text.len())?;
        let is_same = !text.is_empty() && std::ptr::eq(self.line.get(start..)?, text);
        self.whole.get(start..).filter(|_| is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str) -> Vec<(String, String, Vec<String>)> {
        let mut folded = Folded::default();
        folded.fold("others\n\tbefore\n");
        let added = folded.fold(text);
        folded.fold("others\n\tbehind\n");
        let runs = folded.runs(text, added).map(|run| {
            let continuations: Vec<&str> = run.continuations().collect();
            let bytes: usize = continuations.iter().map(|line| line.len() + 1).sum();
            assert_eq!(run.continued_bytes(), bytes);
            let continuations = continuations.into_iter().map(str::to_owned).collect();
            (run.line.to_owned(), run.whole.to_owned(), continuations)
        });
        runs.collect()
    }

    fn run(line: &str, whole: &str, continuations: &[&str]) -> (String, String, Vec<String>) {
        let continuations = continuations.iter().map(|line| (*line).to_owned()).collect();
        (line.to_owned(), whole.to_owned(), continuations)
    }

    #[test]
    fn lines_are_joined_with_those_that_continue_them() {
        assert_eq!(
            runs("a\n\tb\n\t\n\t\tc\nd\te\n\nf\n\tg\n"),
            [
                run("a", "a\nb\n\n\tc", &["\tb", "\t", "\t\tc"]),
                run("d\te", "d\te", &[]),
                run("", "", &[]),
                run("f", "f\ng", &["\tg"]),
            ]
        );
    }

    #[test]
    fn first_line_continues_none_of_the_text() {
        assert_eq!(runs("\ta\n\tb\n"), [run("\ta", "\ta\nb", &["\tb"])]);
    }

    #[test]
    fn only_the_end_of_the_line_itself_is_continued() {
        let text = "LOG:  a\n\tb\n";
        let mut folded = Folded::default();
        let added = folded.fold(text);
        let run = folded.runs(text, added).next().unwrap();
        assert_eq!(run.with_continuations(&run.line[6..]), Some("a\nb"));
        let elsewhere = String::from("a");
        assert_eq!(run.with_continuations(elsewhere.as_str()), None);
        assert_eq!(run.with_continuations(&run.line[..6]), None);
        assert_eq!(run.with_continuations(""), None);
    }
}
