//! Text that is no record.

use crate::{
    entry::{Field, LogEntry},
    text::decode,
};

/// A piece that is longer is given out at the end of a line, so that nothing of it is cut.
const FULL_BYTES: u64 = 64 << 10;

/// Lines that belong together because no record stands between them: those of a record that was cut, or
/// of another program.
#[derive(Debug, Default)]
pub(super) struct Piece {
    text: Vec<u8>,
    start: u64,
    /// Its length in the file.
    whole_bytes: u64,
}

impl Piece {
    pub(super) const fn start(&self) -> Option<u64> {
        if self.whole_bytes == 0 { None } else { Some(self.start) }
    }

    /// Adds bytes, of which some may be missing behind the first `max_bytes`.
    pub(super) fn add(&mut self, bytes: &[u8], whole_bytes: u64, at: u64, max_bytes: usize) {
        if self.whole_bytes == 0 {
            self.start = at;
        }
        self.whole_bytes += whole_bytes;
        // Four more, so that a character is not cut where it need not be.
        let room = (max_bytes + 4).saturating_sub(self.text.len());
        self.text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    pub(super) const fn is_full(&self) -> bool {
        self.whole_bytes >= FULL_BYTES
    }

    /// Takes the piece as an entry, with the position where it starts.
    pub(super) fn take(&mut self, max_bytes: usize) -> Option<(LogEntry<'static>, u64)> {
        let start = self.start()?;
        let Self { mut text, whole_bytes, .. } = std::mem::take(self);
        let mut length = whole_bytes;
        if whole_bytes == text.len() as u64 && text.last() == Some(&b'\n') {
            text.pop();
            length -= 1;
        }
        let mut message = decode(&text).into_owned();
        let mut entry = LogEntry { unparsed: true, ..LogEntry::default() };
        if length > max_bytes as u64 {
            message.truncate(message.floor_char_boundary(max_bytes));
            entry.truncated.push((Field::Message, length));
        }
        entry.message = message.into();
        Some((entry, start))
    }
}
