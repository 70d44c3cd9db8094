//! Columns whose values have a form of their own.

use crate::{
    event,
    prefix::infer::{
        align::{
            Aligner, Piece, State,
            columns::{Extent, blanks},
        },
        kind::Kind,
    },
    severity::{Label, Level},
};

/// Where a value was found in a line, and what it is.
type Found<'x> = (usize, &'x [u8]);

impl<'a> Aligner<'_, 'a> {
    /// Takes a value with a form of its own that stands here in every line, or in some of them if
    /// nothing stands here in the others.
    pub(super) fn take_structured(&self, state: &State<'a>) -> Option<State<'a>> {
        // One blank is a literal; only what is left of more of them pads a value.
        let blank = || state.active.iter().map(|cursor| blanks(self.rest(cursor)));
        let follows_literal = matches!(state.pieces.last(), Some(Piece::Literal(_)) | None);
        if blank().all(|blanks| blanks == 1) || (!follows_literal && blank().all(|b| b > 0)) {
            return None;
        }
        Kind::STRUCTURED.iter().find_map(|kind| {
            let extents: Vec<_> =
                state.active.iter().map(|cursor| extent_of(*kind, self.rest(cursor))).collect();
            let found = extents.iter().flatten().count();
            if found == 0 || !self.is_plausible(state, *kind, &extents) {
                return None;
            }
            let is_frequent = found > 1 && found * 10 >= state.active.len();
            let may_be_absent = kind.is_optional()
                && is_frequent
                && (*kind != Kind::Number || !ends_in_blank(state));
            let extents = match may_be_absent {
                true => self.with_empty_values(state, extents),
                false => extents,
            };
            let kept = extents.iter().flatten().count();
            if self.is_enough(state, kept) { self.take_column(state, *kind, extents) } else { None }
        })
    }

    /// Tells values apart that have the same form.
    fn is_plausible(&self, state: &State<'a>, kind: Kind, extents: &[Option<Extent>]) -> bool {
        let found = state.active.iter().zip(extents).filter_map(|(cursor, extent)| {
            let extent = extent.as_ref()?;
            let value = self.rest(cursor).get(extent.before..)?.get(..extent.length)?;
            Some((cursor.index, value))
        });
        let found: Vec<Found<'_>> = found.collect();
        match kind {
            Kind::StateCode => is_behind_code_key(state) || self.are_state_codes(&found),
            Kind::HostAndPort => found.iter().any(|(_, value)| value.ends_with(b")")),
            Kind::Ps => {
                !is_behind_name_key(state) && found.iter().any(|(_, value)| *value != b"startup")
            }
            // A detail belongs to the same transaction as its error.
            Kind::Vxid => {
                found.iter().any(|(_, value)| !value.starts_with(b"0/"))
                    && self.is_same_in_parts(&found)
            }
            Kind::TimeMillis
            | Kind::Time
            | Kind::Epoch
            | Kind::SessionId
            | Kind::Host
            | Kind::Number
            | Kind::Text => true,
            Kind::BackendType => !is_behind_name_key(state),
        }
    }

    /// What did not fail has five zeros, so most entries of the level `LOG` have.
    fn are_state_codes(&self, found: &[Found<'_>]) -> bool {
        let is_log = |index: usize| {
            let label = self.samples.get(index).map(|sample| sample.label);
            label == Some(Label::Level(Level::Log))
        };
        let is_success = |value: &[u8]| value == b"00000";
        let is_class = |value: &[u8]| {
            let classes = [b"HV", b"P0", b"XX", b"F0"];
            value.first().is_some_and(u8::is_ascii_digit)
                || classes.iter().any(|class| value.starts_with(*class))
        };
        let of_log: Vec<_> = found.iter().filter(|(index, _)| is_log(*index)).collect();
        let successes = of_log.iter().filter(|(_, value)| is_success(value)).count();
        let has_letters = found.iter().any(|(_, value)| value.iter().any(u8::is_ascii_uppercase));
        (successes > 0 || has_letters || self.are_those_of_messages(found))
            && successes * 10 >= of_log.len() * 8
            && found.iter().all(|(_, value)| is_class(value))
    }

    /// Tells whether messages are known to have just these codes.
    fn are_those_of_messages(&self, found: &[Found<'_>]) -> bool {
        let mut known = found.iter().filter_map(|(index, value)| {
            let sample = self.samples.get(*index).filter(|sample| !sample.is_part())?;
            Some(event::state_code_of(sample.text)?.as_bytes() == *value)
        });
        known.next() == Some(true) && known.all(|is_same| is_same)
    }

    fn is_same_in_parts(&self, found: &[Found<'_>]) -> bool {
        let (mut parts, mut same) = (0, 0);
        for pair in found.windows(2) {
            let [(above, first), (below, second)] = pair else { continue };
            let is_part =
                self.samples.get(*above).zip(self.samples.get(*below)).is_some_and(
                    |(above, below)| below.is_part() && below.number == above.number + 1,
                );
            parts += usize::from(is_part);
            same += usize::from(is_part && first == second);
        }
        same * 10 >= parts * 8
    }

    /// Lets a value be absent where the next literal follows at once, or behind blanks in its place.
    fn with_empty_values(
        &self,
        state: &State<'a>,
        mut extents: Vec<Option<Extent>>,
    ) -> Vec<Option<Extent>> {
        let found =
            || state.active.iter().zip(&extents).filter_map(|(c, e)| Some((c, e.as_ref()?)));
        let is_padded = found().any(|(_, extent)| extent.before > 0 || extent.behind > 1);
        let is_left = found().any(|(_, extent)| extent.before > 0);
        let end = |extent: &Extent| match is_padded && !is_left {
            true => extent.width(),
            false => extent.before + extent.length,
        };
        let width = found().map(|(_, extent)| end(extent)).min().unwrap_or_default();
        let mut behind =
            found().map(|(cursor, extent)| self.rest(cursor).get(end(extent)).copied());
        let first = behind.next().flatten();
        let delimiter = first.filter(|first| behind.all(|byte| byte == Some(*first)));
        for (cursor, extent) in state.active.iter().zip(&mut extents) {
            let rest = self.rest(cursor);
            let blank = if is_padded { blanks(rest) } else { 0 };
            if extent.is_some() {
                continue;
            }
            if is_padded && blank >= width {
                *extent = Some(Extent { before: width, ..Extent::default() });
            } else if delimiter.is_some() && rest.get(blank).copied() == delimiter {
                *extent = Some(Extent { before: blank, ..Extent::default() });
            }
        }
        extents
    }
}

/// Tells whether what comes next stands directly behind a value, or behind a blank.
fn ends_in_blank(state: &State<'_>) -> bool {
    match state.pieces.last() {
        Some(Piece::Literal(text)) => text.ends_with(' '),
        Some(Piece::Column(..)) => true,
        Some(Piece::SessionOnly) | None => false,
    }
}

/// Tells whether what comes next is called a code.
fn is_behind_code_key(state: &State<'_>) -> bool {
    const KEYS: [&str; 5] = ["sqlstate", "sql_error_code", "code", "state", "e"];
    let Some(Piece::Literal(text)) = state.pieces.last() else { return false };
    text.trim_end_matches([' ', '=', '"']).ends_with("PG-") || is_behind(text, &KEYS)
}

/// Tells whether what comes next is called a name, in which the words of the server may stand by chance.
fn is_behind_name_key(state: &State<'_>) -> bool {
    const KEYS: [&str; 9] =
        ["user", "usr", "u", "db", "database", "app", "a", "application", "application_name"];
    matches!(state.pieces.last(), Some(Piece::Literal(text)) if is_behind(text, &KEYS))
}

/// Tells whether a literal ends in one of some keys, `key=`.
fn is_behind(literal: &str, keys: &[&str]) -> bool {
    let before = literal.trim_end_matches([' ', '=', '"']);
    before.len() < literal.len()
        && keys.iter().any(|key| {
            before.strip_suffix(key).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric))
        })
}

/// Finds a value of this form, with the blanks around it.
fn extent_of(kind: Kind, rest: &[u8]) -> Option<Extent> {
    let before = blanks(rest);
    let length = kind.length(rest.get(before..)?)?;
    let behind = blanks(rest.get(before + length..)?);
    Some(Extent { before, length, behind })
}
