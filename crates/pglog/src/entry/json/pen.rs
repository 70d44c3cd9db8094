//! Writes JSON to a vector.
//!
//! Most of an entry's JSON is pieces of a few bytes. So that none of them asks for room, lets the vector grow and
//! calls for a copy, they are put together in a small buffer, by copies whose size is known when the crate is
//! compiled: mostly more than the piece, and the next one overwrites the rest.

use std::cell::Cell;

/// How much is put together before it is appended: more than the JSON of most entries.
const BUFFER_BYTES: usize = 1024;

/// No piece is longer.
pub(super) const PIECE_BYTES: usize = 72;

/// Where JSON is put together.
type Buffer = [u8; BUFFER_BYTES];

thread_local! {
    /// The buffer of the entry that was written last: one that is filled anew each time costs more.
    static LAST: Cell<Option<Box<Buffer>>> = const { Cell::new(None) };
}

/// Copies bytes to the begin of some room, if that is as long, and returns how many of them count.
#[inline(always)]
pub(super) fn start_with<const N: usize>(to: &mut [u8], bytes: [u8; N], length: usize) -> usize {
    if let Some(to) = to.first_chunk_mut() {
        *to = bytes;
    }
    length
}

/// Writes to the end of a vector. Nothing is certain to be there before [`Self::finish`].
#[derive(Debug)]
pub(super) struct Pen<'o> {
    out: &'o mut Vec<u8>,
    buffer: Box<Buffer>,
    /// How much of the buffer is written.
    used: usize,
}

impl<'o> Pen<'o> {
    /// Makes a pen that writes behind what is in a vector.
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        let buffer = LAST.take().unwrap_or_else(|| Box::new([0; BUFFER_BYTES]));
        Self { out, buffer, used: 0 }
    }

    /// Appends what is still in the buffer.
    pub(super) fn finish(mut self) {
        self.flush();
        LAST.set(Some(self.buffer));
    }

    #[inline]
    fn flush(&mut self) {
        self.out.extend_from_slice(self.buffer.get(..self.used).unwrap_or_default());
        self.used = 0;
    }

    /// How long the vector would be.
    #[inline(always)]
    pub(super) const fn position(&self) -> usize {
        self.out.len() + self.used
    }

    /// Gives room for a piece to `write`, which returns how much of it is used.
    #[inline(always)]
    pub(super) fn piece(&mut self, write: impl FnOnce(&mut [u8; PIECE_BYTES]) -> usize) {
        if self.used > BUFFER_BYTES - PIECE_BYTES {
            self.flush();
        }
        if let Some(to) = self.buffer.get_mut(self.used..).and_then(<[u8]>::first_chunk_mut) {
            self.used += write(to);
        }
    }

    /// Writes so many of some bytes. All of them are copied, and the next piece overwrites the rest.
    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        self.piece(|to| start_with(to, bytes, length));
    }

    /// Returns room for so many bytes, which are used with [`Self::pass`]. `None` where there is not so much.
    #[inline(always)]
    pub(super) fn room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        self.buffer.get_mut(self.used..).and_then(|room| room.get_mut(..bytes))
    }

    /// Makes room for so many bytes, if the buffer has as many.
    pub(super) fn make_room(&mut self, bytes: usize) {
        if BUFFER_BYTES - self.used < bytes {
            self.flush();
        }
    }

    /// So many bytes of the room have been written.
    #[inline(always)]
    pub(super) const fn pass(&mut self, count: usize) {
        self.used += count;
    }

    /// Takes so many bytes back.
    pub(super) fn take_back(&mut self, count: usize) {
        let appended = count.saturating_sub(self.used);
        self.out.truncate(self.out.len().saturating_sub(appended));
        self.used = self.used.saturating_sub(count);
    }

    /// Writes a short word of our own, whose length is known when the crate is compiled.
    #[inline(always)]
    pub(super) fn word(&mut self, word: &'static str) {
        self.piece(|to| {
            if let Some(start) = to.get_mut(..word.len()) {
                start.copy_from_slice(word.as_bytes());
            }
            word.len()
        });
    }

    /// Writes bytes as they are.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()) {
            room.copy_from_slice(bytes);
            self.used += bytes.len();
        } else {
            self.flush();
            self.out.extend_from_slice(bytes);
        }
    }

    /// Writes once more so many bytes that have been written at a position.
    #[inline(always)]
    pub(super) fn repeat(&mut self, position: usize, bytes: usize) {
        let start = position.wrapping_sub(self.out.len());
        if start <= BUFFER_BYTES && self.used + bytes <= BUFFER_BYTES && start + bytes <= self.used
        {
            self.buffer.copy_within(start..start + bytes, self.used);
            self.used += bytes;
        } else {
            self.flush();
            self.out.extend_from_within(position..position + bytes);
        }
    }

    /// Replaces the byte at a position, if there is one.
    pub(super) fn replace(&mut self, position: usize, byte: u8) {
        let in_buffer = position.checked_sub(self.out.len());
        let place = match in_buffer {
            Some(at) => self.buffer.get_mut(at),
            None => self.out.get_mut(position),
        };
        if let Some(place) = place {
            *place = byte;
        }
    }
}
