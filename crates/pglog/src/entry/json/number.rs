//! Whole numbers in JSON.

use std::time::Duration;

use super::pen::Pen;
use crate::digits;

/// Writes a number.
#[inline]
pub(super) fn write_number(pen: &mut Pen<'_>, number: u64) {
    match short(number) {
        Some((digits, length)) => pen.array(digits, length),
        None => write_long(pen, number),
    }
}

/// Returns the digits of a number that has no more than eight of them, and how many it has.
#[inline(always)]
pub(super) fn short(number: u64) -> Option<([u8; 8], usize)> {
    u32::try_from(number).ok().filter(|number| *number <= digits::MAX_SHORT).map(digits::short)
}

pub(super) fn write_long(pen: &mut Pen<'_>, number: impl itoa::Integer) {
    pen.extend(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes a point and three decimals.
pub(super) fn write_fraction(pen: &mut Pen<'_>, thousandths: u32) {
    let [a, b, c, _] = digits::three(thousandths);
    pen.array([b'.', a, b, c], 4);
}

/// Writes milliseconds with three decimals, as the server does.
pub(super) fn write_millis(pen: &mut Pen<'_>, duration: Duration) {
    match u64::try_from(duration.as_millis()) {
        Ok(millis) => write_number(pen, millis),
        Err(_) => write_long(pen, duration.as_millis()),
    }
    write_fraction(pen, duration.subsec_micros() % 1000);
}

/// Writes less than a second in the same way to the begin of some room. Returns how long that is; `None` where it is
/// a second or more, which few statements take.
#[inline(always)]
pub(super) fn short_millis(to: &mut [u8], duration: Duration) -> Option<usize> {
    if duration.as_secs() > 0 {
        return None;
    }
    let micros = duration.subsec_micros();
    let (millis, rest) = (micros / 1000, micros % 1000);
    let zeros = usize::from(millis < 100) + usize::from(millis < 10);
    let whole = u32::from_le_bytes(digits::three(millis)) >> (8 * zeros);
    let [a, b, c, _] = digits::three(rest);
    *to.first_chunk_mut()? = whole.to_le_bytes();
    *to.get_mut(3 - zeros..)?.first_chunk_mut()? = [b'.', a, b, c];
    Some(7 - zeros)
}
