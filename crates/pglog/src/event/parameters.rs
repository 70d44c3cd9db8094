//! Bind values, as the server lists them: `$1 = 'it''s', $2 = NULL`.

use std::borrow::Cow;

use crate::entry::{Fields, Text, owned};
use crate::event::scan::Scan;
use crate::find;
use crate::lanes::first_of;

/// The bind values of a statement.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parameters<'x> {
    /// In their order; `None` is NULL.
    values: Vec<Option<Text<'x>>>,
    /// Some value ends in three dots, as the server marks one that `log_parameter_max_length` cut. A
    /// value that really ends so looks the same.
    is_cut: bool,
}

impl<'x> Parameters<'x> {
    pub(super) fn give_to(self, fields: &mut Fields<'x>, values: &mut Vec<Option<Text<'x>>>) {
        if self.is_cut {
            fields.push("parameters_truncated", true);
        }
        *values = self.values;
    }

    pub(super) fn into_owned(self) -> Parameters<'static> {
        Parameters { values: self.values.into_iter().map(owned).collect(), is_cut: self.is_cut }
    }

    /// Reads a list from its `$1` on. The second value is what stands behind it. The values are put where there
    /// is `room` for them.
    fn read(list: &'x str, room: Vec<Option<Text<'x>>>) -> Option<(Self, &'x str)> {
        let mut rest = list;
        let mut parameters = Self { values: room, is_cut: false };
        loop {
            let (value, behind) = numbered(rest, parameters.values.len() + 1)?;
            parameters.is_cut |= value
                .as_ref()
                .is_some_and(|value| matches!(value.as_bytes(), [.., b'.', b'.', b'.']));
            parameters.values.push(value);
            match behind.as_bytes() {
                [b',', b' ', b'$', ..] => rest = behind.get(", ".len()..)?,
                _ => return Some((parameters, behind)),
            }
        }
    }
}

/// Reads a value with its number, which is `wanted`. The second value is what stands behind it.
#[inline(always)]
fn numbered(list: &str, wanted: usize) -> Option<(Option<Text<'_>>, &str)> {
    let assigned = match list.as_bytes() {
        [b'$', digit @ b'1'..=b'9', b' ', b'=', b' ', ..]
            if usize::from(digit - b'0') == wanted =>
        {
            list.get("$1 = ".len()..)?
        }
        _ => behind_number(list, wanted)?,
    };
    match assigned.strip_prefix('\'') {
        Some(value) => quoted(value).map(|(value, behind)| (Some(value), behind)),
        None => assigned.strip_prefix("NULL").map(|behind| (None, behind)),
    }
}

/// Returns what stands behind the number of a value, if that is `wanted`.
fn behind_number(list: &str, wanted: usize) -> Option<&str> {
    let mut scan = Scan::of(list);
    scan.literal("$")?;
    if scan.number()? != wanted as u64 {
        return None;
    }
    scan.literal(" = ")?;
    Some(scan.rest())
}

/// Reads a value from behind its first quote on, up to the last one; those inside of it are doubled. The second value
/// is what stands behind it.
#[inline(always)]
fn quoted(text: &str) -> Option<(Text<'_>, &str)> {
    let bytes = text.as_bytes();
    let mut end = first_of(bytes, [b'\''])?;
    if bytes.get(end + 1) != Some(&b'\'') {
        return Some((Cow::Borrowed(text.get(..end)?), text.get(end + 1..)?));
    }
    while bytes.get(end + 1) == Some(&b'\'') {
        let from = end + 2;
        end = from + find::find_byte(bytes.get(from..)?, b'\'')?;
    }
    Some((Cow::Owned(text.get(..end)?.replace("''", "'")), text.get(end + 1..)?))
}

/// Reads the DETAIL of a logged statement: `parameters: $1 = 'x'`, since PostgreSQL 17 with a capital
/// letter, and in other languages with other words.
pub(super) fn in_detail<'x>(
    detail: &'x str,
    room: Vec<Option<Text<'x>>>,
) -> Option<Parameters<'x>> {
    let list = detail.get(list_start(detail)?..)?;
    Parameters::read(list, room).map(|(parameters, _)| parameters)
}

/// How many lines of a context are tried: each may be read to the end of the context.
const MAX_LISTS: usize = 8;

/// Reads the CONTEXT of an error: a line such as `unnamed portal with parameters: $1 = 'x'`, the last one
/// but for that of a parallel worker.
///
/// The lines before it may be a user's own SQL, and so may be what looks like this one; but a list that
/// goes on to the end is no part of a longer line, and quotes inside of values are doubled.
pub(super) fn in_context(context: &str) -> Option<Parameters<'_>> {
    // Most contexts have none, and many are long.
    find::find(context.as_bytes(), b"$1 = ")?;
    let breaks = memchr::memchr_iter(b'\n', context.as_bytes());
    let starts = std::iter::once(0).chain(breaks.map(|at| at + 1));
    let lists = starts.filter_map(|start| {
        let lines = context.get(start..)?;
        lines.get(list_start(lines)?..)
    });
    lists.take(MAX_LISTS).find_map(|list| {
        let (parameters, behind) = Parameters::read(list, Vec::new())?;
        is_end(behind).then_some(parameters)
    })
}

/// Tells whether a CONTEXT is a list of bind values and nothing else, so that it names no function.
pub(super) fn are_all_of(context: &str) -> bool {
    let list = list_start(context).and_then(|start| context.get(start..));
    let read = list.and_then(|list| Parameters::read(list, Vec::new()));
    read.is_some_and(|(_, behind)| is_end(behind))
}

/// Tells whether what stands behind a list may be the end of a CONTEXT.
fn is_end(behind: &str) -> bool {
    behind.is_empty() || behind == "\nparallel worker"
}

/// Reads the CONTEXT of a value that does not read as its type, `unnamed portal parameter $2 = 'x'`: the
/// parameter's number, and its value where it was sent as text.
pub(super) fn refused_in_context(context: &str) -> Option<(u64, Option<Text<'_>>)> {
    let line = context.lines().find(|line| {
        line.starts_with("unnamed portal parameter $") || line.starts_with("portal \"")
    })?;
    let at = find::find(line.as_bytes(), b" parameter $")?;
    // The value may have more lines.
    let start = context.find(line)?;
    let mut scan = Scan::of(context.get(start + at..)?);
    scan.literal(" parameter $")?;
    let number = scan.number()?;
    let value = if scan.eat(" = '") { quoted(scan.rest()).map(|(value, _)| value) } else { None };
    Some((number, value))
}

/// Reads a list that stands alone, as in a plan.
pub(super) fn alone(list: &str) -> Option<Parameters<'_>> {
    Parameters::read(list, Vec::new()).map(|(parameters, _)| parameters)
}

/// No language needs as many for its words, and a portal's name is short.
const MAX_HEAD_BYTES: usize = 200;

/// Finds the `$1` behind some words and a colon at the start of a text.
fn list_start(text: &str) -> Option<usize> {
    // As most servers say it.
    if let [b'p' | b'P', rest @ ..] = text.as_bytes()
        && rest.starts_with(b"arameters: $1 = ")
    {
        return Some("parameters: ".len());
    }
    let window = text.as_bytes().get(..text.len().min(MAX_HEAD_BYTES))?;
    let at = find::find(window, b"$1 = ")?;
    let head = text.get(..at)?;
    let is_head = !head.contains(['\n', '\'']) && head.trim_end().ends_with([':', '：']);
    is_head.then_some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(list: &str) -> Option<Vec<Option<String>>> {
        let (parameters, _) = Parameters::read(list, Vec::new())?;
        Some(parameters.values.into_iter().map(|value| value.map(Cow::into_owned)).collect())
    }

    /// Writes a list as the server does.
    fn render(values: &[Option<String>]) -> String {
        let one = |(at, value): (usize, &Option<String>)| match value {
            Some(text) => format!("${} = '{}'", at + 1, text.replace('\'', "''")),
            None => format!("${} = NULL", at + 1),
        };
        values.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn value_that_looks_like_another_parameter_is_one_value() {
        let hostile = Some("', $2 = 'x".to_owned());
        assert_eq!(values("$1 = ''', $2 = ''x', $2 = NULL"), Some(vec![hostile, None]));
    }

    #[test]
    fn list_that_breaks_off_is_none() {
        for list in ["$1 = 'a", "$1 = ", "$2 = 'a'", "$1 = 'a', $3 = 'b'", "$1 = a", "$1 = 'a''"] {
            assert_eq!(values(list), None, "{list}");
        }
    }

    #[test]
    fn every_wording_of_the_detail_is_read() {
        for head in [
            "parameters: ",
            "Parameters: ",
            "Parameter: ",
            "paramètres : ",
            "パラメータ：",
            "参数: ",
        ] {
            let detail = format!("{head}$1 = 'a''b', $2 = NULL");
            let read = in_detail(&detail, Vec::new()).unwrap();
            assert_eq!(read.values, [Some("a'b".into()), None], "{head}");
            assert!(!read.is_cut);
        }
        assert_eq!(in_detail("prepare: PREPARE q AS SELECT 'x' WHERE $1 = 'x'", Vec::new()), None);
    }

    #[test]
    fn cut_value_is_marked() {
        assert!(in_detail("parameters: $1 = 'abc...', $2 = 'd'", Vec::new()).unwrap().is_cut);
    }

    #[test]
    fn refused_value_is_told_with_its_number() {
        let context = "unnamed portal parameter $2 = 'a''\nb'";
        assert_eq!(refused_in_context(context), Some((2, Some("a'\nb".into()))));
        assert_eq!(refused_in_context("portal \"p\" parameter $1"), Some((1, None)));
        assert_eq!(refused_in_context("portal \"p\" with parameters: $1 = 'x'"), None);
    }

    #[test]
    fn context_has_the_list_in_its_last_line() {
        let context = "PL/pgSQL function f(integer) line 1 at RETURN\n\
            portal \"p\" with parameters: $1 = 'a\nunnamed portal with parameters: $1 = ''fake'''";
        let read = in_context(context).unwrap();
        assert_eq!(read.values, [Some("a\nunnamed portal with parameters: $1 = 'fake'".into())]);
        let fake =
            "SQL statement \"SELECT 1\nunnamed portal with parameters: $1 = 'fake' \"\nPL/pgSQL";
        assert_eq!(in_context(fake), None);
    }

    proptest! {
        #[test]
        fn what_the_server_writes_reads_back(
            list in proptest::collection::vec(
                proptest::option::of("[a',$1= \n\u{1f418}]{0,12}"), 1..12,
            ),
        ) {
            prop_assert_eq!(values(&render(&list)), Some(list));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            in_detail(&text, Vec::new());
            in_context(&text);
            refused_in_context(&format!("portal \"{text}"));
        }
    }
}
