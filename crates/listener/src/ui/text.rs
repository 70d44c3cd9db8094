//! How values look to a reader.

use jiff::{SignedDuration, Timestamp};

/// A time as the pages show it.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// For programs.
    pub(super) iso: String,
    /// The time of day.
    pub(super) clock: String,
    /// Date and time.
    pub(super) full: String,
    /// How long ago it was.
    pub(super) ago: String,
}

impl Moment {
    /// Looks at `time` from `now`.
    pub(super) fn new(time: Timestamp, now: Timestamp) -> Self {
        Self {
            iso: time.to_string(),
            clock: time.strftime("%H:%M:%S.%3f").to_string(),
            full: time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            ago: ago(now.duration_since(time)),
        }
    }
}

/// A time a little before or after another one, as a parameter.
pub(super) fn shifted(time: Timestamp, by: SignedDuration) -> String {
    time.checked_add(by).unwrap_or(time).to_string()
}

/// The day of a time, as a headline.
pub(super) fn day(time: Timestamp) -> String {
    time.strftime("%A, %-d %B %Y").to_string()
}

fn ago(elapsed: SignedDuration) -> String {
    match elapsed.as_secs() {
        ..-1 => "in future".to_owned(),
        -1..=1 => "now".to_owned(),
        seconds @ 2..60 => format!("{seconds} s ago"),
        seconds @ 60..3_600 => format!("{} min ago", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} d ago", seconds / 86_400),
    }
}

/// A duration in the unit that fits it.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        ..1.0 => format!("{ms:.2} ms"),
        1.0..100.0 => format!("{ms:.1} ms"),
        100.0..1e3 => format!("{ms:.0} ms"),
        1e3..6e4 => format!("{:.2} s", ms / 1e3),
        6e4..3.6e6 => format!("{:.1} min", ms / 6e4),
        _ => format!("{:.1} h", ms / 3.6e6),
    }
}

/// The class of a duration: what a person would not wait for, and what nobody should.
pub(super) fn duration_class(ms: f64) -> &'static str {
    match ms {
        ..500.0 => "",
        500.0..5e3 => "slow",
        _ => "very-slow",
    }
}

/// Bytes in the units that PostgreSQL uses, of 1024 each.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn bytes(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = "kB";
    let mut larger = ["MB", "GB", "TB"].into_iter();
    while size >= 1024.0
        && let Some(next) = larger.next()
    {
        size /= 1024.0;
        unit = next;
    }
    if size < 10.0 { format!("{size:.1} {unit}") } else { format!("{size:.0} {unit}") }
}

/// A number with commas between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Up to `max_chars` of a text, with what cannot be seen made visible: a NUL, an escape sequence, a mark
/// that turns the direction of reading. Returns how many bytes are left out.
pub(super) fn printable(text: &str, max_chars: usize) -> (String, usize) {
    let end = text.char_indices().nth(max_chars).map_or(text.len(), |(end, _)| end);
    let mut shown = String::with_capacity(end);
    for c in text.get(..end).unwrap_or_default().chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            '\0'..' ' => shown.extend(char::from_u32(u32::from(c) + 0x2400)),
            '\u{7f}' => shown.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {
                shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c)));
            }
            c => shown.push(c),
        }
    }
    (shown, text.len() - end)
}

/// A text as one line, cut with an ellipsis.
pub(super) fn headline(text: &str, max_chars: usize) -> String {
    // Enough of the start to fill the line, however much white space there is.
    let (start, _) = printable(text, 4 * max_chars);
    let line = start.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut line, rest) = printable(&line, max_chars);
    if rest > 0 {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        let (shown, rest) = printable("a\0b\u{1b}[0m\u{202e}c\r\nd", 100);
        assert_eq!(shown, "a␀b␛[0m⟨U+202E⟩c␍\nd");
        assert_eq!(rest, 0);
        assert_eq!(printable("äöü", 2), ("äö".to_owned(), 2));
    }

    #[test]
    fn a_headline_is_one_line() {
        assert_eq!(headline("SELECT\n    1,\n    2", 40), "SELECT 1, 2");
        assert_eq!(headline("abcdef", 3), "abc…");
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!([bytes(7), bytes(2048), bytes(100 << 20)], ["7 B", "2.0 kB", "100 MB"]);
        assert_eq!(bytes(u64::MAX), "16777216 TB");
        let durations = [0.456, 12.34, 250.4, 3420.0, 90_000.0, 7.2e6].map(duration);
        assert_eq!(durations, ["0.46 ms", "12.3 ms", "250 ms", "3.42 s", "1.5 min", "2.0 h"]);
    }

    #[test]
    fn the_first_and_the_last_of_times_can_be_shown() {
        for time in [Timestamp::MIN, Timestamp::MAX] {
            for now in [Timestamp::MIN, Timestamp::MAX] {
                assert!(!Moment::new(time, now).full.is_empty());
            }
            assert!(!day(time).is_empty());
            for seconds in [-30, 30] {
                assert!(!shifted(time, SignedDuration::from_secs(seconds)).is_empty());
            }
        }
    }

    #[test]
    fn a_time_is_told_from_now() {
        let now = Timestamp::from_second(1_769_600_000).unwrap();
        let ago = |seconds| Moment::new(now - SignedDuration::from_secs(seconds), now).ago;
        assert_eq!([ago(0), ago(59), ago(60)], ["now", "59 s ago", "1 min ago"]);
        assert_eq!([ago(7200), ago(90_000), ago(-60)], ["2 h ago", "1 d ago", "in future"]);
    }
}
