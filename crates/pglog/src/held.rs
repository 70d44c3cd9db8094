//! Bytes of a record, or of a line, whose end has not come yet.

/// What was left out of a record that is too long to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Where the bytes are missing.
    pub(crate) at: usize,
    /// How many bytes of the file they are.
    pub(crate) raw_bytes: u64,
    /// How many bytes of the value they are, without quotes and escapes.
    pub(crate) value_bytes: u64,
}

/// The beginning of a record. Of a long value only as much is kept as the entry may have, so that the
/// memory is bounded whatever comes.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    gaps: Vec<Gap>,
    /// How many bytes there were when gaps were last made.
    compacted_bytes: usize,
}

impl Held {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes of the file are held or were left out.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.bytes.len() as u64 + raw_bytes_in(&self.gaps)
    }

    /// Tells whether it is time to make gaps.
    pub(crate) fn has_grown_by(&self, bytes: usize) -> bool {
        self.bytes.len() >= self.compacted_bytes + bytes
    }

    /// Leaves bytes out. The cuts are in order and behind all gaps made before, but the first may go on
    /// where the last gap is; `at` counts in the bytes as they are now.
    pub(crate) fn compact(&mut self, cuts: &[Gap]) {
        let mut kept = Vec::new();
        let mut from = 0;
        for cut in cuts {
            kept.extend_from_slice(self.bytes.get(from..cut.at).unwrap_or_default());
            from = cut.at + usize::try_from(cut.raw_bytes).unwrap_or(usize::MAX - cut.at);
            match self.gaps.last_mut().filter(|gap| gap.at == kept.len()) {
                Some(gap) => {
                    gap.raw_bytes += cut.raw_bytes;
                    gap.value_bytes += cut.value_bytes;
                }
                None => self.gaps.push(Gap { at: kept.len(), ..*cut }),
            }
        }
        kept.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        self.bytes = kept;
        self.compacted_bytes = self.bytes.len();
    }

    /// Takes everything out.
    pub(crate) fn take(&mut self) -> (Vec<u8>, Vec<Gap>) {
        (std::mem::take(&mut self.bytes), std::mem::take(&mut self.gaps))
    }

    /// Puts back what was taken out, but for the bytes that were used. Where any were, the gaps are used
    /// with them.
    pub(crate) fn put_back(&mut self, mut bytes: Vec<u8>, gaps: Vec<Gap>, used: usize) {
        if used == 0 {
            self.gaps = gaps;
        } else if used == bytes.len() && bytes.capacity() > KEPT_CAPACITY {
            // One long record must not hold its memory for ever.
            bytes = Vec::new();
        } else {
            bytes.drain(..used);
        }
        self.compacted_bytes = self.compacted_bytes.min(bytes.len());
        self.bytes = bytes;
    }
}

/// The beginning of a line. Of a very long one only the head is kept, so that the memory is bounded.
#[derive(Debug, Default)]
pub(crate) struct HeldLine {
    bytes: Vec<u8>,
    /// Bytes behind those held, which are left out.
    skipped_bytes: u64,
}

impl HeldLine {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.raw_bytes() == 0
    }

    /// How many bytes of the file are held or were left out.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.bytes.len() as u64 + self.skipped_bytes
    }

    /// Adds bytes, and leaves out what is beyond `max_bytes` of the line.
    pub(crate) fn extend(&mut self, bytes: &[u8], max_bytes: usize) {
        let room = max_bytes.saturating_sub(self.bytes.len());
        let (kept, skipped) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.bytes.extend_from_slice(kept);
        self.skipped_bytes += skipped.len() as u64;
    }

    /// Takes the line out.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.skipped_bytes = 0;
        std::mem::take(&mut self.bytes)
    }

    /// Uses the memory of a line that was taken for the next one. One long line must not hold its memory
    /// for ever.
    pub(crate) fn recycle(&mut self, mut line: Vec<u8>) {
        if line.capacity() <= KEPT_CAPACITY {
            line.clear();
            self.bytes = line;
        }
    }
}

/// How much memory is kept for the next record, or line.
const KEPT_CAPACITY: usize = 64 << 10;

/// How many bytes of the file the gaps are.
pub(crate) fn raw_bytes_in(gaps: &[Gap]) -> u64 {
    gaps.iter().map(|gap| gap.raw_bytes).sum()
}

/// The gaps within a value that begins and ends at these places.
pub(crate) fn within(gaps: &[Gap], start: usize, end: usize) -> impl Iterator<Item = &Gap> {
    gaps.iter().filter(move |gap| gap.at > start && gap.at <= end)
}
