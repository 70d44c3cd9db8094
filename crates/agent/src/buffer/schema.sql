-- Batches that wait for the listener. seq is their order; AUTOINCREMENT never uses a number twice.
CREATE TABLE batch (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB    NOT NULL UNIQUE,
    source     TEXT    NOT NULL,
    entries    INTEGER NOT NULL,
    encoding   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    file       INTEGER REFERENCES file (id),
    hash       INTEGER NOT NULL,
    body       BLOB    NOT NULL
) STRICT;

-- How far each file has been read and stored.
CREATE TABLE file (
    id          INTEGER PRIMARY KEY,
    path        BLOB    NOT NULL,
    device      INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    born_ns     INTEGER NOT NULL,
    head        BLOB    NOT NULL,
    position    INTEGER NOT NULL,
    guard_bytes INTEGER NOT NULL,
    guard_hash  INTEGER NOT NULL,
    seen_ms     INTEGER NOT NULL,
    UNIQUE (device, inode, born_ns)
) STRICT;

-- Counts of entries by what became of them. 'lost:' is followed by the reason.
CREATE TABLE ledger (
    account TEXT    PRIMARY KEY,
    entries INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was lost, when and of which file.
CREATE TABLE loss (
    id      INTEGER PRIMARY KEY,
    reason  TEXT    NOT NULL,
    file    INTEGER,
    batches INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY  NOT NULL
) STRICT, WITHOUT ROWID;
