//! A plan as JSON: checked, made compact, and its head read.

use std::borrow::Cow;

use crate::entry::Text;
use crate::event::plan::Parts;
use crate::find::{marks, marks_of_controls};

/// How deep objects and arrays may stand in each other. Far below it a plan is no plan any more.
const MAX_DEPTH: usize = 1000;

/// Takes the white space between the parts of a JSON object out. `None` where it is not one valid object:
/// it is copied into JSON as it is, so it must not break that.
pub(super) fn read(text: &str) -> Option<(String, Parts<'_>)> {
    let mut reader = Reader {
        text,
        at: 0,
        kept: 0,
        compact: String::with_capacity(text.len()),
        open: Vec::new(),
    };
    let mut members = Vec::new();
    reader.value(&mut members)?;
    let is_whole = reader.skip_space()? == text.len() && text.starts_with('{');
    let compact = is_whole.then_some(reader.compact)?;
    let mut parts = Parts::default();
    for (key, value) in members {
        let value = text.get(value.0..value.1)?;
        match text.get(key.0..key.1)? {
            "\"Query Text\"" => parts.query_text = string(value),
            "\"Query Parameters\"" => parts.query_parameters = string(value),
            "\"Query Identifier\"" => parts.query_identifier = value.parse().ok(),
            _ => {}
        }
    }
    Some((compact, parts))
}

/// Where a key or a value begins and ends.
type Range = (usize, usize);

/// What is open around the next value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
}

struct Reader<'x> {
    text: &'x str,
    at: usize,
    /// Where what has not been copied yet begins.
    kept: usize,
    compact: String,
    open: Vec<Open>,
}

impl<'x> Reader<'x> {
    /// Passes one value with all in it, without recursion. Scalar members of the outermost object are
    /// noted.
    fn value(&mut self, members: &mut Vec<(Range, Range)>) -> Option<()> {
        loop {
            let key = self.key()?;
            let start = self.skip_space()?;
            match self.peek()? {
                opening @ (b'{' | b'[') => {
                    self.at += 1;
                    self.open.push(if opening == b'{' { Open::Object } else { Open::Array });
                    if self.open.len() > MAX_DEPTH {
                        return None;
                    }
                    self.skip_space()?;
                    if !matches!(self.peek()?, b'}' | b']') {
                        continue;
                    }
                }
                b'"' => self.string()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            if let (Some(key), 1) = (key, self.open.len()) {
                members.push((key, (start, self.at)));
            }
            if self.close_what_ends()? {
                return Some(());
            }
        }
    }

    /// Passes a key and its colon, inside of an object.
    fn key(&mut self) -> Option<Option<Range>> {
        if self.open.last() != Some(&Open::Object) {
            return Some(None);
        }
        let start = self.skip_space()?;
        self.string()?;
        let key = (start, self.at);
        self.skip_space()?;
        if self.peek()? != b':' {
            return None;
        }
        self.at += 1;
        Some(Some(key))
    }

    /// Passes closing brackets up to the next comma. True where nothing is open any more.
    fn close_what_ends(&mut self) -> Option<bool> {
        while let Some(open) = self.open.last().copied() {
            self.skip_space()?;
            match (self.peek()?, open) {
                (b',', _) => {
                    self.at += 1;
                    return Some(false);
                }
                (b'}', Open::Object) | (b']', Open::Array) => {
                    self.at += 1;
                    self.open.pop();
                }
                _ => return None,
            }
        }
        Some(true)
    }

    fn string(&mut self) -> Option<()> {
        (self.peek()? == b'"').then_some(())?;
        self.at += 1;
        loop {
            self.skip_plain_words();
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    self.escape()?;
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Passes bytes that mean nothing else in a string, eight at a time.
    fn skip_plain_words(&mut self) {
        let rest = self.bytes().get(self.at..).unwrap_or_default();
        let (words, _) = rest.as_chunks::<8>();
        for word in words {
            let word = u64::from_le_bytes(*word);
            let special = marks(word, b'"') | marks(word, b'\\') | marks_of_controls(word);
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.peek()? {
            b'u' => {
                let digits = self.bytes().get(self.at + 1..self.at + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                self.at += 5;
            }
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            _ => return None,
        }
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes().get(self.at..)?.starts_with(word).then_some(())?;
        self.at += word.len();
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let whole = self.digits()?;
        if whole > 1 && self.bytes().get(self.at - whole) == Some(&b'0') {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<usize> {
        let rest = self.bytes().get(self.at..)?;
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(count)
    }

    const fn bytes(&self) -> &'x [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// Passes white space, and copies what stands before it. Returns where the next part begins.
    #[inline]
    fn skip_space(&mut self) -> Option<usize> {
        match self.peek() {
            Some(b' ' | b'\t' | b'\n' | b'\r') | None => self.skip_space_here(),
            Some(_) => Some(self.at),
        }
    }

    fn skip_space_here(&mut self) -> Option<usize> {
        self.compact.push_str(self.text.get(self.kept..self.at)?);
        let rest = self.bytes().get(self.at..)?;
        // Most of it is what lines are indented with.
        let mut length = usize::from(!rest.is_empty());
        while let Some(word) = rest.get(length..).and_then(<[u8]>::first_chunk::<4>)
            && word == b"    "
        {
            length += word.len();
        }
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = rest.get(length) {
            length += 1;
        }
        self.at += length;
        self.kept = self.at;
        Some(self.at)
    }
}

/// Reads a JSON string with its quotes. `None` where it is not one.
pub(super) fn string(quoted: &str) -> Option<Text<'_>> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((clean, escaped)) = rest.split_once('\\') {
        text.push_str(clean);
        let mut chars = escaped.chars();
        match chars.next()? {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'u' => {
                let code = u32::from_str_radix(escaped.get(1..5)?, 16).ok()?;
                // The server escapes control characters only, which have no second half.
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                chars = escaped.get(5..)?.chars();
            }
            other => text.push(other),
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}
