//! Words that are known to stand in prefixes: the server's own, kinds of process and commands, and programs.

use crate::prefix::escape::Escape;

/// What `%b` prints, the longer one first where one begins another.
///
/// Source: `BackendType` of the server, majors 13 to 18. Background workers have names of their own.
pub(super) const BACKEND_TYPES: [&str; 26] = [
    "logical replication parallel worker",
    "logical replication apply worker",
    "logical replication launcher",
    "logical replication worker",
    "logical replication tablesync worker",
    "autovacuum launcher",
    "autovacuum worker",
    "dead-end client backend",
    "dead-end backend",
    "standalone backend",
    "client backend",
    "background worker",
    "background writer",
    "parallel worker",
    "slotsync worker",
    "not initialized",
    "stats collector",
    "WAL summarizer",
    "checkpointer",
    "walsummarizer",
    "walreceiver",
    "postmaster",
    "walsender",
    "walwriter",
    "io worker",
    "startup",
];

/// More of them, of one word.
const SHORT_BACKEND_TYPES: [&str; 2] = ["archiver", "logger"];

/// What `%i` prints while a session runs no command, and commands of more than one word, the longer one
/// first where one begins another.
const PHRASES: [&str; 23] = [
    "idle in transaction (aborted)",
    "idle in transaction",
    "idle",
    "authentication",
    "startup",
    "fastpath function call",
    "PREPARE TRANSACTION",
    "START TRANSACTION",
    "COMMIT PREPARED",
    "ROLLBACK PREPARED",
    "REFRESH MATERIALIZED VIEW",
    "LOCK TABLE",
    "GRANT ROLE",
    "REVOKE ROLE",
    "IMPORT FOREIGN SCHEMA",
    "REASSIGN OWNED",
    "SET CONSTRAINTS",
    "SELECT INTO",
    "DEALLOCATE ALL",
    "DISCARD ALL",
    "DISCARD PLANS",
    "DISCARD SEQUENCES",
    "DISCARD TEMP",
];

/// Commands of one word.
const COMMANDS: [&str; 38] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "SET",
    "RESET",
    "SHOW",
    "BIND",
    "PARSE",
    "EXECUTE",
    "PREPARE",
    "DEALLOCATE",
    "DISCARD",
    "COPY",
    "VACUUM",
    "ANALYZE",
    "EXPLAIN",
    "FETCH",
    "MOVE",
    "LISTEN",
    "UNLISTEN",
    "NOTIFY",
    "CALL",
    "DO",
    "GRANT",
    "REVOKE",
    "REINDEX",
    "CLUSTER",
    "CHECKPOINT",
    "LOAD",
    "COMMENT",
    "REASSIGN",
];

/// Commands that name the kind of object behind them.
const OBJECT_COMMANDS: [&str; 7] =
    ["CREATE ", "ALTER ", "DROP ", "TRUNCATE ", "DECLARE ", "CLOSE ", "SECURITY "];

/// What the server appends to a command that waits for a lock.
const WAITING: &str = " waiting";

/// Programs that set `application_name`, and no one is called after.
const PROGRAMS: [&str; 21] = [
    "psql",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pg_basebackup",
    "pg_receivewal",
    "pg_recvlogical",
    "pg_isready",
    "pgbench",
    "walreceiver",
    "vacuumdb",
    "reindexdb",
    "clusterdb",
    "PostgreSQL JDBC Driver",
    "pgAdmin 4",
    "DBeaver",
    "TablePlus",
    "DataGrip",
    "psycopg",
    "Npgsql",
    "pgcourier",
];

/// Length of the name of a program that many use, where a name is that or begins with it and a blank.
pub(crate) fn program_length(name: &str) -> Option<usize> {
    let begins = |program: &&&str| {
        name.strip_prefix(**program).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    PROGRAMS.iter().find(begins).map(|program| program.len())
}

/// Length of what the server itself prints for this escape at the start of a text. `None` where it is
/// none of its words.
pub(super) fn length(escape: Escape, bytes: &[u8]) -> Option<usize> {
    match escape {
        Escape::BackendType => {
            starts(&BACKEND_TYPES, bytes).or_else(|| starts(&SHORT_BACKEND_TYPES, bytes))
        }
        Escape::Ps => {
            let command = starts(&PHRASES, bytes)
                .or_else(|| object_command(bytes))
                .or_else(|| starts(&COMMANDS, bytes))?;
            let waits = bytes.get(command..)?.starts_with(WAITING.as_bytes());
            Some(command + if waits { WAITING.len() } else { 0 })
        }
        _ => None,
    }
}

/// Length of the first of some words that a text starts with, and ends there or goes on with no letter.
fn starts(words: &[&str], bytes: &[u8]) -> Option<usize> {
    let first = bytes.first();
    let found = words.iter().find(|word| {
        let next = bytes.get(word.len());
        // Most words differ in their first byte.
        word.as_bytes().first() == first
            && bytes.starts_with(word.as_bytes())
            && next.is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_')
    });
    found.map(|word| word.len())
}

/// Length of `CREATE TABLE AS` and its like: words in capitals.
fn object_command(bytes: &[u8]) -> Option<usize> {
    let command = OBJECT_COMMANDS.iter().find(|command| bytes.starts_with(command.as_bytes()))?;
    let rest = bytes.get(command.len()..)?;
    let capitals = rest.iter().take_while(|b| b.is_ascii_uppercase() || **b == b' ').count();
    let mut words = rest.get(..capitals)?;
    if rest.get(capitals).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
        // The last word goes on in small letters.
        words = words.get(..memchr::memrchr(b' ', words)?)?;
    }
    let words = words.trim_ascii_end().len();
    (words > 1).then_some(command.len() + words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_server_end_where_they_end() {
        let command = |text: &str| length(Escape::Ps, text.as_bytes());
        assert_eq!(command("idle in transaction bob"), Some("idle in transaction".len()));
        assert_eq!(command("CREATE TABLE AS bob"), Some("CREATE TABLE AS".len()));
        assert_eq!(command("UPDATE waiting bob"), Some("UPDATE waiting".len()));
        assert_eq!(command("CREATE TABLE Metabase"), Some("CREATE TABLE".len()));
        assert_eq!(command("DROP Metabase"), None);
        assert_eq!(command("GRANT ROLE errors"), Some("GRANT ROLE".len()));
        assert_eq!(command("SELECT"), Some(6));
        assert_eq!(command("SELECTED"), None);
        assert_eq!(command("bob"), None);
        let kind = |text: &str| length(Escape::BackendType, text.as_bytes());
        assert_eq!(kind("client backend 12"), Some("client backend".len()));
        assert_eq!(kind("startup|"), Some("startup".len()));
    }
}
