//! A text in front of each line that is always the same: what tools put before the lines of one host, pod or
//! process, in any spelling.

use crate::{
    prefix::has_label,
    text::decode,
    wrapping::{
        Unwrapped,
        lines::{is_record, lines_of, without_lead},
        stamp::time_off,
    },
};

/// How long the text is at most, in bytes.
const MAX_BYTES: usize = 62;

/// So many digits in a row are a moment, a process or a number of the line.
const MAX_DIGITS: usize = 3;

/// A text in front of each line, such as `db01: ` or `[postgres] `.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lead {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

impl Lead {
    /// Finds the text that nearly all lines of a sample begin with, if it stands before lines that go on too:
    /// what is before the server's TAB is not of the prefix.
    pub(super) fn find(sample: &[u8]) -> Option<Self> {
        let lines: Vec<&[u8]> = lines_of(sample).collect();
        // The first one may be cut.
        let line = lines.get(lines.len() / 2).filter(|_| lines.len() > 2)?;
        if lines.iter().skip(1).any(|line| line.starts_with(b"\t")) {
            return None;
        }
        let ends = (1..=line.len().min(MAX_BYTES)).rev();
        let texts = ends.filter_map(|end| line.get(..end)).filter(|text| may_be_lead(text));
        texts.filter(|text| is_common(&lines, text)).find_map(|text| {
            let is_before_all = goes_on(sample, text) || is_before_records(sample, text);
            is_before_all.then(|| Self::of(text))?
        })
    }

    /// Makes it of a text. `None` where it is too long.
    fn of(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { bytes, length: text.len() })
    }

    /// Takes it off a line. A blank at its end may be lost where nothing stands behind it.
    pub(super) fn behind<'l>(&self, line: &'l [u8]) -> Option<Unwrapped<'l>> {
        let text = self.bytes.get(..self.length)?;
        let is_bare = || line == text.trim_ascii_end() && !line.is_empty();
        let rest = line.strip_prefix(text).or_else(|| is_bare().then_some(b"".as_slice()))?;
        Some(Unwrapped::of(rest))
    }
}

/// Tells whether a text ends where a word does, and has no number in it that rather is the server's.
fn may_be_lead(text: &[u8]) -> bool {
    let ends = text.last().is_some_and(|byte| byte.is_ascii_whitespace() || b":|]>".contains(byte));
    ends && !text.split(|byte| !byte.is_ascii_digit()).any(|run| run.len() > MAX_DIGITS)
}

/// Tells whether nearly all lines begin with a text; some may have been written by something else.
fn is_common(lines: &[&[u8]], text: &[u8]) -> bool {
    lines.iter().filter(|line| line.starts_with(text)).count() * 10 >= lines.len() * 9
}

/// Tells whether a text stands before a line that goes on as well as before one of the server, be it with a
/// time between them.
fn goes_on(sample: &[u8], lead: &[u8]) -> bool {
    let behind = || lines_of(sample).filter_map(|line| line.strip_prefix(lead));
    let is_stamped = behind().filter(|line| time_off(line).is_some()).count() > 1;
    let texts = || {
        behind().filter_map(|line| {
            if is_stamped { time_off(line).map(|(_, text)| text) } else { Some(line) }
        })
    };
    let is_labelled = |text: &[u8]| !text.starts_with(b"\t") && has_label(&decode(text));
    texts().any(|text| text.starts_with(b"\t")) && texts().any(is_labelled)
}

/// Tells whether a text stands before a log of a format without a prefix.
fn is_before_records(sample: &[u8], lead: &[u8]) -> bool {
    let begins = |line: &[u8]| line.first().is_some_and(|b| *b == b'{' || b.is_ascii_digit());
    let mut behind = lines_of(sample).filter_map(|line| line.strip_prefix(lead));
    behind.any(begins) && is_record(&without_lead(sample, lead))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(log: &str) -> Option<String> {
        let lead = Lead::find(log.as_bytes())?;
        Some(String::from_utf8(lead.bytes.get(..lead.length)?.to_vec()).unwrap())
    }

    #[test]
    fn text_before_lines_that_go_on_too_is_a_lead() {
        let log =
            ["2026-11-24 02:20:47 UTC [7] LOG:  a", "\tb", "2026-11-24 02:20:48 UTC [7] LOG:  c"];
        let stamped = ["LOG:  a", "\tb", "LOG:  c"].map(|l| format!("2026-11-24T02:20:47.1Z {l}"));
        for lead in ["db01: ", "db │ ", "> ", "    ", "[0] ", "default pg-0 postgres ", "a\tb c\t"]
        {
            let text: String = log.iter().map(|line| format!("{lead}{line}\n")).collect();
            assert_eq!(found(&text).as_deref(), Some(lead));
            let text: String = stamped.iter().map(|line| format!("{lead}{line}\n")).collect();
            assert_eq!(found(&text).as_deref(), Some(lead), "with times");
        }
        let record = "2026-11-24 02:21:01.123 UTC,,,7,,6b04f48d.17ee,3,,2026-11-24 02:21:00 UTC,,0,LOG,\
                      00000,\"a\",,,,,,,,,\"\",\"startup\",,0";
        let text = format!("db01: {record}\n").repeat(3);
        assert_eq!(found(&text).as_deref(), Some("db01: "));
    }

    #[test]
    fn what_the_server_writes_itself_is_no_lead() {
        for log in [
            "[7] LOG:  a\n\tb\n[7] LOG:  c\n[7] LOG:  d\n",
            "db LOG:  a\ndb LOG:  b\ndb LOG:  \tc\ndb LOG:  d\n",
            "2026-11-24 02:20:47 UTC LOG:  a\n".repeat(4).as_str(),
        ] {
            assert_eq!(found(log), None, "{log}");
        }
    }

    #[test]
    fn lost_blank_at_the_end_is_of_the_lead() {
        let lead = Lead::of(b"db | ").unwrap();
        assert_eq!(lead.behind(b"db |"), Some(Unwrapped::of(b"")));
        assert_eq!(lead.behind(b"db | \tx"), Some(Unwrapped::of(b"\tx")));
        assert_eq!(lead.behind(b"x"), None);
    }
}
