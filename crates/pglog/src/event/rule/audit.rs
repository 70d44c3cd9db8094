//! Records of pgaudit: `AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.account,"SELECT ...",<none>`.

use crate::event::rule::{
    At::Any,
    FirstWords, Rule,
    Step::{By, Is},
};
use crate::{
    entry::{FieldValue, Fields, Text},
    event::{Event, scan::Scan},
};

pub(super) const WORDS: FirstWords = &[("AUDIT", RECORDS)];

/// Records have the level that `pgaudit.log_level` says.
const RECORDS: &[Rule] = &[
    Rule {
        at: Any,
        event: Event::AuditSession,
        head: &[Is("AUDIT: SESSION,")],
        rest: &[By(record)],
    },
    Rule { at: Any, event: Event::AuditObject, head: &[Is("AUDIT: OBJECT,")], rest: &[By(record)] },
];

/// The record's columns behind its type.
const COLUMNS: [&str; 8] = [
    "statement_id",
    "substatement_id",
    "class",
    "command",
    "object_type",
    "object_name",
    "statement",
    "parameter",
];

/// Reads the rest of a record, which is CSV.
fn record<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    for name in COLUMNS {
        let value = column(scan)?;
        match value.parse::<u64>() {
            Ok(number) if name.ends_with("_id") => fields.push(name, number),
            _ if value.is_empty() => {}
            _ => fields.push(name, FieldValue::Text(value)),
        }
        if !scan.eat(",") {
            break;
        }
    }
    // `pgaudit.log_rows` adds how many.
    let rows = scan.number();
    fields.push_some("rows", rows);
    Some(())
}

fn column<'x>(scan: &mut Scan<'x>) -> Option<Text<'x>> {
    if !scan.eat("\"") {
        let end = scan.rest().find(',').unwrap_or(scan.rest().len());
        return scan.take(end).map(Text::Borrowed);
    }
    let mut from = 0;
    loop {
        let at = from + scan.rest().get(from..)?.find('"')?;
        if scan.rest().as_bytes().get(at + 1) != Some(&b'"') {
            let quoted = scan.take(at)?;
            scan.literal("\"")?;
            let is_plain = !quoted.contains('"');
            return Some(if is_plain {
                quoted.into()
            } else {
                quoted.replace("\"\"", "\"").into()
            });
        }
        from = at + 2;
    }
}
