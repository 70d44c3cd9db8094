//! Space on disk that is taken before it is needed, without writing to it.
//!
//! The file system sets the blocks aside. In a database they are listed as free pages, in the way that
//! <https://www.sqlite.org/fileformat2.html#the_freelist> describes: trunk pages, each with the number of
//! the next one, a count, and so many numbers of pages whose content means nothing. All numbers have 32
//! bits, the high byte first.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
};

use rustix::fs::{FallocateFlags, fallocate};

use crate::buffer::space::PAGE_BYTES;

/// The room that is looked for.
const PROBE_BYTES: u64 = 64 << 10;
/// How many pages a trunk page lists. A few more would fit, which old versions of SQLite take for damage.
const LISTED_PAGES: usize = 1016;
/// The page in which SQLite's locks are, at 1 GiB. It is never used, and so must not be listed.
const LOCK_PAGE: u32 = (1 << 30) / 4096 + 1;
const _: () = assert!(PAGE_BYTES == 4096, "the place of the locks is a number of such pages");
/// Where the header of a database has the number of pages, the first trunk page and the number of free
/// pages, one after the other.
const COUNTS_AT: u64 = 28;

/// Takes the space of a file up to a size, to which it grows where it is smaller. What is there is as it
/// was.
pub(super) fn allocate(path: &Path, bytes: u64) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
    Ok(file)
}

/// Tells whether an error says that there is no room: on the file system, or for this user.
pub(super) fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Tells whether a folder's file system has room for a little more. Where that cannot be found out it has.
pub(super) fn has_room(folder: &Path) -> bool {
    let probe = folder.join("buffer.probe");
    let taken = allocate(&probe, PROBE_BYTES);
    drop(fs::remove_file(&probe));
    !taken.is_err_and(|error| is_no_room(&error))
}

/// Takes the space of a whole database, which nobody has open and in which no page is free, and lists what
/// is new as free.
pub(super) fn add_free_pages(path: &Path, pages: u64) -> io::Result<()> {
    let first_new = fs::metadata(path)?.len() / PAGE_BYTES + 1;
    let file = allocate(path, pages * PAGE_BYTES)?;
    let new: Vec<u32> =
        (number(first_new)?..=number(pages)?).filter(|page| *page != LOCK_PAGE).collect();
    let trunks: Vec<&[u32]> = new.chunks(1 + LISTED_PAGES).collect();
    let first_of = |trunk: Option<&&[u32]>| trunk.and_then(|pages| pages.first()).copied();
    for (index, trunk) in trunks.iter().enumerate() {
        let Some((page, listed)) = trunk.split_first() else { continue };
        let next = first_of(trunks.get(index + 1)).unwrap_or(0);
        let content =
            [next, number(listed.len() as u64)?].into_iter().chain(listed.iter().copied());
        let content: Vec<u8> = content.flat_map(u32::to_be_bytes).collect();
        file.write_all_at(&content, u64::from(page - 1) * PAGE_BYTES)?;
    }
    let last = new.last().copied().unwrap_or(0);
    let counts = [last, first_of(trunks.first()).unwrap_or(0), number(new.len() as u64)?];
    let counts: Vec<u8> = counts.into_iter().flat_map(u32::to_be_bytes).collect();
    if new.is_empty() { Ok(()) } else { file.write_all_at(&counts, COUNTS_AT) }
}

fn number(value: u64) -> io::Result<u32> {
    u32::try_from(value).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn database(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("x.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA page_size = {PAGE_BYTES}; CREATE TABLE t (v ANY); INSERT INTO t VALUES (7)"
            ))
            .unwrap();
        path
    }

    fn number_of(connection: &Connection, sql: &str) -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn pages_are_free_and_the_database_is_whole() {
        for pages in [3, 4, 1018, 1019, 1020, 5000] {
            let folder = tempfile::tempdir().unwrap();
            let path = database(folder.path());
            add_free_pages(&path, pages).unwrap();
            let connection = Connection::open(&path).unwrap();
            let pages = i64::try_from(pages).unwrap();
            assert_eq!(number_of(&connection, "PRAGMA page_count"), pages);
            assert_eq!(number_of(&connection, "PRAGMA freelist_count"), pages - 2);
            let verdict: String =
                connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(verdict, "ok");
            let bytes = (pages - 2) * 4000;
            connection.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes - 500]).unwrap();
            assert!(number_of(&connection, "PRAGMA page_count") <= pages + 1);
            assert_eq!(
                number_of(&connection, "SELECT sum(v) FROM t WHERE typeof(v) = 'integer'"),
                7
            );
        }
    }

    #[test]
    fn page_of_the_locks_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        // The size of the file is what counts here, not its blocks.
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let pages = u64::from(LOCK_PAGE) + 2;
        let Ok(()) = file.set_len(u64::from(LOCK_PAGE - 3) * PAGE_BYTES) else { return };
        file.write_all_at(&(LOCK_PAGE - 3).to_be_bytes(), COUNTS_AT).unwrap();
        add_free_pages(&path, pages).unwrap();
        let mut listed = [0; 20];
        let at = u64::from(LOCK_PAGE - 3) * PAGE_BYTES;
        OpenOptions::new().read(true).open(&path).unwrap().read_exact_at(&mut listed, at).unwrap();
        let expected = [0, 3, LOCK_PAGE - 1, LOCK_PAGE + 1, LOCK_PAGE + 2];
        assert_eq!(listed.to_vec(), expected.map(u32::to_be_bytes).concat());
    }
}
