//! The lines of a sample, and what they show side by side.

use crate::{
    format::Format,
    prefix::has_label,
    text::decode,
    wrapping::lead::{is_indented, number_off},
};

/// The lines of a sample that have a beginning and an end, where there are such.
pub(super) fn lines_of(sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = memchr::memrchr(b'\n', sample).and_then(|end| sample.get(..end)).unwrap_or(sample);
    whole.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

/// Tells whether a log has a format without a prefix.
pub(super) fn is_record(log: &[u8]) -> bool {
    matches!(Format::detect(log), Format::Csvlog | Format::Jsonlog)
}

/// So many lines have numbers by themselves only where somebody numbered them.
pub(super) const MANY_NUMBERS: usize = 8;

/// Tells whether the lines' numbers rise from each to the next.
pub(super) fn numbers_rise(sample: &[u8]) -> bool {
    let numbers: Vec<u64> =
        lines_of(sample).filter_map(|line| number_off(line).map(|(number, _)| number)).collect();
    // The first one may be cut.
    let whole = numbers.get(1..).filter(|rest| rest.len() > 1).unwrap_or(&numbers);
    whole.len() > 1 && whole.is_sorted_by(|a, b| a < b)
}

/// Tells whether no TAB begins a line, but eight blanks do, and only where a line of the server can go on:
/// other programs begin at the left.
pub(super) fn is_expanded(sample: &[u8]) -> bool {
    let (mut goes_on, mut is_found) = (None, false);
    for line in lines_of(sample) {
        if line.starts_with(b"\t") {
            return false;
        }
        if is_indented(line) {
            is_found |= goes_on == Some(true);
            if goes_on == Some(false) {
                return false;
            }
        } else {
            goes_on = Some(has_label(&String::from_utf8_lossy(line)));
        }
    }
    is_found
}

/// Tells whether a blank begins each line of the server, also those that go on, and some of other programs, or
/// each record of a format without a prefix.
pub(super) fn has_blanks(sample: &[u8]) -> bool {
    let (mut server, mut others, mut bare) = (0, 0, 0);
    for (line, number) in lines_of(sample).zip(0..) {
        let is_labelled = !line.starts_with(b" \t") && has_label(&decode(line));
        match line {
            // What is indented is no log, nor are members of an object.
            [b' ', next, ..] if is_labelled && !b" \"".contains(next) => server += 1,
            [b' ', ..] => others += 1,
            _ if is_labelled || line.starts_with(b"\t") => return false,
            // The first one may be cut.
            _ => bare += usize::from(number > 0),
        }
    }
    let is_log = server > 0 && others > 0 && bare <= server + others;
    is_log || (bare == 0 && is_record(&without_lead(sample, b" ")))
}

/// The lines that begin with a text, without it.
pub(super) fn without_lead(sample: &[u8], lead: &[u8]) -> Vec<u8> {
    let lines = lines_of(sample).filter_map(|line| line.strip_prefix(lead));
    lines.flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}
