//! The account: every entry read is delivered, waiting, kept aside or lost for a reason.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use wire::Ledger;
use xxhash_rust::xxh3::Xxh3;

use crate::buffer::{Error, row::Stored};

/// Entries stored in the buffer, since it was made.
pub(super) const READ: &str = "read";
/// Entries confirmed by the listener.
pub(super) const DELIVERED: &str = "delivered";
/// What stands before the reason of a loss.
const LOST: &str = "lost:";

/// How many losses are remembered one by one; the account counts all.
const MAX_LOSSES: i64 = 1000;

pub(super) fn add(transaction: &Transaction<'_>, account: &str, entries: u64) -> Result<(), Error> {
    let before: Option<i64> = transaction
        .prepare_cached("SELECT entries FROM ledger WHERE account = ?1")?
        .query_row([account], |row| row.get(0))
        .optional()?;
    let after = before.unwrap_or(0).saturating_add(entries.cast_signed());
    set(transaction, account, after)
}

pub(super) fn set(connection: &Connection, account: &str, entries: i64) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO ledger (account, entries, hash) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![account, entries, checksum(account, entries)])?;
    Ok(())
}

fn checksum(account: &str, entries: i64) -> i64 {
    let mut hash = Xxh3::new();
    hash.update(account.as_bytes());
    hash.update(&entries.to_le_bytes());
    hash.digest().cast_signed()
}

/// Entries that will never be delivered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    /// Why, in a word.
    pub(super) reason: &'static str,
    /// The file's row, where they are of one file.
    pub(super) file: Option<i64>,
    pub(super) batches: u64,
    pub(super) entries: u64,
    /// Bytes of the bodies.
    pub(super) bytes: u64,
}

impl Loss {
    pub(super) const fn of(reason: &'static str, row: &Stored) -> Self {
        Self { reason, file: row.file, batches: 1, entries: row.entries, bytes: row.bytes }
    }
}

/// Notes a loss, and counts it under its reason.
pub(super) fn add_loss(
    transaction: &Transaction<'_>,
    loss: &Loss,
    now_ms: i64,
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO loss (reason, file, batches, entries, bytes, at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            loss.reason,
            loss.file,
            loss.batches.cast_signed(),
            loss.entries.cast_signed(),
            loss.bytes.cast_signed(),
            now_ms,
        ])?;
    let newest = transaction.last_insert_rowid();
    transaction
        .prepare_cached("DELETE FROM loss WHERE id <= ?1")?
        .execute([newest - MAX_LOSSES])?;
    add(transaction, &format!("{LOST}{}", loss.reason), loss.entries)
}

/// The counts, as they stand in their rows.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) ledger: Ledger,
    /// Whether every row had its checksum.
    pub(super) whole: bool,
}

/// Reads all counts but those of what is in the buffer.
pub(super) fn load(connection: &Connection) -> Result<Accounts, Error> {
    let mut accounts = Accounts { ledger: Ledger::default(), whole: true };
    let mut statement = connection.prepare_cached("SELECT account, entries, hash FROM ledger")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let account = String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default());
        let entries: i64 = row.get(1)?;
        if row.get::<_, i64>(2)? != checksum(&account, entries) {
            accounts.whole = false;
            continue;
        }
        let (ledger, entries) = (&mut accounts.ledger, entries.unsigned_abs());
        match &*account {
            READ => ledger.read = entries,
            DELIVERED => ledger.delivered = entries,
            other => {
                let reason = other.strip_prefix(LOST).unwrap_or(other);
                ledger.lost.insert(reason.to_owned(), entries);
            }
        }
    }
    Ok(accounts)
}

/// Makes the account agree with what is in the buffer, after a database was damaged: `waiting` and
/// `dead_lettered` entries are there, and what else had been read is gone. Returns how many entries that
/// is.
pub(super) fn settle(
    transaction: &Transaction<'_>,
    accounts: Accounts,
    in_buffer: [u64; 2],
    now_ms: i64,
) -> Result<u64, Error> {
    let [waiting, dead_lettered] = in_buffer;
    let Accounts { mut ledger, whole } = accounts;
    ledger.waiting = waiting;
    ledger.dead_lettered = dead_lettered;
    let rest = ledger.delivered + waiting + dead_lettered + ledger.lost_total();
    let lost = if whole { ledger.read.saturating_sub(rest) } else { 0 };
    set(transaction, READ, (rest + lost).cast_signed())?;
    set(transaction, DELIVERED, ledger.delivered.cast_signed())?;
    for (reason, entries) in &ledger.lost {
        set(transaction, &format!("{LOST}{reason}"), entries.cast_signed())?;
    }
    if lost > 0 {
        let loss = Loss { reason: "corrupt", file: None, batches: 0, entries: lost, bytes: 0 };
        add_loss(transaction, &loss, now_ms)?;
    }
    Ok(lost)
}
