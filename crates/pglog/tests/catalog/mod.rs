//! The message catalogs of the servers that are installed here.

use std::{collections::HashMap, fs, path::Path};

use pglog::Language;

/// The catalogs that are installed.
pub(crate) fn catalogs() -> Vec<(Language, HashMap<String, String>)> {
    let mut catalogs = Vec::new();
    for language in Language::ALL {
        let path = format!("/usr/share/locale/{}/LC_MESSAGES/postgres-15.mo", language.code());
        if let Ok(bytes) = fs::read(Path::new(&path)) {
            catalogs.push((language, read_catalog(&bytes)));
        }
    }
    catalogs
}

/// Reads a compiled gettext catalog: a header of 32-bit numbers, then two tables of lengths and offsets.
fn read_catalog(bytes: &[u8]) -> HashMap<String, String> {
    let number = |at: usize| {
        let bytes: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap()
    };
    let text = |table: usize, index: usize| {
        let (length, offset) = (number(table + index * 8), number(table + index * 8 + 4));
        String::from_utf8_lossy(&bytes[offset..offset + length]).into_owned()
    };
    let (count, originals, translations) = (number(8), number(12), number(16));
    (0..count).map(|index| (text(originals, index), text(translations, index))).collect()
}
