//! Sixteen bytes of which some may be any digit, compared at once.

use wide::u8x16;

/// Sixteen bytes, each of which is told by a [`Place`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern {
    bytes: [u8; Self::BYTES],
    /// How much of each may be different: of a digit, its value is left; of what is equal, nothing.
    limits: [u8; Self::BYTES],
}

/// What may stand in the place of a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Same(u8),
    Digit,
    Any,
}

impl Pattern {
    /// How many bytes it has.
    pub(super) const BYTES: usize = 16;

    /// Makes a pattern.
    pub(super) fn of(places: [Place; Self::BYTES]) -> Self {
        let byte_and_limit = places.map(|place| match place {
            Place::Same(byte) => (byte, 0),
            Place::Digit => (b'0', 9),
            Place::Any => (0, u8::MAX),
        });
        Self {
            bytes: byte_and_limit.map(|(byte, _)| byte),
            limits: byte_and_limit.map(|(_, limit)| limit),
        }
    }

    /// Makes a pattern of a text in which a `0` stands for any digit.
    #[expect(
        clippy::indexing_slicing,
        reason = "a const fn has no iterators; the loop ends in time"
    )]
    pub(super) const fn of_text(bytes: [u8; Self::BYTES]) -> Self {
        let mut limits = [0; Self::BYTES];
        let mut at = 0;
        while at < Self::BYTES {
            if bytes[at] == b'0' {
                limits[at] = 9;
            }
            at += 1;
        }
        Self { bytes, limits }
    }

    #[inline(always)]
    pub(super) fn fits(&self, bytes: [u8; Self::BYTES]) -> bool {
        let limits = u8x16::new(self.limits);
        let different = u8x16::new(bytes) ^ u8x16::new(self.bytes);
        different.max(limits).simd_eq(limits).all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_takes_what_it_is_for() {
        let mut places = [Place::Digit; Pattern::BYTES];
        places[..7].copy_from_slice(&[
            Place::Same(b'0'),
            Place::Any,
            Place::Same(0xff),
            Place::Digit,
            Place::Same(b':'),
            Place::Same(0),
            Place::Any,
        ]);
        let pattern = Pattern::of(places);
        for any in [0, b'0', 0xff] {
            let fitting = places.map(|place| match place {
                Place::Same(same) => same,
                Place::Digit => b'9',
                Place::Any => any,
            });
            assert!(pattern.fits(fitting));
            for (at, place) in places.iter().enumerate() {
                for byte in 0..=u8::MAX {
                    let mut bytes = fitting;
                    bytes[at] = byte;
                    let fits = match place {
                        Place::Same(same) => byte == *same,
                        Place::Digit => byte.is_ascii_digit(),
                        Place::Any => true,
                    };
                    assert_eq!(pattern.fits(bytes), fits, "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn zeros_of_a_text_stand_for_digits() {
        let pattern = Pattern::of_text(*b"00 00:0x/0000000");
        assert!(pattern.fits(*b"12 34:5x/6789012") && !pattern.fits(*b"12 3a:5x/6789012"));
    }
}
