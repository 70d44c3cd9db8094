//! Opens the database file: one process at a time, the settings that durability rests on, migrations.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::store::OpenError;

/// Before 3.51.3, SQLite could lose commits where a checkpoint met a write on another connection
/// (<https://sqlite.org/wal.html>, "the WAL-reset bug").
const MIN_SQLITE: i32 = 3_051_003;

/// Marks our files among those of other programs: "pgcl" in ASCII.
const APPLICATION_ID: i32 = 0x7067_636c;

/// Each step from one version of the tables to the next, with the version that it leads to, which
/// `PRAGMA user_version` keeps.
const MIGRATIONS: [(i64, &str); 1] = [(1, include_str!("schema.sql"))];

/// How long a connection waits for another one's lock. Ours wait only for each other's checkpoints.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Held for as long as a process uses the database.
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Claims the database at `path` for this process and makes its folder where it is missing.
pub(super) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let unreachable = |source| OpenError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unreachable)?;
    }
    let file = private_file(&beside(path, ".lock")).map_err(unreachable)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unreachable(source)),
    }
}

/// Opens the one connection that writes, and brings the tables up to date.
pub(super) fn open_writer(path: &Path, max_size_mb: Option<u64>) -> Result<Connection, OpenError> {
    if rusqlite::version_number() < MIN_SQLITE {
        return Err(OpenError::OldSqlite { version: rusqlite::version() });
    }
    // Made by us, because SQLite would make it readable for everybody.
    drop(private_file(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?);
    let database = |source| OpenError::Database { path: path.to_owned(), source };
    let mut connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(database)?;
    check_owner(&connection, path)?;
    configure(&connection, max_size_mb).map_err(database)?;
    if pragma(&connection, "auto_vacuum").map_err(database)? != 2 {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    migrate(&mut connection).map_err(database)?;
    Ok(connection)
}

/// Opens a connection that can only read.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = |source| OpenError::Database { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, flags).map_err(database)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(database)?;
    connection
        .execute_batch(
            "PRAGMA query_only = ON; PRAGMA cache_size = -8192; PRAGMA trusted_schema = OFF;",
        )
        .map_err(database)?;
    Ok(connection)
}

/// Moves what the write-ahead log holds into the file, as far as no reader is in the way.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// Returns a pragma's number.
pub(super) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn configure(connection: &Connection, max_size_mb: Option<u64>) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // auto_vacuum first: it is fixed when the first page is written, and WAL mode writes one.
    // FULL: an agent forgets what we acknowledge, so it must be on the disk.
    connection.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 4096;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -32768;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )?;
    if let Some(mb) = max_size_mb {
        let page_bytes = pragma(connection, "page_size")?.max(1);
        let pages = i64::try_from(mb.saturating_mul(1 << 20)).unwrap_or(i64::MAX) / page_bytes;
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}

/// Refuses files of other programs and those of a later version of this one.
fn check_owner(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let read = |name| {
        let database = |source| OpenError::Database { path: path.to_owned(), source };
        pragma(connection, name).map_err(database)
    };
    let (application_id, version) = (read("application_id")?, read("user_version")?);
    // Without tables it is ours as well: a first start that was cut off before it made them.
    if application_id != i64::from(APPLICATION_ID) && has_tables(connection, path)? {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    if MIGRATIONS.iter().all(|(known, _)| *known < version) {
        return Err(OpenError::Newer { path: path.to_owned() });
    }
    Ok(())
}

fn has_tables(connection: &Connection, path: &Path) -> Result<bool, OpenError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema)";
    let database = |source| OpenError::Database { path: path.to_owned(), source };
    connection.query_row(sql, [], |row| row.get(0)).map_err(database)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let done = pragma(connection, "user_version")?;
    for (version, step) in MIGRATIONS.iter().filter(|(version, _)| *version > done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Opens a file for writing that only its owner can read, and makes it where it is missing.
fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// The path with `suffix` added to its last part.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_has_the_settings_that_durability_rests_on() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("a.db"), None).unwrap();
        assert_eq!(pragma(&connection, "synchronous").unwrap(), 2);
        assert_eq!(pragma(&connection, "auto_vacuum").unwrap(), 2);
        let mode: String =
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn a_file_is_opened_again_without_a_second_migration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/a.db");
        drop(lock(&path).unwrap());
        for _ in 0..2 {
            let connection = open_writer(&path, None).unwrap();
            assert_eq!(pragma(&connection, "user_version").unwrap(), 1);
        }
    }

    #[test]
    fn a_file_of_another_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(open_writer(&path, None), Err(OpenError::Foreign { .. })));
    }

    #[test]
    fn a_first_start_that_was_cut_off_is_finished_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).unwrap();
        configure(&connection, None).unwrap();
        drop(connection);
        assert!(fs::metadata(&path).unwrap().len() > 0);
        assert!(open_writer(&path, None).is_ok());
    }

    #[test]
    fn a_file_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        open_writer(&path, None).unwrap().pragma_update(None, "user_version", 999).unwrap();
        assert!(matches!(open_writer(&path, None), Err(OpenError::Newer { .. })));
    }

    #[test]
    fn a_second_user_of_the_file_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let first = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(OpenError::InUse { .. })));
        drop(first);
        assert!(lock(&path).is_ok());
    }

    #[test]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let _connection = open_writer(&path, None).unwrap();
        for file in ["a.db", "a.db-wal"] {
            let mode = fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{file}");
        }
    }
}
