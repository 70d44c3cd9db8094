//! Many bytes at a time, without a call for each find.

use wide::u8x16;

/// How many bytes are looked at together.
const BLOCK_BYTES: usize = 64;

/// How many of them are compared with one instruction.
const LANE_BYTES: usize = 16;

/// Calls `found` with each place where a byte stands, in their order. Where finds are close together, as line
/// breaks are, this costs less than a search that begins anew behind each of them.
#[inline(always)]
pub(crate) fn each_place(bytes: &[u8], byte: u8, mut found: impl FnMut(usize)) {
    let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
    let mut last = [!byte; BLOCK_BYTES];
    if let Some(start) = last.get_mut(..rest.len()) {
        start.copy_from_slice(rest);
    }
    let wanted = u8x16::splat(byte);
    let mut at = 0;
    // One loop for all blocks, so that `found` becomes a part of it.
    for block in blocks.iter().chain([&last]) {
        let mut places = places_in(block, |bytes| bytes.simd_eq(wanted));
        while places != 0 {
            found(at + places.trailing_zeros() as usize);
            places &= places - 1;
        }
        at += BLOCK_BYTES;
    }
}

/// Finds the first of some bytes, which is near.
#[inline(always)]
pub(crate) fn first_of<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> Option<usize> {
    let (lanes, rest) = bytes.as_chunks::<LANE_BYTES>();
    let mut at = 0;
    for lane in lanes {
        let lane = u8x16::new(*lane);
        let found = wanted.map(|byte| lane.simd_eq(u8x16::splat(byte)));
        let places = found.into_iter().fold(u8x16::ZERO, |all, places| all | places).to_bitmask();
        if places != 0 {
            return Some(at + places.trailing_zeros() as usize);
        }
        at += LANE_BYTES;
    }
    let behind = rest.iter().position(|byte| wanted.contains(byte))?;
    Some(at + behind)
}

/// Where quotes stand, and what ends a value that is in none. Each block of bytes is looked at once, however many
/// places in it are asked for, as long as they are asked for in their order.
#[derive(Debug)]
pub(crate) struct Marks<'b> {
    bytes: &'b [u8],
    /// Where the block begins that was looked at last.
    start: usize,
    quotes: u64,
    ends: u64,
}

impl<'b> Marks<'b> {
    /// Looks at bytes for quotes, and for commas, carriage returns and line breaks, which end a value.
    pub(crate) fn of(bytes: &'b [u8]) -> Self {
        let mut marks = Self { bytes, start: 0, quotes: 0, ends: 0 };
        marks.look_at(0);
        marks
    }

    /// Finds the first quote that stands from one place on and before another.
    #[inline(always)]
    pub(crate) fn quote(&mut self, from: usize, before: usize) -> Option<usize> {
        self.first(from, before, |marks| marks.quotes)
    }

    /// Finds the first of all marks that stands from one place on and before another.
    #[inline(always)]
    pub(crate) fn any(&mut self, from: usize, before: usize) -> Option<usize> {
        self.first(from, before, |marks| marks.quotes | marks.ends)
    }

    #[inline(always)]
    fn first(&mut self, from: usize, before: usize, of: impl Fn(&Self) -> u64) -> Option<usize> {
        let mut from = from;
        while from < before {
            if from.wrapping_sub(self.start) >= BLOCK_BYTES {
                self.look_at(from);
            }
            let places = of(self) >> (from - self.start);
            if places != 0 {
                let at = from + places.trailing_zeros() as usize;
                return (at < before).then_some(at);
            }
            from = self.start + BLOCK_BYTES;
        }
        None
    }

    #[inline(never)]
    fn look_at(&mut self, start: usize) {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let mut last = [0; BLOCK_BYTES];
        let block = rest.first_chunk().unwrap_or_else(|| {
            last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
            &last
        });
        self.start = start;
        self.quotes = places_in(block, |bytes| bytes.simd_eq(u8x16::splat(b'"')));
        self.ends = places_in(block, |bytes| {
            let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
            is(b',') | is(b'\n') | is(b'\r')
        });
    }
}

/// Tells whether three bytes stand together in a place that is `wanted`. The first of them is rare.
#[inline(always)]
pub(crate) fn any_place_of_three(
    bytes: &[u8],
    three: [u8; 3],
    wanted: impl Fn(usize) -> bool,
) -> bool {
    let [first, behind @ ..] = three;
    let is_wanted = |at: usize| {
        bytes.get(at + 1..).and_then(<[u8]>::first_chunk) == Some(&behind) && wanted(at)
    };
    let lane_of = u8x16::splat(first);
    // What the last block shares with the one before it is looked at twice.
    if let Some(last) = bytes.last_chunk() {
        let places = |block| places_in(block, |bytes| bytes.simd_eq(lane_of));
        let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
        let mut starts = (0..).step_by(BLOCK_BYTES).zip(blocks);
        return starts.any(|(at, block)| any_of(places(block), at, is_wanted))
            || (!rest.is_empty() && any_of(places(last), bytes.len() - BLOCK_BYTES, is_wanted));
    }
    if let Some(last) = bytes.last_chunk() {
        let places =
            |lane: &[u8; LANE_BYTES]| u8x16::new(*lane).simd_eq(lane_of).to_bitmask().into();
        let (lanes, _) = bytes.as_chunks::<LANE_BYTES>();
        let mut starts = (0..).step_by(LANE_BYTES).zip(lanes);
        return starts.any(|(at, lane)| any_of(places(lane), at, is_wanted))
            || any_of(places(last), bytes.len() - LANE_BYTES, is_wanted);
    }
    bytes.iter().enumerate().any(|(at, byte)| *byte == first && is_wanted(at))
}

/// Tells whether one of the places is wanted whose bits are set, counted from a start.
#[inline(always)]
fn any_of(mut places: u64, start: usize, is_wanted: impl Fn(usize) -> bool) -> bool {
    while places != 0 {
        if is_wanted(start + places.trailing_zeros() as usize) {
            return true;
        }
        places &= places - 1;
    }
    false
}

/// One bit for each byte of a block that is one of those which are wanted.
#[inline(always)]
fn places_in(block: &[u8; BLOCK_BYTES], wanted: impl Fn(u8x16) -> u8x16) -> u64 {
    let (lanes, _) = block.as_chunks::<LANE_BYTES>();
    let places = lanes.iter().map(|lane| u64::from(wanted(u8x16::new(*lane)).to_bitmask()));
    places.rev().fold(0, |all, places| all << LANE_BYTES | places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_place_is_found(bytes in prop::collection::vec(0_u8..4, 0..300), byte in 0_u8..5) {
            let mut places = Vec::new();
            each_place(&bytes, byte, |at| places.push(at));
            let expected: Vec<usize> = memchr::memchr_iter(byte, &bytes).collect();
            prop_assert_eq!(&places, &expected);
        }

        #[test]
        fn first_of_some_bytes_is_found(bytes in prop::collection::vec(0_u8..200, 0..80)) {
            let first = bytes.iter().position(|byte| [3, 77].contains(byte));
            prop_assert_eq!(first_of(&bytes, [3, 77]), first);
        }

        #[test]
        fn each_mark_is_found_behind_the_one_before(
            bytes in prop::collection::vec(prop::sample::select(b"a,\"\n\r\x00\xff".to_vec()), 0..300),
            questions in prop::collection::vec((any::<bool>(), 0_usize..70, 0_usize..150), 0..40),
        ) {
            let mut marks = Marks::of(&bytes);
            let mut from = 0;
            for (is_quote, step, width) in questions {
                from += step;
                let before = (from + width).min(bytes.len());
                let wanted: &[u8] = if is_quote { b"\"" } else { b",\"\n\r" };
                let expected = (from..before).find(|at| wanted.contains(&bytes[*at]));
                let found = if is_quote { marks.quote(from, before) } else { marks.any(from, before) };
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn any_place_of_three_bytes_is_found(
            bytes in prop::collection::vec(0_u8..3, 0..200), three in any::<[bool; 3]>(), modulus in 1..9_usize,
        ) {
            let three = three.map(u8::from);
            let mut places = bytes.windows(3).enumerate().filter(|(_, found)| *found == three);
            let wanted = |at: usize| at.is_multiple_of(modulus);
            let expected = places.any(|(at, _)| wanted(at));
            prop_assert_eq!(any_place_of_three(&bytes, three, wanted), expected);
        }
    }
}
