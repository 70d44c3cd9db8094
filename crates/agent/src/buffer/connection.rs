//! How a database is used.

use std::time::Duration;

use rusqlite::{Connection, config::DbConfig};

use crate::buffer::{make, space::Space};

/// Sets the connection up. The locking mode comes first: any read before it would make a file of shared
/// memory, for which a full disk has no room. The log stays when the connection is closed, because a
/// full disk has no room for a new one.
pub(super) fn configure(connection: &Connection, space: &Space) -> Result<(), rusqlite::Error> {
    // Another process would hold it for as long as it lives, so waiting is of no use.
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let max_pages = space.pages;
    connection.execute_batch(&format!(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = {};
         PRAGMA journal_size_limit = -1;
         PRAGMA secure_delete = OFF;
         PRAGMA mmap_size = 0;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -2048;
         PRAGMA max_page_count = {max_pages};
         BEGIN IMMEDIATE; COMMIT;",
        space.checkpoint_pages
    ))?;
    if space.preallocated {
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        // Pages beyond those that are on disk would need space.
        if pages.unsigned_abs() + make::UNFILLED_PAGES >= max_pages {
            connection.pragma_update(None, "max_page_count", pages)?;
        }
    }
    Ok(())
}
