//! How much of a log is looked at to find out how to read it.

use crate::{prefix::LinePrefix, text::decode};

/// How many lines are looked at before format and prefix are settled.
pub(super) const SAMPLE_LINES: usize = 200;

/// How many bytes are looked at at once at most.
const SAMPLE_BYTES: usize = 256 << 10;

/// How many bytes are looked at at most, sample by sample. The first one can be the middle of a statement of
/// many lines, which says nothing.
pub(super) const MAX_SAMPLED_BYTES: usize = 4 << 20;

/// Returns how long the sample is at the start of some bytes, so that it makes no difference how many came
/// at once. `None` where more must come. A line that fits the prefix that the server is known to have does
/// at once, unless a carriage return at its end may be that of its text: then the next entry shows it.
pub(super) fn sample_bytes(bytes: &[u8], prefix: Option<&LinePrefix>) -> Option<usize> {
    // Every label fits an empty prefix, be it at the start of a line or not.
    let fits = |prefix: &LinePrefix| {
        let is_one = |line: &[u8]| prefix.match_line(&decode(line)).is_some();
        let mut from = 0;
        loop {
            let end = from + memchr::memchr(b'\n', bytes.get(from..)?)?;
            let line = bytes.get(from..end)?;
            let is_first = from == 0;
            if is_first && !is_one(line) {
                return None;
            }
            from = end + 1;
            if !line.ends_with(b"\r") || (!is_first && is_one(line)) {
                return Some(from);
            }
        }
    };
    let within = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
    let lines = || memchr::memchr_iter(b'\n', within).nth(SAMPLE_LINES - 1).map(|end| end + 1);
    prefix
        .and_then(fits)
        .or_else(lines)
        .or_else(|| (bytes.len() >= SAMPLE_BYTES).then_some(SAMPLE_BYTES))
}

/// Splits bytes into samples; the last one may be short.
pub(super) fn samples(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes.get(..MAX_SAMPLED_BYTES).unwrap_or(bytes);
    std::iter::from_fn(move || {
        let length = sample_bytes(rest, None).unwrap_or(rest.len());
        let (sample, behind) = rest.split_at_checked(length)?;
        rest = behind;
        (!sample.is_empty()).then_some(sample)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriage_return_within_the_first_entry_is_no_end_of_its_line() {
        let prefix = LinePrefix::compile("[%p] ");
        let sample = |text: &str| sample_bytes(text.as_bytes(), Some(&prefix));
        assert_eq!(sample("[1] LOG:  a\n[2]"), Some(12));
        assert_eq!(sample("[1] LOG:  a\r\n"), None, "nobody knows yet");
        assert_eq!(sample("[1] LOG:  a\r\n\tb\n"), Some(16));
        assert_eq!(sample("[1] LOG:  a\r\n\tb\r\n[2] LOG:  c\r\n[3]"), Some(30));
        assert_eq!(sample("what\n[1] LOG:  a\n"), None);
    }
}
