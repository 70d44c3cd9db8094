//! When the first entry of a log was written.

/// The moment of a log's first entry, as the log has it: local time, or seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    is_epoch: bool,
    /// `YYYYMMDDhhmmss`, or seconds since 1970.
    second: u64,
    nanos: u32,
}

/// Digits of a local time, and of the seconds since 1970 from 2001 to 2286.
const DATE: &[u8; 19] = b"dddd-dd-dd_dd:dd:dd";
const EPOCH: &[u8; 14] = b"dddddddddd.ddd";

impl Moment {
    /// Finds the first moment in the first bytes of a log, in whatever format.
    pub(super) fn of_head(head: &[u8]) -> Option<Self> {
        // A line that goes on can have any time in it.
        let lines = head.split(|byte| *byte == b'\n').filter(|line| line.first() != Some(&b'\t'));
        lines.into_iter().find_map(|line| {
            let starts = (0..line.len()).filter(|start| {
                let before = start.checked_sub(1).and_then(|before| line.get(before));
                before.is_none_or(|before| !before.is_ascii_alphanumeric() && *before != b'.')
            });
            starts.filter_map(|start| line.get(start..)).find_map(Self::at_start)
        })
    }

    fn at_start(text: &[u8]) -> Option<Self> {
        let is_epoch = fits(text, EPOCH);
        if !is_epoch && !fits(text, DATE) {
            return None;
        }
        let second = if is_epoch { EPOCH.len() - 4 } else { DATE.len() };
        let (second, rest) = text.split_at_checked(second)?;
        let digits = second.iter().filter(|byte| byte.is_ascii_digit());
        let fraction = rest.strip_prefix(b".").unwrap_or_default();
        let fraction = fraction.iter().take_while(|byte| byte.is_ascii_digit()).take(9);
        let (mut nanos, mut unit) = (0, 100_000_000);
        for digit in fraction {
            nanos += u32::from(digit - b'0') * unit;
            unit /= 10;
        }
        let second = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        Some(Self { is_epoch, second, nanos })
    }

    /// Tells whether this one is earlier. `None` where that cannot be told.
    pub(super) fn is_before(self, other: Self) -> Option<bool> {
        let (ours, theirs) = ((self.second, self.nanos), (other.second, other.nanos));
        (self.is_epoch == other.is_epoch && ours != theirs).then_some(ours < theirs)
    }
}

/// `d` is a digit; `_` what stands between date and time.
fn fits(text: &[u8], pattern: &[u8]) -> bool {
    text.len() >= pattern.len()
        && text.iter().zip(pattern).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'_' => matches!(byte, b' ' | b'T'),
            other => byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_moment_is_found_in_every_format() {
        let found = |text: &str| {
            Moment::of_head(text.as_bytes()).map(|found| (found.second, found.nanos / 1_000_000))
        };
        let expected = Some((20_261_124_022_101, 123));
        for head in [
            "2026-11-24 02:21:01.123 UTC [1] LOG:  x",
            "cannot lock\n\t2020-01-01 00:00:00 no\nbob@shop 2026-11-24 02:21:01.123 CET LOG:  x",
            "{\"timestamp\":\"2026-11-24 02:21:01.123 UTC\"",
            "2026-11-24T02:21:01.123456+00:00 host postgres[1]: [1-1] LOG:  x",
        ] {
            assert_eq!(found(head), expected, "{head}");
        }
        assert_eq!(found("2026-11-24 02:21:01 UTC LOG:  x"), Some((20_261_124_022_101, 0)));
        assert_eq!(found("1795486862.123 [1] LOG:  x"), Some((1_795_486_862, 123)));
        assert_eq!(found("[11795486862.123] LOG:  x"), None);
        assert_eq!(found("Nov 24 02:22:09 vm postgres[7479]: [9-1] LOG:  x"), None);
    }

    #[test]
    fn moments_of_different_kinds_tell_nothing() {
        let moment = |text: &str| Moment::of_head(text.as_bytes()).unwrap();
        let (early, late) = (moment("2026-11-24 02:21:01.9"), moment("2026-11-24 02:21:02"));
        assert_eq!((early.is_before(late), late.is_before(early)), (Some(true), Some(false)));
        assert_eq!(early.is_before(moment("1795486862.123")), None);
        assert_eq!(early.is_before(early), None);
    }
}
