//! Columns of free text: users, databases, applications.
//!
//! Nothing in a name says whose it is. What proves it are messages that name the session's user and
//! database themselves; the words around the column come next; two names around an `@` are a user and a
//! database.

use std::collections::HashMap;

use crate::{
    event, language,
    prefix::{
        escape::{Escape, Padding},
        infer::{
            align::uncleanness,
            kind::Kind,
            meaning::{Column, Table},
        },
    },
    severity::{Label, Level},
};

/// Programs that set `application_name`, and no one is called after.
const APPLICATIONS: [&str; 16] = [
    "psql",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pg_basebackup",
    "pg_receivewal",
    "walreceiver",
    "vacuumdb",
    "reindexdb",
    "clusterdb",
    "PostgreSQL JDBC Driver",
    "pgAdmin 4",
    "DBeaver",
    "TablePlus",
    "DataGrip",
    "pgcourier",
];

/// The meanings that a column of free text can have.
const MEANINGS: [Escape; 3] = [Escape::User, Escape::Database, Escape::ApplicationName];

/// How many lines speak for each of [`MEANINGS`].
type Votes = [usize; 3];

pub(super) fn name(table: &mut Table<'_, '_>) {
    let applications = announced_applications(table);
    let votes: Vec<Votes> =
        table.columns.iter().map(|column| votes(table, column, &applications)).collect();
    let keys: Vec<Option<Escape>> = table.columns.iter().map(by_key).collect();
    let mut escapes: Vec<Option<Escape>> = Vec::new();
    for ((column, votes), key) in table.columns.iter().zip(&votes).zip(&keys) {
        let is_text = column.kind == Kind::Text;
        let proven = winner(votes);
        escapes.push(key.or(proven).filter(|_| is_text));
    }
    leave_out_doubles(&mut escapes, &votes, &keys);
    name_around_at(table, &mut escapes);
    let are_proven: Vec<bool> = (table.columns.iter().zip(&votes))
        .map(|(column, votes)| is_proven(votes) && !has_half_names(table, column, &applications))
        .collect();
    leave_out_unsure(table, &mut escapes, &are_proven);
    let columns = table.columns.iter_mut().zip(escapes);
    for ((column, escape), (votes, is_proven)) in columns.zip(votes.into_iter().zip(are_proven)) {
        if column.kind == Kind::Text {
            column.escape = escape;
            column.is_guess = winner(&votes).is_none();
            column.is_proven = is_proven;
        }
    }
}

/// Tells whether what messages say contradicts a meaning.
pub(in crate::prefix::infer) fn is_contradicted(
    table: &Table<'_, '_>,
    column: &Column<'_>,
    meaning: Escape,
) -> bool {
    let votes = votes(table, column, &announced_applications(table));
    winner(&votes).is_some_and(|proven| proven != meaning)
}

/// Returns the meaning with twice as many votes as any other.
fn winner(votes: &Votes) -> Option<Escape> {
    let (best, most) = MEANINGS.iter().zip(votes).max_by_key(|(_, votes)| **votes)?;
    let others: usize = votes.iter().sum::<usize>() - most;
    (*most > 0 && others * 2 <= *most).then_some(*best)
}

/// Tells whether so many messages name the values of a column, exactly as they are, that they are whole.
fn is_proven(votes: &Votes) -> bool {
    winner(votes).is_some() && votes.iter().any(|votes| *votes >= PROOFS)
}

/// Tells whether a column has a part of what some process has announced as its application.
fn has_half_names(
    table: &Table<'_, '_>,
    column: &Column<'_>,
    applications: &HashMap<&str, String>,
) -> bool {
    column.values.iter().any(|(index, value)| {
        let announced = table.process(*index).and_then(|process| applications.get(process));
        announced.is_some_and(|name| {
            !value.is_empty() && name != value && (name.starts_with(value) || name.ends_with(value))
        })
    })
}

/// So many lines are no coincidence.
const PROOFS: usize = 4;

/// Counts the lines whose message names the column's value.
fn votes(
    table: &Table<'_, '_>,
    column: &Column<'_>,
    applications: &HashMap<&str, String>,
) -> Votes {
    let mut votes = [0; 3];
    if column.kind != Kind::Text {
        return votes;
    }
    for (index, value) in &column.values {
        let Some(sample) = table.samples.get(*index) else { continue };
        if value.is_empty() || language::is_unknown(value) {
            continue;
        }
        let named = match sample.label {
            Label::Level(Level::Log) => named_by_connection(sample.text, value),
            Label::Level(Level::Fatal) => named_by_failure(sample.text, value),
            _ => None,
        };
        let by_process = || {
            let announced = applications.get(table.process(*index)?)?;
            (announced == value).then_some(Escape::ApplicationName)
        };
        let known = || APPLICATIONS.iter().any(|name| value == name || is_version_of(value, name));
        let meaning =
            named.or_else(by_process).or_else(|| known().then_some(Escape::ApplicationName));
        for (votes, _) in votes.iter_mut().zip(MEANINGS).filter(|(_, m)| Some(*m) == meaning) {
            *votes += 1;
        }
    }
    votes
}

/// Tells whether a value is an application's name with more behind it, such as `pgAdmin 4 - CONN:1`.
fn is_version_of(value: &str, application: &str) -> bool {
    application.contains(' ') && value.strip_prefix(application).is_some_and(|r| r.starts_with(' '))
        || value.strip_prefix("DBeaver ").is_some() && application == "DBeaver"
}

/// A message about a connection names user and database: a value that is one of them and not the other
/// is that.
fn named_by_connection(text: &str, value: &str) -> Option<Escape> {
    let text = &*event::in_english(text);
    match (has_value(text, " user=", value), has_value(text, " database=", value)) {
        (true, false) => Some(Escape::User),
        (false, true) => Some(Escape::Database),
        _ => None,
    }
}

/// Tells whether `key` and then exactly this value stand in a message.
fn has_value(text: &str, key: &str, value: &str) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let rest = text.get(at + key.len()..).unwrap_or_default();
        rest.strip_prefix(value).is_some_and(|rest| {
            // Behind a name comes the next word with its value, or nothing.
            rest.is_empty()
                || rest.starts_with(' ') && rest.contains('=')
                || rest.starts_with(" SSL")
                || rest.starts_with(" GSS")
        })
    })
}

/// A connection that is refused names the user or the database in quotes.
fn named_by_failure(text: &str, value: &str) -> Option<Escape> {
    let quoted = |word: &str| text.contains(&format!("{word} \"{value}\""));
    match (quoted("user") || quoted("role"), quoted("database")) {
        (true, false) => Some(Escape::User),
        (false, true) => Some(Escape::Database),
        _ => None,
    }
}

/// Returns the application that each process has announced when it connected, where it is called
/// neither like the user nor like the database.
fn announced_applications<'a>(table: &Table<'_, 'a>) -> HashMap<&'a str, String> {
    let mut announced = HashMap::new();
    for (index, sample) in table.samples.iter().enumerate() {
        let text = event::in_english(sample.text);
        let found = text.split_once(" application_name=");
        let (Some((before, name)), Some(process)) = (found, table.process(index)) else { continue };
        let end = name.find(" SSL ").or_else(|| name.find(" GSS ")).unwrap_or(name.len());
        let name = name.get(..end).unwrap_or(name);
        if !before.contains(&format!("={name} ")) && !name.is_empty() {
            announced.insert(process, name.to_owned());
        }
    }
    announced
}

/// Returns the meaning that the word in front of a column gives it.
fn by_key(column: &Column<'_>) -> Option<Escape> {
    match column.key().as_str() {
        "user" | "usr" | "u" | "username" | "user_name" | "role" | "login" => Some(Escape::User),
        "db" | "d" | "database" | "dbname" | "db_name" | "datname" | "database_name" => {
            Some(Escape::Database)
        }
        "app" | "a" | "application" | "appname" | "app_name" | "application_name" | "program" => {
            Some(Escape::ApplicationName)
        }
        "ps" | "cmd" | "command" | "tag" | "command_tag" => Some(Escape::Ps),
        "backend" | "backend_type" | "b" => Some(Escape::BackendType),
        _ => None,
    }
}

/// Of columns that seem to mean the same keeps only the one that most speaks for.
fn leave_out_doubles(escapes: &mut [Option<Escape>], votes: &[Votes], keys: &[Option<Escape>]) {
    for (meaning, at) in MEANINGS.into_iter().zip(0..) {
        let weight = |column: usize| {
            let has_key = keys.get(column).copied().flatten() == Some(meaning);
            (has_key, votes.get(column).and_then(|votes| votes.get(at)).copied())
        };
        let same = (0..escapes.len()).filter(|column| escapes.get(*column) == Some(&Some(meaning)));
        let same: Vec<usize> = same.collect();
        let best = same.iter().rev().max_by_key(|column| weight(**column)).copied();
        for column in same.into_iter().filter(|column| Some(*column) != best) {
            if let Some(escape) = escapes.get_mut(column) {
                *escape = None;
            }
        }
    }
}

/// Takes the name off columns that may have more or less in them than one value.
fn leave_out_unsure(table: &Table<'_, '_>, escapes: &mut [Option<Escape>], are_proven: &[bool]) {
    for (at, column) in table.columns.iter().enumerate() {
        if are_proven.get(at) == Some(&true) {
            continue;
        }
        let neighbour = |at: Option<usize>| {
            let column = at.and_then(|at| table.columns.get(at));
            column.is_some_and(|column| column.kind == Kind::Text)
        };
        // Only a blank stands between two texts, and there may be blanks in either.
        let is_apart = |literal: &str| !literal.trim().is_empty() || literal.is_empty();
        let named =
            |at: Option<usize>| at.and_then(|at| escapes.get(at)).is_some_and(Option::is_some);
        let runs_on = (!is_apart(&column.after) && neighbour(Some(at + 1)) && !named(Some(at + 1)))
            || (!is_apart(&column.before)
                && neighbour(at.checked_sub(1))
                && !named(at.checked_sub(1)));
        let values = || column.values.iter().map(|(_, value)| *value);
        let has_blanks = values().any(|value| value.contains(' '));
        let is_odd = column.after.starts_with('=')
            || uncleanness(values()) > 0.5
            || values().any(is_half_a_value);
        if column.kind == Kind::Text
            && (is_odd || (runs_on && (has_blanks || column.padding == Padding::None)))
            && let Some(escape) = escapes.get_mut(at)
        {
            *escape = None;
        }
    }
}

/// Tells whether a value ends in what stands between values, or begins with it.
fn is_half_a_value(value: &str) -> bool {
    value.starts_with([' ', '-', '/', ':', ',', ']', ')'])
        || value.ends_with([' ', '-', '/', ':', ',', '[', '('])
}

/// Names the two columns around an `@`, unless one of them is known to be something else.
fn name_around_at(table: &Table<'_, '_>, escapes: &mut [Option<Escape>]) {
    for (at, pair) in table.columns.windows(2).enumerate() {
        let [left, right] = pair else { continue };
        let is_number = |column: &Column<'_>| {
            column.values.iter().all(|(_, value)| value.bytes().all(|b| b.is_ascii_digit()))
        };
        if left.kind != Kind::Text
            || right.kind != Kind::Text
            || left.after != "@"
            || is_number(left)
            || is_number(right)
        {
            continue;
        }
        let [Some(left), Some(right)] =
            [at, at + 1].map(|at| escapes.get(at).copied().flatten()).map(Some)
        else {
            continue;
        };
        let named = match (left, right) {
            (None, None) | (Some(Escape::User), None) | (None, Some(Escape::Database)) => {
                (Escape::User, Escape::Database)
            }
            (Some(Escape::Database), None) | (None, Some(Escape::User)) => {
                (Escape::Database, Escape::User)
            }
            _ => continue,
        };
        for (offset, escape) in [(0, named.0), (1, named.1)] {
            if let Some(place) = escapes.get_mut(at + offset) {
                *place = Some(escape);
            }
        }
    }
}
