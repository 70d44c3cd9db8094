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
/// at once.
pub(super) fn sample_bytes(bytes: &[u8], prefix: Option<&LinePrefix>) -> Option<usize> {
    let fits = |prefix: &LinePrefix| {
        let end = memchr::memchr(b'\n', bytes)?;
        let line = decode(bytes.get(..end)?);
        // Every label fits an empty prefix, be it at the start of a line or not.
        prefix.match_line(&line).map(|_| end + 1)
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
