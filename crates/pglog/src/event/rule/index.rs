//! The rules by the first word of their messages.
//!
//! All messages are looked up here and most have no rules, so it takes the first eight bytes, or what there
//! is of them before the first blank or colon, as one number, and looks where that is kept if it is.

use crate::event::rule::{
    FirstWords, Rule, audit, connection, maintenance, replication, server, timeout,
};
use crate::find::{first_bytes, marks};

static INDEX: Index = Index::of(&[
    connection::WORDS,
    maintenance::WORDS,
    replication::WORDS,
    timeout::WORDS,
    server::WORDS,
    audit::WORDS,
]);

/// Returns the rules for messages with this first word, whose rest is for the rules to look at.
pub(super) fn rules_of(message: &str) -> &'static [Rule] {
    let key = key(message.as_bytes());
    let mut number = slot(key);
    while let Some(slot) = INDEX.slots.get(number) {
        if slot.key == key {
            return slot.rules;
        }
        if slot.key == 0 {
            break;
        }
        number = next(number);
    }
    &[]
}

/// A table with each word where [`slot`] says, or in the next place that was free.
struct Index {
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy)]
struct Slot {
    /// 0 where nothing is kept.
    key: u64,
    rules: &'static [Rule],
}

/// Four times as many as there are words, so that hardly two of them share a place.
const SLOTS: usize = 256;

impl Index {
    #[expect(
        clippy::indexing_slicing,
        reason = "a constant is computed when the crate is compiled"
    )]
    const fn of(lists: &[FirstWords]) -> Self {
        let mut slots = [Slot { key: 0, rules: &[] }; SLOTS];
        let mut list = 0;
        while list < lists.len() {
            let mut word = 0;
            while word < lists[list].len() {
                let (text, rules) = lists[list][word];
                let key = key(text.as_bytes());
                let mut number = slot(key);
                while slots[number].key != 0 {
                    assert!(slots[number].key != key, "two words begin with the same eight bytes");
                    number = next(number);
                }
                slots[number] = Slot { key, rules };
                word += 1;
            }
            list += 1;
        }
        Self { slots }
    }
}

/// Where a key is looked for first. The factor scatters those that differ in a few bits.
const fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

const fn next(slot: usize) -> usize {
    (slot + 1) % SLOTS
}

/// Returns the first eight bytes of a text's first word, zeros behind a shorter one.
const fn key(text: &[u8]) -> u64 {
    let word = first_bytes(text).swap_bytes();
    // The lowest mark is at the end of the word.
    let ends = marks(word, b' ') | marks(word, b':');
    let end = (ends & ends.wrapping_neg()) >> 7;
    word & end.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_ends_at_a_blank_or_a_colon() {
        let event = |message| rules_of(message).first().map(|rule| rule.event.as_str());
        for message in ["no", "no ", "no: x", "no pg_hba.conf entry"] {
            assert_eq!(event(message), event("no"), "{message}");
        }
        assert!(event("no").is_some());
        for message in ["", "n", "nothing", "no, x", "none", " no", "ünö"] {
            assert_eq!(event(message), None, "{message}");
        }
        assert_eq!(event("connection x"), event("connection"));
        assert_ne!(event("connection"), None);
    }
}
