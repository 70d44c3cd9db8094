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
        let mut places = places_in(block, wanted);
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

/// Tells whether three bytes stand together in a place that is `wanted`.
#[inline(always)]
pub(crate) fn any_place_of_three(
    bytes: &[u8],
    three: [u8; 3],
    wanted: impl Fn(usize) -> bool,
) -> bool {
    const WINDOW_BYTES: usize = LANE_BYTES + 2;
    let Some(last) = bytes.len().checked_sub(WINDOW_BYTES) else {
        return bytes.windows(3).enumerate().any(|(at, found)| *found == three && wanted(at));
    };
    let [first, second, third] = three.map(u8x16::splat);
    let mut at = 0;
    while let Some(window) = bytes.get(at..).and_then(|rest| rest.first_chunk::<WINDOW_BYTES>()) {
        let [a @ .., _, _] = *window;
        let [_, b @ .., _] = *window;
        let [_, _, c @ ..] = *window;
        let found = u8x16::new(a).simd_eq(first)
            & u8x16::new(b).simd_eq(second)
            & u8x16::new(c).simd_eq(third);
        let mut places = found.to_bitmask();
        while places != 0 {
            if wanted(at + places.trailing_zeros() as usize) {
                return true;
            }
            places &= places - 1;
        }
        if at == last {
            break;
        }
        // What the last window shares with the one before it is looked at twice.
        at = (at + LANE_BYTES).min(last);
    }
    false
}

/// One bit for each byte of a block that is the one which is wanted.
#[inline(always)]
fn places_in(block: &[u8; BLOCK_BYTES], wanted: u8x16) -> u64 {
    let (lanes, _) = block.as_chunks::<LANE_BYTES>();
    let places = lanes.iter().map(|lane| u64::from(u8x16::new(*lane).simd_eq(wanted).to_bitmask()));
    places.rev().fold(0, |all, places| all << 16 | places)
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
            let first = bytes.iter().position(|other| *other == byte || *other == 3);
            prop_assert_eq!(first_of(&bytes, [byte, 3]), first);
        }

        #[test]
        fn any_place_of_three_bytes_is_found(
            bytes in prop::collection::vec(0_u8..3, 0..60), three in any::<[bool; 3]>(), modulus in 1..9_usize,
        ) {
            let three = three.map(u8::from);
            let mut places = bytes.windows(3).enumerate().filter(|(_, found)| *found == three);
            let wanted = |at: usize| at.is_multiple_of(modulus);
            let expected = places.any(|(at, _)| wanted(at));
            prop_assert_eq!(any_place_of_three(&bytes, three, wanted), expected);
        }
    }
}
