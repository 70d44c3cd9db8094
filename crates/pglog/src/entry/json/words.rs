//! Our own words as they stand in JSON, with the quote behind them.

use crate::{
    entry::{Event, Phase},
    severity::Level,
};

/// A word that is copied with all that follows it, so that the copy has always the same size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<const N: usize> {
    pub(super) bytes: [u8; N],
    pub(super) length: usize,
}

impl<const N: usize> Word<N> {
    #[expect(
        clippy::indexing_slicing,
        reason = "a constant is computed when the crate is compiled"
    )]
    const fn quoted(word: &str) -> Self {
        let word = word.as_bytes();
        let mut bytes = [b'"'; N];
        let mut at = 0;
        while at < word.len() {
            bytes[at] = word[at];
            at += 1;
        }
        assert!(at < N);
        Self { bytes, length: at + 1 }
    }
}

/// Makes a table of the words of all variants, and what looks a variant up in it.
macro_rules! words {
    ($kind:ident, $bytes:literal, $look_up:ident, $table:ident) => {
        #[expect(
            clippy::indexing_slicing,
            reason = "a constant is computed when the crate is compiled"
        )]
        static $table: [Word<$bytes>; $kind::ALL.len()] = {
            let mut words = [Word::quoted(""); $kind::ALL.len()];
            let mut at = 0;
            while at < words.len() {
                words[at] = Word::quoted($kind::ALL[at].as_str());
                at += 1;
            }
            words
        };

        #[doc = concat!("Returns the word of one [`", stringify!($kind), "`].")]
        #[inline(always)]
        pub(super) fn $look_up(variant: $kind) -> Option<&'static Word<$bytes>> {
            $table.get(variant as usize)
        }
    };
}

words!(Level, 8, level, LEVELS);
words!(Phase, 16, phase, PHASES);
words!(Event, 48, event, EVENTS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_that_of_its_variant() {
        fn text<const N: usize>(word: Option<&Word<N>>) -> String {
            let word = word.unwrap();
            String::from_utf8(word.bytes[..word.length].to_vec()).unwrap()
        }
        for level in Level::ALL {
            assert_eq!(text(super::level(level)), format!("{level}\""));
        }
        for phase in Phase::ALL {
            assert_eq!(text(super::phase(phase)), format!("{}\"", phase.as_str()));
        }
        for event in Event::ALL {
            assert_eq!(text(super::event(*event)), format!("{}\"", event.as_str()));
        }
    }
}
