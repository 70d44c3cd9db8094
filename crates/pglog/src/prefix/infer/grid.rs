//! Prefixes whose values are padded: their values stand at the same places in most lines.
//!
//! Blanks that pad look like those between values, and where a value is not there they run together. But
//! lines of the same length show where values begin and end: a place that is blank in all of them is in
//! no value.

use crate::prefix::{
    escape::Padding,
    infer::{
        align::{Piece, Row, Template},
        kind::Kind,
        sample::{Sample, stands_tight},
    },
};

/// So few lines show no places.
const MIN_LINES: usize = 5;

/// Marks that stand between values rather than in them.
const MARKS: &[u8] = b"|[](){}<>,;@/#";

/// The forms that have the same length in all lines of a log.
const FIXED: [Kind; 4] = [Kind::TimeMillis, Kind::Time, Kind::Epoch, Kind::SessionId];

/// The lines of the usual length, and how far they have been read.
struct Grid<'s, 'a> {
    lines: Vec<(usize, &'s Sample<'a>)>,
    length: usize,
    at: usize,
    pieces: Vec<Piece>,
    rows: Vec<(usize, Row<'a>)>,
    /// Where the last column begins, if nothing stands behind it yet.
    open: Option<usize>,
}

/// Finds the template of padded values. `None` where nothing is padded.
pub(super) fn template<'a>(samples: &[Sample<'a>]) -> Option<Template<'a>> {
    let length = usual_length(samples)?;
    let lines: Vec<_> =
        samples.iter().enumerate().filter(|(_, sample)| sample.head.len() == length).collect();
    let rows = lines.iter().map(|(index, _)| (*index, Row::new())).collect();
    let mut grid = Grid { lines, length, at: 0, pieces: Vec::new(), rows, open: None };
    let is_padded = grid.lines.iter().any(|(_, sample)| sample.head.contains("  "));
    if grid.lines.len() < MIN_LINES || !is_padded {
        return None;
    }
    while grid.at < grid.length {
        grid.step()?;
    }
    grid.end_column(grid.length);
    Some(Template { pieces: grid.pieces, rows: grid.rows, cost: 0.0 })
}

/// Returns the length that most prefixes have.
fn usual_length(samples: &[Sample<'_>]) -> Option<usize> {
    let mut lengths: Vec<usize> = samples.iter().map(|sample| sample.head.len()).collect();
    lengths.sort_unstable();
    let groups = lengths.chunk_by(|a, b| a == b);
    let usual = groups.max_by_key(|group| group.len())?;
    (usual.len() * 2 > samples.len()).then(|| usual.first().copied())?
}

impl<'a> Grid<'_, 'a> {
    /// Takes what comes next. `None` where it is nothing that makes a template.
    fn step(&mut self) -> Option<()> {
        if let Some((kind, length)) = self.fixed(self.at) {
            self.take_column(kind, self.at, self.at + length, Padding::None)?;
            self.at += length;
            self.open = None;
            return Some(());
        }
        if let Some(mark) = self.mark(self.at) {
            self.end_column(self.at);
            self.push_literal(char::from(mark));
            self.at += 1;
            return Some(());
        }
        let start = (self.at..self.length).find(|at| !self.is_blank(*at));
        let Some(start) = start else {
            // Blanks to the end pad the last value, but for one.
            self.pass_blanks(self.length);
            return Some(());
        };
        if self.mark(start).is_some() || self.fixed(start).is_some() {
            self.pass_blanks(start);
            return Some(());
        }
        self.take_cell(start)
    }

    /// Takes the values that begin or end at the same place.
    fn take_cell(&mut self, start: usize) -> Option<()> {
        let is_end = |at: &usize| self.is_blank(*at) || self.mark(*at).is_some();
        let end = (start..self.length).find(is_end).unwrap_or(self.length);
        let values = || self.lines.iter().filter_map(|(_, sample)| sample.head.get(start..end));
        let full = || values().filter(|value| !value.trim().is_empty());
        let at_start = full().all(|value| !value.starts_with(' '));
        let at_end = full().all(|value| !value.ends_with(' '));
        if !at_start && !at_end {
            return None;
        }
        let kind = self.kind(start, end);
        let blanks = start - self.at;
        // Blanks behind a time or a mark belong to what follows.
        let pads_left = !at_start || (at_end && blanks > 1 && self.open.is_none());
        if !pads_left {
            self.pass_blanks(start);
            self.take_column(kind, start, end, Padding::None)?;
            self.open = Some(start);
        } else {
            // The first blank behind a value is a literal.
            let is_behind_value = matches!(self.pieces.last(), Some(Piece::Column(..)));
            self.pass_blanks(self.at + usize::from(blanks > 0 && is_behind_value));
            let width = u16::try_from(end - self.at).ok()?;
            self.take_column(kind, start, end, Padding::Left(width))?;
            self.open = None;
        }
        self.at = end;
        Some(())
    }

    /// Goes on behind blanks, which pad the last column or are literals.
    fn pass_blanks(&mut self, place: usize) {
        if self.open.is_some() {
            self.end_column(place);
        } else {
            self.push_blanks(place - self.at);
        }
        self.at = place;
    }

    /// Pads the last column up to a place; the blank in front of it is a literal unless a mark stands there
    /// that has none on its other side.
    fn end_column(&mut self, place: usize) {
        let Some(start) = self.open.take() else { return };
        let blanks = place.saturating_sub(self.at);
        let stands_apart = match self.mark(place) {
            Some(mark) => {
                let is_tight = |sample: &Sample<'_>| stands_tight(mark, sample.rest(place + 1));
                place + 1 < self.length
                    && self.is_blank(place + 1)
                    && !self.lines.iter().all(|(_, sample)| is_tight(sample))
            }
            None => true,
        };
        let literal = usize::from(blanks > 0 && stands_apart);
        if blanks > literal
            && let Ok(width) = u16::try_from(place - literal - start)
            && let Some(Piece::Column(_, padding)) = self.pieces.last_mut()
        {
            *padding = Padding::Right(width);
        }
        self.push_blanks(literal);
        self.at = place;
    }

    /// Finds the form of the values between two places.
    fn kind(&self, start: usize, end: usize) -> Kind {
        let mut values: Vec<&str> = self
            .lines
            .iter()
            .filter_map(|(_, sample)| Some(sample.head.get(start..end)?.trim_matches(' ')))
            .filter(|value| !value.is_empty())
            .collect();
        values.dedup();
        let is = |kind: &Kind| {
            !values.is_empty()
                && values.iter().all(|value| kind.length(value.as_bytes()) == Some(value.len()))
        };
        // Five capital letters may be a name, and five digits a process.
        let has_digit = |value: &&str| value.bytes().any(|byte| byte.is_ascii_digit());
        let has_letter = |value: &&str| value.bytes().any(|byte| byte.is_ascii_uppercase());
        let may_be_code = values.iter().all(has_digit) && values.iter().any(has_letter);
        let forms = Kind::STRUCTURED.into_iter();
        forms.filter(|kind| *kind != Kind::StateCode || may_be_code).find(is).unwrap_or(Kind::Text)
    }

    fn take_column(
        &mut self,
        kind: Kind,
        start: usize,
        end: usize,
        padding: Padding,
    ) -> Option<()> {
        for ((_, sample), (_, row)) in self.lines.iter().zip(&mut self.rows) {
            row.push(sample.head.get(start..end)?.trim_matches(' '));
        }
        self.pieces.push(Piece::Column(kind, padding));
        Some(())
    }

    /// Returns the form of the same length that all lines have at a place.
    fn fixed(&self, at: usize) -> Option<(Kind, usize)> {
        FIXED.into_iter().find_map(|kind| {
            let mut lengths = self.lines.iter().map(|(_, sample)| kind.length(sample.rest(at)));
            let first = lengths.next().flatten()?;
            lengths.all(|length| length == Some(first)).then_some((kind, first))
        })
    }

    /// Returns the mark that all lines have at a place.
    fn mark(&self, at: usize) -> Option<u8> {
        let (_, first) = self.lines.first()?;
        let mark = first.rest(at).first().copied().filter(|byte| MARKS.contains(byte))?;
        let is_value = |rest: &[u8]| rest.starts_with(b"[local]") || rest.starts_with(b"[unknown]");
        let inside = |at: usize| {
            let rest = first.head.get(..=at).unwrap_or_default();
            rest.ends_with("[local]") || rest.ends_with("[unknown]")
        };
        let is_same = self.lines.iter().all(|(_, sample)| sample.rest(at).first() == Some(&mark));
        (is_same && !is_value(first.rest(at)) && !inside(at)).then_some(mark)
    }

    fn is_blank(&self, at: usize) -> bool {
        self.lines.iter().all(|(_, sample)| sample.rest(at).first() == Some(&b' '))
    }

    fn push_blanks(&mut self, count: usize) {
        for _ in 0..count {
            self.push_literal(' ');
        }
    }

    fn push_literal(&mut self, c: char) {
        match self.pieces.last_mut() {
            Some(Piece::Literal(last)) => last.push(c),
            _ => self.pieces.push(Piece::Literal(c.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_values_are_found_where_they_stand() {
        let line = |pid: &str, user: &str, database: &str| {
            format!("2026-11-24 02:21:01.123 UTC {pid:<8} {user:<12} [{database:>10}] LOG:  x")
        };
        let lines = [
            line("71", "bob", "shop"),
            line("7100", "", ""),
            line("7100", "alice", "warehouse"),
            line("88", "bob", "crm"),
            line("88", "reporting", "shop"),
        ];
        let samples: Vec<_> = lines.iter().filter_map(|line| Sample::of_line(0, line)).collect();
        let template = template(&samples).unwrap();
        let column = Piece::Column;
        let literal = |text: &str| Piece::Literal(text.to_owned());
        assert_eq!(
            template.pieces,
            [
                column(Kind::TimeMillis, Padding::None),
                literal(" "),
                column(Kind::Number, Padding::Right(8)),
                literal(" "),
                column(Kind::Text, Padding::Right(12)),
                literal(" ["),
                column(Kind::Text, Padding::Left(10)),
                literal("] "),
            ]
        );
        assert_eq!(template.rows[1].1, ["2026-11-24 02:21:01.123 UTC", "7100", "", ""]);
    }

    #[test]
    fn time_behind_padded_values_is_one() {
        let users = ["bob", "alice", "", "reporting", "eve"];
        let line = |user| format!("{user:<12} {:>8} 2026-11-24 02:21:01.123 UTC LOG:  x", 71);
        let lines = users.map(line);
        let samples: Vec<_> = lines.iter().filter_map(|line| Sample::of_line(0, line)).collect();
        let pieces = template(&samples).unwrap().pieces;
        let time = Piece::Column(Kind::TimeMillis, Padding::None);
        let blank = || Piece::Literal(" ".to_owned());
        assert_eq!(pieces[3..], [blank(), time, blank()], "{pieces:?}");
    }
}
