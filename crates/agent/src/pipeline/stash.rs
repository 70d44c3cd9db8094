//! Bytes that are put aside while a log is about to be truncated.
//!
//! What was read is safe, what is not read yet will be gone in a moment: parsing, compressing and storing
//! would take the processor from reading.

use std::time::Duration;

use crate::tail::FileNumber;

/// How many bytes are put aside at most.
const MAX_BYTES: usize = 4 << 20;

/// For how long they are.
const MAX_AGE: Duration = Duration::from_millis(500);

/// Bytes of logs in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct Stash {
    /// Whether a log is about to be truncated, as far as the last turn knew.
    pub(super) is_open: bool,
    pieces: Vec<(FileNumber, Vec<u8>)>,
    bytes: usize,
    since: Option<Duration>,
}

impl Stash {
    /// Puts bytes aside.
    pub(super) fn push(&mut self, file: FileNumber, bytes: &[u8], now: Duration) {
        self.since.get_or_insert(now);
        self.bytes += bytes.len();
        match self.pieces.last_mut() {
            Some((last, held)) if *last == file => held.extend_from_slice(bytes),
            _ => self.pieces.push((file, bytes.to_vec())),
        }
    }

    /// Tells whether nothing is put aside.
    pub(super) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Tells whether it is time to go on with what was put aside.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.bytes >= MAX_BYTES || self.since.is_some_and(|since| now >= since + MAX_AGE)
    }

    /// Returns what was put aside.
    pub(super) fn take(&mut self) -> Vec<(FileNumber, Vec<u8>)> {
        self.bytes = 0;
        self.since = None;
        std::mem::take(&mut self.pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_in_their_order_after_half_a_second_or_4_mib() {
        let (first, second) = (FileNumber(1), FileNumber(2));
        let mut stash = Stash::default();
        let start = Duration::from_secs(9);
        stash.push(first, b"a", start);
        stash.push(first, b"b", start);
        stash.push(second, b"c", start);
        stash.push(first, b"d", start + MAX_AGE);
        assert!(!stash.is_due(start) && stash.is_due(start + MAX_AGE));
        let expected = [(first, b"ab".to_vec()), (second, b"c".to_vec()), (first, b"d".to_vec())];
        assert_eq!(stash.take(), expected);
        assert!(stash.is_empty() && !stash.is_due(Duration::MAX));
        stash.push(first, &vec![b'x'; MAX_BYTES], start);
        assert!(stash.is_due(start));
    }
}
