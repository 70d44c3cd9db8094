//! What a value in a prefix looks like, whatever it means.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::prefix::{escape::Escape, shape::Shape, words};

/// The form of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `%m`
    TimeMillis,
    /// `%t`, `%s`
    Time,
    /// `%n`
    Epoch,
    /// `%c`
    SessionId,
    /// `%r` with a port
    HostAndPort,
    /// `%h`, `%r`, `%L`
    Host,
    /// `%v`
    Vxid,
    /// `%e`
    StateCode,
    /// `%p`, `%l`, `%x`, `%P`, `%Q`
    Number,
    /// `%b`
    BackendType,
    /// `%i`
    Ps,
    /// `%u`, `%d`, `%a`
    Text,
}

impl Kind {
    /// The forms that a value shows by itself, the most peculiar first.
    pub(super) const STRUCTURED: [Self; 11] = [
        Self::TimeMillis,
        Self::Time,
        Self::Epoch,
        Self::SessionId,
        Self::HostAndPort,
        Self::Host,
        Self::Vxid,
        Self::StateCode,
        Self::Number,
        Self::BackendType,
        Self::Ps,
    ];

    /// Tells whether the server prints nothing in some processes.
    pub(super) const fn is_optional(self) -> bool {
        matches!(self, Self::HostAndPort | Self::Host | Self::Vxid | Self::Number | Self::Ps)
    }

    /// Length of such a value at the start of a text. `None` where none stands there as a whole.
    pub(super) fn length(self, bytes: &[u8]) -> Option<usize> {
        let shaped = |shape: Shape| shape.lengths(bytes).map(|(_, longest)| longest);
        let length = match self {
            Self::TimeMillis => return shaped(Shape::TimeMillis),
            Self::Time => return shaped(Shape::Time),
            Self::HostAndPort => return host_and_port(bytes),
            Self::Host => return host(bytes),
            Self::BackendType => return words::length(Escape::BackendType, bytes),
            Self::Ps => return words::length(Escape::Ps, bytes),
            Self::Text => return None,
            Self::Epoch => epoch(bytes)?,
            Self::SessionId => session_id(bytes)?,
            Self::Vxid => vxid(bytes)?,
            Self::StateCode => shaped(Shape::StateCode)?,
            Self::Number => number(bytes)?,
        };
        let next = bytes.get(length);
        next.is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_').then_some(length)
    }
}

/// From 1973 on, with milliseconds.
fn epoch(bytes: &[u8]) -> Option<usize> {
    let (_, longest) = Shape::Epoch.lengths(bytes)?;
    let seconds = bytes.iter().position(|b| *b == b'.')?;
    (matches!(seconds, 9 | 10) && longest == seconds + 4).then_some(longest)
}

/// Not a part of a date, of an address or of a time.
fn vxid(bytes: &[u8]) -> Option<usize> {
    let (_, longest) = Shape::Vxid.lengths(bytes).filter(|(_, longest)| *longest > 0)?;
    // Fewer than a million processes, numbered without zeros in front.
    let process = bytes.iter().position(|b| *b == b'/')?;
    if process > 6 || (process > 1 && bytes.first() == Some(&b'0')) {
        return None;
    }
    let goes_on = match bytes.get(longest..longest + 2) {
        Some([b'/', digit]) if digit.is_ascii_digit() => is_date(bytes),
        Some([separator, digit]) => b".-:".contains(separator) && digit.is_ascii_digit(),
        _ => false,
    };
    (!goes_on).then_some(longest)
}

/// Tells whether three numbers may be a day, a month and a year, in this order or the other way round. A
/// transaction's own id may follow as well.
fn is_date(bytes: &[u8]) -> bool {
    let mut numbers = bytes.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len);
    matches!(
        (numbers.next(), numbers.next(), numbers.next()),
        (Some(1 | 2), Some(1 | 2), Some(2 | 4)) | (Some(4), Some(1 | 2), Some(1 | 2))
    )
}

/// A session's start in hexadecimal has eight digits from 1978 to 2106.
fn session_id(bytes: &[u8]) -> Option<usize> {
    let (_, longest) = Shape::SessionId.lengths(bytes)?;
    let start = bytes.iter().position(|b| *b == b'.');
    // The number of a line may stand behind a dot.
    let is_whole =
        !matches!(bytes.get(longest..longest + 2), Some([b'.', next]) if !next.is_ascii_digit());
    (start == Some(8) && longest <= 17 && is_whole).then_some(longest)
}

/// Digits. A sign belongs to a query id only, and those are long.
fn number(bytes: &[u8]) -> Option<usize> {
    let (_, longest) = Shape::Signed.lengths(bytes)?;
    let is_signed = bytes.first() == Some(&b'-');
    // A part of something larger.
    if let Some([b'.', digit]) = bytes.get(longest..longest + 2)
        && digit.is_ascii_digit()
    {
        return None;
    }
    (longest <= 20 && (!is_signed || longest > 10)).then_some(longest)
}

fn host(bytes: &[u8]) -> Option<usize> {
    for word in [b"[local]".as_slice(), b"[none]"] {
        if bytes.starts_with(word) {
            return Some(word.len());
        }
    }
    let run =
        bytes.iter().take_while(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':')).count();
    let count = |mark: u8| bytes.iter().take(run).filter(|byte| **byte == mark).count();
    // Fewer are in no address.
    if count(b':') < 2 && count(b'.') < 3 {
        return None;
    }
    (2..=run.min(45)).rev().find(|length| {
        let text = bytes.get(..*length).and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.is_some_and(|text| {
            // Colons of the prefix look like the address of no host.
            let next = bytes.get(*length);
            !is_separated_number(text)
                && next.is_none_or(|b| !b.is_ascii_alphanumeric())
                && (text.parse::<Ipv4Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok())
        })
    })
}

/// Tells whether colons stand in front of a number, which is the address of no host but `::1`.
fn is_separated_number(text: &str) -> bool {
    text.strip_prefix("::").is_some_and(|rest| rest != "1" && !rest.contains([':', '.']))
}

fn host_and_port(bytes: &[u8]) -> Option<usize> {
    let is_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let name = || {
        bytes.first().map_or(0, |first| match first.is_ascii_alphanumeric() {
            true => bytes.iter().take_while(is_name).count(),
            false => 0,
        })
    };
    let host = host(bytes).unwrap_or_else(name);
    let port = bytes.get(host..)?.strip_prefix(b"(");
    let digits = port.map_or(0, |port| port.iter().take_while(|b| b.is_ascii_digit()).count());
    let is_closed = port.is_some_and(|port| port.get(digits) == Some(&b')'));
    match (host, digits) {
        (0, _) => None,
        (_, 1..=5) if is_closed => Some(host + digits + 2),
        // Sockets have no port.
        _ => bytes.starts_with(b"[local]").then_some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_as_wholes() {
        for (kind, text, length) in [
            (Kind::Host, "10.0.0.1 x", Some(8)),
            (Kind::Host, "::1:bob", Some(3)),
            (Kind::Host, "bob", None),
            (Kind::HostAndPort, "::1(5432):bob", Some(9)),
            (Kind::HostAndPort, "db.example.com(40000) x", Some(21)),
            (Kind::HostAndPort, "[local]:x", Some(7)),
            (Kind::HostAndPort, "10.0.0.1 x", None),
            (Kind::Number, "123] ", Some(3)),
            (Kind::Number, "12a", None),
            (Kind::Number, "-1]", None),
            (Kind::Number, "-8441324848661855122 ", Some(20)),
            (Kind::SessionId, "6b04f48d.17ee 6", Some(13)),
            (Kind::SessionId, "1795486862.227 6", None),
            (Kind::SessionId, "6b04f48d.17ee.6 x", Some(13)),
            (Kind::SessionId, "6b04f48d.17ee.com x", None),
            (Kind::Epoch, "1795486862.227 6", Some(14)),
            (Kind::Vxid, "3/567 0", Some(5)),
            (Kind::Vxid, "3/567/0] x", Some(5)),
            (Kind::Vxid, "31/12/2026 x", None),
            (Kind::Vxid, "2026/12/31 x", None),
            (Kind::Epoch, "162700.123456 x", None),
            (Kind::Vxid, " 0", None),
        ] {
            assert_eq!(kind.length(text.as_bytes()), length, "{kind:?} {text}");
        }
    }
}
