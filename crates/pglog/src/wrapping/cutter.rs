//! Documents, and the records in them, each of which has a piece of a log.

use crate::{
    json::string_off,
    wrapping::{
        cut::{Cut, line_in},
        document::{Place, Records},
        export::Export,
        portion::Portion,
        table::Table,
    },
};

/// Where the records of a document are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// They are the elements of an array, which may be a member of an object: `[{…},…]`,
    /// `{"events":[{…},…]}`.
    Array,
    /// They follow each other, each over as many lines as it likes.
    Objects,
    /// They are the rows of comma-separated values below a line with the columns' names.
    Table,
    /// They are the entries of the journal's export format.
    Export,
    /// They are the log records of OTLP.
    LogRecords,
    /// They are the hits of a search.
    Hits,
    /// They are the values of Loki's streams.
    Values,
    /// They are the lines of one text.
    Lines,
}

/// Cuts a document into its records.
#[derive(Debug)]
pub(crate) enum Cutter {
    Json(Records),
    /// Each record is a time and a line.
    Pairs(Records),
    Table(Table),
    Export(Export),
    Portion(Portion),
}

impl Cutter {
    /// Makes a cutter for a document from its start on, or, where `is_begun`, from behind a record.
    pub(crate) fn new(shape: Shape, is_begun: bool, max_record_bytes: usize) -> Self {
        let json = |place| Self::Json(Records::new(place, is_begun, max_record_bytes));
        match shape {
            Shape::Array => json(Place::InArray),
            Shape::Objects => json(Place::Outside),
            Shape::LogRecords => json(Place::InLogRecords),
            Shape::Hits => json(Place::InHits),
            Shape::Values => Self::Pairs(Records::new(Place::InValues, is_begun, max_record_bytes)),
            Shape::Table => Self::Table(Table::new(is_begun, max_record_bytes)),
            Shape::Export => Self::Export(Export::new(max_record_bytes)),
            Shape::Lines => Self::Portion(Portion::new(is_begun, max_record_bytes)),
        }
    }

    /// Tells whether a record has begun that is not at its end.
    pub(crate) fn is_within(&self) -> bool {
        match self {
            Self::Json(records) | Self::Pairs(records) => records.is_within(),
            Self::Table(table) => table.is_within(),
            Self::Export(export) => export.is_within(),
            Self::Portion(portion) => portion.is_within(),
        }
    }

    /// Takes the next bytes up to the end of a record. Returns how many they are, and what the record has of
    /// the log, if it is whole.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> (usize, Option<Cut>) {
        match self {
            Self::Json(records) => {
                let (used, record) = records.take(bytes);
                (used, record.map(|text| Cut { text, time: None }))
            }
            Self::Pairs(records) => {
                let (used, record) = records.take(bytes);
                (used, record.and_then(|pair| line_of(&pair)))
            }
            Self::Table(table) => table.take(bytes),
            Self::Export(export) => export.take(bytes),
            Self::Portion(portion) => portion.take(bytes),
        }
    }

    /// Takes what there is of a record that will not be completed.
    pub(crate) fn take_rest(&mut self) -> Option<Cut> {
        match self {
            Self::Json(records) => Some(Cut { text: records.take_rest(), time: None }),
            Self::Pairs(records) => line_of(&records.take_rest()),
            Self::Table(table) => table.take_rest(),
            Self::Export(export) => export.take_rest(),
            Self::Portion(portion) => portion.take_rest(),
        }
    }
}

/// Reads `["1795486927123456000","LINE",…]`.
fn line_of(pair: &[u8]) -> Option<Cut> {
    let (time, _, rest) = string_off(pair.strip_prefix(b"[")?.trim_ascii_start())?;
    let rest = rest.trim_ascii_start().strip_prefix(b",")?.trim_ascii_start();
    let (text, has_escapes, _) = string_off(rest)?;
    let text = line_in(text, has_escapes).into_owned();
    Some(Cut { text, time: Some(String::from_utf8_lossy(time).into_owned()) })
}
