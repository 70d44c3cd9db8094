//! What no throw-away server could be made to write, and what nobody's server writes.

use proptest::prelude::*;

use super::*;

fn entry<'a>(level: Level, message: &'a str, detail: Option<&'a str>) -> LogEntry<'a> {
    LogEntry {
        level: Some(level),
        message: message.into(),
        detail: detail.map(Into::into),
        ..LogEntry::default()
    }
}

fn event(level: Level, message: &str) -> Option<&'static str> {
    Event::classify(&entry(level, message, None)).map(|(event, _)| event.as_str())
}

#[test]
fn plan_inside_a_function_has_not_the_identifier_of_the_statement() {
    let plan = "duration: 1.234 ms  plan:\nQuery Text: SELECT 1\nResult  (cost=0.00..0.01 rows=1 width=4)\n\
                Query Identifier: 7";
    for (context, expected) in [
        (None, Some(7)),
        (Some("PL/pgSQL function f() line 1"), None),
        (Some("unnamed portal with parameters: $1 = '5'"), Some(7)),
        (Some("SQL statement \"SELECT $1\"\nunnamed portal with parameters: $1 = '5'"), None),
    ] {
        let mut entry = entry(Level::Log, plan, None);
        entry.context = context.map(Into::into);
        interpret(&mut entry);
        assert_eq!(entry.query_id, expected);
    }
}

/// Formats as they stand in the servers' programs, filled.
const RARE: &[(Level, &str, &str)] = &[
    // PostgreSQL 10 and earlier, and other processes until today.
    (
        Level::Log,
        "worker process: parallel worker for PID 7 (PID 8) exited with exit code 1",
        "server.process_exited",
    ),
    (Level::Log, "startup process (PID 7) exited with exit code 1", "server.process_exited"),
    (
        Level::Log,
        "autovacuum launcher process (PID 7) was terminated by signal 11: Segmentation fault",
        "server.crashed",
    ),
    (
        Level::Log,
        "using stale statistics instead of current ones because stats collector is not responding",
        "server.stats_collector_timeout",
    ),
    (Level::Warning, "pgstat wait timeout", "server.stats_collector_timeout"),
    (
        Level::Log,
        "could not accept SSL connection: EOF detected",
        "connection.could_not_accept_ssl_connection",
    ),
    (
        Level::Notice,
        "pg_stop_backup complete, all required WAL segments have been archived",
        "wal.base_backup_complete",
    ),
    (Level::Error, "canceling autovacuum task", "autovacuum.cancel"),
    (Level::Log, "autovacuum launcher started", "autovacuum.launcher_started"),
    (Level::Log, "autovacuum launcher shutting down", "autovacuum.launcher_shutting_down"),
    (
        Level::Fatal,
        "terminating autovacuum process due to administrator command",
        "autovacuum.launcher_shutting_down",
    ),
    (
        Level::Warning,
        "database \"shop\" must be vacuumed within 10000000 transactions",
        "txid.wraparound_warning",
    ),
    (
        Level::Warning,
        "database with OID 5 must be vacuumed before 7 more MultiXactIds are used",
        "txid.wraparound_warning",
    ),
    (
        Level::Warning,
        "bypassing nonessential maintenance of table \"a.b.c\" as a failsafe after 1 index scans",
        "txid.wraparound_warning",
    ),
    (
        Level::Error,
        "database is not accepting commands to avoid wraparound data loss in database \"shop\"",
        "txid.wraparound_error",
    ),
    (
        Level::Error,
        "database is not accepting commands that assign new transaction IDs to avoid wraparound data loss in database \"shop\"",
        "txid.wraparound_error",
    ),
    (
        Level::Error,
        "database is not accepting commands that generate new MultiXactIds to avoid wraparound data loss in database with OID 5",
        "txid.wraparound_error",
    ),
    (
        Level::Log,
        "process 7 avoided deadlock for ShareLock on transaction 5 by rearranging queue order after 1000.123 ms",
        "lock.deadlock_avoided",
    ),
    (
        Level::Log,
        "restored log file \"000000010000000000000003\" from archive",
        "standby.restored_wal_from_archive",
    ),
    (
        Level::Fatal,
        "terminating walreceiver process due to administrator command",
        "standby.stopped_streaming",
    ),
    (
        Level::Fatal,
        "could not receive data from WAL stream: ERROR:  requested WAL segment 000000010000000000000003 has already been removed",
        "standby.streaming_interrupted",
    ),
    (
        Level::Log,
        "invalidating slot \"s\" because its restart_lsn 0/3000000 exceeds max_slot_wal_keep_size",
        "wal.replication_slot",
    ),
    (
        Level::Log,
        "archive command was terminated by signal 9: Killed",
        "wal.archive_command_failed",
    ),
    (
        Level::Log,
        "archive command was terminated by exception 0xC0000005",
        "wal.archive_command_failed",
    ),
    (Level::Log, "archiver process (PID 7) exited with exit code 1", "wal.archive_command_failed"),
    (
        Level::Panic,
        "could not write to file \"pg_wal/xlogtemp.7\": No space left on device",
        "server.misc",
    ),
    (
        Level::Log,
        "could not open usermap file \"/etc/pg_ident.conf\": No such file or directory",
        "server.misc",
    ),
    (Level::Error, "database \"shop\" must be vacuumed", "none"),
    (
        Level::Log,
        "AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.account,\"SELECT \"\"a\"\", 1\",<none>",
        "audit.session",
    ),
    (
        Level::Notice,
        "AUDIT: OBJECT,2,1,WRITE,UPDATE,TABLE,public.account,UPDATE account SET x = 1,<not logged>",
        "audit.object",
    ),
    (Level::Error, "subquery in FROM must have an alias", "error.subquery_missing_alias"),
    (Level::Error, "value \"99\" is out of range for type oid", "error.value_out_of_range"),
    (Level::Error, "smallint out of range", "error.integer_out_of_range"),
    (Level::Fatal, "role \"bob\" does not exist", "connection.rejected"),
    (Level::Error, "role \"bob\" does not exist", "error.object_does_not_exist"),
    (Level::Fatal, "the database system is shutting down", "server.shutdown"),
    (Level::Fatal, "the database system is starting up", "connection.rejected"),
];

#[test]
fn rare_messages_have_their_events() {
    for (level, message, expected) in RARE {
        assert_eq!(event(*level, message).unwrap_or("none"), *expected, "{level} {message}");
    }
}

#[test]
fn words_with_two_codes_have_one_event() {
    for code in [None, Some("22025"), Some("42601")] {
        let mut entry = entry(Level::Error, "invalid Unicode escape", None);
        entry.state_code = code.map(Into::into);
        let found = Event::classify(&entry).map(|(event, _)| event);
        assert_eq!(found, Some(Event::ErrorSyntaxError), "{code:?}");
    }
    let mut entry = entry(Level::Error, "invalid escape string", None);
    entry.state_code = Some("22025".into());
    assert_eq!(Event::classify(&entry), None);
}

#[test]
fn audit_record_is_csv() {
    let entry = entry(
        Level::Log,
        "AUDIT: SESSION,12,1,DDL,CREATE TABLE,TABLE,public.a,\"CREATE TABLE a(\nb \"\"c\"\", d)\",<none>,3",
        None,
    );
    let (_, fields) = Event::classify(&entry).unwrap();
    assert_eq!(fields.get("statement_id"), Some(&FieldValue::U64(12)));
    assert_eq!(fields.get("statement"), Some(&"CREATE TABLE a(\nb \"c\", d)".into()));
    assert_eq!(fields.get("rows"), Some(&FieldValue::U64(3)));
}

#[test]
fn level_is_a_part_of_the_class() {
    assert_eq!(event(Level::Notice, "checkpoint complete: wrote 7 buffers (0.1%)"), None);
    assert_eq!(event(Level::Notice, "relation \"t\" already exists, skipping"), None);
    assert_eq!(event(Level::Log, "division by zero"), None);
    assert_eq!(event(Level::Warning, "duration: 1.000 ms  statement: SELECT 1"), None);
}

#[test]
fn what_a_function_raised_is_of_no_class() {
    for level in [Level::Log, Level::Warning, Level::Error] {
        for message in ["division by zero", "deadlock detected", "duration: 1.000 ms  statement: x"]
        {
            let mut entry = entry(level, message, None);
            entry.context =
                Some("PL/pgSQL function f() line 1 at RAISE\nSQL statement \"x\"".into());
            entry.state_code = Some("22012".into());
            interpret(&mut entry);
            assert_eq!((entry.event, entry.duration, entry.statement), (None, None, None));
        }
    }
}

#[test]
fn audited_statement_is_the_entrys() {
    for (record, expected) in [
        ("AUDIT: SESSION,1,1,READ,SELECT,,,SELECT 1,<not logged>", Some("SELECT 1")),
        (
            "AUDIT: OBJECT,1,1,READ,SELECT,TABLE,public.t,\"SELECT 1, \"\"a\"\"\",<none>",
            Some("SELECT 1, \"a\""),
        ),
        ("AUDIT: SESSION,1,2,READ,SELECT,,,<previously logged>,<previously logged>", None),
        ("AUDIT: SESSION,1,2,READ,SELECT,,,<not logged>,<not logged>", None),
    ] {
        let mut entry =
            LogEntry { level: Some(Level::Log), message: record.into(), ..LogEntry::default() };
        interpret(&mut entry);
        assert_eq!(entry.statement.as_deref(), expected, "{record}");
    }
}

#[test]
fn bind_values_of_what_a_function_raised_are_read() {
    let mut entry = LogEntry {
        level: Some(Level::Error),
        message: "division by zero".into(),
        context: Some(
            "PL/pgSQL function f() line 1 at RAISE\nunnamed portal with parameters: $1 = '1'"
                .into(),
        ),
        ..LogEntry::default()
    };
    interpret(&mut entry);
    assert_eq!((entry.event, &*entry.parameters), (None, &[Some("1".into())][..]));
}

#[test]
fn values_of_a_failed_statement_come_from_its_context() {
    let mut entry = entry(Level::Error, "division by zero", None);
    entry.context = Some("unnamed portal with parameters: $1 = '1', $2 = NULL".into());
    interpret(&mut entry);
    assert_eq!(entry.parameters, [Some("1".into()), None]);
    assert_eq!(entry.event, Some(Event::ErrorDivisionByZero));
}

#[test]
fn deadlock_tells_who_waits_for_whom_in_any_language() {
    let english = "Process 7 waits for ShareLock on transaction 5; blocked by process 8.\n\
        Process 8 waits for ShareLock on transaction 6; blocked by process 7.\n\
        Process 7: UPDATE a\nProcess 9: fake\nProcess 8: UPDATE b";
    let german = english
        .replace(
            "waits for ShareLock on transaction",
            "wartet auf ShareLock-Sperre auf Transaktion",
        )
        .replace("blocked by process", "blockiert von Prozess")
        .replace("Process", "Prozess");
    for detail in [english, &german] {
        let entry = entry(Level::Error, "deadlock detected", Some(detail));
        let (_, fields) = Event::classify(&entry).unwrap();
        let Some(FieldValue::List(processes)) = fields.get("processes") else { panic!("{detail}") };
        let FieldValue::Object(first) = &processes[0] else { panic!("{detail}") };
        assert_eq!(processes.len(), 2);
        assert_eq!(first.get("mode"), Some(&"ShareLock".into()));
        assert_eq!(first.get("blocked_by"), Some(&FieldValue::U64(8)));
    }
}

#[test]
fn servers_on_windows_tell_their_version_and_exceptions() {
    let message = "starting PostgreSQL 14.2, compiled by Visual C++ build 1914, 64-bit";
    let started = entry(Level::Log, message, None);
    let (_, fields) = Event::classify(&started).unwrap();
    assert_eq!(fields.get("version"), Some(&"14.2".into()));
    assert_eq!(fields.get("build"), Some(&"compiled by Visual C++ build 1914, 64-bit".into()));
    for message in [
        "server process (PID 7) was terminated by exception 0xC0000005",
        "server process (PID 7) wurde durch Ausnahme 0xC0000005 beendet",
        "server process (PID 7)は例外C0000005で終了しました",
    ] {
        let crashed = entry(Level::Log, message, None);
        let (event, fields) = Event::classify(&crashed).unwrap();
        assert_eq!((event, fields.get("pid")), (Event::ServerCrashed, Some(&FieldValue::U64(7))));
        assert_eq!(fields.get("exception"), Some(&"0xC0000005".into()), "{message}");
    }
}

#[test]
fn names_read_back() {
    for event in Event::ALL {
        assert_eq!(Event::from_name(event.as_str()), Some(*event));
    }
    assert_eq!(Event::from_name("server.nosuch"), None);
}

/// Texts that begin as messages do and go on as they like.
fn any_text() -> impl Strategy<Value = String> {
    let heads = RARE.iter().map(|(_, message, _)| *message).collect::<Vec<_>>();
    (prop::sample::select(heads), any::<prop::sample::Index>(), any::<String>()).prop_map(
        |(message, at, rest)| {
            let cut = message.floor_char_boundary(at.index(message.len() + 1));
            message[..cut].to_owned() + &rest
        },
    )
}

proptest! {
    #[test]
    fn no_entry_makes_it_panic(
        level in prop::sample::select(Level::ALL.to_vec()),
        message in any_text(),
        detail in prop::option::of(any_text()),
        context in prop::option::of(any_text()),
        code in prop::option::of("[0-9A-Z]{0,6}"),
    ) {
        let mut entry = entry(level, &message, detail.as_deref());
        entry.context = context.as_deref().map(Into::into);
        entry.state_code = code.as_deref().map(Into::into);
        interpret(&mut entry);
        let mut json = Vec::new();
        entry.write_json(&mut json);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn text_of_no_server_has_no_event(
        level in prop::sample::select(Level::ALL.to_vec()),
        message in "[a-z]{3,12}( [a-z]{4,9}){0,6}",
    ) {
        prop_assert_eq!(event(level, &message), None, "{}", message);
    }

    #[test]
    fn borrowed_and_owned_texts_mean_the_same(
        message in any_text(),
        detail in prop::option::of(any_text()),
    ) {
        let mut borrowed = entry(Level::Log, &message, detail.as_deref());
        let mut owned = borrowed.clone().into_owned();
        interpret(&mut borrowed);
        interpret(&mut owned);
        prop_assert_eq!(borrowed, owned);
    }
}

#[test]
fn every_wording_of_a_statement_has_an_event() {
    for (message, has_duration, phase) in language::one_of_each_wording() {
        let level = Some(Level::Log);
        let mut entry = LogEntry { level, message: message.into(), ..LogEntry::default() };
        interpret(&mut entry);
        let event = match (has_duration, phase) {
            (false, _) => Event::StatementLog,
            (true, Some(Phase::Parse)) => Event::StatementParse,
            (true, _) => Event::StatementDuration,
        };
        assert_eq!(entry.event, Some(event), "{}", entry.message);
    }
}
