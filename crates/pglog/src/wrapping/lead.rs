//! What stands in front of a line.

use std::borrow::Cow;

use crate::wrapping::{
    Unwrapped,
    stamp::{is_time, time_off},
};

/// Reads `2026-11-24T02:20:47.123456789Z stderr F LINE`.
pub(super) fn behind_stream(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (time, rest) = time_off(line)?;
    let rest = rest.strip_prefix(b"stderr ").or_else(|| rest.strip_prefix(b"stdout "))?;
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let (tags, text) = rest.split_at_checked(end)?;
    // More tags may follow behind a colon.
    let is_whole = match tags.first()? {
        b'F' => true,
        b'P' => false,
        _ => return None,
    };
    Some(Unwrapped { is_whole, ..Unwrapped::at(time, blank_off(text)) })
}

/// Reads `db-1  | LINE`, and `db.1.xf2k…@node  | LINE` of a swarm.
pub(super) fn behind_name(line: &[u8]) -> Option<Unwrapped<'_>> {
    let line = colour_off(line);
    let bar = memchr::memchr(b'|', line.get(..128).unwrap_or(line))?;
    let name = line.get(..bar)?.strip_suffix(b" ")?.trim_ascii_end();
    let task = name.split(|byte| *byte == b'@').next()?;
    let is_task = task.len() == name.len() || task.iter().filter(|byte| **byte == b'.').count() > 1;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(byte);
    // What has no letter is rather a process.
    let has_letter = name.iter().any(u8::is_ascii_alphabetic);
    let is_name = has_letter && is_task && name.iter().all(is_part);
    let rest = line.get(bar + 1..)?;
    // The blank may stand before the end of the colour or behind it.
    let plain = colour_off(rest);
    let text =
        if plain.len() < rest.len() { blank_off(plain) } else { colour_off(blank_off(rest)) };
    is_name.then_some(Unwrapped::of(text).from(name))
}

/// Takes an escape sequence that changes the colour, `ESC[36m`, off.
fn colour_off(text: &[u8]) -> &[u8] {
    let Some(rest) = text.strip_prefix(b"\x1b[") else { return text };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b';').count();
    match rest.get(digits) {
        Some(b'm') => rest.get(digits + 1..).unwrap_or_default(),
        _ => text,
    }
}

fn blank_off(text: &[u8]) -> &[u8] {
    text.strip_prefix(b" ").unwrap_or(text)
}

/// Reads `[pod/pg-0/postgres] LINE`.
pub(super) fn behind_pod(line: &[u8]) -> Option<Unwrapped<'_>> {
    let rest = line.strip_prefix(b"[pod/")?;
    let end = memchr::memchr(b']', rest.get(..256).unwrap_or(rest))?;
    let (pod, text) = rest.split_at_checked(end)?;
    Some(Unwrapped::of(blank_off(text.get(1..)?)).from(pod))
}

/// Reads `pg-0 postgres LINE`.
pub(super) fn behind_names(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (pod, rest) = name_off(line)?;
    let (_container, text) = name_off(rest)?;
    let names = line.get(..line.len() - text.len())?;
    pod.contains(&b'-').then_some(Unwrapped::of(text).from(names))
}

/// Splits a name as Kubernetes allows it, in colour or not, and the blank behind it off.
fn name_off(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = colour_off(line);
    let is_part = |byte: &&u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let (name, rest) = line.split_at_checked(line.iter().take_while(is_part).count())?;
    let rest = colour_off(rest).strip_prefix(b" ")?;
    (!name.is_empty()).then_some((name, rest))
}

/// Reads `pg LINE`, `3f1c2a9b77de LINE`, `prefix/pg/4f2a LINE`, `[pg-0] LINE` and `db01: LINE`.
pub(super) fn behind_container(line: &[u8]) -> Option<Unwrapped<'_>> {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_./:@[]".contains(byte);
    let (name, rest) = line.split_at_checked(line.iter().take_while(is_part).count())?;
    // What has no letter is rather a time or a process.
    let is_name = (name.first()?.is_ascii_alphanumeric() || name.starts_with(b"["))
        && name.iter().any(u8::is_ascii_alphabetic)
        && name.len() <= 128
        && !is_time(name);
    let text = rest.strip_prefix(b" ")?;
    is_name.then_some(Unwrapped::of(text).from(name))
}

/// Reads `2026-11-24T02:20:47Z app[4d89d19dc012d8] lax [info]LINE`, in colour or not.
pub(super) fn behind_machine(line: &[u8]) -> Option<Unwrapped<'_>> {
    let (time, rest) = match time_off(line) {
        Some(found) => found,
        None => time_in_colour(line)?,
    };
    let open = memchr::memchr(b'[', rest.get(..64).unwrap_or(rest))?;
    let end = open + memchr::memchr(b' ', rest.get(open..)?)?;
    let machine = rest.get(..end).filter(|machine| machine.ends_with(b"]"))?;
    let (_region, rest) = name_off(rest.get(end + 1..)?)?;
    let level = colour_off(rest.strip_prefix(b"[")?);
    let letters = level.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    let text = colour_off(level.get(letters..)?).strip_prefix(b"]")?;
    (letters > 0).then_some(Unwrapped::at(time, text).from(machine))
}

/// Splits a time in colour and the blank behind it off.
fn time_in_colour(line: &[u8]) -> Option<(&str, &[u8])> {
    let inner = colour_off(line);
    let end = memchr::memchr(b'\x1b', inner.get(..64).unwrap_or(inner))?;
    let (time, rest) = inner.split_at_checked(end)?;
    let time = std::str::from_utf8(time).ok().filter(|_| is_time(time))?;
    Some((time, colour_off(rest).strip_prefix(b" ")?))
}

/// Reads `{app="pg", pod="pg-0"}   LINE`.
pub(super) fn behind_labels(line: &[u8]) -> Option<Unwrapped<'_>> {
    let mut rest = line.strip_prefix(b"{")?;
    while let Some(equals) = memchr::memchr(b'=', rest.get(..128).unwrap_or(rest)) {
        let (key, value) = rest.split_at_checked(equals)?;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let value = value.strip_prefix(b"=\"")?;
        rest = value.get(quoted_bytes(value)? + 1..)?;
        if key.is_empty() || !key.iter().all(is_part) {
            return None;
        }
        match rest.strip_prefix(b", ") {
            Some(more) => rest = more,
            None => break,
        }
    }
    let text = rest.strip_prefix(b"}")?;
    let labels = line.get(..line.len() - text.len())?;
    let is_apart = labels.len() > 2 && text.first().is_none_or(|byte| *byte == b' ');
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    is_apart.then_some(Unwrapped::of(text.get(blanks..)?).from(labels))
}

/// How many bytes stand in front of the quote that ends a value.
fn quoted_bytes(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match value.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Reads `data: {…}` and an object behind the sign that separates records.
pub(super) fn behind_mark(line: &[u8]) -> Option<Unwrapped<'_>> {
    let text = line.strip_prefix(b"data: ").or_else(|| line.strip_prefix(b"\x1e"))?;
    text.starts_with(b"{").then_some(Unwrapped::of(text))
}

/// Reads `log/postgresql.log:LINE`, and with a hyphen what `grep` prints around the lines that it found.
pub(super) fn behind_path(line: &[u8]) -> Option<Unwrapped<'_>> {
    if line == b"--" {
        return Some(Unwrapped::dropped());
    }
    let input = b"(standard input)".as_slice();
    let window = line.get(..512).unwrap_or(line);
    let is_outside = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`,;|".contains(byte);
    let end = match line.strip_prefix(input) {
        Some(rest) => rest.first().filter(|byte| b":-".contains(byte)).map(|_| input.len())?,
        None => {
            let end = window.iter().position(is_outside).unwrap_or(window.len());
            let window = window.get(..end)?;
            let ends_path = |end: &usize| window.get(..*end).is_some_and(is_log_path);
            memchr::memchr_iter(b':', window)
                .find(ends_path)
                .or_else(|| memchr::memchr_iter(b'-', window).find(ends_path))?
        }
    };
    let (path, text) = line.split_at_checked(end)?;
    Some(Unwrapped::of(text.get(1..)?).from(path))
}

/// Tells whether a path is that of a log, which may have been rotated or packed.
fn is_log_path(path: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 9] =
        [b".log", b".csv", b".json", b".gz", b".zst", b".xz", b".txt", b".out", b"logfile"];
    let number = path.iter().rev().take_while(|b| b.is_ascii_digit() || b"-.".contains(b)).count();
    let bare = path.get(..path.len() - number).unwrap_or(path);
    ENDINGS.iter().any(|ending| bare.ends_with(ending))
}

/// What a terminal shows for a TAB at the start of a line.
const BLANKS: &[u8] = b"        ";

/// Tells whether a line begins where a terminal puts what stands behind a TAB.
pub(super) fn is_indented(line: &[u8]) -> bool {
    line.starts_with(BLANKS)
}

/// Returns a line with its TAB, where it has blanks for it.
pub(super) fn with_tab(line: &[u8]) -> Unwrapped<'_> {
    match line.strip_prefix(BLANKS) {
        Some(rest) => Unwrapped { text: Cow::Owned([b"\t", rest].concat()), ..Unwrapped::of(line) },
        None => Unwrapped::of(line),
    }
}

/// Reads `12:LINE` and `12-LINE` (`grep -n`), and `    12<TAB>LINE` (`cat -n`). Returns the number too.
pub(super) fn number_off(line: &[u8]) -> Option<(u64, &[u8])> {
    let trimmed = line.trim_ascii_start();
    let digits = trimmed.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = trimmed.split_at_checked(digits)?;
    let (sign, text) = rest.split_first()?;
    let is_bare = trimmed.len() == line.len();
    let fits = *sign == b'\t' || (is_bare && b":-".contains(sign));
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    (fits && digits <= 10).then_some((number, text))
}

/// Takes the number of a line off.
pub(super) fn behind_number(line: &[u8]) -> Option<Unwrapped<'_>> {
    match line {
        b"--" => Some(Unwrapped::dropped()),
        _ => number_off(line).map(|(_, text)| Unwrapped::of(text)),
    }
}

/// Reads the fields of an entry that `journalctl -o verbose` prints, of which one is the line.
pub(super) fn in_field(line: &[u8]) -> Option<Unwrapped<'_>> {
    let Some(field) = line.strip_prefix(b"    ") else {
        // `Tue 2026-11-24 02:22:07.000000 UTC [s=…;i=…]`
        let is_head = line.ends_with(b"]") && memchr::memmem::find(line, b" [s=").is_some();
        return is_head.then(Unwrapped::dropped);
    };
    if let Some(text) = field.strip_prefix(b"MESSAGE=") {
        return Some(Unwrapped::of(text));
    }
    let name = field.iter().take_while(|b| b.is_ascii_uppercase() || b"_0123456789".contains(b));
    let is_field = field.get(name.count()) == Some(&b'=');
    (is_field || field.starts_with(b" ")).then(Unwrapped::dropped)
}
