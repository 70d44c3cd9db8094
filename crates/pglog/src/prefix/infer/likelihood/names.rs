//! Users, databases, programs: what their names look like, and what messages say about them.

use std::{collections::BTreeSet, net::Ipv4Addr};

use crate::{
    language,
    prefix::{
        escape::Escape,
        infer::{
            likelihood::{MOST, RARE, count, distinct},
            table::{Column, Table},
        },
        words,
    },
    severity::{Label, Level},
};

/// What stands for a name or an address, within what cannot be a name then.
const NO_NAMES: [&str; 2] = ["[unknown]", "[local]"];

/// Returns how unlikely values are that have other values in them.
pub(super) fn absorbed(values: &BTreeSet<&str>) -> f64 {
    let absorbs = |value: &&&str| {
        NO_NAMES.iter().any(|word| value.contains(word))
            || has_pid(value)
            || has_date(value)
            || has_key(value)
            || has_address(value)
    };
    let absorbing = values.iter().filter(absorbs).count();
    let most = if absorbing * 2 > values.len() { MOST } else { RARE * 2.0 };
    (count(absorbing) * RARE * 2.0).min(most) + framed(values) + numbered(values)
}

/// Returns how unlikely it is that few names have many numbers behind them.
fn numbered(values: &BTreeSet<&str>) -> f64 {
    let is_number = |word: &str| word.len() > 2 && word.bytes().all(|b| b.is_ascii_digit());
    let names = values.iter().filter_map(|value| {
        value.rsplit_once(' ').filter(|(_, word)| is_number(word)).map(|(name, _)| name)
    });
    let (numbered, distinct) = (names.clone().count(), names.collect::<BTreeSet<_>>().len());
    let are_many = numbered >= MANY_NUMBERS && numbered >= distinct * 3;
    if are_many && numbered * 10 >= values.len() * 8 { MOST } else { 0.0 }
}

/// So many are no coincidence.
const MANY_NUMBERS: usize = 10;

/// Returns how unlikely it is that all names begin or end with the same mark.
fn framed(values: &BTreeSet<&str>) -> f64 {
    let same = |edge: fn(&str) -> Option<char>| {
        let mut edges = values.iter().map(|value| edge(value));
        let first = edges.next().flatten().filter(|c| c.is_ascii_punctuation() && *c != '_');
        first.is_some() && edges.all(|other| other == first)
    };
    let begins = same(|value| value.chars().next());
    let ends = same(|value| value.chars().next_back());
    let weight = if values.len() > 1 { RARE * 3.0 } else { RARE };
    weight * (f64::from(u8::from(begins)) + f64::from(u8::from(ends)))
}

/// Returns how unlikely it is that the values of a column are these names.
pub(super) fn of_names(table: &Table<'_, '_>, column: &Column<'_>, as_: Escape) -> f64 {
    let values = distinct(column);
    let looks = looks(&values, as_);
    looks.min(MAX_LOOKS)
        + absorbed(&values)
        + composed(&values)
        + codes(&values)
        + fractions(&values)
        + commands(&values)
        + changes(table, column, as_)
        + absences(table, column, as_)
        - told(table, column, as_)
}

/// Returns how unlikely it is that all names have the form of an SQLSTATE.
fn codes(values: &BTreeSet<&str>) -> f64 {
    let is_code = |value: &&str| {
        value.len() == 5
            && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            && value.bytes().any(|byte| byte.is_ascii_digit())
    };
    if !values.is_empty() && values.iter().all(is_code) { MOST } else { 0.0 }
}

/// Returns how unlikely it is that all names are numbers with a point in them.
fn fractions(values: &BTreeSet<&str>) -> f64 {
    let is_fraction = |value: &&str| {
        value.contains('.') && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    if !values.is_empty() && values.iter().all(is_fraction) { MOST } else { 0.0 }
}

/// Returns how unlikely it is that all names are what processes show: commands.
fn commands(values: &BTreeSet<&str>) -> f64 {
    let is_command = |value: &&str| {
        value.starts_with(|c: char| c.is_ascii_uppercase())
            && words::length(Escape::Ps, value.as_bytes()) == Some(value.len())
    };
    if !values.is_empty() && values.iter().all(is_command) { MOST } else { 0.0 }
}

/// Tells whether a value has `[123` in it.
fn has_pid(value: &str) -> bool {
    let starts_number = |(at, _)| {
        let digits = value.bytes().skip(at + 1).take_while(u8::is_ascii_digit);
        digits.count() > 2
    };
    value.match_indices('[').any(starts_number)
}

/// Tells whether a value has an address among its words.
fn has_address(value: &str) -> bool {
    value.contains(' ') && value.split(' ').any(|word| word.parse::<Ipv4Addr>().is_ok())
}

/// Tells whether a value has `,client=` in it.
fn has_key(value: &str) -> bool {
    value.match_indices('=').any(|(at, _)| {
        let before = value.get(..at).unwrap_or_default();
        let rest = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        rest.len() < before.len() && rest.ends_with([',', ';', '|'])
    })
}

/// Tells whether a value has `2026-11-24` in it.
fn has_date(value: &str) -> bool {
    let fits = |window: &[u8]| {
        let form = window.iter().zip(b"0000-00-00");
        form.fold(true, |fits, (b, form)| {
            fits && if *form == b'0' { b.is_ascii_digit() } else { b == form }
        })
    };
    value.as_bytes().windows(10).any(fits)
}

/// The first odd name is a surprise; where there is one, there may be more of its kind.
pub(super) fn looks(values: &BTreeSet<&str>, as_: Escape) -> f64 {
    let mut odd: Vec<f64> = values.iter().map(|value| oddness(value, as_)).collect();
    odd.sort_by(|a, b| b.total_cmp(a));
    let others = odd.iter().skip(1).sum::<f64>();
    odd.first().copied().unwrap_or_default() + others * 0.7
}

/// Whoever gives his programs names that can be mistaken does so often.
pub(super) const MAX_LOOKS: f64 = 14.0;

/// Values that all have the same separators are rather several values each, and what all have before an
/// equals sign is a key of the prefix.
fn composed(values: &BTreeSet<&str>) -> f64 {
    let mut keys = values.iter().map(|value| value.split_once('=').map(|(key, _)| key));
    let key = keys.next().flatten();
    if values.len() > 1 && key.is_some() && keys.all(|other| other == key) {
        return MOST;
    }
    let separators = |value: &str| {
        let separators = value.chars().filter(|c| " /@,|:;".contains(*c));
        separators.collect::<String>()
    };
    let mut found = values.iter().map(|value| separators(value));
    let first = found.next().unwrap_or_default();
    let is_composed = values.len() > 1 && !first.is_empty() && found.all(|other| other == first);
    if is_composed { RARE } else { 0.0 }
}

/// Returns how odd a value is as a name of this kind.
fn oddness(value: &str, as_: Escape) -> f64 {
    let is_own = |escape| words::length(escape, value.as_bytes()) == Some(value.len());
    let is_program = as_ == Escape::ApplicationName;
    let weight = |c: char| match (c, is_program) {
        ('a'..='z' | 'A'..='Z' | '0'..='9' | '_', _) => 0.0,
        ('-' | '.' | ' ', true) | ('-', false) => 0.2,
        ('.', false) | ('/', true) => 0.7,
        ('@', false) if as_ == Escape::User => 2.5,
        (' ' | '@', false) => 5.0,
        ('(' | ')' | '[' | ']' | ':' | '#', true) => 1.5,
        ('@' | ';', true) => 2.5,
        (c, _) if c.is_alphanumeric() => 0.3,
        (_, true) => 3.0,
        (_, false) => RARE,
    };
    let mut odd = value.chars().map(weight).sum::<f64>().min(RARE * 2.0);
    let is_bracket = |c: char| matches!(c, ')' | ']');
    let starts_odd = value.starts_with(|c: char| c.is_ascii_punctuation() && c != '_');
    let ends_odd = value.ends_with(|c: char| c.is_ascii_punctuation() && c != '_');
    let closes = is_program && value.ends_with(is_bracket) && value.contains(['(', '[']);
    odd += f64::from(u8::from(starts_odd)) * 2.0;
    odd += f64::from(u8::from(ends_odd && !closes)) * 2.0;
    if value.starts_with(' ') || value.ends_with(' ') {
        odd += RARE;
    }
    if is_program && value.contains(' ') {
        odd += 1.3;
    }
    let names_a_program = words::program_length(value).is_some();
    let is_digits = value.bytes().all(|b| b.is_ascii_digit());
    odd += match (names_a_program, is_program) {
        (true, false) => 4.0,
        (false, true) if value == "postgres" || value.starts_with("template") => 2.0,
        _ if is_digits => 4.0,
        _ if is_own(Escape::Ps) || is_own(Escape::BackendType) => 4.0,
        _ => 0.0,
    };
    odd
}

/// A session's user and database stay; programs may change their name.
fn changes(table: &Table<'_, '_>, column: &Column<'_>, as_: Escape) -> f64 {
    if as_ == Escape::ApplicationName {
        return 0.0;
    }
    let groups = table.by_process(column);
    let changes = groups.iter().filter(|group| {
        let mut known = group.iter().map(|(_, value)| *value);
        let mut known =
            known.by_ref().filter(|value| !value.is_empty() && !language::is_unknown(value));
        let first = known.next();
        known.any(|value| Some(value) != first)
    });
    (count(changes.count()) * 4.0).min(MOST)
}

/// Whoever has anything else has a user; only replication has no database, and programs may have no name.
fn absences(table: &Table<'_, '_>, column: &Column<'_>, as_: Escape) -> f64 {
    let weight = match as_ {
        Escape::User => 3.0,
        Escape::Database => 1.0,
        _ => return 0.0,
    };
    let others = || {
        let is_name = |other: &&Column<'_>| other.is_text() && !std::ptr::eq(*other, column);
        table.columns.iter().filter(is_name)
    };
    let is_known = |value: &str| !value.is_empty() && !language::is_unknown(value);
    let alone = column.values.iter().filter(|(at, value)| {
        language::is_unknown(value) && others().any(|other| other.get(*at).is_some_and(is_known))
    });
    let processes: BTreeSet<_> = alone.map(|(at, _)| table.process(*at)).collect();
    (count(processes.len()) * weight).min(RARE * weight)
}

/// Tells whether so many messages name the values of a column, exactly as they are, that they are whole.
pub(in crate::prefix::infer) fn is_proven(
    table: &Table<'_, '_>,
    column: &Column<'_>,
    as_: Escape,
) -> bool {
    let (for_it, against_it) = votes(table, column, as_);
    for_it >= PROOFS && against_it * 10 < for_it
}

/// So many lines are no coincidence.
const PROOFS: usize = 4;

/// How much each of them counts.
const PROOF: f64 = 2.0;

/// Returns how much messages of the log speak for a meaning, or against it if less than nothing.
fn told(table: &Table<'_, '_>, column: &Column<'_>, as_: Escape) -> f64 {
    let (for_it, against_it) = votes(table, column, as_);
    let speaks_for = count(for_it.min(PROOFS)) * PROOF;
    if as_ != Escape::ApplicationName {
        return speaks_for - (count(against_it) * RARE).min(MOST);
    }
    // Few sessions change what their program is called.
    let renamed = column.values.iter().filter(|(at, value)| {
        let announced = table.announced(*at);
        let is_known = !value.is_empty() && !language::is_unknown(value);
        is_known && announced.is_some_and(|name| name != *value)
    });
    let processes: BTreeSet<_> = renamed.map(|(at, _)| table.process(*at)).collect();
    speaks_for - (count(processes.len()) * PROOF).min(MOST)
}

/// Counts the lines whose messages speak for a meaning, and against it.
fn votes(table: &Table<'_, '_>, column: &Column<'_>, as_: Escape) -> (usize, usize) {
    let known =
        column.values.iter().filter(|(_, value)| !value.is_empty() && !language::is_unknown(value));
    let speaks = known.filter_map(|(at, value)| table.speaks_for(*at, value, as_));
    speaks.fold((0, 0), |(yes, no), speaks| match speaks {
        true => (yes + 1, no),
        false => (yes, no + 1),
    })
}

impl Table<'_, '_> {
    /// Tells whether the message of a line says that a value of it has this meaning. `None` where it says
    /// nothing.
    fn speaks_for(&self, at: usize, value: &str, as_: Escape) -> Option<bool> {
        let sample = self.samples.get(at)?;
        if let Some(text) = self.notes.get(at).and_then(|note| note.connection.as_deref()) {
            let key = match as_ {
                Escape::User => " user=",
                Escape::Database => " database=",
                Escape::ApplicationName => return self.announces(at, value),
                _ => return None,
            };
            return text.contains(key).then(|| has_value(text, key, value));
        }
        let quoted = |word: &str| sample.text.contains(&format!("{word} \"{value}\""));
        let speaks = match (sample.label, as_) {
            (Label::Level(Level::Fatal), Escape::User) => quoted("user") || quoted("role"),
            (Label::Level(Level::Fatal), Escape::Database) => quoted("database"),
            (_, Escape::ApplicationName) => self.announced(at) == Some(value),
            _ => false,
        };
        speaks.then_some(true)
    }

    /// A session has no program's name yet when it begins, and has it when it ends.
    fn announces(&self, at: usize, value: &str) -> Option<bool> {
        let text = self.notes.get(at)?.connection.as_deref()?;
        (has_value(text, " application_name=", value)).then_some(true)
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

#[cfg(test)]
mod tests {
    use crate::LinePrefix;

    #[test]
    fn codes_and_commands_are_nobodys_names() {
        for values in [["SELECT", "INSERT", "DROP TABLE"], ["P0001", "22012", "ZX123"]] {
            let lines: Vec<String> = (0..30)
                .map(|n| {
                    let (user, value) = (["bob", "alice"][n % 2], values[n % 3]);
                    format!(
                        "2026-11-24 02:22:{n:02}.123 UTC [{}] {user}@shop [{value}] ERROR:  x",
                        7000 + n / 3
                    )
                })
                .collect();
            let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
            let parsed = inference.prefix.match_line(&lines[0]).unwrap();
            assert_eq!(parsed.fields.application_name, None, "{}", inference.prefix);
        }
    }

    #[test]
    fn blanks_behind_a_command_pad_it() {
        let line = |ps: &str, n: usize| {
            format!("2026-11-24 02:22:{:02}.123 UTC [7{n}] {ps:<16}] LOG:  x", n % 60)
        };
        let lines = ["SELECT", "CREATE TABLE", "idle", "CREATE TABLE"].map(|ps| line(ps, ps.len()));
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        let parsed = inference.prefix.match_line(&lines[1]).unwrap();
        assert!(matches!(parsed.fields.ps, None | Some("CREATE TABLE")), "{}", inference.prefix);
    }

    #[test]
    fn numbers_and_addresses_are_no_programs() {
        let lines = [
            "2025-11-26 10:30:45.125 [1234] bob@shop 10.0.0.5 LOG:  duration: 1.000 ms",
            "2025-11-26 10:30:47.890 [1234] bob@shop 10.0.0.5 LOG:  duration: 2.000 ms",
            "2025-11-26 10:30:50.001 [1234] bob@shop 10.0.0.5 LOG:  duration: 2.000 ms",
        ];
        let inference = LinePrefix::infer(lines).unwrap();
        let parsed = inference.prefix.match_line(lines[0]).unwrap();
        assert_eq!(parsed.fields.application_name, None, "{}", inference.prefix);
        let line =
            "2026-09-01 23:22:00.565 MSK [3036] bob@shop from 10.0.0.4 LOG:  duration: 1.000 ms";
        let inference = LinePrefix::infer([line]).unwrap();
        let parsed = inference.prefix.match_line(line).unwrap();
        assert_eq!(parsed.fields.remote_host, Some("10.0.0.4"), "{}", inference.prefix);
    }
}
