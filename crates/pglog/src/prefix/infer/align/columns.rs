//! Columns: the values of one escape in every line, and the blanks around them.

use crate::prefix::{
    escape::Padding,
    infer::{
        align::{Aligner, Cursor, Piece, State, cost, literal::is_key},
        kind::Kind,
        sample::stands_tight,
    },
};

/// A value in one line: blanks before it, its length, blanks behind it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) before: usize,
    pub(super) length: usize,
    pub(super) behind: usize,
}

impl Extent {
    pub(super) const fn width(self) -> usize {
        self.before + self.length + self.behind
    }

    /// Where a value ends that is padded to the left. One that is not there is all blanks.
    const fn end(self) -> usize {
        if self.length == 0 { self.width() } else { self.before + self.length }
    }
}

impl<'a> Aligner<'_, 'a> {
    /// Moves all lines that have the column behind it.
    pub(super) fn take_column(
        &self,
        state: &State<'a>,
        kind: Kind,
        mut extents: Vec<Option<Extent>>,
    ) -> Option<State<'a>> {
        let mut next = State {
            pieces: state.pieces.clone(),
            active: Vec::with_capacity(state.active.len()),
            stopped: state.stopped.clone(),
            expects_text: false,
            cost: state.cost + cost::COLUMN,
        };
        let padding = match self.padding(state, &mut extents) {
            Padding::Left(width) if is_literal_blank(state, &extents, width) => {
                next.push_literal(" ");
                Padding::Left(width - 1)
            }
            padding => padding,
        };
        if padding == Padding::None && extents.iter().flatten().any(|extent| extent.before > 0) {
            return None;
        }
        next.pieces.push(Piece::Column(kind, padding));
        for (cursor, extent) in state.active.iter().zip(extents) {
            let Some(extent) = extent else { continue };
            next.active.push(self.move_behind(cursor, extent));
        }
        let dropped = state.active.len() - next.active.len();
        next.cost += cost::cost_of_dropped(dropped, self.samples.len());
        let values = || next.active.iter().filter_map(|cursor| cursor.row.last().copied());
        let same = values().next().filter(|first| values().all(|value| value == *first));
        let is_constant = next.active.len() >= MANY_LINES && same.is_some_and(is_moment);
        if kind == Kind::Number && is_constant && !ends_in_key(state) {
            next.cost += cost::CONSTANT_TEXT;
        }
        if kind == Kind::Text {
            next.cost += cost::TEXT_COLUMN + next.last_uncleanness();
            let is_blank = |c: &&Cursor<'_>| {
                c.row.last().is_some_and(|v| v.is_empty()) && self.rest(c).starts_with(b" ")
            };
            if next.active.iter().all(|cursor| is_blank(&cursor)) && !ends_in_key(state) {
                return None;
            }
            if !state.expects_text {
                let blank = next.active.iter().filter(is_blank).count();
                next.cost += cost::EMPTY_TEXT * cost::share(blank, next.active.len());
            }
            let first = next.active.first().and_then(|cursor| cursor.row.last());
            let is_constant = next.active.iter().all(|cursor| cursor.row.last() == first);
            if is_constant && first.is_some_and(|value| !value.is_empty()) && !state.expects_text {
                next.cost += cost::CONSTANT_TEXT;
            }
        }
        Some(next)
    }

    fn move_behind(&self, cursor: &Cursor<'a>, extent: Extent) -> Cursor<'a> {
        let mut cursor = cursor.clone();
        cursor.at += extent.before;
        let value = self.text(&cursor, extent.length);
        cursor.row.push(value);
        cursor.at += extent.length + extent.behind;
        cursor
    }

    /// Tells how the column is padded, and takes blanks out of the extents that are no padding.
    fn padding(&self, state: &State<'a>, extents: &mut [Option<Extent>]) -> Padding {
        let values = || extents.iter().flatten().filter(|extent| extent.length > 0);
        if values().any(|extent| extent.before > 0) {
            return pad_left(extents);
        }
        let is_padded = values().any(|extent| extent.behind > 1);
        let Some(width) = right_width(extents).filter(|_| is_padded) else {
            for extent in extents.iter_mut().flatten() {
                *extent = Extent { length: extent.length, ..Extent::default() };
            }
            return Padding::None;
        };
        if !self.blank_follows(state, extents) {
            return Padding::Right(width);
        }
        for extent in extents.iter_mut().flatten() {
            // A value that is not there is all blanks.
            let blanks = if extent.behind > 0 { &mut extent.behind } else { &mut extent.before };
            *blanks = blanks.saturating_sub(1);
        }
        Padding::Right(width - 1)
    }

    /// Tells whether the last blank behind a padded value is a literal: where every line has one, and
    /// what follows is no punctuation, or has a blank on its other side too, and not stands without any
    /// elsewhere.
    fn blank_follows(&self, state: &State<'a>, extents: &[Option<Extent>]) -> bool {
        let follows = || {
            state.active.iter().zip(extents).filter_map(|(cursor, extent)| {
                Some(self.rest(cursor).get(extent.as_ref()?.width()..).unwrap_or_default())
            })
        };
        let is_tight = follows().all(|rest| {
            rest.split_first().is_some_and(|(mark, behind)| stands_tight(*mark, behind))
        });
        let is_apart = follows().all(|rest| match rest {
            [] => true,
            [first, second, ..] if first.is_ascii_punctuation() => {
                (*second == b' ' && !is_tight) || matches!(first, b'[' | b'(' | b'<')
            }
            [first, ..] => !first.is_ascii_punctuation(),
        });
        is_apart && extents.iter().flatten().all(|extent| extent.before + extent.behind > 0)
    }
}

/// So many lines have not all the same number by chance.
const MANY_LINES: usize = 20;

/// Tells whether a number that many lines share is rather a part of a moment than a text.
fn is_moment(number: &str) -> bool {
    number.len() > 1
}

/// Tells whether the first blank in front of a padded value is a literal: a value that is as long as the
/// padding or longer has it too, or a word or a colon stands in front of it.
fn is_literal_blank(state: &State<'_>, extents: &[Option<Extent>], width: u16) -> bool {
    let every = extents.iter().flatten().all(|extent| extent.before > 0);
    let has_wide = extents.iter().flatten().any(|extent| extent.end() > usize::from(width));
    let is_behind_word = match state.pieces.last() {
        Some(Piece::Literal(text)) => {
            text.ends_with(|c: char| c.is_alphanumeric() || ":,-".contains(c))
        }
        _ => false,
    };
    every && width > 1 && (has_wide || is_behind_word)
}

fn ends_in_key(state: &State<'_>) -> bool {
    matches!(state.pieces.last(), Some(Piece::Literal(text)) if is_key(text))
}

pub(super) fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| **b == b' ').count()
}

/// Finds the width that values with blanks in front of them have in common; longer ones have no blanks.
fn pad_left(extents: &mut [Option<Extent>]) -> Padding {
    let values = || extents.iter().flatten().filter(|extent| extent.length > 0);
    let widths = values().filter(|extent| extent.before > 0).map(|extent| extent.end());
    let Some(width) = widths.min() else { return Padding::None };
    // One blank in front of each is a literal.
    if values().all(|extent| extent.before == 1) {
        return Padding::None;
    }
    let fewest = values().map(|extent| extent.before).min().unwrap_or(0).min(1);
    let fits = |extent: &Extent| {
        let is_longer = extent.before == fewest && extent.end() > width;
        if extent.length == 0 {
            extent.width() >= width
        } else {
            extent.end() == width || is_longer
        }
    };
    if !extents.iter().flatten().all(fits) {
        return Padding::None;
    }
    for extent in extents.iter_mut().flatten() {
        if extent.length == 0 {
            extent.before = width;
        }
        extent.behind = 0;
    }
    u16::try_from(width).map_or(Padding::None, Padding::Left)
}

/// Returns the width that values with blanks behind them have in common. Longer ones have one blank at
/// most, and that is a literal.
fn right_width(extents: &[Option<Extent>]) -> Option<u16> {
    let widths = || extents.iter().flatten().map(|extent| extent.width());
    let width = widths().min()?;
    let usual = widths().filter(|found| *found == width).count();
    let fits = |extent: &Extent| extent.width() == width || extent.behind <= 1;
    (width > 1 && usual * 10 >= widths().count() * 3 && extents.iter().flatten().all(fits))
        .then(|| u16::try_from(width).ok())?
}
