//! Messages of servers that speak other languages, turned back into English.
//!
//! The list has the messages of the classes, and the lines behind them, in the languages of PostgreSQL
//! 15's own catalogs: those that ship a translation for most of what the server says.

use std::sync::LazyLock;

use memchr::memmem;

/// `=PATTERN` in English, and below it `LANGUAGE PATTERN` for each translation. `{}` is a gap, `{2}` the
/// second gap of the English pattern, `\\n` a line break.
const LIST: &str = include_str!("translations.txt");

static INDEX: LazyLock<Index> = LazyLock::new(Index::read);

/// No message has as many gaps.
const MAX_GAPS: usize = 40;

/// Returns a text in English. `None` where it is no message that the list has.
pub(super) fn to_english(text: &str) -> Option<String> {
    let first = text.lines().next().unwrap_or_default();
    let whole = INDEX.to_english(text);
    let english = whole.or_else(|| INDEX.to_english(first).filter(|line| has_lines(line)))?;
    if !has_lines(&english) {
        return Some(english);
    }
    let lines = text.split('\n');
    let lines = lines.map(|line| INDEX.to_english(line).unwrap_or_else(|| line.to_owned()));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// Tells whether each line of the text is a message of its own, as only autovacuum writes them. Elsewhere
/// a line break stands in a value, which is nobody's message, whatever it looks like.
fn has_lines(english: &str) -> bool {
    english.starts_with("automatic ")
}

/// The list, ready to be searched.
struct Index {
    /// Patterns whose head has at least eight bytes, sorted by these.
    long: Vec<(u64, Pattern)>,
    /// All others, those first that are ASCII.
    short: Vec<Pattern>,
    short_ascii: usize,
}

impl Index {
    fn read() -> Self {
        let (mut long, mut short) = (Vec::new(), Vec::new());
        let mut english = "";
        for line in LIST.lines() {
            if let Some(pattern) = line.strip_prefix('=') {
                english = pattern;
            } else if let Some((_, text)) = line.split_once(' ') {
                let text = text.replace("\\n", "\n");
                let damaged = damaged(&text);
                for text in std::iter::once(text).chain(damaged) {
                    let pattern = Pattern { text, english };
                    match first_bytes(pattern.head()) {
                        Some(start) => long.push((start, pattern)),
                        None => short.push(pattern),
                    }
                }
            }
        }
        long.sort_by_key(|(start, _)| *start);
        short.sort_by_key(|pattern| !pattern.text.is_ascii());
        let short_ascii = short.partition_point(|pattern| pattern.text.is_ascii());
        Self { long, short, short_ascii }
    }

    fn to_english(&self, line: &str) -> Option<String> {
        let start = first_bytes(line)?;
        let from = self.long.partition_point(|(other, _)| *other < start);
        let same = self.long.get(from..)?.iter().take_while(|(other, _)| *other == start);
        let long = same.map(|(_, pattern)| pattern);
        let best = long
            .filter_map(|pattern| pattern.capture(line))
            .max_by_key(|found| found.literal_bytes);
        let best = best.or_else(|| {
            let count = if line.is_ascii() { self.short_ascii } else { self.short.len() };
            let found = self.short.iter().take(count).filter_map(|pattern| pattern.capture(line));
            found.max_by_key(|found| found.literal_bytes)
        })?;
        best.render(self)
    }
}

/// Returns how a server writes a message whose database has the encoding `SQL_ASCII`, and any server
/// before it knows the database: without the letters that are not ASCII. `None` where next to nothing
/// remains.
fn damaged(text: &str) -> Option<String> {
    let mut ascii = String::with_capacity(text.len() + 4);
    let mut lost = 0;
    for letter in text.chars() {
        match letter {
            '«' => ascii.push_str("<<"),
            '»' => ascii.push_str(">>"),
            '’' | '‘' => ascii.push('\''),
            '\u{a0}' => ascii.push(' '),
            _ if letter.is_ascii() => ascii.push(letter),
            _ => {
                ascii.push('?');
                lost += 1;
            }
        }
    }
    (ascii != text && lost * 4 < ascii.len()).then_some(ascii)
}

/// Returns the first eight bytes. `None` where there are less.
fn first_bytes(text: &str) -> Option<u64> {
    text.as_bytes().first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// A translated message with gaps.
#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    english: &'static str,
}

impl Pattern {
    /// What stands before the first gap.
    fn head(&self) -> &str {
        self.text.split_once('{').map_or(&*self.text, |(head, _)| head)
    }

    /// Takes out of a line what stands in the gaps. `None` where the line is another message.
    fn capture<'x>(&self, line: &'x str) -> Option<Captured<'x>> {
        let head = self.head();
        let mut rest = line.strip_prefix(head)?;
        let mut gaps = self.text.get(head.len()..)?;
        let mut found =
            Captured { english: self.english, values: [""; MAX_GAPS], literal_bytes: head.len() };
        let mut count = 0;
        while let Some((number, literal, more)) = next_gap(gaps) {
            gaps = more;
            let at = match (literal, more) {
                (_, "") => rest.ends_with(literal).then(|| rest.len() - literal.len())?,
                _ => memmem::find(rest.as_bytes(), literal.as_bytes())?,
            };
            *found.values.get_mut(number.unwrap_or(count))? = rest.get(..at)?;
            rest = rest.get(at + literal.len()..)?;
            found.literal_bytes += literal.len();
            count += 1;
        }
        rest.is_empty().then_some(found)
    }
}

/// Splits `{2} more words{}` into the gap's number, from 0, the words behind it, and what begins with the
/// next gap.
fn next_gap(gaps: &str) -> Option<(Option<usize>, &str, &str)> {
    let (number, behind) = gaps.strip_prefix('{')?.split_once('}')?;
    let number = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let end = behind.find('{').unwrap_or(behind.len());
    let (literal, more) = behind.split_at_checked(end)?;
    Some((number, literal, more))
}

/// What stands in the gaps of a message.
struct Captured<'x> {
    english: &'static str,
    /// In the order of the English message.
    values: [&'x str; MAX_GAPS],
    literal_bytes: usize,
}

impl Captured<'_> {
    fn render(&self, index: &Index) -> Option<String> {
        // What a process waits for is a message in the message.
        let is_nested = self.english.starts_with("process {}");
        let mut text = String::with_capacity(self.english.len() * 2);
        let mut pieces = self.english.split("{}");
        text.push_str(pieces.next()?);
        for (piece, value) in pieces.zip(self.values) {
            match is_nested.then(|| index.to_english(value)).flatten() {
                Some(value) => text.push_str(&value),
                None => text.push_str(value),
            }
            text.push_str(piece);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_line_of_the_list_can_be_read() {
        let translations = LIST.lines().filter(|line| !line.starts_with('=')).count();
        assert!(INDEX.long.len() + INDEX.short.len() > translations);
        for pattern in INDEX.long.iter().map(|(_, pattern)| pattern).chain(&INDEX.short) {
            let gaps = pattern.text.matches('{').count();
            assert_eq!(gaps, pattern.english.matches("{}").count(), "{}", pattern.text);
            assert!(gaps <= MAX_GAPS);
        }
        assert!(INDEX.short_ascii < 200, "most messages are English and tried with all of them");
    }

    #[test]
    fn what_the_server_fills_in_is_kept() {
        let cases = [
            (
                "doppelter Schlüsselwert verletzt Unique-Constraint »a«b«",
                "duplicate key value violates unique constraint \"a«b\"",
            ),
            ("連接已授權: 用戶=a", ""),
            (
                "Prozess 7 wartet immer noch auf ShareLock-Sperre auf Transaktion 5 nach 50,123 ms",
                "process 7 still waiting for ShareLock on transaction 5 after 50.123 ms",
            ),
            (
                "プロセス7はShareLockをtransaction 5で待機しています。50.123ミリ秒後",
                "process 7 still waiting for ShareLock on transaction 5 after 50.123 ms",
            ),
            ("Division durch Null", "division by zero"),
            (
                "dur?e : 0.004 ms, analyse <unnamed> : SELECT 1\nFROM x",
                "duration: 0.004 ms  parse <unnamed>: SELECT 1\nFROM x",
            ),
            (
                "Dauer: 0.004 ms  Ausf?hren <unnamed>: SELECT 1",
                "duration: 0.004 ms  execute <unnamed>: SELECT 1",
            ),
            ("zu viele Verbindungen von Rolle >>bob<<", "too many connections for role \"bob\""),
            (
                "kein pg_hba.conf-Eintrag f?r Host >>a<<, Benutzer >>b<<, Datenbank >>c<<, keine Verschl?sselung",
                "no pg_hba.conf entry for host \"a\", user \"b\", database \"c\", keine Verschl?sselung",
            ),
            ("division by zero", ""),
        ];
        for (text, english) in cases {
            assert_eq!(to_english(text).unwrap_or_default(), english, "{text}");
        }
    }

    #[test]
    fn lines_are_turned_one_by_one() {
        let german = "automatisches Vacuum der Tabelle »a.b.c«: Index-Scans: 0\nunknown\n\
            durchschn. Leserate: 1,5 MB/s, durchschn. Schreibrate: 2,5 MB/s";
        let english = to_english(german).unwrap();
        assert!(
            english.starts_with("automatic vacuum of table \"a.b.c\": index scans: 0\nunknown\n")
        );
        let value = "ungültige Eingabesyntax für Typ integer: »a\nb«";
        assert_eq!(
            to_english(value).as_deref(),
            Some("invalid input syntax for type integer: \"a\nb\"")
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in any::<String>(),
            at in any::<prop::sample::Index>(),
            cut in any::<prop::sample::Index>(),
        ) {
            to_english(&text);
            let (_, pattern) = &INDEX.long[at.index(INDEX.long.len())];
            let end = pattern.text.floor_char_boundary(cut.index(pattern.text.len() + 1));
            to_english(&(pattern.text[..end].to_owned() + &text));
        }
    }
}
