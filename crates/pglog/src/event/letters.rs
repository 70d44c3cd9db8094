//! Which letters a text has: a look that tells most texts apart from a message before its words are looked for.

/// A set of bytes, of which those count as one that have the same last six bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LetterSet(u64);

impl LetterSet {
    pub(super) fn of(text: &str) -> Self {
        text.bytes().fold(Self::default(), |letters, byte| Self(letters.0 | 1 << (byte & 0x3f)))
    }

    #[must_use]
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether a text with these letters may have another one in it, given its letters.
    pub(super) const fn may_hold(self, part: Self) -> bool {
        part.0 & !self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_may_hold_each_of_its_parts(start in any::<String>(), part in any::<String>(), end in any::<String>()) {
            let text = LetterSet::of(&format!("{start}{part}{end}"));
            prop_assert!(text.may_hold(LetterSet::of(&part)));
            prop_assert!(text.may_hold(LetterSet::of(&start).and(LetterSet::of(&end))));
        }
    }

    #[test]
    fn letter_that_is_not_there_is_missed() {
        assert!(!LetterSet::of("division by zero").may_hold(LetterSet::of("Null")));
        assert!(LetterSet::default().may_hold(LetterSet::of("")));
    }
}
