-- Batches that wait for the listener. seq is their order. A batch owns the span of numbers that begins
-- at its seq, so that its halves find their places between its neighbours; AUTOINCREMENT never uses a
-- span twice.
CREATE TABLE batch (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    span       INTEGER NOT NULL,
    id         BLOB    NOT NULL UNIQUE,
    source     TEXT    NOT NULL,
    entries    INTEGER NOT NULL,
    encoding   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    file       INTEGER,
    hash       INTEGER NOT NULL,
    body       BLOB    NOT NULL
) STRICT;

-- Batches that the listener refuses for good, mostly of one entry each, with its words.
CREATE TABLE dead_letter (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    seq        INTEGER NOT NULL,
    span       INTEGER NOT NULL,
    id         BLOB    NOT NULL UNIQUE,
    source     TEXT    NOT NULL,
    entries    INTEGER NOT NULL,
    encoding   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    file       INTEGER,
    hash       INTEGER NOT NULL,
    body       BLOB    NOT NULL,
    words      TEXT    NOT NULL,
    at_ms      INTEGER NOT NULL
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
    hash        INTEGER NOT NULL,
    UNIQUE (device, inode, born_ns)
) STRICT;

-- Counts of entries by what became of them. 'lost:' is followed by the reason.
CREATE TABLE ledger (
    account TEXT    PRIMARY KEY,
    entries INTEGER NOT NULL,
    hash    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was lost, when and of which file; the newest of it.
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
