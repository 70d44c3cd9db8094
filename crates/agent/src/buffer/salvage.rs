//! Taking over what can be read from a damaged database into a new one.
//!
//! Rows are looked for on every way that leads to them, from both ends of the tables and through the
//! index, and by number where a page between two of them is gone. What has its checksum is taken over;
//! what had been read from logs and is not there any more is counted as lost. The damaged file is kept
//! once, compressed, as long as nobody needs the space.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, TransactionBehavior, params};

use crate::buffer::{
    Error, Settings, checkpoints,
    connection::configure,
    dead, destinations,
    format::FORMAT_KEY,
    ledger, make, missed,
    row::{self, SPAN},
    space::Space,
    totals::Totals,
};

/// How many numbers are tried one by one.
const MAX_PROBES: i64 = 200_000;

/// What was done about a damaged database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    /// What is wrong with it.
    pub damage: String,
    /// Batches that were taken over.
    pub batches: u64,
    /// Entries that are lost with it.
    pub lost_entries: u64,
    /// Files whose position was taken over.
    pub files: usize,
    /// Where the damaged file is kept, where it is.
    pub kept: Option<PathBuf>,
}

/// Where the damaged file is kept.
pub(super) fn kept_of(path: &Path) -> PathBuf {
    path.with_extension("db.corrupt.zst")
}

/// Returns the size of a damaged file that is kept.
pub(super) fn kept_bytes(path: &Path) -> u64 {
    fs::metadata(kept_of(path)).map_or(0, |kept| kept.len().next_multiple_of(4096))
}

/// Makes the database anew from what can be read of it.
pub(super) fn rebuild(path: &Path, settings: &Settings, damage: &str) -> Result<Salvaged, Error> {
    let kept = keep(path, settings.max_bytes / 4);
    let mut rebuilt = draft(path, &Space::of(settings, kept_bytes(path)));
    if kept.is_some() && rebuilt.as_ref().is_err_and(Error::is_full) {
        // What is in it comes first.
        make::remove(&kept_of(path))?;
        let space = Space { preallocated: false, ..Space::of(settings, 0) };
        rebuilt = draft(path, &space);
    }
    let counts = rebuilt?;
    // Between these two there is no database, and the draft, being whole, becomes it.
    let aside = aside_of(path);
    fs::rename(path, &aside).map_err(|source| Error::Folder { path: aside.clone(), source })?;
    make::publish(&make::draft_of(path), path)?;
    make::remove(&aside)?;
    let kept = kept.filter(|kept| kept.exists());
    let Counts { batches, lost_entries, files } = counts;
    let kept_at = kept.as_ref().map(|kept| kept.display().to_string());
    let hint = "see whether the disk is failing; files without a position are read again";
    tracing::error!(damage, batches, lost_entries, files, kept_at, hint, "the buffer was damaged");
    Ok(Salvaged { damage: damage.to_owned(), batches, lost_entries, files, kept })
}

/// Where the damaged file is for a moment.
pub(super) fn aside_of(path: &Path) -> PathBuf {
    path.with_extension("db.bad")
}

/// Makes a draft of the new database.
fn draft(path: &Path, space: &Space) -> Result<Counts, Error> {
    let draft = make::draft_of(path);
    let mut new = make::start(&draft, space)?;
    let bad = Connection::open(path).and_then(|bad| {
        configure(&bad, space)?;
        Ok(bad)
    });
    // Even what cannot be set up for writing may be read.
    let bad = bad.or_else(|_| Connection::open(path))?;
    let counts = take_over(&bad, &mut new)?;
    drop(new);
    make::sync(&draft)?;
    Ok(counts)
}

/// Packs the damaged file, unless that would take more than `max_bytes`.
fn keep(path: &Path, max_bytes: u64) -> Option<PathBuf> {
    let kept = kept_of(path);
    let packed = File::open(path).and_then(|bad| {
        let file = Bounded { file: File::create(&kept)?, left: max_bytes };
        zstd::stream::copy_encode(bad, file, 1)
    });
    match packed {
        Ok(()) => Some(kept),
        Err(_) => {
            // What is left of it must not take space.
            drop(fs::remove_file(&kept));
            None
        }
    }
}

/// A file that takes only so much.
struct Bounded {
    file: File,
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        let left = self.left.checked_sub(written as u64);
        self.left = left.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What a draft holds, and what it does not.
struct Counts {
    batches: u64,
    lost_entries: u64,
    files: usize,
}

fn take_over(bad: &Connection, new: &mut Connection) -> Result<Counts, Error> {
    let transaction = new.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for seq in numbers(bad) {
        if let Ok(Some(stored)) = row::get(bad, seq)
            && let Some(batch) = &stored.batch
        {
            row::insert(&transaction, &stored, batch)?;
        }
    }
    for letter in dead::list(bad, 0, u32::MAX).unwrap_or_default() {
        dead::restore(&transaction, &letter)?;
    }
    let mut files = 0;
    for (checkpoint, seen_ms) in checkpoints::salvage(bad) {
        checkpoints::store(&transaction, &checkpoint, seen_ms)?;
        files += 1;
    }
    // Files without a position are read again; none is skipped as at the first start of all.
    copy_meta(bad, &transaction)?;
    missed::store(&transaction, &missed::load(bad).unwrap_or_default())?;
    checkpoints::note_start(&transaction, 0)?;
    destinations::take_over(bad, &transaction)?;
    let accounts = ledger::load(bad).unwrap_or_default();
    let totals = Totals::count(&transaction)?;
    let (_, dead_lettered) = dead::count(&transaction)?;
    let in_buffer = [totals.entries, dead_lettered];
    let lost_entries = ledger::settle(&transaction, accounts, in_buffer, 0)?;
    transaction.commit()?;
    Ok(Counts { batches: totals.batches, lost_entries, files })
}

/// Finds the numbers of all rows that can be found.
fn numbers(bad: &Connection) -> BTreeSet<i64> {
    let ways = [
        "SELECT seq FROM batch ORDER BY seq",
        "SELECT seq FROM batch ORDER BY seq DESC",
        "SELECT seq FROM batch ORDER BY id",
        "SELECT seq FROM batch ORDER BY id DESC",
    ];
    let mut found = BTreeSet::<i64>::new();
    for sql in ways {
        let Ok(mut statement) = bad.prepare(sql) else { continue };
        let Ok(mut rows) = statement.query([]) else { continue };
        let mut on_this_way = BTreeSet::new();
        while let Ok(Some(row)) = rows.next() {
            // A number that comes twice is a page that points back.
            let Ok(true) = row.get(0).map(|seq| on_this_way.insert(seq)) else { break };
        }
        found.append(&mut on_this_way);
    }
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        let (first, last) = (first / SPAN, (last / SPAN).min(first / SPAN + MAX_PROBES));
        found.extend((first..=last).map(|family| family * SPAN));
    }
    found
}

/// Takes over small values, such as the breaker's. One that is damaged is checked where it is used.
fn copy_meta(bad: &Connection, new: &Connection) -> Result<(), Error> {
    let Ok(mut statement) = bad.prepare("SELECT key, value FROM meta WHERE length(value) < 100")
    else {
        return Ok(());
    };
    let Ok(mut rows) = statement.query([]) else { return Ok(()) };
    while let Ok(Some(row)) = rows.next() {
        let (Ok(key), Ok(value)) = (row.get::<_, String>(0), row.get::<_, i64>(1)) else {
            continue;
        };
        if key != FORMAT_KEY {
            new.execute("INSERT OR IGNORE INTO meta VALUES (?1, ?2)", params![key, value])?;
        }
    }
    Ok(())
}
