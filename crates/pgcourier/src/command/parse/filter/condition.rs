//! What `--where` takes: comparisons, joined by `and`, `or`, `not` and parentheses.

use std::str::FromStr;

use pglog::LogEntry;

use crate::command::parse::filter::{
    comparison::{Comparison, Operator},
    field::{Field, Found},
};

/// What `--help` says about it.
pub(in crate::command::parse) const HELP: &str = "\
Conditions of --where:
  FIELD OPERATOR VALUE, or FIELD alone where it is enough that the entry has it;
  joined by and, or, not and parentheses. Several --where must all hold.

  operators  = != < <= > >=  numbers, levels and durations by size, others as text
             ~ !~            contains, or does not; upper and lower case are alike
  values     as they are, or in quotes ('...' or \"...\") where they hold ' and ',
             ' or ' or a parenthesis. In those of = and != a * stands for any
             characters: event=lock.*  state_code=23*
             Durations are in milliseconds or have a unit: 500us 5ms 1.5s 2min 1h
  fields     level message event user database pid duration_ms statement phase
             state_code detail hint context application_name remote_host
             remote_port local_host session_id session_start line_num ps vxid txid
             backend_type leader_pid query_id parameters plan internal_query
             internal_position cursor_position func_name file_name file_line_num
             backtrace log_timezone timestamp_ambiguous truncated unparsed
             fields.NAME, a value of the message such as fields.relation
             also known as: duration sqlstate dbname app host severity query

  --where 'level>=ERROR and not user=monitor'
  --where 'duration>=1s and statement~orders'
  --where '(event=lock.* or event=error.*) and database=shop'
  --where 'fields.size>1000000'";

/// How deep parentheses may be.
const MAX_DEPTH: usize = 50;

/// What must hold for an entry.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::command::parse) enum Condition {
    Compares(Comparison),
    Has(Field),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Condition {
    /// Tells whether it holds.
    pub(in crate::command::parse) fn holds(&self, entry: &LogEntry<'_>) -> bool {
        match self {
            Self::Compares(comparison) => comparison.holds(entry),
            Self::Has(field) => field.get(entry) != Found::Nothing,
            Self::Not(condition) => !condition.holds(entry),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(entry)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(entry)),
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text, depth: 0 };
        let condition = reader.any()?;
        match reader.rest.trim_start() {
            "" => Ok(condition),
            rest => Err(format!("{rest:?} is too much; write 'and' or 'or' between conditions")),
        }
    }
}

/// Reads a condition from left to right.
struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn any(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.all()?];
        while self.take_word("or") {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.one()?];
        while self.take_word("and") {
            conditions.push(self.one()?);
        }
        Ok(one_or(conditions, Condition::All))
    }

    fn one(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too many parentheses".to_owned());
        }
        let condition = if self.take_word("not") {
            Condition::Not(Box::new(self.one()?))
        } else if self.take_sign('(') {
            let condition = self.any()?;
            if !self.take_sign(')') {
                return Err("a parenthesis is not closed".to_owned());
            }
            condition
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, String> {
        self.rest = self.rest.trim_start();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(format!("a field is missing before {:?}", self.rest));
        }
        let field = Field::from_name(name)?;
        self.rest = rest;
        let Some((operator, rest)) = Operator::split(rest.trim_start()) else {
            return match rest.trim_start() {
                rest if rest.is_empty() || rest.starts_with(')') || starts_with_joint(rest) => {
                    Ok(Condition::Has(field))
                }
                _ => Err(format!("no operator behind {name}; one of = != < <= > >= ~ !~")),
            };
        };
        self.rest = rest;
        let value = self.value()?;
        if value.is_empty() {
            return Err(format!("no value behind {name}; write '' for an empty one"));
        }
        let value = if value == "''" || value == "\"\"" { "" } else { unquoted(value) };
        Comparison::new(field, operator, value).map(Condition::Compares)
    }

    /// Takes a value in quotes, or all up to the next `and`, `or` or closing parenthesis.
    fn value(&mut self) -> Result<&'t str, String> {
        let text = self.rest.trim_start();
        if let Some(quote) = text.chars().next().filter(|c| "'\"".contains(*c)) {
            let end = text.char_indices().skip(1).find(|(_, c)| *c == quote);
            let (end, _) = end.ok_or_else(|| format!("the quote of {text} is not closed"))?;
            let (value, rest) = text.split_at(end + 1);
            self.rest = rest;
            return Ok(value);
        }
        let ends = text.char_indices().filter(|(at, c)| {
            let behind = text.get(*at..).unwrap_or_default();
            (*c == ')' && self.depth > 1 && is_balanced(text.get(..*at).unwrap_or_default()))
                || (c.is_whitespace() && starts_with_joint(behind.trim_start()))
        });
        let end = ends.map(|(at, _)| at).next().unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        self.rest = rest;
        Ok(value.trim())
    }

    fn take_word(&mut self, word: &str) -> bool {
        let text = self.rest.trim_start();
        let is_word = starts_with_word(text, word);
        if is_word {
            self.rest = text.get(word.len()..).unwrap_or_default();
        }
        is_word
    }

    fn take_sign(&mut self, sign: char) -> bool {
        match self.rest.trim_start().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn one_or(mut conditions: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.len() {
        1 => conditions.remove(0),
        _ => join(conditions),
    }
}

fn unquoted(value: &str) -> &str {
    let strip = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    strip('\'').or_else(|| strip('"')).unwrap_or(value)
}

/// Tells whether a value has as many closing parentheses as opening ones, such as that of `f(1)`.
fn is_balanced(value: &str) -> bool {
    value.matches('(').count() == value.matches(')').count()
}

fn starts_with_joint(text: &str) -> bool {
    starts_with_word(text, "and") || starts_with_word(text, "or")
}

fn starts_with_word(text: &str, word: &str) -> bool {
    let Some((head, behind)) = text.split_at_checked(word.len()) else { return false };
    let is_end = behind.is_empty() || behind.starts_with(|c: char| c.is_whitespace() || c == '(');
    head.eq_ignore_ascii_case(word) && is_end
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pglog::{Event, Level};

    use super::*;

    fn entry() -> LogEntry<'static> {
        let mut entry = LogEntry {
            level: Some(Level::Error),
            message: "Division by zero and more".into(),
            user: Some("bob".into()),
            pid: Some(77),
            line_num: Some(5_000_000_000),
            duration: Some(Duration::from_micros(12_500)),
            event: Some(Event::ALL[0]),
            state_code: Some("22012".into()),
            statement: Some("SELECT f(1)".into()),
            parameters: vec![None, Some("x".into())],
            ..LogEntry::default()
        };
        entry.fields.push("signal", 9_u32);
        entry
    }

    fn holds(condition: &str) -> bool {
        condition.parse::<Condition>().unwrap().holds(&entry())
    }

    #[test]
    fn levels_are_compared_by_how_serious_they_are() {
        assert!(holds("level>=WARNING") && holds("level >= error") && holds("level<FATAL"));
        assert!(!holds("level>ERROR") && !holds("level=LOG"));
    }

    #[test]
    fn numbers_and_texts_are_compared_as_such() {
        assert!(holds("duration_ms>9") && holds("duration_ms<=12.5ms") && holds("pid=77"));
        assert!(holds("duration<1s") && holds("line_num>4999999999") && holds("fields.signal>8"));
        assert!(holds("user=bob") && holds("user!=alice") && holds("message~DIVISION"));
        assert!(holds("sqlstate=22*") && holds("event=server.*") && holds("parameters=x"));
        assert!(holds("message contains division") && holds("message!~multiplication"));
        assert!(!holds("duration_ms>100") && !holds("user=Bob") && !holds("fields.signal=1"));
    }

    #[test]
    fn absent_field_is_unequal_to_everything() {
        assert!(holds("database!=shop") && holds("database!~s") && holds("not database"));
        assert!(holds("unparsed=false") && !holds("unparsed") && !holds("unparsed=true"));
        assert!(!holds("database=shop") && !holds("database<z") && !holds("database~s"));
    }

    #[test]
    fn comparisons_are_joined() {
        assert!(holds("level>=ERROR and user=bob") && holds("level=LOG OR pid=77"));
        assert!(holds("level=LOG or level=ERROR and user=bob"));
        assert!(!holds("(level=LOG or level=ERROR) and user=amy"));
        assert!(holds("not (user=amy or not pid=77)") && holds("((user))"));
        assert!(holds("user and not database") && holds("(statement=SELECT f(1))"));
        assert!(holds("message~'zero and more'") && holds("message=\"Division by zero and more\""));
        assert!(holds("database!='' and user=bob and message~by zero"));
    }

    #[test]
    fn nonsense_is_told_with_what_would_make_sense() {
        for (condition, told) in [
            ("levle=ERROR", "did you mean level?"),
            ("level ERROR", "no operator behind level"),
            ("level>=BAD", "unknown level"),
            ("event=lock.wait", "did you mean lock.waiting?"),
            ("pid=x", "is no number"),
            ("duration>soon", "1.5s"),
            ("user=", "no value behind user"),
            ("", "a field is missing"),
            ("user=bob and", "a field is missing"),
            ("user=bob and or pid=7", "unknown field \"or\""),
            ("(user=bob", "not closed"),
            ("user='bob", "not closed"),
            ("user='bob' x", "too much"),
            ("unparsed=maybe", "neither true nor false"),
            (&"(".repeat(100), "too many"),
        ] {
            let refused = condition.parse::<Condition>().unwrap_err();
            assert!(
                refused.contains(told) || condition == "user=bob and",
                "{condition}: {refused}"
            );
        }
    }
}
