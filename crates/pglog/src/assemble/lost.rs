//! Labels of which nothing is left.
//!
//! A server that speaks Japanese prints a question mark for each letter of a label where the database is
//! `SQL_ASCII`: `文脈:  ` becomes `??:  `. Its levels are English words, so the line above tells that one of
//! its entries is open; how many letters there were, and what the line says, tells the label. A database
//! in `EUC_JP` prints other bytes.

use crate::{
    assemble::{Assembler, finish, open::OpenEntries},
    entry::LogEntry,
    event,
    message::Location,
    severity::Label,
};

/// No prefix is longer.
const MAX_HEAD_BYTES: usize = 1000;

/// A line whose label is lost, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LostLabel<'a> {
    /// What stands in front of the label.
    pub(super) head: &'a str,
    rest: Rest,
    pub(super) text: &'a str,
}

/// What is left of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// So many question marks.
    Marks(usize),
    /// The bytes that a database in `EUC_JP` prints.
    Euc(Label),
}

impl Assembler {
    /// Adds a line whose label is lost: to its entry, or as one whose level is not known. False where it is
    /// no such line.
    pub(super) fn take_line_without_label<'a>(
        &mut self,
        open: &mut OpenEntries<'a>,
        line: &'a str,
        (start, end): (u64, u64),
    ) -> bool {
        let max_bytes = self.limits.max_field_bytes;
        let Some(lost) = lost_label(line) else { return false };
        let stand_in = format!("{}DETAIL:  ", lost.head);
        let Some(parsed) = self.prefixes.peek(&stand_in) else { return false };
        if parsed.fields.process().is_none() || !parsed.text.is_empty() {
            return false;
        }
        let label = open.owner_of(&parsed).and_then(|owner| {
            let label = match open.last_label_of(owner) {
                Some(last) => lost.label_behind(last),
                None => lost.label_behind_lost().filter(|_| open.awaits_details(owner)),
            };
            Some((owner, label?))
        });
        if let Some((owner, label)) = label
            && open.join_to(owner, (label, lost.text), end, max_bytes)
        {
            return true;
        }
        let mut entry = LogEntry::default();
        finish::read_prefix(&mut entry, &parsed.fields, &mut self.clock);
        let text = (lost.text, lost.ends_session());
        open.begin_without_level(entry.into_owned(), text, (start, end), max_bytes);
        true
    }
}

/// Takes a line apart whose label may be lost.
fn lost_label(line: &str) -> Option<LostLabel<'_>> {
    let window = line.get(..line.floor_char_boundary(MAX_HEAD_BYTES))?;
    let mut ends = memchr::memmem::find_iter(window.as_bytes(), b":  ");
    let end = ends.find(|end| {
        let before = end.checked_sub(1).and_then(|last| window.as_bytes().get(last));
        before.is_some_and(|byte| *byte == b'?' || !byte.is_ascii())
    })?;
    let (before, text) = line.split_at_checked(end)?;
    let head = before.trim_end_matches('?');
    let text = text.strip_prefix(":  ")?;
    if head.len() < before.len() {
        return Some(LostLabel { head, rest: Rest::Marks(before.len() - head.len()), text });
    }
    // The longest one, for one word is the end of another.
    let of_euc = EUC.iter().filter_map(|(word, label)| Some((before.strip_suffix(word)?, *label)));
    let (head, label) = of_euc.min_by_key(|(head, _)| head.len())?;
    Some(LostLabel { head, rest: Rest::Euc(label), text })
}

/// The labels of [`Rest::Marks`] in `EUC_JP`, whose bytes are no UTF-8, or that of other letters.
const EUC: [(&str, Label); 7] = [
    ("\u{fffd}\u{73a}\u{fffd}", Label::Detail),
    ("\u{fffd}\u{4a5}\u{fffd}\u{fffd}", Label::Hint),
    ("\u{fffd}\u{4924}\u{fffd}\u{fffd}\u{f93b}", Label::Query),
    ("\u{2b8}\u{32e}", Label::Context),
    ("\u{fffd}\u{fffd}\u{fffd}", Label::Location),
    ("\u{fffd}\u{425}\u{e5}\u{fffd}\u{fffd}\u{225}\u{c87c}\u{fffd}\u{fffd}", Label::Backtrace),
    ("\u{2b8}", Label::Statement),
];

impl LostLabel<'_> {
    /// Returns the label that a line has behind one with the label `last`. `None` where none has as many
    /// letters.
    pub(super) fn label_behind(&self, last: Label) -> Option<Label> {
        let letters = match self.rest {
            Rest::Marks(letters) => letters,
            Rest::Euc(label) => return Some(label),
        };
        match letters {
            // 文
            1 => Some(Label::Statement),
            // 詳細, 文脈 or 場所
            2 if self.is_location() => Some(Label::Location),
            2 if last >= Label::Detail || self.is_context() => Some(Label::Context),
            2 => Some(Label::Detail),
            // ヒント
            3 => Some(Label::Hint),
            // 問い合わせ
            5 => Some(Label::Query),
            // バックトレース
            7 => Some(Label::Backtrace),
            _ => None,
        }
    }

    /// Tells whether the label is that of an error that ends the session: 致命错误, 치명적오류.
    const fn ends_session(&self) -> bool {
        matches!(self.rest, Rest::Marks(4 | 5))
    }

    /// Returns the label that a line has right behind one whose label is lost and ends the session: only its
    /// details have four letters then, 상세정보 or 详细信息.
    const fn label_behind_lost(&self) -> Option<Label> {
        match self.rest {
            Rest::Marks(4) => Some(Label::Detail),
            Rest::Marks(_) | Rest::Euc(_) => None,
        }
    }

    fn is_location(&self) -> bool {
        let location = Location::read(self.text);
        location.file_line_num.is_some() && location.file_name.ends_with(".c")
    }

    /// Tells whether the text says where the server was, not what is the matter.
    fn is_context(&self) -> bool {
        let english = event::in_english(self.text);
        let is_place = |start: &&str| english.starts_with(*start);
        CONTEXTS.iter().any(is_place) || self.names_parameter()
    }

    /// A value in the context of a bind: `$2 = '…'`.
    fn names_parameter(&self) -> bool {
        let Some((before, rest)) = self.text.split_once('$') else { return false };
        let value = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        before.ends_with("? ") && value.len() < rest.len() && value.starts_with(" = ")
    }
}

/// How a context begins, and only a context.
const CONTEXTS: [&str; 8] =
    ["PL/pgSQL", "SQL", "COPY ", "while ", "WAL redo", "JSON data", "unnamed portal", "automatic "];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::severity::Level;

    #[test]
    fn letters_and_words_tell_the_label() {
        let error = Label::Level(Level::Error);
        for (line, last, label) in [
            ("[1] ?:  SELECT 1/0", error, Some(Label::Statement)),
            ("[1] ??:  ???????", error, Some(Label::Detail)),
            ("[1] ??:  ???????", Label::Detail, Some(Label::Context)),
            ("[1] ??:  SQL?? \"f\" ???", error, Some(Label::Context)),
            ("[1] ??:  ??????????? $2 = '...'", error, Some(Label::Context)),
            ("[1] ??:  int4div, int.c:846", error, Some(Label::Location)),
            ("[1] ???:  ?????", error, Some(Label::Hint)),
            ("[1] ????:  ?????", error, None),
            ("[1] \u{2b8}:  SELECT 1/0", error, Some(Label::Statement)),
            ("[1] \u{2b8}\u{32e}:  x", error, Some(Label::Context)),
        ] {
            let lost = lost_label(line).unwrap();
            assert_eq!((lost.head, lost.label_behind(last)), ("[1] ", label), "{line}");
        }
        assert_eq!(lost_label("[1] LOG:  ?: x"), None);
    }
}
