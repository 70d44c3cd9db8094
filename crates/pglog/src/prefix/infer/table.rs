//! The columns of a prefix, with the values that the lines have in them.

use std::collections::HashMap;

use crate::prefix::{
    escape::{Escape, Padding, Token},
    infer::{
        align::{Piece, Template},
        kind::Kind,
        notes::Note,
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
    /// Only sessions print it.
    pub(super) of_sessions: bool,
    /// The literals around it.
    pub(super) before: String,
    pub(super) after: String,
    pub(super) escape: Option<Escape>,
    /// True where convention speaks for the meaning, not the log.
    pub(super) is_guess: bool,
}

/// All columns, with the lines that they stand in.
#[derive(Debug)]
pub(super) struct Table<'s, 'a> {
    pub(super) samples: &'s [Sample<'a>],
    pub(super) notes: &'s [Note<'a>],
    pub(super) columns: Vec<Column<'a>>,
    /// Which of the samples have the columns.
    pub(super) fits: Vec<bool>,
    /// The program that each process has named when it began or ended.
    pub(super) programs: HashMap<&'a str, String>,
}

impl<'a> Column<'a> {
    pub(super) fn of_values(values: Vec<(usize, &'a str)>) -> Self {
        Self {
            kind: Kind::Text,
            padding: Padding::None,
            values,
            of_sessions: false,
            before: String::new(),
            after: String::new(),
            escape: None,
            is_guess: false,
        }
    }

    /// Tells whether a value has zeros in front, with which the server prints no number.
    pub(super) fn has_filled_up(&self) -> bool {
        self.values.iter().any(|(_, value)| value.len() > 1 && value.starts_with('0'))
    }

    /// Tells whether the values have no form of their own.
    pub(super) fn is_text(&self) -> bool {
        self.kind == Kind::Text
    }

    pub(super) fn token(&self) -> Token {
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
    pub(super) fn name_the_obvious(&mut self) {
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

    /// Notes the program that each process says it is, where it is called neither like the user nor like
    /// the database.
    pub(super) fn learn_programs(&mut self) {
        for at in 0..self.samples.len() {
            let note = self.notes.get(at).and_then(|note| note.connection.as_deref());
            let found = note.and_then(|text| text.split_once(" application_name="));
            let (Some((before, name)), Some(process)) = (found, self.process(at)) else { continue };
            let end = name.find(" SSL ").or_else(|| name.find(" GSS ")).unwrap_or(name.len());
            let name = name.get(..end).unwrap_or(name);
            if !before.contains(&format!("={name} ")) && !name.is_empty() {
                self.programs.insert(process, name.to_owned());
            }
        }
    }

    /// Returns the program that the line's process says it is.
    pub(super) fn announced(&self, sample: usize) -> Option<&str> {
        self.programs.get(self.process(sample)?).map(String::as_str)
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

/// Returns the columns of a template.
pub(super) fn columns_of<'a>(template: &Template<'a>) -> Vec<Column<'a>> {
    let mut columns: Vec<Column<'a>> = Vec::new();
    let mut before = "";
    let mut of_sessions = false;
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
            Piece::SessionOnly => of_sessions = true,
            Piece::Column(kind, padding) => {
                let number = columns.len();
                let value =
                    |(sample, row): &(usize, Vec<&'a str>)| Some((*sample, *row.get(number)?));
                columns.push(Column {
                    kind: *kind,
                    padding: *padding,
                    of_sessions,
                    before: std::mem::take(&mut before).to_owned(),
                    ..Column::of_values(template.rows.iter().filter_map(value).collect())
                });
            }
        }
    }
    columns
}
