//! Finds out what the columns of a template mean, from what is in them over many lines.
//!
//! A column whose meaning nothing proves stays without one: a value under the wrong name is worse than
//! none.

mod hosts;
mod names;
mod numbers;
mod times;

use std::collections::HashMap;

use crate::prefix::{
    LinePrefix,
    escape::{Escape, Padding, Token},
    fields::PrefixFields,
    infer::{
        align::{self, Piece, Template},
        kind::Kind,
        sample::Sample,
    },
};

/// A column, and what it seems to mean.
#[derive(Debug, Clone)]
pub(super) struct Column<'a> {
    pub(super) kind: Kind,
    pub(super) padding: Padding,
    /// The value in each line of the sample that has one, by the line's index.
    pub(super) values: Vec<(usize, &'a str)>,
    /// The literals around it.
    pub(super) before: String,
    pub(super) after: String,
    pub(super) escape: Option<Escape>,
    /// True where convention speaks for the meaning, not the log.
    pub(super) is_guess: bool,
    /// True where messages of the log name enough of the values.
    pub(super) is_proven: bool,
}

/// All columns, with the lines that they stand in.
#[derive(Debug)]
pub(super) struct Table<'s, 'a> {
    pub(super) samples: &'s [Sample<'a>],
    pub(super) columns: Vec<Column<'a>>,
}

/// What the pieces of a template mean.
pub(super) struct Reading {
    pub(super) tokens: Vec<Token>,
    /// How many columns are guesses or have no meaning.
    pub(super) uncertain: usize,
    /// How many columns have a meaning that messages of the log prove.
    pub(super) proven: usize,
}

/// Gives each piece of a template its meaning.
pub(super) fn read<'a>(template: &Template<'a>, samples: &[Sample<'a>]) -> Reading {
    let mut table = Table { samples, columns: columns_of(template) };
    table.name_the_obvious();
    numbers::name(&mut table);
    times::name(&mut table);
    hosts::name(&mut table);
    names::name(&mut table);
    let mut tokens: Vec<Token> = Vec::new();
    let mut columns = table.columns.iter();
    let mut uncertain = 0;
    for piece in &template.pieces {
        let token = match piece {
            Piece::Literal(text) => Token::Literal(text.clone()),
            Piece::SessionOnly => Token::SessionOnly,
            Piece::Column(..) => {
                let Some(column) = columns.next() else { break };
                uncertain += usize::from(column.is_guess || column.escape.is_none());
                column.token()
            }
        };
        match (tokens.last_mut(), token) {
            (Some(Token::Literal(last)), Token::Literal(text)) => last.push_str(&text),
            (_, token) => tokens.push(token),
        }
    }
    let proven = table.columns.iter().filter(|column| column.is_proven).count();
    Reading { tokens, uncertain, proven }
}

/// A name in the values of a prefix.
type Name = (Escape, for<'x> fn(&PrefixFields<'x>) -> Option<&'x str>);

const NAMES: [Name; 3] = [
    (Escape::User, |fields| fields.user),
    (Escape::Database, |fields| fields.database),
    (Escape::ApplicationName, |fields| fields.application_name),
];

/// Returns how unlikely a prefix is whose columns have a meaning: for lines that it does not fit, and for
/// names that look like more than one. `None` where the log itself says that a name is another one.
pub(super) fn cost_of_known<'a>(
    prefix: &LinePrefix,
    lines: &[&'a str],
    samples: &[Sample<'a>],
) -> Option<f64> {
    let fields = |(index, sample): (usize, &Sample<'a>)| {
        Some((index, prefix.match_line(lines.get(sample.number)?)?.fields))
    };
    let rows: Vec<_> = samples.iter().enumerate().filter_map(fields).collect();
    let mut cost = align::cost_of_dropped(samples.len() - rows.len(), samples.len());
    for (escape, get) in NAMES.iter().filter(|(escape, _)| prefix.has(*escape)) {
        let values = rows.iter().filter_map(|(index, fields)| Some((*index, get(fields)?)));
        let column = Column::of_values(values.collect());
        cost += align::uncleanness(column.values.iter().map(|(_, value)| *value));
        let table = Table { samples, columns: vec![column] };
        let contradicted =
            table.columns.iter().any(|column| names::is_contradicted(&table, column, *escape));
        if contradicted {
            return None;
        }
    }
    Some(cost)
}

impl<'a> Column<'a> {
    fn of_values(values: Vec<(usize, &'a str)>) -> Self {
        Self {
            kind: Kind::Text,
            padding: Padding::None,
            values,
            before: String::new(),
            after: String::new(),
            escape: None,
            is_guess: false,
            is_proven: false,
        }
    }

    fn token(&self) -> Token {
        match (self.escape, self.constant()) {
            (Some(escape), _) => Token::Field(escape, self.padding),
            // The 1 of `[%l-1]`.
            (None, Some(value)) if self.kind == Kind::Number && value != "0" => {
                Token::Literal(value.to_owned())
            }
            (None, _) => Token::Unknown { like: self.looks_like(), padding: self.padding },
        }
    }

    /// Returns an escape whose values have the same form.
    fn looks_like(&self) -> Option<Escape> {
        let has = |is: fn(&str) -> bool| self.values.iter().any(|(_, value)| is(value));
        match self.kind {
            Kind::Time => Some(Escape::Time),
            Kind::Host => Some(Escape::RemoteHost),
            Kind::Number if has(str::is_empty) => Some(Escape::LeaderPid),
            Kind::Number => Some(Escape::QueryId),
            _ => None,
        }
    }

    /// Returns the one value that the column has in every line.
    pub(super) fn constant(&self) -> Option<&'a str> {
        let (_, first) = self.values.first()?;
        self.values.iter().all(|(_, value)| value == first).then_some(*first)
    }

    pub(super) fn get(&self, sample: usize) -> Option<&'a str> {
        let at = self.values.binary_search_by_key(&sample, |(index, _)| *index).ok()?;
        self.values.get(at).map(|(_, value)| *value)
    }

    /// Returns the word right in front of the value that names it, as `user` in `user=`, in small
    /// letters.
    pub(super) fn key(&self) -> String {
        let before = self.before.trim_end_matches(['=', ':', ' ', '"', '\'', '(', '<', '[', '{']);
        if before.len() == self.before.len() {
            return String::new();
        }
        let start = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        before.get(start..).unwrap_or_default().to_lowercase()
    }
}

impl<'a> Table<'_, 'a> {
    /// Names the columns whose form only one escape has.
    fn name_the_obvious(&mut self) {
        for column in &mut self.columns {
            column.escape = match column.kind {
                Kind::TimeMillis => Some(Escape::TimeMillis),
                Kind::Epoch => Some(Escape::TimeEpoch),
                Kind::SessionId => Some(Escape::SessionId),
                Kind::Vxid => Some(Escape::Vxid),
                Kind::StateCode => Some(Escape::StateCode),
                Kind::BackendType => Some(Escape::BackendType),
                Kind::Ps => Some(Escape::Ps),
                Kind::Time | Kind::HostAndPort | Kind::Host | Kind::Number | Kind::Text => None,
            };
        }
    }

    pub(super) fn column(&self, escape: Escape) -> Option<&Column<'a>> {
        self.columns.iter().find(|column| column.escape == Some(escape))
    }

    /// Returns what tells the line's process: its session's id, else its pid.
    pub(super) fn process(&self, sample: usize) -> Option<&'a str> {
        let session = self.column(Escape::SessionId).and_then(|column| column.get(sample));
        session.or_else(|| self.column(Escape::Pid)?.get(sample))
    }

    /// Groups the values of a column by process, each with its line, in the order of the log.
    pub(super) fn by_process(&self, column: &Column<'a>) -> Vec<Vec<(usize, &'a str)>> {
        let mut groups: HashMap<&str, Vec<(usize, &'a str)>> = HashMap::new();
        for (sample, value) in &column.values {
            if let Some(process) = self.process(*sample) {
                groups.entry(process).or_default().push((*sample, *value));
            }
        }
        groups.into_values().collect()
    }
}

fn columns_of<'a>(template: &Template<'a>) -> Vec<Column<'a>> {
    let mut columns: Vec<Column<'a>> = Vec::new();
    let mut before = "";
    for piece in &template.pieces {
        match piece {
            Piece::Literal(text) => {
                before = text;
                if let Some(last) = columns.last_mut()
                    && last.after.is_empty()
                {
                    last.after.clone_from(text);
                }
            }
            Piece::SessionOnly => {}
            Piece::Column(kind, padding) => {
                let number = columns.len();
                let value =
                    |(sample, row): &(usize, Vec<&'a str>)| Some((*sample, *row.get(number)?));
                columns.push(Column {
                    kind: *kind,
                    padding: *padding,
                    before: std::mem::take(&mut before).to_owned(),
                    ..Column::of_values(template.rows.iter().filter_map(value).collect())
                });
            }
        }
    }
    columns
}
