//! Whole numbers in JSON.

use crate::digits;

/// Writes a number.
#[inline]
pub(super) fn write_number(out: &mut Vec<u8>, number: u64) {
    match short(number) {
        Some((digits, length)) => {
            let end = out.len() + length;
            out.extend_from_slice(&digits);
            out.truncate(end);
        }
        None => write_long(out, number),
    }
}

/// Returns the digits of a number that has no more than eight of them, and how many it has.
#[inline(always)]
pub(super) fn short(number: u64) -> Option<([u8; 8], usize)> {
    u32::try_from(number).ok().filter(|number| *number <= digits::MAX_SHORT).map(digits::short)
}

pub(super) fn write_long(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes a point and three decimals.
pub(super) fn write_fraction(out: &mut Vec<u8>, thousandths: u32) {
    let [.., a, b, c] = digits::eight(thousandths);
    out.extend_from_slice(&[b'.', a, b, c]);
}
