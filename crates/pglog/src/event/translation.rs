//! Messages of servers that speak other languages, turned back into English.
//!
//! The lists have the messages of the classes, and the lines behind them, in the languages of the catalogs
//! that PostgreSQL 15 to 18 ship.

use std::{borrow::Cow, sync::LazyLock};

use crate::{
    event::letters::LetterSet,
    find::{find, split_once},
};

/// `=PATTERN` in English, and below it `LANGUAGE PATTERN` for each translation. `{}` is a gap, `{2}` the
/// second gap of the English pattern, `\\n` a line break.
const LIST: &str = include_str!("translations.txt");

/// The errors that only their SQLSTATE tells apart and what other minor releases say, in the same form.
/// `tools/translations` writes it.
const CATALOGS: &str = include_str!("catalogs.txt");

/// The translations of each kind, ready to be searched once a message needs them: an English server's
/// never do, or next to never.
static ASCII: LazyLock<Index> = LazyLock::new(|| Index::of(Letters::Ascii));
static OTHER: LazyLock<Index> = LazyLock::new(|| Index::of(Letters::Other));
static LOST: LazyLock<Index> = LazyLock::new(|| Index::of(Letters::Lost));
static BYTES: LazyLock<Index> = LazyLock::new(|| Index::of(Letters::Bytes));

/// Which letters a translation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    Ascii,
    Other,
    /// Letters that are not ASCII were lost on the way into the log.
    Lost,
    /// They are bytes that are no UTF-8, as in Latin-1.
    Bytes,
}

/// No message has as many gaps.
const MAX_GAPS: usize = 24;

/// Returns a text in English. `None` where it is no message that the list has.
pub(super) fn to_english(text: &str) -> Option<String> {
    let english = line_to_english(text).or_else(|| {
        let (first, _) = split_once(text, "\n")?;
        line_to_english(first).filter(|line| has_lines(line))
    })?;
    if !has_lines(&english) {
        return Some(english);
    }
    let lines = text.split('\n').take(MAX_LINES);
    let lines = lines.map(|line| line_to_english(line).unwrap_or_else(|| line.to_owned()));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// A table has fewer indexes, each of which makes a line.
const MAX_LINES: usize = 1000;

/// Tells whether each line of the text is a message of its own, as only autovacuum writes them. Elsewhere
/// a line break stands in a value, which is nobody's message, whatever it looks like.
fn has_lines(english: &str) -> bool {
    english.starts_with("automatic ")
}

fn line_to_english(line: &str) -> Option<String> {
    let ascii = Some(&*ASCII);
    let is_ascii = line.is_ascii();
    let other = (!is_ascii).then(|| &*OTHER);
    let lost = shows_loss(line).then(|| &*LOST);
    let bytes = (!is_ascii && line.contains(char::REPLACEMENT_CHARACTER)).then(|| &*BYTES);
    let indexes = [ascii, other, lost, bytes].into_iter().flatten();
    let letters = LetterSet::of(line);
    let fits = indexes.filter_map(|index| index.find(line, letters));
    let (_, pattern) = fits.max_by_key(|(literal_bytes, _)| *literal_bytes)?;
    Some(pattern.capture(line)?.render())
}

/// Patterns of one kind by what each shows at one of its ends.
struct Index {
    /// Patterns that begin with at least eight bytes, sorted by these.
    by_start: Vec<(u64, Pattern)>,
    /// Of the others, those that end with at least eight bytes, sorted by these.
    by_end: Vec<(u64, Pattern)>,
    /// Of the others, those that begin with some bytes, by the first.
    by_first: Vec<Vec<Pattern>>,
    /// Patterns that begin with a gap, by the last byte; 0 for those that end with one, too.
    by_last: Vec<Vec<Pattern>>,
}

impl Index {
    fn of(letters: Letters) -> Self {
        let bytes = usize::from(u8::MAX) + 1;
        let mut index = Self {
            by_start: Vec::new(),
            by_end: Vec::new(),
            by_first: vec![Vec::new(); bytes],
            by_last: vec![Vec::new(); bytes],
        };
        let mut english = "";
        for line in LIST.lines().chain(CATALOGS.lines()) {
            if let Some(pattern) = line.strip_prefix('=') {
                english = pattern;
            } else if let Some((_, text)) = line.split_once(' ')
                && let Some(text) = with_letters(text, letters)
            {
                index.add(Pattern::of(text, english));
            }
        }
        for sorted in [&mut index.by_start, &mut index.by_end] {
            sorted.sort_by_key(|(key, _)| *key);
            sorted.shrink_to_fit();
        }
        index
    }

    fn add(&mut self, pattern: Pattern) {
        if let Some(start) = first_bytes(pattern.head()) {
            self.by_start.push((start, pattern));
            return;
        }
        if let Some(end) = last_bytes(pattern.tail()) {
            self.by_end.push((end, pattern));
            return;
        }
        let first = pattern.head().bytes().next();
        let last = pattern.tail().bytes().last().unwrap_or_default();
        let group = match first {
            Some(first) => self.by_first.get_mut(usize::from(first)),
            None => self.by_last.get_mut(usize::from(last)),
        };
        if let Some(group) = group {
            group.push(pattern);
        }
    }

    /// Finds the pattern that says most of those that fit, and how much that is.
    fn find(&'static self, line: &str, letters: LetterSet) -> Option<(usize, &'static Pattern)> {
        let same_start = same_key(&self.by_start, first_bytes(line)?);
        let group = |groups: &'static [Vec<Pattern>], byte: Option<u8>| {
            groups.get(usize::from(byte.unwrap_or_default())).into_iter().flatten()
        };
        best(same_start, line, letters).or_else(|| {
            let shorter = same_key(&self.by_end, last_bytes(line)?)
                .chain(group(&self.by_first, line.bytes().next()))
                .chain(group(&self.by_last, line.bytes().last()))
                .chain(group(&self.by_last, None));
            best(shorter, line, letters)
        })
    }
}

/// Returns the patterns that have a key.
fn same_key(sorted: &[(u64, Pattern)], key: u64) -> impl Iterator<Item = &Pattern> {
    let from = sorted.partition_point(|(other, _)| *other < key);
    let behind = sorted.get(from..).unwrap_or_default();
    behind.iter().take_while(move |(other, _)| *other == key).map(|(_, pattern)| pattern)
}

/// Tells whether letters were lost in a text, as far as one can see it.
fn shows_loss(text: &str) -> bool {
    memchr::memchr3(b'?', b'<', b'>', text.as_bytes()).is_some()
}

/// Tells whether a text loses nothing but the shape of an apostrophe or a blank, so that it does not show.
fn loses_shapes_only(text: &str) -> bool {
    let stays = |letter: char| letter.is_ascii() || matches!(letter, '’' | '‘' | '\u{a0}');
    text.chars().all(stays) && !shows_loss(text)
}

/// Returns a line of the list as a server writes it, with the line breaks that it has. `None` where its
/// letters are others.
fn with_letters(text: &'static str, letters: Letters) -> Option<Cow<'static, str>> {
    let text = match text.contains("\\n") {
        true => Cow::Owned(text.replace("\\n", "\n")),
        false => Cow::Borrowed(text),
    };
    match (letters, text.is_ascii()) {
        (Letters::Ascii, true) | (Letters::Other, false) => Some(text),
        (Letters::Ascii, false) if loses_shapes_only(&text) => damaged(&text).map(Cow::Owned),
        (Letters::Lost, false) => damaged(&text).filter(|text| shows_loss(text)).map(Cow::Owned),
        (Letters::Bytes, false) => in_bytes(&text).map(Cow::Owned),
        (Letters::Ascii, false) | (Letters::Other | Letters::Lost | Letters::Bytes, true) => None,
    }
}

fn best(
    patterns: impl Iterator<Item = &'static Pattern>,
    line: &str,
    letters: LetterSet,
) -> Option<(usize, &'static Pattern)> {
    let possible = patterns.filter(|pattern| letters.may_hold(pattern.letters));
    let fits = possible.filter_map(|pattern| Some((pattern.literal_bytes_in(line)?, pattern)));
    fits.max_by_key(|(literal_bytes, _)| *literal_bytes)
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
    (ascii != text && lost * 4 < says(&ascii)).then_some(ascii)
}

/// Returns how a message of a server with one byte for each letter is decoded. `None` where next to nothing
/// remains.
fn in_bytes(text: &str) -> Option<String> {
    let letter = |letter: char| match letter {
        '’' | '‘' => '\'',
        _ if letter.is_ascii() => letter,
        _ => char::REPLACEMENT_CHARACTER,
    };
    let bytes: String = text.chars().map(letter).collect();
    // What a quotation mark says is where it stands.
    let is_lost = |letter: &char| !letter.is_ascii() && !matches!(letter, '«' | '»');
    let lost = text.chars().filter(is_lost).count();
    (bytes != text && lost * 4 < says(&bytes)).then_some(bytes)
}

/// Returns how many letters a pattern has. A gap says nothing.
fn says(pattern: &str) -> usize {
    let gaps: usize = pattern.split('{').skip(1).filter_map(|gap| Some(gap.find('}')? + 2)).sum();
    pattern.chars().count().saturating_sub(gaps)
}

/// Returns the first eight bytes. `None` where there are less.
fn first_bytes(text: &str) -> Option<u64> {
    text.as_bytes().first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Returns the last eight bytes. `None` where there are less.
fn last_bytes(text: &str) -> Option<u64> {
    text.as_bytes().last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// A translated message with gaps.
#[derive(Debug, Clone)]
struct Pattern {
    text: Cow<'static, str>,
    english: &'static str,
    /// Of all that stands between the gaps.
    letters: LetterSet,
    /// Where the first gap begins.
    head_end: usize,
    /// Where the last gap ends.
    tail_start: usize,
}

impl Pattern {
    fn of(text: Cow<'static, str>, english: &'static str) -> Self {
        let head_end = text.find('{').unwrap_or(text.len());
        let tail_start = text.rfind('}').map_or(0, |last| last + 1);
        let mut letters = LetterSet::of(text.get(..head_end).unwrap_or_default());
        let mut gaps = text.get(head_end..).unwrap_or_default();
        while let Some((_, literal, more)) = next_gap(gaps) {
            letters = letters.and(LetterSet::of(literal));
            gaps = more;
        }
        Self { text, english, letters, head_end, tail_start }
    }

    /// What stands before the first gap.
    fn head(&self) -> &str {
        self.text.get(..self.head_end).unwrap_or_default()
    }

    /// What stands behind the last gap.
    fn tail(&self) -> &str {
        self.text.get(self.tail_start..).unwrap_or_default()
    }

    /// Returns how many bytes of a line are the message's own words. `None` where the line is another message.
    fn literal_bytes_in(&self, line: &str) -> Option<usize> {
        self.for_each_gap(line, |_, _| Some(()))
    }

    /// Takes out of a line what stands in the gaps. `None` where the line is another message.
    fn capture<'x>(&self, line: &'x str) -> Option<Captured<'x>> {
        let mut found = Captured { english: self.english, values: [""; MAX_GAPS] };
        self.for_each_gap(line, |number, value| {
            *found.values.get_mut(number)? = value;
            Some(())
        })?;
        Some(found)
    }

    /// Gives each gap's number and what stands in it to `take`. Returns how many bytes stand in none.
    fn for_each_gap<'x>(
        &self,
        line: &'x str,
        mut take: impl FnMut(usize, &'x str) -> Option<()>,
    ) -> Option<usize> {
        // Most messages are other ones, and most show it at one end.
        let (head, tail) = (self.head(), self.tail());
        let mut rest = line.strip_prefix(head).filter(|_| line.ends_with(tail))?;
        let mut gaps = self.text.get(head.len()..)?;
        let mut literal_bytes = head.len();
        let mut count = 0;
        while let Some((number, literal, more)) = next_gap(gaps) {
            gaps = more;
            let at = match (literal, more) {
                (_, "") => rest.ends_with(literal).then(|| rest.len() - literal.len())?,
                _ => find(rest.as_bytes(), literal.as_bytes())?,
            };
            take(number.unwrap_or(count), rest.get(..at)?)?;
            rest = rest.get(at + literal.len()..)?;
            literal_bytes += literal.len();
            count += 1;
        }
        rest.is_empty().then_some(literal_bytes)
    }
}

/// Splits `{2} more words{}` into the gap's number, from 0, the words behind it, and what begins with the
/// next gap.
fn next_gap(gaps: &str) -> Option<(Option<usize>, &str, &str)> {
    let number_end = gaps.bytes().position(|byte| byte == b'}')?;
    let number = gaps.get(1..number_end).unwrap_or_default();
    let number = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let behind = gaps.get(number_end + 1..)?;
    let end = memchr::memchr(b'{', behind.as_bytes()).unwrap_or(behind.len());
    let (literal, more) = behind.split_at_checked(end)?;
    Some((number, literal, more))
}

/// What stands in the gaps of a message.
struct Captured<'x> {
    english: &'static str,
    /// In the order of the English message.
    values: [&'x str; MAX_GAPS],
}

impl Captured<'_> {
    fn render(&self) -> String {
        // What a process waits for is a message in the message.
        let is_nested = self.english.starts_with("process {}");
        let mut text = String::with_capacity(self.english.len() * 2);
        let mut rest = self.english;
        for value in self.values {
            let Some((piece, behind)) = split_once(rest, "{}") else { break };
            text.push_str(piece);
            match is_nested.then(|| line_to_english(value)).flatten() {
                Some(value) => text.push_str(&value),
                None => text.push_str(value),
            }
            rest = behind;
        }
        text.push_str(rest);
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(index: &Index) -> impl Iterator<Item = &Pattern> {
        let shorter = index.by_first.iter().chain(&index.by_last).flatten();
        let sorted = index.by_start.iter().chain(&index.by_end);
        sorted.map(|(_, pattern)| pattern).chain(shorter)
    }

    #[test]
    fn message_of_which_nothing_is_left_is_none() {
        // 連線已收到 looks like the start of a restart point then.
        assert_eq!(to_english("?????: host=[local]"), None);
    }

    #[test]
    fn every_line_of_the_list_can_be_read() {
        let lines = LIST.lines().chain(CATALOGS.lines());
        let translations = lines.filter(|line| !line.starts_with('=')).count();
        assert!(all(&ASCII).chain(all(&OTHER)).count() >= translations);
        for pattern in all(&ASCII).chain(all(&OTHER)).chain(all(&LOST)).chain(all(&BYTES)) {
            let gaps = pattern.text.matches('{').count();
            assert_eq!(gaps, pattern.english.matches("{}").count(), "{}", pattern.text);
            assert!(gaps <= MAX_GAPS);
        }
    }

    #[test]
    fn what_the_server_fills_in_is_kept() {
        let cases = [
            (
                "doppelter Schlüsselwert verletzt Unique-Constraint »a«b«",
                "duplicate key value violates unique constraint \"a«b\"",
            ),
            (
                "d\u{fffd}connexion : dur\u{fffd}e de la session : 0:00:01.5\nutilisateur=\u{fffd} base=b h\u{fffd}te=[local]",
                "disconnection: session time: 0:00:01.5 user=\u{fffd} database=b host=[local]",
            ),
            ("divisi\u{fffd}n por cero", "division by zero"),
            ("Syntaxfehler bei \u{fffd}x\u{fffd}", "Syntaxfehler at or near \"x\""),
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
            (
                "processo 7 ainda espera por ShareLock em transação 5 após 50.123 ms",
                "process 7 still waiting for ShareLock on transaction 5 after 50.123 ms",
            ),
            // The catalog has no blank in front of the database.
            (
                "conexão autorizada: usuário=bobbanco de dados=app application_name=psql",
                "connection authorized: user=bob database=app application_name=psql",
            ),
            ("\"orders\" nesnesi mevcut değil", "relation \"orders\" does not exist"),
            (
                "podwójna wartość klucza narusza ograniczenie unikalności \"a\"",
                "duplicate key value violates unique constraint \"a\"",
            ),
            (
                "memutus koneksi karena perintah administrator",
                "terminating connection due to administrator command",
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
            let (_, pattern) = &OTHER.by_start[at.index(OTHER.by_start.len())];
            let end = pattern.text.floor_char_boundary(cut.index(pattern.text.len() + 1));
            to_english(&(pattern.text[..end].to_owned() + &text));
        }
    }
}
