//! Protocol buffers, as far as writing goes and reading three fields.

/// A message under construction.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn uint(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | VARINT);
        self.varint(value);
    }

    pub(super) fn fixed64(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn double(&mut self, field: u64, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    pub(super) fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(super) fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// Writes a text that stands in two parts.
    pub(super) fn texts(&mut self, field: u64, [first, second]: [&str; 2]) {
        self.varint(field << 3 | BYTES);
        self.varint((first.len() + second.len()) as u64);
        self.0.extend_from_slice(first.as_bytes());
        self.0.extend_from_slice(second.as_bytes());
    }

    /// Writes a message in its place. Most are short, so one byte is left for the length.
    pub(super) fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        self.varint(field << 3 | BYTES);
        let start = self.0.len();
        self.0.push(0);
        write(self);
        let length = self.0.len().saturating_sub(start + 1);
        match (u8::try_from(length), self.0.get_mut(start)) {
            (Ok(short @ ..0x80), Some(byte)) => *byte = short,
            _ => {
                let mut prefix = Self::default();
                prefix.varint(length as u64);
                drop(self.0.splice(start..=start, prefix.0));
            }
        }
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }
}

/// A field that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Reads the fields of a message with their numbers. `None` where it is not one.
pub(super) fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            VARINT => Field::Number(varint(&mut bytes)?),
            FIXED64 => Field::Bytes(take(&mut bytes, 8)?),
            BYTES => {
                let length = varint(&mut bytes)?;
                Field::Bytes(take(&mut bytes, usize::try_from(length).ok()?)?)
            }
            5 => Field::Bytes(take(&mut bytes, 4)?),
            _ => return None,
        };
        found.push((key >> 3, field));
    }
    Some(found)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut message = Message::default();
        message.uint(1, 300);
        message.text(2, "é");
        message.fixed64(3, u64::MAX);
        message.message(16, |inner| inner.uint(1, 0));
        let long = "x".repeat(300);
        message.message(4, |inner| inner.message(1, |inner| inner.texts(2, ["x", &long[1..]])));
        let bytes = message.into_bytes();
        let expected = [
            (1, Field::Number(300)),
            (2, Field::Bytes("é".as_bytes())),
            (3, Field::Bytes(&[0xff; 8])),
            (16, Field::Bytes(&[8, 0])),
        ];
        let found = fields(&bytes).unwrap();
        assert_eq!(found[..4], expected);
        let inner = |field| match field {
            (_, Field::Bytes(inner)) => fields(inner).unwrap(),
            (_, Field::Number(_)) => Vec::new(),
        };
        assert_eq!(inner(inner(found[4])[0]), [(2, Field::Bytes(long.as_bytes()))]);
        for length in [1, 4, bytes.len() - 1] {
            assert_eq!(fields(&bytes[..length]), None);
        }
    }
}
