//! Text in UTF-16, as programs of Windows write it: to UTF-8.

use std::io::{self, Read};

/// The order of the bytes in a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    LittleEndian,
    BigEndian,
}

impl Order {
    /// Reads the first bytes of a text: a byte order mark, or characters of a log's first line, every
    /// second byte of which is NUL then.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xfe, ..] => Some(Self::LittleEndian),
            [0xfe, 0xff, ..] => Some(Self::BigEndian),
            [a, 0, b, 0, c, 0, ..] if [a, b, c].iter().all(|byte| byte.is_ascii_graphic()) => {
                Some(Self::LittleEndian)
            }
            [0, a, 0, b, 0, c, ..] if [a, b, c].iter().all(|byte| byte.is_ascii_graphic()) => {
                Some(Self::BigEndian)
            }
            _ => None,
        }
    }

    const fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::LittleEndian => u16::from_le_bytes(bytes),
            Self::BigEndian => u16::from_be_bytes(bytes),
        }
    }
}

/// Reads UTF-16 as UTF-8. A unit that is no character becomes U+FFFD.
#[derive(Debug)]
pub(super) struct Utf16<R> {
    input: R,
    order: Order,
    /// Bytes of a character whose rest has not come.
    rest: Vec<u8>,
    /// Text that has not been asked for, and how much of it has.
    text: String,
    given: usize,
}

impl<R: Read> Utf16<R> {
    pub(super) const fn new(input: R, order: Order) -> Self {
        Self { input, order, rest: Vec::new(), text: String::new(), given: 0 }
    }

    /// Reads more text. False at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.text.clear();
        self.given = 0;
        while self.text.is_empty() {
            let mut bytes = [0; 16 << 10];
            let read = self.input.read(&mut bytes)?;
            self.rest.extend_from_slice(bytes.get(..read).unwrap_or_default());
            self.decode(read == 0);
            if read == 0 {
                break;
            }
        }
        Ok(!self.text.is_empty())
    }

    /// Turns what is held into text, but for a character that may be cut.
    fn decode(&mut self, is_at_end: bool) {
        let mut units: Vec<u16> =
            self.rest.as_chunks().0.iter().map(|pair| self.order.unit(*pair)).collect();
        let is_cut = units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit));
        if is_cut && !is_at_end {
            units.pop();
        }
        self.rest.drain(..units.len() * 2);
        let text =
            char::decode_utf16(units).map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER));
        self.text.extend(text.filter(|character| *character != '\u{feff}'));
        if is_at_end && !self.rest.is_empty() {
            self.rest.clear();
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() && !self.fill()? {
            return Ok(0);
        }
        let read = self.text.as_bytes().get(self.given..).unwrap_or_default().read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_in_both_orders_with_and_without_mark() {
        let text = "LOG:  größe 🐘\n".repeat(3000);
        for mark in ["", "\u{feff}"] {
            let units: Vec<u16> = [mark, &text].concat().encode_utf16().collect();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            for (bytes, order) in [(little, Order::LittleEndian), (big, Order::BigEndian)] {
                assert_eq!(Order::of(&bytes), Some(order));
                let read = io::read_to_string(Utf16::new(&*bytes, order)).unwrap();
                assert_eq!(read, text);
            }
        }
        for head in [&b"LOG:  x"[..], b"", b"\0\0\0\0\0\0", b"L\0"] {
            assert_eq!(Order::of(head), None);
        }
    }

    #[test]
    fn half_a_character_at_the_end_is_replaced() {
        let read = io::read_to_string(Utf16::new(&b"a\0\x3d\xd8b"[..], Order::LittleEndian));
        assert_eq!(read.unwrap(), "a\u{fffd}\u{fffd}");
    }
}
