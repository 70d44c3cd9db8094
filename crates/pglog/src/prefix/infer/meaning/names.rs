//! Columns of free text: users, databases, applications.
//!
//! Nothing in a name says whose it is. All columns get their names at once, in the likeliest way: what
//! messages say about a session, the words around a column, what stays and what changes within a process.
//! A column that could as well be another one stays without a name.

use crate::{
    language,
    prefix::{
        escape::{Escape, Padding},
        infer::{
            align::uncleanness,
            kind::Kind,
            likelihood,
            table::{Column, Table},
        },
    },
};

/// The meanings that a column of free text can have.
const MEANINGS: [Option<Escape>; 6] = [
    Some(Escape::User),
    Some(Escape::Database),
    Some(Escape::ApplicationName),
    Some(Escape::Ps),
    Some(Escape::BackendType),
    None,
];

/// The most columns that get names.
const MAX_COLUMNS: usize = 5;

/// What the word in front of a column says.
const KEY: f64 = 6.0;

/// So much likelier than any other a name must be.
const MIN_DISTANCE: f64 = 3.0;

/// What it costs that a column has no name.
const NAMELESS: f64 = 3.0;

/// One way to name some columns, the first ones first.
#[derive(Debug, Clone, Default)]
struct Naming {
    names: Vec<Option<Escape>>,
    cost: f64,
}

pub(super) fn name(table: &mut Table<'_, '_>) {
    let texts: Vec<usize> = (table.columns.iter().zip(0..))
        .filter_map(|(column, at)| column.is_text().then_some(at))
        .filter(|at| !says_the_same(table, *at))
        .take(MAX_COLUMNS)
        .collect();
    let costs: Vec<Vec<f64>> = texts.iter().map(|at| costs(table, *at)).collect();
    let mut namings = vec![Naming::default()];
    for costs in &costs {
        namings = namings.iter().flat_map(|naming| naming.with_next(costs)).collect();
    }
    for naming in &mut namings {
        naming.cost += order(table, &texts, &naming.names);
    }
    let Some(best) = namings.iter().min_by(|a, b| a.cost.total_cmp(&b.cost)).cloned() else {
        return;
    };
    let mut escapes: Vec<Option<Escape>> = vec![None; table.columns.len()];
    let mut distances: Vec<f64> = vec![0.0; table.columns.len()];
    for (place, (at, name)) in texts.iter().zip(&best.names).enumerate() {
        let others = namings.iter().filter(|naming| {
            naming.names.get(place).is_some_and(|other| other != name && other.is_some())
                && !swaps_equals(table, &texts, &best.names, &naming.names)
        });
        let distance = others.map(|other| other.cost - best.cost).fold(f64::INFINITY, f64::min);
        if let (Some(escape), Some(kept)) = (escapes.get_mut(*at), distances.get_mut(*at)) {
            *escape = name.filter(|_| distance >= MIN_DISTANCE);
            *kept = distance;
        }
    }
    leave_out_unsure(table, &mut escapes);
    for ((column, escape), distance) in table.columns.iter_mut().zip(escapes).zip(distances) {
        if column.is_text() {
            column.escape = escape;
            column.is_guess = distance < MIN_DISTANCE * 2.0;
        }
    }
}

/// Tells whether a column has the key of one before it: a prefix may have a value twice.
fn says_the_same(table: &Table<'_, '_>, at: usize) -> bool {
    let Some(key) = table.columns.get(at).and_then(by_key) else { return false };
    let mut before = table.columns.iter().take(at).filter(|column| column.is_text());
    before.any(|column| by_key(column) == Some(key))
}

impl Naming {
    /// Names one more column in each way that is left.
    fn with_next<'n>(&'n self, costs: &'n [f64]) -> impl Iterator<Item = Self> + use<'n> {
        let free = MEANINGS.iter().zip(costs).filter(|(meaning, cost)| {
            cost.is_finite() && (meaning.is_none() || !self.names.contains(meaning))
        });
        free.map(|(meaning, cost)| {
            let mut next = self.clone();
            next.names.push(*meaning);
            next.cost += cost;
            next
        })
    }
}

/// Returns how unlikely each meaning is for a column.
fn costs(table: &Table<'_, '_>, at: usize) -> Vec<f64> {
    let Some(column) = table.columns.get(at) else { return Vec::new() };
    let key = by_key(column);
    let cost = |meaning: &Option<Escape>| {
        let Some(escape) = meaning else {
            let looks = likelihood::of_column(table, column, None);
            return NAMELESS + looks + if key.is_some() { KEY } else { 0.0 };
        };
        let cost = likelihood::of_column(table, column, *meaning);
        let is_own_word = matches!(escape, Escape::Ps | Escape::BackendType);
        let by_key = match key {
            Some(key) if key == *escape => 0.0,
            Some(_) => KEY * 2.0,
            None if column.before.ends_with('=') => KEY,
            None if is_own_word => 1.0,
            None => 0.5,
        };
        if is_own_word && key != *meaning && cost >= 4.0 { f64::INFINITY } else { cost + by_key }
    };
    MEANINGS.iter().map(cost).collect()
}

/// Returns how unusual the order of names is: most people put the user first, and nearly all do around
/// an `@`.
fn order(table: &Table<'_, '_>, texts: &[usize], names: &[Option<Escape>]) -> f64 {
    let place = |escape| names.iter().position(|name| *name == Some(escape));
    let (user, database) = (place(Escape::User), place(Escape::Database));
    let mut cost = match (user, database) {
        (Some(user), Some(database)) if user < database => 0.3,
        (Some(_), Some(_)) => 1.2,
        (Some(_), None) => 1.0,
        (None, Some(_)) => 1.4,
        (None, None) => 1.8,
    };
    if let Some(program) = place(Escape::ApplicationName) {
        let others = [user, database];
        // Whoever wants to know the program wants to know the user too.
        cost += match others.iter().flatten().count() {
            0 => 4.0,
            1 => 2.0,
            _ => 0.0,
        };
        if others.into_iter().flatten().any(|other| other > program) {
            cost += 0.7;
        }
    }
    for (pair, names) in texts.windows(2).zip(names.windows(2)) {
        let ([left, right], [first, second]) = (pair, names) else { continue };
        let is_at = left + 1 == *right
            && table.columns.get(*left).is_some_and(|column| column.after == "@");
        cost += match (is_at, first, second) {
            (false, ..) | (true, Some(Escape::User), Some(Escape::Database)) => 0.0,
            (true, Some(Escape::Database), Some(Escape::User)) => 6.0,
            (true, ..) => 12.0,
        };
    }
    cost
}

/// Tells whether two ways to name columns differ only in columns that have the same values in every
/// line.
fn swaps_equals(
    table: &Table<'_, '_>,
    texts: &[usize],
    names: &[Option<Escape>],
    others: &[Option<Escape>],
) -> bool {
    let values = |names: &[Option<Escape>], meaning: &Option<Escape>| {
        let place = names.iter().position(|name| name == meaning)?;
        table.columns.get(*texts.get(place)?).map(|column| &column.values)
    };
    MEANINGS
        .iter()
        .filter(|meaning| meaning.is_some())
        .all(|meaning| values(names, meaning) == values(others, meaning))
}

/// Tells whether a column has a part of what some process has announced as its application.
fn has_half_names(table: &Table<'_, '_>, column: &Column<'_>) -> bool {
    column.values.iter().any(|(index, value)| {
        table.announced(*index).is_some_and(|name| {
            !value.is_empty()
                && name != *value
                && (name.starts_with(value) || name.ends_with(value))
        })
    })
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

/// Takes the name off columns that may have more or less in them than one value. One that loses it may be
/// the reason why the next one is not sure any more.
fn leave_out_unsure(table: &Table<'_, '_>, escapes: &mut [Option<Escape>]) {
    for _ in 0..MAX_COLUMNS {
        let unsure = (0..table.columns.len()).find(|at| is_unsure(table, escapes, *at));
        let Some(escape) = unsure.and_then(|at| escapes.get_mut(at)) else { return };
        *escape = None;
    }
}

fn is_unsure(table: &Table<'_, '_>, escapes: &[Option<Escape>], at: usize) -> bool {
    let named = |at: usize| escapes.get(at).copied().flatten();
    let column = table.columns.get(at).filter(|column| column.kind == Kind::Text);
    let (Some(column), Some(escape)) = (column, named(at)) else { return false };
    let is_nameless_text = |at: Option<usize>| {
        let column = at.and_then(|at| table.columns.get(at));
        column.is_some_and(|column| column.kind == Kind::Text) && at.and_then(named).is_none()
    };
    // Only a blank stands between two texts, and there may be blanks in either.
    let is_apart = |literal: &str| !literal.trim().is_empty() || literal.is_empty();
    let runs_on = (!is_apart(&column.after) && is_nameless_text(Some(at + 1)))
        || (!is_apart(&column.before) && is_nameless_text(at.checked_sub(1)));
    let is_padded = column.padding != Padding::None;
    if runs_on && !is_padded {
        return true;
    }
    if likelihood::is_proven(table, column, escape) && !has_half_names(table, column) {
        return false;
    }
    let values = || column.values.iter().map(|(_, value)| *value);
    let has_blanks = values().any(|value| value.contains(' '));
    // What stands in front of a key is whole.
    let is_keyed = column.after.trim_end_matches('"').ends_with('=') && column.after.len() > 1;
    let is_odd = column.after.starts_with('=')
        || (uncleanness(values()) > 0.5 && !is_keyed)
        || values().any(is_half_a_value);
    is_odd || (runs_on && has_blanks)
}

/// Tells whether a value ends in what stands between values, or begins with it.
fn is_half_a_value(value: &str) -> bool {
    !language::is_unknown(value)
        && (value.starts_with([' ', '-', '/', ':', ',', ']', ')'])
            || value.ends_with([' ', '-', '/', ':', ',', '[', '(']))
}
