-- Every request, for as long as a resend of it must be recognised; what it carried goes earlier.
-- Times are microseconds since 1970-01-01 UTC.
CREATE TABLE requests (
  id          INTEGER PRIMARY KEY,
  project     TEXT    NOT NULL,
  source      TEXT    NOT NULL,
  batch_id    BLOB,               -- 16 bytes; absent from senders older than batch ids
  agent       TEXT,
  file        TEXT,
  file_start  INTEGER,
  file_end    INTEGER,
  sent_at     INTEGER NOT NULL,   -- by the sender's clock
  received_at INTEGER NOT NULL,   -- by ours
  first_entry INTEGER,            -- the ids of its entries are first_entry, first_entry + 1, ..
  entries     INTEGER NOT NULL,   -- how many it came with
  data        TEXT,               -- the JSON of a source that has no entries
  is_cleared  INTEGER NOT NULL DEFAULT 0  -- 1 when retention has taken entries and data
) STRICT;

CREATE UNIQUE INDEX requests_by_batch ON requests (project, batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX requests_by_age ON requests (is_cleared, received_at);

-- One row per log entry. The columns repeat what is searched by; json is all that came.
CREATE TABLE entries (
  id             INTEGER PRIMARY KEY,
  request        INTEGER NOT NULL,  -- requests.id
  project        TEXT    NOT NULL,
  timestamp      INTEGER NOT NULL,  -- when logged; where unknown or far in the future, when sent
  level          INTEGER,           -- 1 = DEBUG5 .. 6 = LOG, 9 = WARNING .. 12 = PANIC
  pid            INTEGER,
  user           TEXT,
  database       TEXT,
  duration_us    INTEGER,
  state_code     TEXT,
  event          TEXT,
  correlation_id TEXT,
  pattern        INTEGER,           -- equal for entries that differ only in values
  json           TEXT    NOT NULL
) STRICT;

CREATE INDEX entries_by_time ON entries (timestamp);
CREATE INDEX entries_by_project ON entries (project, timestamp);
CREATE INDEX entries_by_level ON entries (timestamp, level, pattern, project) WHERE level >= 9;
CREATE INDEX entries_by_duration ON entries (timestamp, duration_us, pattern, project)
  WHERE duration_us IS NOT NULL;
CREATE INDEX entries_by_correlation ON entries (correlation_id, timestamp)
  WHERE correlation_id IS NOT NULL;

-- Every agent that was heard of, with its newest account of itself.
CREATE TABLE agents (
  project   TEXT    NOT NULL,
  agent     TEXT    NOT NULL,
  last_seen INTEGER NOT NULL,
  health    TEXT,                 -- JSON
  PRIMARY KEY (project, agent)
) STRICT, WITHOUT ROWID;

-- Empty. A probe fills it for a moment, to learn whether the disk takes writes again.
CREATE TABLE probe (filler BLOB NOT NULL) STRICT;
