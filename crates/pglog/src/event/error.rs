//! Errors: told apart by their SQLSTATE, and where one SQLSTATE has several classes by their words, or by
//! what no translation changes.

mod values;

use crate::{
    entry::Fields,
    event::{Event, Texts},
    find::has,
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
    let is_of_a_file =
        matches!(code.as_bytes(), b"F0000" | b"22023" | b"42601" | b"42704" | b"55P02");
    is_of_a_file.then_some(Event::ServerConfigError)
}

fn of_state_code(code: &str, texts: &Texts<'_, '_>) -> Option<Event> {
    match code.as_bytes().first_chunk()? {
        b"22" => of_data(code, texts.message),
        b"23" => of_constraint(code, texts.message),
        b"42" => of_access_rule(code, texts),
        b"25" | b"2B" | b"3B" | b"40" | b"55" | b"57" => of_session(code, texts),
        _ => of_rest(code, texts),
    }
}

/// Class 22, data exception.
fn of_data(code: &str, message: &str) -> Option<Event> {
    Some(match code.as_bytes() {
        b"22001" => Event::ErrorValueTooLongForType,
        b"22003" if has(message, "outside the valid range for parameter") => {
            Event::ErrorInvalidValue
        }
        b"22003" if names_integer_type(message) => Event::ErrorIntegerOutOfRange,
        b"22003" | b"22008" => Event::ErrorValueOutOfRange,
        b"2201B" => Event::ErrorInvalidRegexp,
        b"22012" => Event::ErrorDivisionByZero,
        b"22021" | b"22P05" => Event::ErrorInvalidByteSequence,
        // The parser says the same words with 42601.
        b"22025" if message.starts_with("invalid Unicode escape") => Event::ErrorSyntaxError,
        b"22P02" if message.starts_with("malformed array literal") => {
            Event::ErrorMalformedArrayLiteral
        }
        b"22P02" => Event::ErrorInvalidInputSyntax,
        b"22007" if message.starts_with("invalid input syntax") || quotes(message) == 1 => {
            Event::ErrorInvalidInputSyntax
        }
        b"22023" if message.starts_with("invalid input syntax") => Event::ErrorInvalidInputSyntax,
        b"22023" if message.ends_with(" does not exist") => Event::ErrorObjectDoesNotExist,
        b"22023" if message.starts_with('"') && has(message, "\" is not a") => {
            Event::ErrorWrongObjectType
        }
        b"22007" | b"22023" => Event::ErrorInvalidValue,
        b"22000" if message.starts_with("range lower bound") => Event::ErrorInconsistentRangeBounds,
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
    Some(match code.as_bytes() {
        b"23505" => Event::ErrorUniqueConstraintViolation,
        b"23503" | b"23001" => Event::ErrorForeignKeyConstraintViolation,
        b"23502" => Event::ErrorNotNullConstraintViolation,
        b"23514" if is_about_partitions(message) => Event::ErrorPartitionError,
        b"23514" => Event::ErrorCheckConstraintViolation,
        b"23P01" => Event::ErrorExclusionConstraintViolation,
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
    Some(match code.as_bytes() {
        b"42501" if has(message, "row-level security") => Event::ErrorRowLevelSecurityViolation,
        b"42501" => Event::ErrorPermissionDenied,
        b"42601" => of_syntax(message),
        // At the start of a session the missing object is its role or its database.
        b"42704" if texts.entry.level == Some(Level::Fatal) => Event::ConnectionRejected,
        b"42704" => Event::ErrorObjectDoesNotExist,
        b"42883" if !has(message, "(") && quotes(message) == 0 => Event::ErrorOperatorDoesNotExist,
        b"42883" => Event::ErrorFunctionDoesNotExist,
        b"42P01" => Event::ErrorRelationDoesNotExist,
        b"42703" => Event::ErrorColumnDoesNotExist,
        b"42702" => Event::ErrorColumnReferenceAmbiguous,
        b"42803" if quotes(message) > 0 => Event::ErrorColumnMissingFromGroupBy,
        b"42804" if has(message, "cannot be cast") => Event::ErrorColumnCannotBeCast,
        b"42809" if message.starts_with("op ANY/ALL (array) requires array") => {
            Event::ErrorAnyAllRequiresArray
        }
        b"42809" if message.starts_with("cannot change materialized view") => {
            Event::ErrorCannotModifyView
        }
        b"42809" => Event::ErrorWrongObjectType,
        b"42P02" => Event::ErrorParamMissing,
        b"42P10" if has(message, "ON CONFLICT") && !has(message, "is not allowed") => {
            Event::ErrorOnConflictNoConstraintMatch
        }
        b"42710" | b"42723" | b"42P03" | b"42P04" | b"42P05" | b"42P06" | b"42P07" => {
            Event::ErrorObjectAlreadyExists
        }
        b"42701" if quotes(message) == 2 && !has(message, " more than once") => {
            Event::ErrorObjectAlreadyExists
        }
        b"42P16" | b"42P17" if is_about_partitions(message) => Event::ErrorPartitionError,
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
    Some(match code.as_bytes() {
        b"25P02" => Event::ErrorTransactionIsAborted,
        b"25P03" => Event::StatementIdleInTransactionTimeout,
        b"25P04" => Event::StatementTransactionTimeout,
        b"57P05" => Event::StatementIdleSessionTimeout,
        b"2BP01" => Event::ErrorCannotDrop,
        b"3B001" => Event::ErrorNoSuchSavepoint,
        b"40P01" => Event::LockDeadlockDetected,
        b"40001" => return of_serialization(texts),
        b"55P03" if quotes(message) == 0 => Event::LockTimeout,
        b"55000" if is_about_writing_to_a_view(message) => Event::ErrorCannotModifyView,
        b"57014" if texts.is_autovacuum_worker() => Event::AutovacuumCancel,
        b"57P02" => Event::ServerCrashed,
        b"57P03" if message.ends_with("shutting down") => Event::ServerShutdown,
        b"57P03" => Event::ConnectionRejected,
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
    Some(match code.as_bytes() {
        b"0A000" if is_about_writing_to_a_view(message) => Event::ErrorCannotModifyView,
        b"21000" if has(message, "ON CONFLICT") => Event::ErrorOnConflictRowAffectedTwice,
        b"3D000" if texts.entry.level == Some(Level::Fatal) => Event::ConnectionRejected,
        b"26000" | b"34000" | b"3D000" | b"3F000" => Event::ErrorObjectDoesNotExist,
        b"28000" | b"28P01" => Event::ConnectionRejected,
        b"44000" => Event::ErrorWithCheckOptionViolation,
        b"53100" | b"58030" => Event::ServerMisc,
        b"53200" => Event::ServerOutOfMemory,
        b"53300" => of_connections(texts),
        b"F0000" => Event::ServerConfigError,
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
