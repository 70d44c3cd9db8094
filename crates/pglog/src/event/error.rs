//! Errors: told apart by their SQLSTATE, and where one SQLSTATE has several classes by their words, or by
//! what no translation changes.

mod values;

use crate::{
    entry::Fields,
    event::{Event, Texts},
    severity::Level,
};

/// Takes the values out of an error's message.
pub(super) fn read_values<'x>(event: Event, message: &'x str, fields: &mut Fields<'x>) {
    values::read(event, message, fields);
}

/// Finds the class of an error, or of what is wrong with the configuration.
pub(super) fn classify(level: Level, state_code: &str, texts: &Texts<'_, '_>) -> Option<Event> {
    if level < Level::Error {
        return of_configuration(state_code);
    }
    of_state_code(state_code, texts)
}

/// While the server reads its files it reports at LOG what would be an error in a session.
fn of_configuration(code: &str) -> Option<Event> {
    let is_of_a_file = matches!(code, "F0000" | "22023" | "42601" | "42704" | "55P02");
    is_of_a_file.then_some(Event::ServerConfigError)
}

fn of_state_code(code: &str, texts: &Texts<'_, '_>) -> Option<Event> {
    match code.get(..2)? {
        "22" => of_data(code, texts.message),
        "23" => of_constraint(code, texts.message),
        "42" => of_access_rule(code, texts),
        "25" | "2B" | "3B" | "40" | "55" | "57" => of_session(code, texts),
        _ => of_rest(code, texts),
    }
}

/// Class 22, data exception.
fn of_data(code: &str, message: &str) -> Option<Event> {
    Some(match code {
        "22001" => Event::ErrorValueTooLongForType,
        "22003" if message.contains("outside the valid range for parameter") => {
            Event::ErrorInvalidValue
        }
        "22003" if names_integer_type(message) => Event::ErrorIntegerOutOfRange,
        "22003" | "22008" => Event::ErrorValueOutOfRange,
        "2201B" => Event::ErrorInvalidRegexp,
        "22012" => Event::ErrorDivisionByZero,
        "22021" | "22P05" => Event::ErrorInvalidByteSequence,
        // The parser says the same words with 42601.
        "22025" if message.starts_with("invalid Unicode escape") => Event::ErrorSyntaxError,
        "22P02" if message.starts_with("malformed array literal") => {
            Event::ErrorMalformedArrayLiteral
        }
        "22P02" => Event::ErrorInvalidInputSyntax,
        "22007" if message.starts_with("invalid input syntax") || quotes(message) == 1 => {
            Event::ErrorInvalidInputSyntax
        }
        "22023" if message.starts_with("invalid input syntax") => Event::ErrorInvalidInputSyntax,
        "22023" if message.ends_with(" does not exist") => Event::ErrorObjectDoesNotExist,
        "22023" if message.starts_with('"') && message.contains("\" is not a") => {
            Event::ErrorWrongObjectType
        }
        "22007" | "22023" => Event::ErrorInvalidValue,
        "22000" if message.starts_with("range lower bound") => Event::ErrorInconsistentRangeBounds,
        // 22030 to 2203G are those of SQL/JSON.
        _ if code.starts_with("2203") => Event::ErrorSqlJsonError,
        _ => return None,
    })
}

/// Type names are not translated.
fn names_integer_type(message: &str) -> bool {
    let words = message.split(|c: char| !c.is_alphanumeric());
    words.into_iter().any(|word| matches!(word, "integer" | "smallint" | "bigint"))
}

/// Class 23, integrity constraint violation.
fn of_constraint(code: &str, message: &str) -> Option<Event> {
    Some(match code {
        "23505" => Event::ErrorUniqueConstraintViolation,
        "23503" | "23001" => Event::ErrorForeignKeyConstraintViolation,
        "23502" => Event::ErrorNotNullConstraintViolation,
        "23514" if is_about_partitions(message) => Event::ErrorPartitionError,
        "23514" => Event::ErrorCheckConstraintViolation,
        "23P01" => Event::ErrorExclusionConstraintViolation,
        _ => return None,
    })
}

/// Tells whether the words are about partitions. The stems are those of the languages that the server
/// ships.
fn is_about_partitions(message: &str) -> bool {
    const STEMS: [&str; 8] =
        ["artition", "artici", "artizion", "artiç", "artycj", "секци", "パーティション", "分区"];
    STEMS.iter().any(|stem| message.contains(stem))
}

/// Class 42, syntax error or access rule violation.
fn of_access_rule(code: &str, texts: &Texts<'_, '_>) -> Option<Event> {
    let message = texts.message;
    Some(match code {
        "42501" if message.contains("row-level security") => Event::ErrorRowLevelSecurityViolation,
        "42501" => Event::ErrorPermissionDenied,
        "42601" => of_syntax(message),
        // At the start of a session the missing object is its role or its database.
        "42704" if texts.entry.level == Some(Level::Fatal) => Event::ConnectionRejected,
        "42704" => Event::ErrorObjectDoesNotExist,
        "42883" if !message.contains('(') && quotes(message) == 0 => {
            Event::ErrorOperatorDoesNotExist
        }
        "42883" => Event::ErrorFunctionDoesNotExist,
        "42P01" => Event::ErrorRelationDoesNotExist,
        "42703" => Event::ErrorColumnDoesNotExist,
        "42702" => Event::ErrorColumnReferenceAmbiguous,
        "42803" if quotes(message) > 0 => Event::ErrorColumnMissingFromGroupBy,
        "42804" if message.contains("cannot be cast") => Event::ErrorColumnCannotBeCast,
        "42809" if message.starts_with("op ANY/ALL (array) requires array") => {
            Event::ErrorAnyAllRequiresArray
        }
        "42809" if message.starts_with("cannot change materialized view") => {
            Event::ErrorCannotModifyView
        }
        "42809" => Event::ErrorWrongObjectType,
        "42P02" => Event::ErrorParamMissing,
        "42P10" if message.contains("ON CONFLICT") && !message.contains("is not allowed") => {
            Event::ErrorOnConflictNoConstraintMatch
        }
        "42710" | "42723" | "42P03" | "42P04" | "42P05" | "42P06" | "42P07" => {
            Event::ErrorObjectAlreadyExists
        }
        "42701" if quotes(message) == 2 && !message.contains(" more than once") => {
            Event::ErrorObjectAlreadyExists
        }
        "42P16" | "42P17" if is_about_partitions(message) => Event::ErrorPartitionError,
        _ => return None,
    })
}

/// SQLSTATE 42601.
fn of_syntax(message: &str) -> Event {
    const CLASSES: [(&str, Event); 6] = [
        ("unterminated quoted identifier", Event::ErrorUnterminatedQuotedIdentifier),
        ("unterminated quoted string", Event::ErrorUnterminatedQuotedString),
        ("unterminated dollar-quoted string", Event::ErrorUnterminatedQuotedString),
        ("subquery in FROM must have an alias", Event::ErrorSubqueryMissingAlias),
        ("INSERT has more expressions than target columns", Event::ErrorInsertTargetColumnMismatch),
        ("INSERT has more target columns than expressions", Event::ErrorInsertTargetColumnMismatch),
    ];
    let class = CLASSES.iter().find(|(words, _)| message.starts_with(words));
    class.map_or(Event::ErrorSyntaxError, |(_, event)| *event)
}

/// Transactions, locks and sessions: classes 25, 2B, 3B, 40, 55 and 57.
fn of_session(code: &str, texts: &Texts<'_, '_>) -> Option<Event> {
    let message = texts.message;
    Some(match code {
        "25P02" => Event::ErrorTransactionIsAborted,
        "25P03" => Event::StatementIdleInTransactionTimeout,
        "25P04" => Event::StatementTransactionTimeout,
        "57P05" => Event::StatementIdleSessionTimeout,
        "2BP01" => Event::ErrorCannotDrop,
        "3B001" => Event::ErrorNoSuchSavepoint,
        "40P01" => Event::LockDeadlockDetected,
        "40001" => return of_serialization(texts),
        "55P03" if quotes(message) == 0 => Event::LockTimeout,
        "55000" if is_about_writing_to_a_view(message) => Event::ErrorCannotModifyView,
        "57014" if texts.is_autovacuum_worker() => Event::AutovacuumCancel,
        "57P02" => Event::ServerCrashed,
        "57P03" if message.ends_with("shutting down") => Event::ServerShutdown,
        "57P03" => Event::ConnectionRejected,
        _ => return None,
    })
}

/// SQLSTATE 40001. Other languages tell them apart by the lines that each has.
fn of_serialization(texts: &Texts<'_, '_>) -> Option<Event> {
    if texts.message.starts_with("could not serialize access due to concurrent") {
        return Some(Event::ErrorCouldNotSerializeRepeatableRead);
    }
    if texts.message.starts_with("could not serialize access due to read/write") {
        return Some(Event::ErrorCouldNotSerializeSerializable);
    }
    // What remains in English is not about the isolation of transactions.
    let others = ["tuple to be ", "concurrent ", "initial slot snapshot "];
    if others.iter().any(|words| texts.message.starts_with(words)) {
        return None;
    }
    Some(if texts.entry.hint.is_some() && texts.entry.level == Some(Level::Error) {
        Event::ErrorCouldNotSerializeSerializable
    } else if texts.detail.is_some() || texts.entry.level == Some(Level::Fatal) {
        Event::StandbyStatementCanceled
    } else {
        Event::ErrorCouldNotSerializeRepeatableRead
    })
}

fn is_about_writing_to_a_view(message: &str) -> bool {
    const HEADS: [&str; 4] =
        ["cannot insert into ", "cannot update ", "cannot delete from ", "cannot merge into "];
    let behind = HEADS.iter().find_map(|head| message.strip_prefix(head));
    behind.is_some_and(|behind| behind.starts_with("view ") || behind.contains("\" of view \""))
        || message.starts_with("conflicting row is not visible through view")
}

/// All other classes.
fn of_rest(code: &str, texts: &Texts<'_, '_>) -> Option<Event> {
    let message = texts.message;
    Some(match code {
        "0A000" if is_about_writing_to_a_view(message) => Event::ErrorCannotModifyView,
        "21000" if message.contains("ON CONFLICT") => Event::ErrorOnConflictRowAffectedTwice,
        "3D000" if texts.entry.level == Some(Level::Fatal) => Event::ConnectionRejected,
        "26000" | "34000" | "3D000" | "3F000" => Event::ErrorObjectDoesNotExist,
        "28000" | "28P01" => Event::ConnectionRejected,
        "44000" => Event::ErrorWithCheckOptionViolation,
        "53100" | "58030" => Event::ServerMisc,
        "53200" => Event::ServerOutOfMemory,
        "53300" => of_connections(texts),
        "F0000" => Event::ServerConfigError,
        _ => return None,
    })
}

/// SQLSTATE 53300. Without words that are known, the name in it tells what has too many.
fn of_connections(texts: &Texts<'_, '_>) -> Event {
    let message = texts.message;
    if message.starts_with("too many connections for role") {
        return Event::ConnectionTooManyConnectionsRole;
    }
    if message.starts_with("too many connections for database") {
        return Event::ConnectionTooManyConnectionsDatabase;
    }
    if message.is_ascii() || quotes(message) == 0 {
        return Event::ConnectionOutOfConnections;
    }
    let is_database = texts.entry.database.as_ref().is_some_and(|name| message.contains(&**name))
        && !texts.entry.user.as_ref().is_some_and(|name| message.contains(&**name));
    if is_database {
        Event::ConnectionTooManyConnectionsDatabase
    } else {
        Event::ConnectionTooManyConnectionsRole
    }
}

/// Counts the names in quotes, in the quotes of every language.
fn quotes(message: &str) -> usize {
    let marks = message
        .chars()
        .filter(|c| matches!(c, '"' | '«' | '»' | '„' | '“' | '”' | '‘' | '’' | '「' | '」'));
    marks.count() / 2
}
