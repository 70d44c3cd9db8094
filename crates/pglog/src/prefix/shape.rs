//! What the value of an escape can look like.

use crate::prefix::{escape::Escape, pattern::Pattern};

/// The longest name, host or command tag that is looked for, in bytes. Names have at most 63 bytes in a
/// server built with the default `NAMEDATALEN`; bytes that are no UTF-8 take three each here.
pub(crate) const MAX_TEXT_BYTES: usize = 256;

/// The form of a value. All but [`Shape::Text`] have a longest match that is right nearly always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `123`
    Digits,
    /// `123` or nothing
    OptionalDigits,
    /// `-123`
    Signed,
    /// `1795486862.227`
    Epoch,
    /// `6b04f533.24fb`
    SessionId,
    /// `3/567` or nothing
    Vxid,
    /// `22012`
    StateCode,
    /// `2026-11-24 02:21:01 UTC`
    Time,
    /// `2026-11-24 02:21:01.123 UTC`
    TimeMillis,
    /// `[local]`, an address, a host name or nothing
    Host,
    /// The same, with a port in parentheses behind an address or a name
    HostAndPort,
    /// Anything or nothing
    Text,
}

impl Shape {
    pub(crate) const fn of(escape: Escape) -> Self {
        match escape {
            Escape::Pid | Escape::LineNum | Escape::Txid => Self::Digits,
            Escape::LeaderPid => Self::OptionalDigits,
            Escape::QueryId => Self::Signed,
            Escape::TimeEpoch => Self::Epoch,
            Escape::SessionId => Self::SessionId,
            Escape::Vxid => Self::Vxid,
            Escape::StateCode => Self::StateCode,
            Escape::Time | Escape::SessionStart => Self::Time,
            Escape::TimeMillis => Self::TimeMillis,
            Escape::RemoteHost | Escape::LocalHost => Self::Host,
            Escape::RemoteHostAndPort => Self::HostAndPort,
            Escape::ApplicationName
            | Escape::User
            | Escape::Database
            | Escape::BackendType
            | Escape::Ps => Self::Text,
        }
    }

    /// Returns the shortest and the longest length that a value at the start of `bytes` can have.
    /// `None` where none stands there. Not for [`Shape::Text`], which only its surroundings end.
    #[inline(always)]
    pub(crate) fn lengths(self, bytes: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Digits => at_least(1, digits(bytes)),
            Self::OptionalDigits => Some((0, digits(bytes))),
            Self::Signed => {
                let sign = usize::from(bytes.first() == Some(&b'-'));
                let (shortest, longest) = at_least(1, digits(bytes.get(sign..)?))?;
                Some((sign + shortest, sign + longest))
            }
            Self::Epoch => {
                let whole = digits(bytes);
                let longest = whole + 1 + digits(bytes.get(whole + 1..)?);
                (whole > 0 && bytes.get(whole) == Some(&b'.')).then_some((whole + 2, longest))
            }
            Self::SessionId => {
                let start = hex_digits(bytes);
                let longest = start + 1 + hex_digits(bytes.get(start + 1..)?);
                let found = start > 0 && bytes.get(start) == Some(&b'.') && longest > start + 1;
                found.then_some((start + 2, longest))
            }
            Self::Vxid => Some(vxid(bytes)),
            Self::StateCode => {
                let code = bytes.get(..5)?;
                code.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()).then_some((5, 5))
            }
            Self::Time => zone_behind(bytes, SECONDS_BYTES),
            Self::TimeMillis => {
                let fraction = bytes.get(SECONDS_BYTES..SECONDS_BYTES + MILLIS_BYTES)?;
                let found = fraction.first() == Some(&b'.') && digits(fraction.get(1..)?) == 3;
                if found { zone_behind(bytes, SECONDS_BYTES + MILLIS_BYTES) } else { None }
            }
            Self::Host => Some(match address_v4(bytes) {
                0 => (0, host(bytes)),
                length => (length, length),
            }),
            Self::HostAndPort => Some((0, host_and_port(bytes))),
            Self::Text => None,
        }
    }
}

/// Length of `2026-11-24 02:21:01`.
const SECONDS_BYTES: usize = 19;
/// Length of `.123`.
const MILLIS_BYTES: usize = 4;

fn at_least(shortest: usize, longest: usize) -> Option<(usize, usize)> {
    (longest >= shortest).then_some((shortest, longest))
}

fn digits(bytes: &[u8]) -> usize {
    run(bytes, u8::is_ascii_digit)
}

fn hex_digits(bytes: &[u8]) -> usize {
    run(bytes, u8::is_ascii_hexdigit)
}

fn run(bytes: &[u8], belongs: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().position(|b| !belongs(b)).unwrap_or(bytes.len())
}

fn vxid(bytes: &[u8]) -> (usize, usize) {
    let process = digits(bytes);
    let local = bytes.get(process + 1..).map_or(0, digits);
    if process > 0 && bytes.get(process) == Some(&b'/') && local > 0 {
        (process + 2, process + 1 + local)
    } else {
        (0, 0)
    }
}

/// Lengths of a timestamp whose zone follows, behind a blank, at `at`.
#[inline(always)]
fn zone_behind(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    if !is_date_and_time(bytes.get(..SECONDS_BYTES)?) || bytes.get(at) != Some(&b' ') {
        return None;
    }
    let zone = zone(bytes.get(at + 1..)?);
    (zone > 0).then_some((at + 2, at + 1 + zone))
}

/// Tells whether 19 bytes look like `2026-11-24 02:21:01`.
fn is_date_and_time(bytes: &[u8]) -> bool {
    const START: Pattern = Pattern::of_text(*b"0000-00-00 00:00");
    const END: Pattern = Pattern::of_text(*b"0-00-00 00:00:00");
    let fits = |pattern: Pattern, words: Option<&[u8; Pattern::BYTES]>| {
        words.is_some_and(|words| pattern.fits(*words))
    };
    let time = bytes.get(..SECONDS_BYTES).unwrap_or_default();
    fits(START, time.first_chunk()) && fits(END, time.last_chunk())
}

/// Length of a zone: `CET`, `+0545`, `-03`, `+05:30` or `<+03>`.
fn zone(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'+' | b'-') => {
            let hours = digits(bytes.get(1..).unwrap_or_default());
            let minutes = bytes.get(hours + 2..).map_or(0, digits);
            if hours == 2 && bytes.get(3) == Some(&b':') && minutes == 2 {
                6
            } else {
                1 + hours.min(6)
            }
        }
        Some(b'<') => {
            let inner = bytes.get(1..).unwrap_or_default();
            let name = run(inner, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-'));
            if inner.get(name) == Some(&b'>') { name + 2 } else { 0 }
        }
        _ => run(bytes, u8::is_ascii_alphabetic),
    }
}

/// Length of `[local]`, `[none]`, an address or a host name.
#[inline(never)]
fn host(bytes: &[u8]) -> usize {
    for word in [b"[local]".as_slice(), b"[none]"] {
        if bytes.starts_with(word) {
            return word.len();
        }
    }
    let bytes = bytes.get(..MAX_TEXT_BYTES).unwrap_or(bytes);
    let address = run(bytes, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    let colons = bytes.iter().take(address).filter(|b| **b == b':').count();
    if colons >= 2 {
        let scope = bytes.get(address..).filter(|rest| rest.first() == Some(&b'%'));
        return address + scope.map_or(0, |rest| 1 + host_name(rest.get(1..).unwrap_or_default()));
    }
    host_name(bytes)
}

/// Length of `10.0.0.1`, if it is no part of a longer word; else 0.
#[inline(never)]
fn address_v4(bytes: &[u8]) -> usize {
    let mut length = 0;
    for part in 0..4 {
        let rest = bytes.get(length..).unwrap_or_default();
        let dot = usize::from(part > 0);
        let number = digits(rest.get(dot..).unwrap_or_default());
        if !(1..=3).contains(&number) || (part > 0 && rest.first() != Some(&b'.')) {
            return 0;
        }
        length += dot + number;
    }
    let next = bytes.get(length);
    let ends = next.is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'.' | b'_'));
    if ends { length } else { 0 }
}

/// A name ends in a letter or a digit.
fn host_name(bytes: &[u8]) -> usize {
    let run = run(bytes, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let name = bytes.get(..run).unwrap_or_default();
    name.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1)
}

#[inline(never)]
fn host_and_port(bytes: &[u8]) -> usize {
    let host = host(bytes);
    if host == 0 {
        return 0;
    }
    let Some(rest) = bytes.get(host..).and_then(|rest| rest.strip_prefix(b"(")) else {
        return host;
    };
    let port = digits(rest);
    if port > 0 && rest.get(port) == Some(&b')') { host + port + 2 } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(shape: Shape, text: &str) -> Option<usize> {
        shape.lengths(text.as_bytes()).map(|(_, longest)| longest)
    }

    #[test]
    fn zones_end_where_the_server_ends_them() {
        let time = "2026-11-24 02:21:01 ";
        for (zone, behind) in [
            ("UTC", "-6b04f48d"),
            ("-03", "-6b04"),
            ("+0545", " [1]"),
            ("+05:30", ":"),
            ("<+03>", ""),
        ] {
            let text = format!("{time}{zone}{behind}");
            assert_eq!(longest(Shape::Time, &text), Some(time.len() + zone.len()), "{text}");
        }
        assert_eq!(longest(Shape::Time, "2026-11-24 02:21:0x UTC"), None);
        assert_eq!(longest(Shape::Time, "2026-11-24 02:21:01.123 UTC"), None);
        assert_eq!(longest(Shape::TimeMillis, "2026-11-24 02:21:01.123 UTC [1]"), Some(27));
        assert_eq!(longest(Shape::TimeMillis, "2026-11-24 02:21:01 UTC"), None);
    }

    #[test]
    fn date_and_time_are_told_from_everything_that_differs_in_one_byte() {
        let time = *b"2026-11-24 02:21:59";
        assert!(is_date_and_time(&time) && is_date_and_time(b"0000-00-00 00:00:00"));
        assert!(is_date_and_time(b"9999-99-99 99:99:99"));
        for at in 0..time.len() {
            for byte in 0..=u8::MAX {
                let mut changed = time;
                changed[at] = byte;
                let fits = if time[at].is_ascii_digit() {
                    byte.is_ascii_digit()
                } else {
                    byte == time[at]
                };
                assert_eq!(is_date_and_time(&changed), fits, "{byte} at {at}");
            }
        }
        assert!(!is_date_and_time(&time[..18]));
    }

    #[test]
    fn hosts_are_local_addresses_or_names() {
        for (text, host) in [
            ("[local]:u@d", "[local]"),
            ("10.0.0.1 LOG", "10.0.0.1"),
            ("::1 LOG", "::1"),
            ("fe80::1%eth0 LOG", "fe80::1%eth0"),
            ("db-1.example.com,x", "db-1.example.com"),
            (" LOG", ""),
        ] {
            assert_eq!(longest(Shape::Host, text), Some(host.len()), "{text}");
        }
        assert_eq!(longest(Shape::HostAndPort, "::1(5432):u@d"), Some("::1(5432)".len()));
        assert_eq!(longest(Shape::HostAndPort, "[local]:u@d"), Some("[local]".len()));
    }

    #[test]
    fn numbers_and_ids_are_found_whole() {
        assert_eq!(Shape::Digits.lengths(b"123]"), Some((1, 3)));
        assert_eq!(Shape::Digits.lengths(b"]"), None);
        assert_eq!(Shape::OptionalDigits.lengths(b"|"), Some((0, 0)));
        assert_eq!(Shape::Signed.lengths(b"-8441324848661855122 E"), Some((2, 20)));
        assert_eq!(Shape::Epoch.lengths(b"1795486862.227 6126"), Some((12, 14)));
        assert_eq!(Shape::SessionId.lengths(b"6b04f48d.17ee 6"), Some((10, 13)));
        assert_eq!(Shape::Vxid.lengths(b"3/567 0"), Some((3, 5)));
        assert_eq!(Shape::Vxid.lengths(b" 0"), Some((0, 0)));
        assert_eq!(Shape::StateCode.lengths(b"22012 "), Some((5, 5)));
        assert_eq!(Shape::StateCode.lengths(b"2201"), None);
    }
}
