//! Times in front of lines.

use crate::wrapping::{
    Unwrapped,
    local::{first_off, form_off},
};

/// Reads `2026-11-24T02:20:47.123Z LINE`, and what supervisors write in front of a line. A line that goes on
/// may have no time of its own.
pub(super) fn behind_time(line: &[u8]) -> Option<Unwrapped<'_>> {
    if line.starts_with(b"\t") {
        return Some(Unwrapped::of(line));
    }
    let time_and_text = time_off(line).or_else(|| time_of_runit_off(line));
    if let Some((time, text)) = time_and_text {
        return Some(Unwrapped::at(time, text));
    }
    behind_label_of_tai64n(line).or_else(|| behind_offset(line)).map(Unwrapped::of)
}

/// Splits an RFC 3339 time off, and the blank behind it, or the TAB.
pub(super) fn time_off(line: &[u8]) -> Option<(&str, &[u8])> {
    if !is_time(line) {
        return None;
    }
    let end = line.iter().take(40).position(|byte| b" \t".contains(byte)).unwrap_or(line.len());
    let time = std::str::from_utf8(line.get(..end).filter(|time| time.len() < 40)?).ok()?;
    let rest = line.get(end..)?;
    Some((time, rest.get(1..).unwrap_or(rest)))
}

/// Tells whether a text begins with an RFC 3339 time.
pub(super) fn is_time(text: &[u8]) -> bool {
    form_off(text, "0000-00-00T00:00:00").is_some()
}

/// Splits a time off that has this form, with its fraction and without a zone.
fn seconds_off<'l>(line: &'l [u8], form: &str) -> Option<(&'l [u8], &'l [u8])> {
    let fraction = match form_off(line, form)?.split_first() {
        Some((b'.', digits)) => 1 + digits.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    line.split_at_checked(form.len() + fraction)
}

/// Splits the time of `svlogd -tt` off, `2026-11-24_02:20:47.12345`, which is in UTC.
fn time_of_runit_off(line: &[u8]) -> Option<(&str, &[u8])> {
    let (time, rest) = seconds_off(line, "0000-00-00_00:00:00")?;
    Some((std::str::from_utf8(time).ok()?, blank_off(rest)?))
}

/// Returns what stands behind a time and an offset without blanks: `2026-11-24 02:20:47.123456+00:00`.
fn behind_offset(line: &[u8]) -> Option<&[u8]> {
    let (_, rest) = seconds_off(line, "0000-00-00 00:00:00")?;
    first_off(rest, &["+00:00", "-00:00"])
}

/// Returns what stands behind a time in the format TAI64N: 24 hexadecimal digits, whose first one is a four in
/// our time.
fn behind_label_of_tai64n(line: &[u8]) -> Option<&[u8]> {
    let (digits, rest) = line.strip_prefix(b"@")?.split_at_checked(24)?;
    let fits = digits.starts_with(b"4") && digits.iter().all(u8::is_ascii_hexdigit);
    blank_off(rest).filter(|_| fits)
}

/// Takes the blank off, which may be lost where nothing stands behind it.
fn blank_off(text: &[u8]) -> Option<&[u8]> {
    if text.is_empty() { Some(text) } else { text.strip_prefix(b" ") }
}
