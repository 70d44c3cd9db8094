//! Where the lines of a log stand that is inside of another text.

use std::collections::VecDeque;

use crate::{
    assemble::Assembled,
    timestamp::{Precision, Timestamp},
};

/// The places of wrapped lines. The inner log begins at position 0.
#[derive(Debug, Default)]
pub(super) struct Marks {
    lines: VecDeque<Mark>,
    /// The ends of all lines so far.
    inner_end: u64,
    outer_end: u64,
    /// Where reading may resume: the start of a line, behind which the inner log may be resumed too. A line
    /// with a line break in it can end one entry and begin another, and then is no such place.
    safe: u64,
}

/// Where a line begins, within its wrapping and with it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    inner: u64,
    outer: u64,
    outer_end: u64,
    time: Option<Timestamp>,
}

impl Marks {
    /// Makes marks for an outer log that is read from `position` on.
    pub(super) fn at(position: u64) -> Self {
        Self { outer_end: position, safe: position, ..Self::default() }
    }

    /// Where the outer log may be resumed.
    pub(super) const fn safe(&self) -> u64 {
        self.safe
    }

    /// Where the lines so far end in the outer log.
    pub(super) const fn outer_end(&self) -> u64 {
        self.outer_end
    }

    /// Lets the last line end at a position of the outer log.
    pub(super) fn extend_to(&mut self, outer_end: u64) {
        self.outer_end = outer_end;
    }

    /// Adds a line that stands in the outer log from one position to another, and so many bytes of the inner
    /// one.
    pub(super) fn add(&mut self, outer: u64, outer_end: u64, inner_bytes: u64, time: Option<&str>) {
        let time = time.and_then(read_time);
        self.lines.push_back(Mark { inner: self.inner_end, outer, outer_end, time });
        self.inner_end += inner_bytes;
        self.outer_end = outer_end;
    }

    /// The line in which an inner position is.
    fn line_of(&self, inner: u64) -> Option<&Mark> {
        let behind = self.lines.partition_point(|mark| mark.inner <= inner);
        self.lines.get(behind.checked_sub(1)?)
    }

    /// Where the line begins in which an inner position is.
    fn outer_of(&self, inner: u64) -> u64 {
        if inner >= self.inner_end {
            return self.outer_end;
        }
        self.line_of(inner).map_or(self.outer_end, |mark| mark.outer)
    }

    /// The inner log may be resumed at a position: moves the outer one up to it, if a line begins there.
    pub(super) fn reach_safe(&mut self, inner: u64) -> u64 {
        let line = self.line_of(inner).filter(|mark| mark.inner == inner).map(|mark| mark.outer);
        let place = if inner >= self.inner_end { Some(self.outer_end) } else { line };
        self.safe = self.safe.max(place.unwrap_or_default());
        self.safe
    }

    /// Where the line ends that has the last byte before an inner position. One that is forgotten ends where
    /// the first of the others begins.
    fn outer_end_of(&self, inner: u64) -> u64 {
        let next = self.lines.partition_point(|mark| mark.inner < inner);
        match next.checked_sub(1) {
            Some(line) => self.lines.get(line).map_or(self.outer_end, |mark| mark.outer_end),
            None => self.lines.front().map_or(self.outer_end, |mark| mark.outer),
        }
    }

    /// The first inner position whose line begins at or behind an outer one.
    pub(super) fn first_inner_from(&self, outer: u64) -> u64 {
        let next = self.lines.partition_point(|mark| mark.outer < outer);
        self.lines.get(next).map_or(u64::MAX, |mark| mark.inner)
    }

    /// Forgets the lines that end before an inner position.
    pub(super) fn forget_before(&mut self, inner: u64) {
        while self.lines.get(1).is_some_and(|second| second.inner <= inner) {
            self.lines.pop_front();
        }
    }

    /// Turns inner positions into those of the outer log.
    pub(super) fn translate<'m>(
        &'m mut self,
        sink: &'m mut impl FnMut(&Assembled<'_>),
    ) -> Box<dyn FnMut(&Assembled<'_>) + 'm> {
        // Boxed, for the reader behind it has a type of its own for each sink.
        Box::new(|found| {
            let mut entry = found.entry.clone();
            if entry.timestamp.is_none() {
                entry.timestamp = self.line_of(found.start).and_then(|mark| mark.time);
            }
            sink(&Assembled {
                entry,
                start: self.outer_of(found.start),
                end: self.outer_end_of(found.end),
                safe_position: self.reach_safe(found.safe_position),
            });
        })
    }
}

/// Reads the time of a collector: RFC 3339, or with a `_` and no zone in UTC, or seconds since 1970, or a
/// thousandth, a millionth or a billionth of them.
fn read_time(text: &str) -> Option<Timestamp> {
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.as_microsecond(),
        Err(_) => match text.split_once('_') {
            Some((day, hour)) => {
                format!("{day}T{hour}Z").parse::<jiff::Timestamp>().ok()?.as_microsecond()
            }
            None => micros_since_1970(text)?,
        },
    };
    Some(Timestamp::from_micros(time, Precision::Micros))
}

/// How many digits the seconds of our time have.
const SECOND_DIGITS: usize = 10;

/// Reads a number, whose length tells its unit.
fn micros_since_1970(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() < SECOND_DIGITS || whole.len() > SECOND_DIGITS + 9 {
        return None;
    }
    let digits: String = whole
        .chars()
        .chain(fraction.chars())
        .chain("000000".chars())
        .take(SECOND_DIGITS + 6)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_where_the_first_line_begins_does_not_reach_into_it() {
        let mut marks = Marks::at(0);
        for line in 0..3 {
            marks.add(line * 100, (line + 1) * 100, 10, None);
        }
        assert_eq!([1, 10, 11, 30].map(|inner| marks.outer_end_of(inner)), [100, 100, 200, 300]);
        marks.forget_before(10);
        assert_eq!([10, 11, 30].map(|inner| marks.outer_end_of(inner)), [100, 200, 300]);
    }

    #[test]
    fn times_of_collectors_are_read_in_every_unit() {
        for text in [
            "2026-01-28T09:41:03.123456Z",
            "2026-01-28T10:41:03.123456+01:00",
            "2026-01-28_09:41:03.123456",
            "1769593263.123456",
            "1769593263123456",
            "1769593263123456789",
        ] {
            assert_eq!(read_time(text).unwrap().to_string(), "2026-01-28T09:41:03.123456Z");
        }
        assert_eq!(read_time("1769593263123").unwrap().to_string(), "2026-01-28T09:41:03.123000Z");
        for text in ["", "77", "x", "17695932631234567890", "1769593263.x"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }
}
