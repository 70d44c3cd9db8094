//! Names with blanks and other separators in them, read by what the log itself says of its sessions.
//!
//! `bob smith my db` fits two names in three ways. Where messages tell that a user `bob smith` is in a
//! database `my db`, one of them is right; where nothing tells, none is evidence of anything.

use crate::prefix::{
    LinePrefix, ParsedLine,
    escape::{Escape, Padding, Token},
    infer::{
        align::{Piece, Template},
        kind::Kind,
        notes::Note,
        sample::Sample,
    },
};

/// The most owners that are looked through.
const MAX_OWNERS: usize = 64;

/// The names of free text that a template may have.
const NAMES: [Escape; 3] = [Escape::User, Escape::Database, Escape::ApplicationName];

/// A user and a database that a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    user: String,
    database: Option<String>,
}

/// What messages tell of the sessions of a log.
#[derive(Debug, Default)]
pub(super) struct Owners(Vec<Owner>);

/// Lines, each taken apart in the likeliest way.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) lines: Vec<Option<ParsedLine<'a>>>,
    /// Whose names can be told apart in more than one way, and nothing tells in which.
    pub(super) is_unclear: Vec<bool>,
}

/// What is chosen of the ways to read a line.
enum Choice<'a> {
    /// There is one only.
    Sole(ParsedLine<'a>),
    Likeliest(ParsedLine<'a>),
    /// The first of several.
    Unclear(ParsedLine<'a>),
}

impl Owner {
    /// Reads `user=bob database=shop` out of a message about a connection.
    fn of_message(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(" user=").or_else(|| text.split_once(": user="))?;
        let end = |text: &str, words: &[&str]| {
            words.iter().filter_map(|word| text.find(word)).min().unwrap_or(text.len())
        };
        let behind = [" application_name=", " host=", " SSL enabled ", " GSS ("];
        let (user, rest) = rest.split_at(end(rest, &[" database="]).min(end(rest, &behind)));
        let database = rest.strip_prefix(" database=");
        let database = database.map(|rest| rest.get(..end(rest, &behind)).unwrap_or(rest));
        Some(Self { user: user.to_owned(), database: database.map(str::to_owned) })
    }

    /// Counts the names that a reading has as the owner has them. Where it is not known yet which of the
    /// names is whose, any of them may be.
    fn agreement(&self, reading: &ParsedLine<'_>, is_named: bool) -> usize {
        let fields = &reading.fields;
        let (user, database) = (Some(&*self.user), self.database.as_deref());
        if is_named {
            return usize::from(fields.user == user)
                + usize::from(database.is_some() && fields.database == database);
        }
        let mut names = [fields.user, fields.database, fields.application_name];
        let mut take = |wanted: Option<&str>| {
            let found = names.iter_mut().find(|name| name.is_some() && **name == wanted);
            found.map(Option::take).is_some()
        };
        usize::from(take(user)) + usize::from(take(database))
    }
}

impl Owners {
    pub(super) fn of(notes: &[Note<'_>]) -> Self {
        let mut owners: Vec<Owner> = Vec::new();
        for note in notes {
            let told = note.connection.as_deref().and_then(Owner::of_message);
            if let Some(owner) = told.filter(|owner| !owners.contains(owner))
                && owners.len() < MAX_OWNERS
            {
                owners.push(owner);
            }
        }
        Self(owners)
    }

    /// Takes all lines with a label apart.
    pub(super) fn parse<'a>(
        &self,
        prefix: &LinePrefix,
        lines: &[&'a str],
        samples: &[Sample<'a>],
        notes: &[Note<'a>],
    ) -> Parsed<'a> {
        let read = |(at, sample): (usize, &Sample<'a>)| {
            let line = lines.get(sample.number)?;
            self.choose(prefix, line, notes.get(at)?, true)
        };
        let choices: Vec<_> = samples.iter().enumerate().map(read).collect();
        let is_unclear =
            choices.iter().map(|found| matches!(found, Some(Choice::Unclear(_)))).collect();
        let line = |found: Option<Choice<'a>>| match found? {
            Choice::Sole(line) | Choice::Likeliest(line) | Choice::Unclear(line) => Some(line),
        };
        let mut parsed = Parsed { lines: choices.into_iter().map(line).collect(), is_unclear };
        // What most lines leave unclear is the fault of the prefix.
        let unclear = parsed.is_unclear.iter().filter(|unclear| **unclear).count();
        if unclear * 2 > parsed.lines.iter().flatten().count() {
            parsed.is_unclear.fill(false);
        }
        parsed
    }

    /// Puts the names of a template right, and leaves out the lines that may have others.
    pub(super) fn untangle<'a>(
        &self,
        mut template: Template<'a>,
        samples: &[Sample<'a>],
        notes: &[Note<'a>],
        lines: &[&'a str],
    ) -> Template<'a> {
        let Some(prefix) = prefix_of(&template) else { return template };
        let columns = || template.pieces.iter().filter(|piece| matches!(piece, Piece::Column(..)));
        let is_text = |piece: &Piece| matches!(piece, Piece::Column(Kind::Text, _));
        let texts: Vec<usize> =
            columns().enumerate().filter_map(|(at, piece)| is_text(piece).then_some(at)).collect();
        let whole = columns().count();
        let mut rows = Vec::with_capacity(template.rows.len());
        for (at, row) in &template.rows {
            let sample = samples.get(*at);
            let line = sample.and_then(|sample| lines.get(sample.number));
            let (Some(sample), Some(line), Some(note)) = (sample, line, notes.get(*at)) else {
                continue;
            };
            let choice = self.choose(&prefix, line, note, false).filter(|_| row.len() == whole);
            let mut row = row.clone();
            match choice {
                None | Some(Choice::Sole(_)) => {}
                Some(Choice::Unclear(_)) => continue,
                Some(Choice::Likeliest(found)) => {
                    if found.text.len() != sample.text.len() {
                        continue;
                    }
                    let fields = &found.fields;
                    let names = [fields.user, fields.database, fields.application_name];
                    for (column, name) in texts.iter().zip(names) {
                        if let Some(value) = row.get_mut(*column) {
                            *value = name.unwrap_or_default();
                        }
                    }
                }
            }
            rows.push((*at, row));
        }
        if rows.len() * 2 > template.rows.len() {
            template.rows = rows;
        }
        template
    }

    fn choose<'a>(
        &self,
        prefix: &LinePrefix,
        line: &'a str,
        note: &Note<'_>,
        is_named: bool,
    ) -> Option<Choice<'a>> {
        let first = prefix.match_line(line)?;
        if !prefix.may_read_otherwise(&first) {
            return Some(Choice::Sole(first));
        }
        let readings = prefix.readings(line);
        if readings.len() < 2 {
            return Some(Choice::Sole(first));
        }
        let own = note.connection.as_deref().and_then(Owner::of_message);
        let owners = own.as_ref().map_or(&*self.0, std::slice::from_ref);
        let agreement = |reading: &ParsedLine<'a>| {
            owners.iter().map(|owner| owner.agreement(reading, is_named)).max().unwrap_or(0)
        };
        let best = readings.iter().map(agreement).max()?;
        let named = [Escape::User, Escape::Database].into_iter();
        let needed = named.filter(|name| is_named && prefix.has(*name)).count();
        let mut likeliest = readings.iter().filter(|reading| agreement(reading) == best);
        let found = likeliest.next().filter(|_| best > 0 && best >= needed);
        Some(match found.filter(|_| likeliest.next().is_none()) {
            Some(found) => Choice::Likeliest(*found),
            None => Choice::Unclear(first),
        })
    }
}

/// Makes a prefix of a template whose texts are names, whosever. `None` where they are more than names.
fn prefix_of(template: &Template<'_>) -> Option<LinePrefix> {
    let mut names = NAMES.into_iter();
    let mut tokens = Vec::with_capacity(template.pieces.len());
    for piece in &template.pieces {
        tokens.push(match piece {
            Piece::Literal(text) => Token::Literal(text.clone()),
            Piece::SessionOnly => Token::SessionOnly,
            Piece::Column(Kind::Text, padding) => Token::Field(names.next()?, *padding),
            Piece::Column(kind, padding) => token_of(*kind, *padding),
        });
    }
    Some(LinePrefix::of_tokens(tokens)).filter(|prefix| prefix.has(Escape::User))
}

fn token_of(kind: Kind, padding: Padding) -> Token {
    let like = match kind {
        Kind::TimeMillis => Escape::TimeMillis,
        Kind::Time => Escape::Time,
        Kind::Epoch => Escape::TimeEpoch,
        Kind::SessionId => Escape::SessionId,
        Kind::HostAndPort => Escape::RemoteHostAndPort,
        Kind::Host => Escape::RemoteHost,
        Kind::Vxid => Escape::Vxid,
        Kind::StateCode => Escape::StateCode,
        Kind::BackendType => return Token::Field(Escape::BackendType, padding),
        Kind::Ps | Kind::Text => return Token::Field(Escape::Ps, padding),
        // Signed, or not there.
        Kind::Number => Escape::LeaderPid,
    };
    Token::Unknown { like: Some(like), padding }
}

#[cfg(test)]
mod tests {
    use crate::LinePrefix;

    #[test]
    fn names_with_blanks_between_blanks_are_told_by_messages() {
        let users = ["bob smith", "alice", "app_rw", "svc@corp"];
        for (setting, by) in
            [("%m [%p] %u %d ", " "), ("%m [%p] %q%u@%d ", "@"), ("%t %u/%d %p ", "/")]
        {
            let line = |n: usize| {
                let (user, database) = (users[n / 4 % 4], ["shop", "my db"][n / 8 % 2]);
                let message = match n % 4 {
                    0 => format!("connection authorized: user={user} database={database}"),
                    _ => format!("duration: {n}.123 ms"),
                };
                let time = format!("2026-11-24 02:{:02}:{:02}", n / 60, n % 60);
                let pid = 4000 + n / 4 * 13;
                match setting.ends_with("%p ") {
                    true => format!("{time} UTC {user}{by}{database} {pid} LOG:  {message}"),
                    false => format!("{time}.123 UTC [{pid}] {user}{by}{database} LOG:  {message}"),
                }
            };
            let lines: Vec<String> = (0..200).map(line).collect();
            let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
            assert_eq!(inference.prefix.as_str(), setting);
        }
    }
}
