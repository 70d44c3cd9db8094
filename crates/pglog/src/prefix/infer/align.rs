//! Finds what the prefixes of many lines have in common: literals, and the columns between them.
//!
//! All lines are walked from left to right at once. A value with a form of its own is a column where
//! every line has it; text that is the same in every line is a literal; what is left is a column of free
//! text that ends where the next literal begins. Which literal that is, is tried out, and the template
//! with the cleanest columns wins.

mod columns;
mod cost;
mod free_text;
mod literal;
mod structured;

use std::ops::ControlFlow;

use cost::cost_of_dropped;
pub(super) use cost::uncleanness;

use crate::prefix::{
    escape::Padding,
    infer::{kind::Kind, sample::Sample},
};

/// One part of a prefix whose columns have no meaning yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Column(Kind, Padding),
    SessionOnly,
}

/// What a line has in the columns, from the first on: those of a background process may end early.
pub(super) type Row<'a> = Vec<&'a str>;

/// The form of the prefix, and the values in it.
#[derive(Debug, Clone)]
pub(super) struct Template<'a> {
    pub(super) pieces: Vec<Piece>,
    /// Each line that fits, by its index in the sample.
    pub(super) rows: Vec<(usize, Row<'a>)>,
    /// How unlikely it is; less is better.
    pub(super) cost: f64,
}

/// The most steps of a search. Real prefixes need a few hundred.
const MAX_STEPS: usize = 2_000;

/// The most literals and columns of a prefix: all escapes, with literals around them, and some.
const MAX_PIECES: usize = 64;

/// The longest literal that is looked for behind a text.
const MAX_LITERAL_BYTES: usize = 8;

/// One line in the search.
#[derive(Debug, Clone)]
struct Cursor<'a> {
    index: usize,
    at: usize,
    row: Row<'a>,
}

/// How far the search has come.
#[derive(Debug, Clone, Default)]
struct State<'a> {
    pieces: Vec<Piece>,
    /// Lines whose prefix goes on.
    active: Vec<Cursor<'a>>,
    /// Lines whose prefix ended at `%q`.
    stopped: Vec<Cursor<'a>>,
    /// Free text must follow, even if it is the same in every line.
    expects_text: bool,
    /// How unlikely it is; less is better.
    cost: f64,
}

impl State<'_> {
    fn push_literal(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Literal(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Literal(text.to_owned())),
        }
    }
}

pub(super) struct Aligner<'s, 'a> {
    samples: &'s [Sample<'a>],
    /// How many lines may be left out as other programs', or too strange.
    max_dropped: usize,
    steps: usize,
    /// The likeliest templates, the best one first.
    found: Vec<Template<'a>>,
}

/// So many lines that begin with their label are those of a server that prints no more outside of
/// sessions.
const MIN_BARE_LINES: usize = 3;

/// What they cost.
const BARE_LINES: f64 = 0.3;

/// The most templates that are kept.
const MAX_TEMPLATES: usize = 6;

/// How much less likely than the best one a template may be that is kept.
const MAX_COST_ABOVE_BEST: f64 = 0.6;

impl<'s, 'a> Aligner<'s, 'a> {
    /// Finds the templates that fit most lines best, the best one first. None where nothing fits nine of
    /// ten.
    pub(super) fn align(samples: &'s [Sample<'a>]) -> Vec<Template<'a>> {
        let max_dropped = samples.len() / 10;
        let mut aligner = Self { samples, max_dropped, steps: 0, found: Vec::new() };
        let active = (0..samples.len()).map(|index| Cursor { index, at: 0, row: Row::new() });
        let _ends = aligner.walk(State { active: active.collect(), ..State::default() });
        aligner.found
    }

    fn rest(&self, cursor: &Cursor<'_>) -> &'a [u8] {
        self.samples.get(cursor.index).map_or(&[], |sample| sample.rest(cursor.at))
    }

    fn text(&self, cursor: &Cursor<'_>, length: usize) -> &'a str {
        let head = self.samples.get(cursor.index).map_or("", |sample| sample.head);
        head.get(cursor.at..cursor.at + length).unwrap_or_default()
    }

    fn is_at_end(&self, cursor: &Cursor<'_>) -> bool {
        self.rest(cursor).is_empty()
    }

    /// Tells whether a step that keeps this many lines is still worth it.
    fn is_enough(&self, state: &State<'_>, kept: usize) -> bool {
        kept > 0 && kept + state.stopped.len() + self.max_dropped >= self.samples.len()
    }

    /// Takes the next step in each way that is left. Breaks when the search has been long enough.
    fn walk(&mut self, state: State<'a>) -> ControlFlow<(), Found> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return ControlFlow::Break(());
        }
        let is_worse = self.worst_allowed().is_some_and(|cost| state.cost >= cost);
        if is_worse || state.pieces.len() > MAX_PIECES {
            return ControlFlow::Continue(Found::No);
        }
        let ended = state.active.iter().filter(|cursor| self.is_at_end(cursor)).count();
        if ended == state.active.len() {
            self.complete(state);
            return ControlFlow::Continue(Found::Yes);
        }
        if ended > 0
            && !state.pieces.contains(&Piece::SessionOnly)
            && self.walk(self.stop_at_session_only(state.clone()))? == Found::Yes
        {
            return ControlFlow::Continue(Found::Yes);
        }
        if let Some(next) = self.take_structured(&state)
            && self.walk(next)? == Found::Yes
        {
            return ControlFlow::Continue(Found::Yes);
        }
        if !state.expects_text {
            let literals = self.take_literal(&state);
            if self.walk_each(literals)? == Found::Yes {
                return ControlFlow::Continue(Found::Yes);
            }
        }
        let texts = self.take_text(&state);
        self.walk_each(texts)
    }

    /// Tries each of some next steps.
    fn walk_each(&mut self, nexts: Vec<State<'a>>) -> ControlFlow<(), Found> {
        let mut found = Found::No;
        for next in nexts {
            if self.walk(next)? == Found::Yes {
                found = Found::Yes;
            }
        }
        ControlFlow::Continue(found)
    }

    /// Ends the prefix of the lines that have no more.
    fn stop_at_session_only(&self, mut state: State<'a>) -> State<'a> {
        let (ended, active) = state.active.into_iter().partition(|cursor| self.is_at_end(cursor));
        state.active = active;
        state.stopped = ended;
        if state.pieces.is_empty() {
            // Few lines without any prefix are rather those of another program.
            let dropped = cost_of_dropped(state.stopped.len(), self.samples.len());
            let is_few = state.stopped.len() < MIN_BARE_LINES;
            state.cost += if is_few { dropped } else { dropped.min(BARE_LINES) };
        }
        state.pieces.push(Piece::SessionOnly);
        state
    }

    fn complete(&mut self, state: State<'a>) {
        let cursors = state.stopped.into_iter().chain(state.active);
        let mut rows: Vec<_> = cursors.map(|cursor| (cursor.index, cursor.row)).collect();
        rows.sort_by_key(|(index, _)| *index);
        let template = Template { pieces: state.pieces, rows, cost: state.cost };
        let at = self.found.partition_point(|other| other.cost <= template.cost);
        self.found.insert(at, template);
        self.found.truncate(MAX_TEMPLATES);
    }

    /// What a template may cost at most to be kept.
    fn worst_allowed(&self) -> Option<f64> {
        let above_best = self.found.first()?.cost + MAX_COST_ABOVE_BEST;
        let last = self.found.get(MAX_TEMPLATES - 1).map_or(above_best, |last| last.cost);
        Some(above_best.min(last))
    }
}

/// Whether a step led to a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Yes,
    No,
}
