//! What the ending of a file's name says of a log.

use std::{ffi::OsStr, path::Path};

/// How much an ending says of a log's format: jsonlog has the most fields, then csvlog. 0 for what is no
/// log by its name.
pub(super) fn rank(path: &Path) -> u8 {
    match path.extension().and_then(OsStr::to_str) {
        Some("json") => 3,
        Some("csv") => 2,
        Some("log") => 1,
        _ => 0,
    }
}
