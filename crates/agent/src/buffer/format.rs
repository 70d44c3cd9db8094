//! Which version of the tables a database has.

/// The version of the tables, in `PRAGMA user_version` and, against a torn page, in `meta`.
pub(super) const FORMAT: i64 = 2;
/// The key of the second copy.
pub(super) const FORMAT_KEY: &str = "format";
