//! Lines among other values: of names (`logfmt`, Fluent Bit's events), of a list, of columns; and behind a tag.

use crate::{
    json::string_off,
    wrapping::{Unwrapped, cut::line_in, stamp::is_time},
};

/// Names of the value with the line.
const TEXTS: [&[u8]; 5] = [b"msg", b"message", b"log", b"line", b"body"];

/// Names of the value with the time.
const TIMES: [&[u8]; 4] = [b"ts", b"time", b"timestamp", b"t"];

/// Reads `time=2026-11-24T02:20:47Z level=info msg="LINE" stream=stderr`: nothing but names and values.
pub(super) fn in_pairs(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (mut rest, mut text, mut time) = (line.trim_ascii_end(), None, None);
    loop {
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.-@/".contains(byte);
        let (name, value) = rest.split_at_checked(rest.iter().take_while(is_part).count())?;
        let value = value.strip_prefix(b"=").filter(|_| !name.is_empty())?;
        let (value, has_escapes, behind) = value_off(value)?;
        if TEXTS.contains(&name) {
            text.get_or_insert((value, has_escapes));
        } else if TIMES.contains(&name) {
            time = std::str::from_utf8(value).ok();
        }
        match behind {
            [] => break,
            [b' ', more @ ..] => rest = more,
            _ => return None,
        }
    }
    let (text, has_escapes) = text?;
    Some(Unwrapped { time, ..in_quotes(text, has_escapes) })
}

/// Splits a value off, which has quotes where it needs them.
fn value_off(text: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    if text.starts_with(b"\"") {
        return string_off(text);
    }
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    let (value, behind) = text.split_at_checked(end)?;
    (!value.contains(&b'"')).then_some((value, false, behind))
}

/// A whole line that stood in quotes.
fn in_quotes(text: &[u8], has_escapes: bool) -> Unwrapped<'_> {
    Unwrapped { text: line_in(text, has_escapes), ..Unwrapped::of(b"") }
}

/// Reads `"LINE"`, also as an element of an array that has one on each line.
pub(super) fn in_list(line: &[u8]) -> Option<Unwrapped<'_>> {
    let line = line.trim_ascii();
    if line == b"[" || line == b"]" {
        return Some(Unwrapped::dropped());
    }
    let (text, has_escapes, behind) = string_off(line)?;
    matches!(behind, b"" | b",").then_some(in_quotes(text, has_escapes))
}

/// Reads what Fluentd puts before an object: `2026-11-24 02:20:47.123456789 +0000 TAG: {…}` on its output and
/// `2026-11-24T02:20:47+00:00<TAB>TAG<TAB>{…}` in files.
pub(super) fn behind_tag(line: &[u8]) -> Option<Unwrapped<'_>> {
    let begin = memchr::memmem::find(line.get(..256).unwrap_or(line), b"{\"")?;
    let (lead, object) = line.split_at_checked(begin)?;
    let is_time = lead.first().is_some_and(u8::is_ascii_digit);
    let is_tagged = (lead.ends_with(b": ") || lead.ends_with(b"\t")) && !lead.contains(&b'"');
    (is_time && is_tagged).then_some(Unwrapped::of(object))
}

/// Reads `[0] TAG: [[1795486927.123456789, {}], {"log"=>"LINE"}]`, which is what Fluent Bit prints. Nothing has
/// escapes there, so that the value goes on over lines where it has line breaks.
pub(super) fn in_event(line: &[u8]) -> Option<Unwrapped<'_>> {
    let Some((time, event)) = event_of(line) else {
        let rest = line.strip_suffix(b"\"}]")?;
        return Some(if rest.is_empty() { Unwrapped::dropped() } else { Unwrapped::of(rest) });
    };
    let text = event.get(begin_of_text(event)?..)?;
    let text = text.get(..end_of_value(text)).unwrap_or(text);
    Some(Unwrapped { time: std::str::from_utf8(time).ok(), ..Unwrapped::of(text) })
}

/// Tells whether a line begins an event with a text.
pub(super) fn is_event(line: &[u8]) -> bool {
    event_of(line).is_some_and(|(_, event)| begin_of_text(event).is_some())
}

/// Where the text begins in an event: behind the first name of one, for what looks like a name may stand in the
/// text too.
fn begin_of_text(event: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(event, b"\"=>\"").find_map(|end| {
        let before = event.get(..end)?;
        let (lead, name) = before.split_at_checked(memchr::memrchr(b'"', before)?)?;
        let is_member = lead.ends_with(b"{") || lead.ends_with(b", ");
        (is_member && TEXTS.contains(&name.get(1..)?)).then_some(end + 4)
    })
}

/// The time and the members of an event.
fn event_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"[")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest.get(digits..).filter(|_| digits > 0)?.strip_prefix(b"] ")?;
    let head = memchr::memmem::find(rest.get(..256).unwrap_or(rest), b": [")?;
    let event = rest.get(head + 3..)?;
    let event = event.strip_prefix(b"[").unwrap_or(event);
    let seconds = event.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let (time, event) = event.split_at_checked(seconds).filter(|_| seconds > 0)?;
    Some((time, event.strip_prefix(b", ")?))
}

/// Where a value ends in an event: before the next name, or before the brackets that end the event.
fn end_of_value(text: &[u8]) -> usize {
    let is_name = |rest: &[u8]| {
        let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        end.is_some_and(|end| rest.get(end..).is_some_and(|rest| rest.starts_with(b"\"=>")))
    };
    let mut ends = memchr::memmem::find_iter(text, b"\", \"");
    let next = ends.find(|at| text.get(at + 4..).is_some_and(is_name));
    let is_last = text.ends_with(b"\"}]");
    next.unwrap_or(if is_last { text.len() - 3 } else { text.len() })
}

/// Reads columns with TABs between them, of which one is the line: what `aws logs get-log-events` and
/// `filter-log-events` print as text, and the archives of Papertrail.
pub(super) fn in_columns(line: &[u8]) -> Option<Unwrapped<'_>> {
    let Some(event) = line.strip_prefix(b"EVENTS\t") else { return in_archive(line) };
    let (first, rest) = column_off(event)?;
    // An event's own number stands before the time at which it came, and a name behind it.
    let is_found = first.len() > 20;
    let (came, rest) = if is_found { column_off(rest)? } else { (first, rest) };
    let (stream, rest) = if is_found { column_off(rest)? } else { (b"".as_slice(), rest) };
    let (text, time) = rest.split_at_checked(memchr::memrchr(b'\t', rest)?)?;
    let time = std::str::from_utf8(time.get(1..)?).ok()?;
    let are_times = came.iter().chain(time.as_bytes()).all(u8::is_ascii_digit);
    are_times.then_some(Unwrapped::at(time, text).from(stream))
}

/// Reads a line of ten columns: number, two times, number and name of the source, address, facility, severity,
/// program, line.
fn in_archive(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (number, rest) = column_off(line)?;
    let (time, rest) = column_off(rest).filter(|(time, _)| is_time(time))?;
    let (_received, rest) = column_off(rest).filter(|(time, _)| is_time(time))?;
    let (source, rest) = column_off(rest)?;
    let (name, mut rest) = column_off(rest)?;
    for _ in 0..4 {
        (_, rest) = column_off(rest)?;
    }
    let are_numbers = number.iter().chain(source).all(u8::is_ascii_digit);
    let time = std::str::from_utf8(time).ok()?;
    are_numbers.then_some(Unwrapped::at(time, rest).from(name))
}

fn column_off(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (column, rest) = line.split_at_checked(memchr::memchr(b'\t', line)?)?;
    Some((column, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = fn(&[u8]) -> Option<Unwrapped<'_>>;

    #[test]
    fn line_is_taken_out_of_what_stands_around_it() {
        let read: [(Read, &str, Option<&str>); 22] = [
            (
                in_pairs,
                r#"ts=2026-11-24T02:20:47Z level=info msg="say \"x\"" n=1"#,
                Some(r#"say "x""#),
            ),
            (in_pairs, r"level=info msg=started", Some("started")),
            (in_pairs, "level=info msg=\"x y\" \t", Some("x y")),
            (in_pairs, r#"time="t" message="\tx\n""#, Some("\tx")),
            (in_pairs, r#"user=bob,db=shop LOG:  msg="x""#, None),
            (in_pairs, r#"user="bob" db="shop""#, None),
            (in_list, r#""say \"x\"""#, Some(r#"say "x""#)),
            (in_list, r#"    "\tx","#, Some("\tx")),
            (in_list, r#""a": "b""#, None),
            (
                behind_tag,
                r#"2026-11-24 02:20:47.1 +0000 pg.log: {"log":"x"}"#,
                Some(r#"{"log":"x"}"#),
            ),
            (
                behind_tag,
                "2026-11-24T02:20:47+00:00\tpg.log\t{\"log\":\"x\"}",
                Some(r#"{"log":"x"}"#),
            ),
            (behind_tag, r#"2026-11-24 02:20:47 UTC LOG:  x {"log":"x"}"#, None),
            (in_event, r#"[0] pg: [[1.5, {}], {"log"=>"say "x", y"}]"#, Some(r#"say "x", y"#)),
            (in_event, r#"[12] pg: [1.5, {"log"=>"a", "stream"=>"b"}]"#, Some("a")),
            (in_event, r#"[0] pg: [[1.5, {}], {"log"=>"begins"#, Some("begins")),
            (
                in_event,
                r#"[0] pg: [[1.5, {}], {"log"=>"x '"msg"=>"y"'::hstore"}]"#,
                Some(r#"x '"msg"=>"y"'::hstore"#),
            ),
            (
                in_event,
                r#"[0] pg: [1.5, {"a"=>"log", "n"=>{"b"=>1}, "log"=>"x {"msg"=>"y"}"}]"#,
                Some(r#"x {"msg"=>"y"}"#),
            ),
            (in_event, r#"[0] pg: [1.5, {"a"=>"b"}]"#, None),
            (in_event, r#"	ends"}]"#, Some("\tends")),
            (in_columns, "EVENTS\t1795486927123\t\tx\ty\t1795486927000", Some("\tx\ty")),
            (
                in_columns,
                "EVENTS\t38000000000000000000001\t1795486927123\tdb.0\tx\t1795486927000",
                Some("x"),
            ),
            (
                in_columns,
                "7\t2026-11-24T02:20:47Z\t2026-11-24T02:20:48Z\t1\th\t10.0.0.1\tUser\tInfo\tpg\t\tx",
                Some("\tx"),
            ),
        ];
        for (read, line, expected) in read {
            let found = read(line.as_bytes());
            let found = found.map(|line| String::from_utf8(line.text.into_owned()).unwrap());
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }
}
