//! Lines with those that continue them, in one piece.
//!
//! The server writes a TAB behind each line break of its own. Without these TABs a text of many lines
//! stands in one piece and can be borrowed like any other. So they are taken out once, for all lines that
//! came together.

use std::ops::Range;

use crate::lanes::each_place;

/// Text without the TABs that continue a line, and where its lines are. Made to be
/// filled again.
#[derive(Debug, Default)]
pub(super) struct Folded {
    text: String,
    /// Each line that continues no other in the text, in its order.
    marks: Vec<Mark>,
}

/// A line, and what continues it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    start: usize,
    /// Where the line itself ends, before its line break.
    line_end: usize,
    /// Where the last line that continues it ends.
    end: usize,
    /// Where the lines that continue it stand in the text that was folded.
    continued_start: usize,
    continued_end: usize,
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

    /// Adds whole lines without the TABs. Returns by which number [`Self::runs`] finds them.
    pub(super) fn fold(&mut self, text: &str) -> Range<usize> {
        let first_mark = self.marks.len();
        let base = self.text.len();
        let bytes = text.as_bytes();
        self.text.reserve(text.len());
        // What stands between two TABs is copied at once.
        let mut copied = 0;
        let (mut start, mut tabs) = (0, 0);
        each_place(bytes, b'\n', |end| {
            let is_continued = start > 0 && bytes.get(start) == Some(&b'\t');
            if is_continued && let Some(mark) = self.marks.last_mut() {
                self.text.push_str(text.get(copied..start).unwrap_or_default());
                copied = start + 1;
                tabs += 1;
                mark.end = base + end - tabs;
                mark.continued_end = end + 1;
            } else {
                let folded_end = base + end - tabs;
                self.marks.push(Mark {
                    start: base + start - tabs,
                    line_end: folded_end,
                    end: folded_end,
                    continued_start: end + 1,
                    continued_end: end + 1,
                });
            }
            start = end + 1;
        });
        self.text.push_str(text.get(copied..).unwrap_or_default());
        first_mark..self.marks.len()
    }

    /// Returns lines that were added together, in their order. To be given the same text again.
    pub(super) fn runs<'a>(
        &'a self,
        text: &'a str,
        numbers: Range<usize>,
    ) -> impl Iterator<Item = Run<'a>> {
        self.marks.get(numbers).unwrap_or_default().iter().filter_map(move |mark| {
            let line = self.text.get(mark.start..mark.line_end)?;
            if mark.continued_start == mark.continued_end {
                return Some(Run { line, whole: line, continued: "" });
            }
            let whole = self.text.get(mark.start..mark.end)?;
            let continued = text.get(mark.continued_start..mark.continued_end)?;
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
        let numbers = folded.fold(text);
        folded.fold("others\n\tbehind\n");
        let runs = folded.runs(text, numbers).map(|run| {
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
        let numbers = folded.fold(text);
        let run = folded.runs(text, numbers).next().unwrap();
        assert_eq!(run.with_continuations(&run.line[6..]), Some("a\nb"));
        let elsewhere = String::from("a");
        assert_eq!(run.with_continuations(elsewhere.as_str()), None);
        assert_eq!(run.with_continuations(&run.line[..6]), None);
        assert_eq!(run.with_continuations(""), None);
    }
}
