//! Text that is the same in every line.

use crate::prefix::infer::{
    align::{Aligner, Piece, State},
    kind::Kind,
};

/// How many lines are looked at to see whether a column begins within a literal.
const PROBED_LINES: usize = 16;

impl<'a> Aligner<'_, 'a> {
    /// Takes what all lines have in common here, up to where a column begins. A blank at its end may be the
    /// literal's or pad the value behind it.
    pub(super) fn take_literal(&self, state: &State<'a>) -> Vec<State<'a>> {
        let common = self.common_text(state);
        let (length, expects_text) = self.literal_length(state, common);
        let takes_blank = length > 0 && common.get(length..) == Some(" ");
        let lengths = [length, if takes_blank { length + 1 } else { 0 }];
        let take = |length| self.move_behind_literal(state, common, length, expects_text);
        lengths.into_iter().filter_map(take).collect()
    }

    fn move_behind_literal(
        &self,
        state: &State<'a>,
        common: &str,
        length: usize,
        expects_text: bool,
    ) -> Option<State<'a>> {
        let literal = common.get(..length).filter(|literal| !literal.is_empty())?;
        let mut next = state.clone();
        for cursor in &mut next.active {
            cursor.at += length;
        }
        next.expects_text = expects_text;
        next.push_literal(literal);
        Some(next)
    }

    /// Returns the text that stands here in every line, but for the few that may be left out.
    fn common_text(&self, state: &State<'a>) -> &'a str {
        let Some(first) = state.active.first() else { return "" };
        let mut common = self.text(first, self.rest(first).len());
        for cursor in &state.active {
            let same = self.rest(cursor).iter().zip(common.as_bytes()).take_while(|(a, b)| a == b);
            common = common.get(..common.floor_char_boundary(same.count())).unwrap_or_default();
        }
        common
    }

    /// Returns how much of the common text is a literal, and whether free text must follow it.
    fn literal_length(&self, state: &State<'a>, common: &str) -> (usize, bool) {
        // Free text ends with a literal.
        let first = usize::from(matches!(state.pieces.last(), Some(Piece::Column(Kind::Text, _))));
        for (at, _) in common.char_indices().skip(first) {
            let (before, after) = common.split_at(at);
            if expects_value(before, after) || begins_name(before, after) {
                return (at, true);
            }
            // More than one blank pads what follows. Behind a value the first one is a literal.
            if at > 0 && after.starts_with("  ") {
                return (at, true);
            }
            if before == " " && after.starts_with(' ') {
                return (at, true);
            }
            if at > 0 && self.column_begins(state, before) {
                return (at, false);
            }
        }
        let literal = common.get(..self.end_of_literal(state, common)).unwrap_or_default();
        (literal.len(), is_key(literal) || literal.len() < common.len())
    }

    /// Takes the beginning of a value off that happens to be the same in every line.
    fn end_of_literal(&self, state: &State<'a>, common: &str) -> usize {
        let next =
            |at: usize| state.active.iter().map(move |cursor| self.rest(cursor).get(at).copied());
        let goes_on = |at: usize, is: fn(u8) -> bool| next(at).any(|byte| byte.is_some_and(is));
        let ends_in_word = common.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if ends_in_word
            && goes_on(common.len(), |b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80)
        {
            return common.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        }
        // Blanks that are more in one line than in another pad a value.
        let words = common.trim_end_matches(' ').len();
        if common.len() > words && words > 0 && goes_on(common.len(), |b| b == b' ') {
            return words;
        }
        common.len()
    }

    /// Tells whether a value with a form of its own stands behind a literal in every line.
    fn column_begins(&self, state: &State<'a>, literal: &str) -> bool {
        if literal.ends_with(|c: char| c.is_alphanumeric()) {
            let ends_in_letter = literal.ends_with(|c: char| c.is_alphabetic());
            let digit = |rest: &[u8]| rest.get(literal.len()).is_some_and(u8::is_ascii_digit);
            if !ends_in_letter || !self.probe(state, digit) {
                return false;
            }
        }
        Kind::STRUCTURED.iter().any(|kind| {
            self.probe(state, |rest| {
                let value = rest.get(literal.len()..).unwrap_or_default();
                let blanks = value.iter().take_while(|b| **b == b' ').count();
                kind.length(value.get(blanks..).unwrap_or_default()).is_some()
            })
        })
    }

    /// Tells whether something is so in every one of some lines.
    fn probe(&self, state: &State<'a>, is: impl Fn(&[u8]) -> bool) -> bool {
        let step = state.active.len().div_ceil(PROBED_LINES).max(1);
        state.active.iter().step_by(step).all(|cursor| is(self.rest(cursor)))
    }
}

/// Tells whether a value must stand between two parts of a text that is the same in every line. Quotes and
/// brackets belong to what is between values.
fn expects_value(before: &str, after: &str) -> bool {
    let word = after.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    let is_quoted = after.starts_with(QUOTES) && !before.ends_with(QUOTES);
    is_key(before) && !word.starts_with('=') && !is_quoted
}

/// What values stand in.
const QUOTES: [char; 4] = ['"', '\'', '<', '('];

/// Tells whether a value must follow a literal, because it ends in `user=`, `"user":` or the like.
pub(super) fn is_key(literal: &str) -> bool {
    if literal.ends_with('@') {
        return literal.len() == 1;
    }
    let unquoted = literal.strip_suffix(QUOTES).unwrap_or(literal);
    let key = ["=", ": ", "\":"].iter().find_map(|end| unquoted.strip_suffix(end));
    let Some(before) = key else { return false };
    before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Tells whether `bob@shop` stands here, at the beginning of a word.
fn begins_name(before: &str, after: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if before.ends_with(is_word) {
        return false;
    }
    let behind = after.trim_start_matches(is_word);
    let Some(second) = behind.strip_prefix('@').filter(|_| behind.len() < after.len()) else {
        return false;
    };
    !second.trim_start_matches(is_word).starts_with('=')
        && (second.starts_with(is_word) || second.starts_with('[') || second.is_empty())
}
