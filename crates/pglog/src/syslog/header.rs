//! What syslog puts in front of a line.

use std::borrow::Cow;

/// A line of syslog, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'l> {
    pub(super) time: Time<'l>,
    /// The program and its pid, as they stand there.
    pub(super) tag: &'l [u8],
    pub(super) pid: Option<u32>,
    pub(super) number: Number<'l>,
    /// What the server logged, its number taken off only where it is sure to be one.
    pub(super) text: &'l [u8],
}

/// The time in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time<'l> {
    /// RFC 3164, `Nov 24 02:22:07`: local, and without a year.
    NoYear(&'l str),
    /// RFC 5424, `2026-11-24T02:22:07.522084+00:00`.
    Iso(&'l str),
    /// `journalctl -o short-full`, `2026-11-24 02:22:07 UTC`, or without the zone, as daemons can be told.
    Spaced(&'l str),
    /// `journalctl -o short-unix`, seconds since 1970.
    Unix(&'l str),
    /// `journalctl -o short-monotonic`: since the machine started, whenever that was.
    Unknown,
}

/// The number that the server puts before each line (`syslog_sequence_numbers`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number<'l> {
    None,
    /// `[12-3]`: the third line of the twelfth message of a process.
    Pair(u64, u32),
    /// `[12]`: one of both, or the beginning of the prefix. The text behind it.
    Single(&'l [u8]),
}

impl<'l> Line<'l> {
    /// Returns the same line with another text.
    pub(super) fn with_text(self, text: &'l [u8]) -> Self {
        with_text(self.time, self.tag, self.pid, text)
    }
}

/// Reads `message repeated 2 times: [ TEXT]`: how often, and the text.
pub(super) fn repeated(text: &[u8]) -> Option<(u32, &[u8])> {
    let rest = text.strip_prefix(b"message repeated ")?;
    let (times, rest) = word(rest)?;
    let rest = rest.strip_prefix(b"times: [")?.strip_suffix(b"]")?;
    Some((number(times)?, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// Takes a line apart. `None` where syslog did not write it.
pub(super) fn parse(line: &[u8]) -> Option<Line<'_>> {
    let (rest, has_priority) = match priority_off(line) {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    // Without a priority only its time tells that the version is one.
    if let Some(rest) = rest.strip_prefix(b"1 ")
        && (has_priority || matches!(time(rest), Some((Time::Iso(_), _))))
    {
        return parse_rfc5424(rest);
    }
    let (time, rest) = time(rest)?;
    let (tag, rest) = tag(rest)?;
    Some(with_text(time, tag, pid_in(tag), rest))
}

/// Reads `TIME HOST PROGRAM PID MSGID DATA TEXT`.
fn parse_rfc5424(rest: &[u8]) -> Option<Line<'_>> {
    let (time, rest) = time(rest)?;
    let (_host, rest) = word(rest)?;
    let (program, rest) = word(rest)?;
    let (pid, rest) = word(rest)?;
    let (message_id, rest) = word(rest)?;
    // Heroku has no data, nor the sign for it.
    let is_bare = message_id == b"-" && !rest.starts_with(b"[");
    let rest = data_off(rest).or(is_bare.then_some(rest))?;
    let text = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
    let tag = if pid == b"-" { program } else { pid };
    Some(with_text(time, tag, number(pid), text))
}

fn with_text<'l>(time: Time<'l>, tag: &'l [u8], pid: Option<u32>, text: &'l [u8]) -> Line<'l> {
    let (number, text) = number_off(origin_off(text));
    Line { time, tag, pid, number, text }
}

/// Takes `<134>` off, and the length of the line in front of it, as syslog has it over TCP.
fn priority_off(line: &[u8]) -> Option<&[u8]> {
    let digits = line.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    let behind_length = line.get(digits..).filter(|_| digits > 0);
    let line = behind_length.and_then(|rest| rest.strip_prefix(b" ")).unwrap_or(line);
    let rest = line.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let (digits, rest) = rest.split_at_checked(end)?;
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then(|| rest.get(1..))?
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Returns the month, from 1, that a name stands for.
pub(super) fn month(name: &str) -> Option<usize> {
    MONTHS.iter().position(|month| *month == name.as_bytes()).map(|at| at + 1)
}

/// Splits the time and the blank behind it off.
fn time(bytes: &[u8]) -> Option<(Time<'_>, &[u8])> {
    const CLOCK: usize = 15;
    let first = *bytes.first()?;
    let is_letter = first.is_ascii_uppercase();
    if is_letter && bytes.get(..3).is_some_and(|name| MONTHS.contains(&name)) {
        let fits = bytes.get(3) == Some(&b' ')
            && bytes.get(4..6)?.iter().all(|byte| *byte == b' ' || byte.is_ascii_digit())
            && has_form(bytes.get(6..CLOCK)?, b" 00:00:00");
        let length =
            fits.then(|| CLOCK + fraction_bytes(bytes.get(CLOCK..).unwrap_or_default()))?;
        return split_time(bytes, length, Time::NoYear);
    }
    if bytes.first_chunk().is_some_and(has_form_of_iso) {
        let length = memchr::memchr(b' ', bytes.get(..40).unwrap_or(bytes))?;
        return split_time(bytes, length, Time::Iso);
    }
    if first.is_ascii_digit() {
        return spaced_time(bytes).or_else(|| unix_time(bytes));
    }
    if first == b'[' {
        let end = memchr::memchr(b']', bytes.get(..32).unwrap_or(bytes))?;
        let digits = bytes.get(1..end)?.trim_ascii_start();
        return is_journal_time(digits).then(|| split_time(bytes, end + 1, |_| Time::Unknown))?;
    }
    let rest = WEEKDAYS.iter().find_map(|day| bytes.strip_prefix(*day))?.strip_prefix(b" ")?;
    let length = has_form(rest, SPACED)
        .then(|| rest.iter().skip(SPACED.len() + 1).position(|byte| *byte == b' '))??;
    split_time(rest, SPACED.len() + 1 + length, Time::Spaced)
}

const SPACED: &[u8] = b"0000-00-00 00:00:00";

const WEEKDAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// Reads `2026-11-24 02:22:07 `, with a fraction or without. With a zone behind it, it is a prefix of the
/// server's own: no host is called so.
fn spaced_time(bytes: &[u8]) -> Option<(Time<'_>, &[u8])> {
    if !has_form(bytes, SPACED) {
        return None;
    }
    let length = SPACED.len() + fraction_bytes(bytes.get(SPACED.len()..)?);
    let (time, rest) = split_time(bytes, length, Time::Spaced)?;
    let host = rest.split(|byte| *byte == b' ').next()?;
    let is_zone = host.first().is_some_and(|byte| b"+-<".contains(byte))
        || (host.len() <= 5 && host.iter().all(u8::is_ascii_uppercase));
    (!is_zone).then_some((time, rest))
}

/// Reads `1769593263.123456 `. The server's own `%n` has three digits behind the point.
fn unix_time(bytes: &[u8]) -> Option<(Time<'_>, &[u8])> {
    let length = memchr::memchr(b' ', bytes.get(..32).unwrap_or(bytes))?;
    let time = bytes.get(..length)?;
    (time.len() == 17 && is_journal_time(time)).then(|| split_time(bytes, length, Time::Unix))?
}

/// Tells whether bytes are digits with six more behind a point.
fn is_journal_time(bytes: &[u8]) -> bool {
    let Some(point) = memchr::memchr(b'.', bytes) else { return false };
    let (whole, fraction) = bytes.split_at_checked(point).unwrap_or((bytes, &[]));
    let digits = fraction.get(1..).unwrap_or_default();
    !whole.is_empty() && digits.len() == 6 && whole.iter().chain(digits).all(u8::is_ascii_digit)
}

/// Splits a time of so many bytes and the blank behind it off.
fn split_time<'l>(
    bytes: &'l [u8],
    length: usize,
    kind: impl FnOnce(&'l str) -> Time<'l>,
) -> Option<(Time<'l>, &'l [u8])> {
    let (time, rest) = bytes.split_at_checked(length)?;
    Some((kind(std::str::from_utf8(time).ok()?), rest.strip_prefix(b" ")?))
}

fn fraction_bytes(bytes: &[u8]) -> usize {
    match bytes.split_first() {
        Some((b'.', digits)) => 1 + digits.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    }
}

/// The form of a time up to its seconds.
const ISO: &[u8; 19] = b"0000-00-00T00:00:00";

/// Tells whether bytes have the form of a time: without an early end it is one comparison of vectors.
fn has_form_of_iso(bytes: &[u8; ISO.len()]) -> bool {
    let fits = |(byte, form): (&u8, &u8)| byte == form || (*form == b'0' && byte.is_ascii_digit());
    bytes.iter().zip(ISO).fold(true, |all, pair| all & fits(pair))
}

/// Tells whether bytes begin with a form, in which each `0` stands for a digit.
fn has_form(bytes: &[u8], form: &[u8]) -> bool {
    let fits = |(byte, form): (&u8, &u8)| byte == form || (*form == b'0' && byte.is_ascii_digit());
    bytes.len() >= form.len() && bytes.iter().zip(form).all(fits)
}

/// How many words may stand before the tag; mostly the host, sometimes facility and level too.
const MAX_WORDS_BEFORE_TAG: usize = 3;

/// Finds `postgres[123]:` and what stands behind it.
fn tag(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = bytes;
    for words_before in 0..=MAX_WORDS_BEFORE_TAG {
        let window = rest.get(..256).unwrap_or(rest);
        let end = memchr::memchr(b' ', window).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(end)?;
        let behind = behind.strip_prefix(b" ").unwrap_or(behind);
        if let Some(tag) = word.strip_suffix(b":") {
            // Without a process it may be a label of the server, `LOG:  `.
            let is_sure = tag.ends_with(b"]") || (words_before > 0 && !behind.starts_with(b" "));
            return (is_tag(tag) && is_sure).then_some((tag, behind));
        }
        rest = behind;
    }
    None
}

/// Tells whether a word is `postgres` or `postgres[123]`.
fn is_tag(word: &[u8]) -> bool {
    let open = memchr::memchr(b'[', word).unwrap_or(word.len());
    let (name, process) = word.split_at_checked(open).unwrap_or((word, &[]));
    let is_name = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'@' | b'+' | b'\\')
    };
    let is_process = |process: &[u8]| {
        let inner = process.strip_prefix(b"[").and_then(|process| process.strip_suffix(b"]"));
        inner.is_some_and(|inner| inner.iter().all(is_name))
    };
    !name.is_empty() && name.iter().all(is_name) && (process.is_empty() || is_process(process))
}

/// Reads the pid of `postgres[123]`. Heroku has a name there.
fn pid_in(tag: &[u8]) -> Option<u32> {
    let open = memchr::memrchr(b'[', tag)?;
    number(tag.get(open + 1..)?.strip_suffix(b"]")?)
}

fn number<T: TryFrom<u64>>(digits: &[u8]) -> Option<T> {
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    if digits.is_empty() { None } else { T::try_from(number).ok() }
}

/// Splits a word and the blank behind it off.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// Takes structured data off: `-`, or elements in brackets, whose values may hold brackets too.
fn data_off(bytes: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = bytes.strip_prefix(b"-") {
        return rest.strip_prefix(b" ").or(rest.is_empty().then_some(rest));
    }
    let mut rest = bytes;
    while let Some(element) = rest.strip_prefix(b"[") {
        let (mut at, mut is_quoted) = (0, false);
        loop {
            match element.get(at)? {
                b'\\' => at += 1,
                b'"' => is_quoted = !is_quoted,
                b']' if !is_quoted => break,
                _ => {}
            }
            at += 1;
        }
        rest = element.get(at + 1..)?;
    }
    rest.strip_prefix(b" ")
}

/// Takes off what Heroku puts before the number: `[DATABASE] `, or the colour of one, and what Solaris does:
/// `[ID 748848 local0.info] `.
fn origin_off(text: &[u8]) -> &[u8] {
    let rest = || {
        let inner = text.strip_prefix(b"[")?;
        let end = memchr::memchr(b']', inner.get(..64).unwrap_or(inner))?;
        let name = inner.get(..end)?;
        let is_name = name.first()?.is_ascii_uppercase()
            && name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
        let rest = inner.get(end + 1..)?.strip_prefix(b" ")?;
        if let Some((id, level)) = name.strip_prefix(b"ID ").and_then(word)
            && number::<u64>(id).is_some()
            && level.contains(&b'.')
        {
            return Some(rest);
        }
        // Only where a number follows it is not the server's own.
        (is_name && !matches!(number_off(rest).0, Number::None)).then_some(rest)
    };
    rest().unwrap_or(text)
}

fn number_off(text: &[u8]) -> (Number<'_>, &[u8]) {
    let found = || {
        let inner = text.strip_prefix(b"[")?;
        let end = memchr::memchr(b']', inner.get(..32).unwrap_or(inner))?;
        let (inner, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
        let rest = rest.strip_prefix(b" ").or(rest.is_empty().then_some(rest))?;
        match memchr::memchr(b'-', inner) {
            Some(hyphen) => {
                let sequence = number(inner.get(..hyphen)?)?;
                Some((Number::Pair(sequence, number(inner.get(hyphen + 1..)?)?), rest))
            }
            None => number::<u64>(inner).map(|_| (Number::Single(rest), text)),
        }
    };
    found().unwrap_or((Number::None, text))
}

/// Puts control characters back for which a syslog daemon has written `#011` and the like. Others write
/// `\\011` or `\\t`, which can stand in a statement as well; so these count only in lines that begin with one,
/// as only the server's TAB does.
pub(super) fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    match text {
        [b'\\', b'0', b'1', b'1', ..] => {
            unescape_behind(text, b'\\', |rest| Some((rest.get(..3).and_then(control)?, 3)))
        }
        [b'\\', b't', ..] => unescape_behind(text, b'\\', |rest| match rest.first()? {
            b't' => Some((b'\t', 1)),
            b'n' => Some((b'\n', 1)),
            b'r' => Some((b'\r', 1)),
            b'\\' => Some((b'\\', 1)),
            _ => None,
        }),
        _ => unescape_behind(text, b'#', |rest| Some((rest.get(..3).and_then(control)?, 3))),
    }
}

/// Puts back what `escape` reads behind a sign: the byte, and how many it is written in.
fn unescape_behind(
    text: &[u8],
    sign: u8,
    escape: impl Fn(&[u8]) -> Option<(u8, usize)>,
) -> Cow<'_, [u8]> {
    let mut plain: Option<Vec<u8>> = None;
    let mut from = 0;
    for at in memchr::memchr_iter(sign, text) {
        let rest = text.get(at + 1..).filter(|_| at >= from);
        let Some((byte, length)) = rest.and_then(&escape) else { continue };
        let plain = plain.get_or_insert_with(|| Vec::with_capacity(text.len()));
        plain.extend_from_slice(text.get(from..at).unwrap_or_default());
        plain.push(byte);
        from = at + 1 + length;
    }
    match plain {
        None => Cow::Borrowed(text),
        Some(mut plain) => {
            plain.extend_from_slice(text.get(from..).unwrap_or_default());
            Cow::Owned(plain)
        }
    }
}

/// Reads three octal digits of a control character.
fn control(digits: &[u8]) -> Option<u8> {
    match digits {
        [b'0', high @ b'0'..=b'3', low @ b'0'..=b'7'] => Some((high - b'0') * 8 + (low - b'0')),
        b"177" => Some(0x7f),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Option<(Time<'_>, &str, Option<u32>, Number<'_>, &str)> {
        let line = parse(line.as_bytes())?;
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Some((line.time, text(line.tag), line.pid, line.number, text(line.text)))
    }

    #[test]
    fn headers_of_every_kind_are_read() {
        let no_year = Time::NoYear("Nov  4 02:22:07");
        let iso = Time::Iso("2026-11-24T02:22:07.522084+00:00");
        for (line, time, tag, pid) in [
            ("Nov  4 02:22:07 vm postgres[74]: [1-2] x", no_year, "postgres[74]", Some(74)),
            ("<134>Nov  4 02:22:07 vm postgres[74]: [1-2] x", no_year, "postgres[74]", Some(74)),
            ("Nov  4 02:22:07 postgres[74]: [1-2] x", no_year, "postgres[74]", Some(74)),
            (
                "Nov  4 02:22:07 vm local0.info a@b-main[74]: [1-2] x",
                no_year,
                "a@b-main[74]",
                Some(74),
            ),
            ("2026-11-24T02:22:07.522084+00:00 vm postgres: [1-2] x", iso, "postgres", None),
            (
                "<134>1 2026-11-24T02:22:07.522084+00:00 vm postgres 74 - - [1-2] x",
                iso,
                "74",
                Some(74),
            ),
            ("1 2026-11-24T02:22:07.522084+00:00 vm postgres 74 - - [1-2] x", iso, "74", Some(74)),
            ("56 <134>Nov  4 02:22:07 postgres[74]: [1-2] x", no_year, "postgres[74]", Some(74)),
            (
                "<134>1 2026-11-24T02:22:07.522084+00:00 vm postgres - - [a b=\"]\\\"\"][c] \u{feff}[1-2] x",
                iso,
                "postgres",
                None,
            ),
            (
                "2026-11-24T02:22:07.522084+00:00 app[postgres.9]: [DATABASE] [1-2] x",
                iso,
                "app[postgres.9]",
                None,
            ),
            (
                "Tue 2026-11-24 02:22:07 UTC vm postgres[74]: [1-2] x",
                Time::Spaced("2026-11-24 02:22:07 UTC"),
                "postgres[74]",
                Some(74),
            ),
            (
                "2026-11-24 02:22:07.5 vm postgres[74]: [1-2] x",
                Time::Spaced("2026-11-24 02:22:07.5"),
                "postgres[74]",
                Some(74),
            ),
            (
                "1769593263.123456 vm postgres[74]: [1-2] x",
                Time::Unix("1769593263.123456"),
                "postgres[74]",
                Some(74),
            ),
            ("[    5.123456] vm postgres[74]: [1-2] x", Time::Unknown, "postgres[74]", Some(74)),
        ] {
            assert_eq!(parts(line), Some((time, tag, pid, Number::Pair(1, 2), "x")), "{line}");
        }
    }

    #[test]
    fn number_may_be_single_or_missing() {
        let number = |text: &str| {
            let line = format!("Nov 24 02:22:07.123 vm postgres[74]: {text}");
            let (_, _, _, number, text) = parts(&line).unwrap();
            let single = matches!(number, Number::Single(b"x"));
            (single, matches!(number, Number::None), text.to_owned())
        };
        assert_eq!(number("[12] x"), (true, false, "[12] x".to_owned()));
        assert_eq!(number("x [1-2] y"), (false, true, "x [1-2] y".to_owned()));
        assert_eq!(number("[USER] x"), (false, true, "[USER] x".to_owned()));
        assert_eq!(number("[1-x] y"), (false, true, "[1-x] y".to_owned()));
        assert_eq!(number("[ID 748848 local0.info] [1-2] x"), (false, false, "x".to_owned()));
        assert_eq!(number("[ID 7] x"), (false, true, "[ID 7] x".to_owned()));
    }

    #[test]
    fn other_lines_have_no_header() {
        for line in [
            "",
            "2026-11-24 02:22:07.522 UTC [7] LOG:  x",
            "2026-11-24 02:22:07 UTC bob[7]: LOG:  x",
            "2026-11-24 02:22:07 -03 bob[7]: LOG:  x",
            "1769593263.123 bob[7]: LOG:  x",
            "[7] bob[7]: LOG:  x",
            "Nov 24 02:22:07",
            "Nov 24 02:22:07 no tag here at all",
            "Nov 2x 02:22:07 vm postgres[74]: x",
            "<134>",
            "<134>1 2026-11-24T02:22:07Z vm postgres 7 - [a",
            "<134>1 2026-11-24T02:22:07Z vm postgres 7 id x",
        ] {
            assert_eq!(parts(line), None, "{line}");
        }
    }

    #[test]
    fn escapes_of_control_characters_are_taken_back() {
        assert_eq!(*unescape(b"#011a#012#015#177#033"), *b"\ta\n\r\x7f\x1b");
        assert_eq!(*unescape(b"\\011a\\011b\\015#011\\d"), *b"\ta\tb\r#011\\d");
        assert_eq!(*unescape(br"\ta\\tb\nc\d"), *b"\ta\\tb\nc\\d");
        for text in [&b"#"[..], b"#01", b"#048", b"#101", b"##", b"a", br"a\t\011"] {
            assert!(matches!(unescape(text), Cow::Borrowed(same) if same == text));
        }
    }
}
