//! Columns of free text: names, and what else has no form of its own.
//!
//! Such a text ends where the next literal stands, but it may contain that literal too: `app worker` in
//! front of a blank. So the literal is taken as long as most lines agree on it, together with the form of
//! the value behind it.

use crate::{
    language,
    prefix::infer::{
        align::{
            Aligner, MAX_LITERAL_BYTES, Piece, State,
            columns::{Extent, blanks},
            cost::uncleanness,
        },
        kind::Kind,
    },
};

/// The most ends that are tried for one column.
const MAX_ENDS: usize = 6;

/// What ends a text.
#[derive(Debug)]
struct Ending {
    literal: Vec<u8>,
    /// The form of the value behind the literal.
    kind: Option<Kind>,
    /// Nothing stands behind the literal.
    is_last: bool,
}

impl Ending {
    fn of(delimiter: u8) -> Self {
        Self { literal: vec![delimiter], kind: None, is_last: false }
    }
}

impl<'a> Aligner<'_, 'a> {
    /// Returns free text with each end that it may have, the likeliest first.
    pub(super) fn take_text(&self, state: &State<'a>) -> Vec<State<'a>> {
        if matches!(state.pieces.last(), Some(Piece::Column(Kind::Text, _))) {
            return Vec::new();
        }
        let mut tried: Vec<Vec<Option<Extent>>> = Vec::new();
        let blank = state.active.iter().any(|cursor| self.rest(cursor).starts_with(b" "));
        for skips_blanks in [false, true] {
            if skips_blanks && !blank {
                break;
            }
            for delimiter in self.delimiters(state) {
                let ending = self.ending(state, delimiter, skips_blanks);
                let plain = Ending::of(delimiter);
                for ending in [ending, plain] {
                    let text = |rest| text_before(rest, &ending, skips_blanks);
                    tried.push(state.active.iter().map(|c| text(self.rest(c))).collect());
                }
            }
            let whole = |rest| Some(whole_text(rest, skips_blanks));
            tried.push(state.active.iter().map(|c| whole(self.rest(c))).collect());
        }
        let mut nexts: Vec<State<'a>> = Vec::new();
        if let Some(literal) = self.key(state) {
            let ending = Ending { literal, kind: None, is_last: false };
            let text = |cursor| text_before(self.rest(cursor), &ending, false);
            let extents: Vec<_> = state.active.iter().map(text).collect();
            // What stands in front of a key is whole, unless all of it looks like more than one value.
            nexts.extend(self.take_column(state, Kind::Text, extents).map(|mut next| {
                let uncleanness = next.last_uncleanness();
                next.cost -= if uncleanness < MANY_ODD { uncleanness } else { 0.0 };
                next
            }));
        }
        for extents in tried {
            if self.is_enough(state, extents.iter().flatten().count()) {
                nexts.extend(self.take_column(state, Kind::Text, extents));
            }
        }
        nexts.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        nexts.dedup_by(|a, b| a.is_same_place(b));
        nexts.truncate(MAX_ENDS);
        nexts
    }

    /// Returns the bytes that stand in most lines from here on and may end a text, the nearest first.
    fn delimiters(&self, state: &State<'a>) -> Vec<u8> {
        let shortest = state.active.iter().map(|cursor| self.rest(cursor)).min_by_key(|r| r.len());
        let mut delimiters: Vec<u8> = Vec::new();
        for byte in shortest.unwrap_or_default() {
            let may_end = byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'_';
            if may_end && !delimiters.contains(byte) {
                delimiters.push(*byte);
            }
        }
        // Names contain these more often than prefixes have them between names.
        delimiters.sort_by_key(|byte| matches!(byte, b'-' | b'.'));
        delimiters
    }

    /// Returns the first key, such as ` db=`, that nearly all lines have from here on, with what stands in
    /// front of it in all of them.
    fn key(&self, state: &State<'a>) -> Option<Vec<u8>> {
        let rests = || state.active.iter().map(|cursor| self.rest(cursor));
        let find = |key: &[u8]| {
            let places = rests().map(|rest| memchr::memmem::find(rest, key).map(|at| (rest, at)));
            let found: Vec<(&[u8], usize)> = places.flatten().collect();
            self.is_enough(state, found.len()).then_some(found)
        };
        let shortest = rests().min_by_key(|rest| rest.len())?;
        let mut key = keys_in(shortest).find(|key| find(key).is_some())?.to_vec();
        let is_separator = |byte: u8| byte.is_ascii_punctuation() && !b"]_".contains(&byte);
        // A quote or a bracket in front of the separator is no part of the value.
        while key.len() < MAX_KEY_BYTES {
            let found = find(&key)?;
            let mut before = found.iter().map(|(rest, at)| rest.get(at.checked_sub(1)?).copied());
            let first = before.next().flatten().filter(|byte| is_separator(*byte));
            let Some(first) = first.filter(|_| before.all(|byte| byte == first)) else { break };
            key.insert(0, first);
        }
        Some(key)
    }

    /// Returns what most lines have where a delimiter comes first.
    fn ending(&self, state: &State<'a>, delimiter: u8, skips_blanks: bool) -> Ending {
        let plain = Ending::of(delimiter);
        let behind: Vec<&[u8]> = state
            .active
            .iter()
            .filter_map(|cursor| {
                let rest = self.rest(cursor);
                let extent = text_before(rest, &plain, skips_blanks)?;
                let at = extent.before + extent.length;
                let at = if delimiter == b' ' { at } else { at + extent.behind };
                rest.get(at..)
            })
            .collect();
        let mut literal = plain.literal;
        while literal.len() < MAX_LITERAL_BYTES {
            let next = majority(&behind.iter().map(|rest| rest.get(literal.len()).copied()), 6);
            match next {
                // Letters may belong to the value; more than one blank pads.
                Some(byte) if byte.is_ascii_alphanumeric() || byte == b'[' => break,
                Some(b' ') if literal.ends_with(b" ") => break,
                Some(byte) => literal.push(byte),
                None => break,
            }
        }
        let kinds = behind.iter().map(|rest| kind_behind(rest.get(literal.len()..)?));
        let kind = majority(&kinds, 3);
        let last = behind.iter().filter(|rest| rest.len() == literal.len()).count();
        Ending { kind, is_last: last * 10 >= behind.len() * 6, literal }
    }
}

/// Values that are so unclean on average are not a few odd names.
const MANY_ODD: f64 = 0.5;

/// The longest key that is looked for.
const MAX_KEY_BYTES: usize = 24;

/// Returns what looks like keys: a word between a separator and an equals sign or a colon with a blank.
fn keys_in(rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    memchr::memchr2_iter(b'=', b':', rest).filter_map(move |at| {
        let before = rest.get(..at)?;
        let word = before.iter().rev().take_while(|byte| is_word(byte)).count();
        let has_letter = before.iter().rev().take(word).any(u8::is_ascii_alphabetic);
        let start = at.checked_sub(word + 1).filter(|_| has_letter)?;
        let end = match rest.get(at..at + 2) {
            Some(b": ") => at + 2,
            _ if rest.get(at) == Some(&b'=') => at + 1,
            _ => return None,
        };
        rest.get(start..end).filter(|key| key.len() <= MAX_KEY_BYTES)
    })
}

/// Returns what so many of ten are.
fn majority<T: PartialEq + Copy>(
    found: &(impl Iterator<Item = Option<T>> + Clone),
    of_ten: usize,
) -> Option<T> {
    let total = found.clone().count();
    found.clone().flatten().find(|candidate| {
        found.clone().filter(|other| *other == Some(*candidate)).count() * 10 >= total * of_ten
    })
}

/// Returns the form of the value that stands here, blanks in front of it left out.
fn kind_behind(rest: &[u8]) -> Option<Kind> {
    let value = rest.get(blanks(rest)..)?;
    Kind::STRUCTURED.into_iter().find(|kind| kind.length(value).is_some())
}

/// Finds the text in front of an ending. What the server prints in brackets is not searched.
fn text_before(rest: &[u8], ending: &Ending, skips_blanks: bool) -> Option<Extent> {
    let before = if skips_blanks { blanks(rest) } else { 0 };
    let starts = |kind: Kind| kind.length(rest.get(before..).unwrap_or_default()).is_some();
    if before > 0 && ending.literal == b" " && ending.kind.is_some_and(starts) {
        // Nothing but blanks in front of the next value.
        return Some(Extent { before: before - 1, ..Extent::default() });
    }
    let from = before + rest.get(before..).and_then(own_word).unwrap_or(0);
    let found = || memchr::memmem::find_iter(rest.get(from..).unwrap_or_default(), &ending.literal);
    let is_followed = |at: &usize| {
        let behind = rest.get(from + at + ending.literal.len()..).unwrap_or_default();
        let value = behind.get(blanks(behind)..).unwrap_or_default();
        if ending.is_last {
            behind.is_empty()
        } else {
            ending.kind.is_none_or(|kind| kind.length(value).is_some())
        }
    };
    let end = from + found().find(is_followed).or_else(|| found().next())?;
    let value = rest.get(before..end)?;
    let length = value.trim_ascii_end().len();
    let behind = match ending.literal.first() {
        Some(b' ') => value.len() - length + blanks(rest.get(end..)?),
        _ => value.len() - length,
    };
    Some(Extent { before, length, behind })
}

fn whole_text(rest: &[u8], skips_blanks: bool) -> Extent {
    let before = if skips_blanks { blanks(rest) } else { 0 };
    let value = rest.get(before..).unwrap_or_default();
    let length = value.trim_ascii_end().len();
    Extent { before, length, behind: value.len() - length }
}

/// Length of `[unknown]` in any language.
fn own_word(rest: &[u8]) -> Option<usize> {
    let bracket = memchr::memchr(b']', rest.get(..64).unwrap_or(rest))? + 1;
    let word = std::str::from_utf8(rest.get(..bracket)?).ok()?;
    language::is_unknown(word).then_some(bracket)
}

impl State<'_> {
    /// Tells whether two states have come equally far by the same values.
    fn is_same_place(&self, other: &Self) -> bool {
        self.pieces == other.pieces
            && self.active.len() == other.active.len()
            && self.active.iter().zip(&other.active).all(|(a, b)| a.at == b.at && a.row == b.row)
    }

    /// Returns how much the values of the last column look like more than one each.
    pub(super) fn last_uncleanness(&self) -> f64 {
        uncleanness(self.active.iter().filter_map(|cursor| cursor.row.last().copied()))
    }
}

#[cfg(test)]
mod tests {
    use crate::LinePrefix;

    #[test]
    fn names_with_commas_leave_the_keys_alone() {
        let programs = ["psql", "cron, nightly", "my app v1.2", "pgbench", "web: worker [3]"];
        let line = |n: usize| {
            let (user, database) = (["alice", "bob"][n % 2], ["shop", "crm"][n / 2 % 2]);
            let (program, pid) = (programs[n % 5], 4000 + n * 37);
            format!(
                "2026-11-24 02:21:{:02}.{n:03} UTC [{pid}] [user={user},db={database},app={program},\
                 client=10.0.0.{},sqlstate=00000,qid={}] LOG:  x",
                n % 60,
                n % 9,
                n * 7_919_345_671
            )
        };
        let lines: Vec<String> = (0..200).map(line).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        for (n, line) in lines.iter().enumerate() {
            let fields = inference.prefix.match_line(line).expect("the line fits").fields;
            assert_eq!(fields.application_name, Some(programs[n % 5]), "{}", inference.prefix);
        }
    }

    #[test]
    fn keys_end_names_with_blanks_in_and_out_of_quotes() {
        let users = ["bob smith", "alice", "svc@corp", "app_rw"];
        let line = |n: usize, quote: &str| {
            let (user, database) = (users[n / 2 % 4], ["shop", "my db"][n / 3 % 2]);
            format!(
                "time={quote}2026-11-24 02:21:{:02}.{n:03} UTC{quote} pid={} user={quote}{user}{quote} \
                 db={quote}{database}{quote} LOG:  x",
                n % 60,
                4000 + n * 37
            )
        };
        for (quote, expected) in [
            ("", "time=%m pid=%p user=%u db=%d "),
            ("\"", "time=\"%m\" pid=%p user=\"%u\" db=\"%d\" "),
        ] {
            let lines: Vec<String> = (0..200).map(|n| line(n, quote)).collect();
            let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
            assert_eq!(inference.prefix.as_str(), expected);
        }
    }

    #[test]
    fn values_stand_in_brackets_behind_keys() {
        let line = |n: usize| {
            let (user, database) = (["alice", "svc@corp"][n % 2], ["shop", "crm"][n / 2 % 2]);
            format!(
                "time=<2026-11-24 02:21:{:02} UTC> command_tag=<SELECT> remote_host=<10.0.0.{}> \
                 user=<{user}> database=<{database}> LOG:  duration: 1.000 ms",
                n % 60,
                n % 9 + 1,
            )
        };
        for count in [1, 2, 200] {
            let lines: Vec<String> = (0..count).map(line).collect();
            let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
            for (n, line) in lines.iter().enumerate() {
                let fields = inference.prefix.match_line(line).expect("the line fits").fields;
                let user = fields.user.is_none_or(|user| user == ["alice", "svc@corp"][n % 2]);
                let database =
                    fields.database.is_none_or(|name| name == ["shop", "crm"][n / 2 % 2]);
                assert!(user && database, "{}: {line}", inference.prefix);
            }
        }
    }

    #[test]
    fn words_of_the_server_are_names_behind_a_key() {
        let line = |n: usize| {
            format!(
                "2026-11-24 02:21:{:02}.{n:03} UTC pid={} db=shop app=idle worker, LOG:  x",
                n % 60,
                4000 + n
            )
        };
        let lines: Vec<String> = (0..3).map(line).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        for line in &lines {
            let fields = inference.prefix.match_line(line).expect("the line fits").fields;
            assert_eq!(fields.ps, None, "{}", inference.prefix);
        }
    }
}
