//! What stands in an error's message: names, types and values.

use crate::{
    entry::Fields,
    event::{
        Event,
        rule::{
            self, Step,
            Step::{Count, End, Is, Maybe, Quoted, QuotedToEnd, Rest, Until},
        },
        scan::Scan,
    },
};

/// Takes the values out of an error's message.
pub(super) fn read<'x>(event: Event, message: &'x str, fields: &mut Fields<'x>) {
    let mut shapes = SHAPES.iter().filter(|(class, _)| *class == event);
    let shape = shapes.find_map(|(_, shape)| rule::attempt(shape, &mut Scan::of(message), fields));
    if shape.is_none() {
        quoted_names(message, fields);
    }
}

/// Shapes of messages in which not every name is in quotes, or not behind its kind.
const SHAPES: &[(Event, &[Step])] = &[
    (
        Event::ErrorForeignKeyConstraintViolation,
        &[
            Is("update or delete on table "),
            Quoted("table", " violates "),
            Maybe(&[Is("RESTRICT setting of ")]),
            Is("foreign key constraint "),
            Quoted("constraint", " on table "),
            QuotedToEnd("referencing_table"),
        ],
    ),
    (
        Event::ErrorCheckConstraintViolation,
        &[
            Is("value for domain "),
            Until("domain", " violates check constraint "),
            QuotedToEnd("constraint"),
        ],
    ),
    (
        Event::ErrorInvalidInputSyntax,
        &[Is("invalid input syntax for type "), Until("type", ": "), QuotedToEnd("value")],
    ),
    (Event::ErrorInvalidInputSyntax, &[Is("invalid input syntax for type "), Rest("type")]),
    (
        Event::ErrorInvalidInputSyntax,
        &[Is("invalid input value for enum "), Until("type", ": "), QuotedToEnd("value")],
    ),
    (Event::ErrorMalformedArrayLiteral, &[Is("malformed array literal: "), QuotedToEnd("value")]),
    (
        Event::ErrorInvalidValue,
        &[Is("invalid value for parameter "), Quoted("parameter", ": "), QuotedToEnd("value")],
    ),
    (
        Event::ErrorInvalidValue,
        &[Is("invalid value "), Quoted("value", " for "), QuotedToEnd("for")],
    ),
    (Event::ErrorValueTooLongForType, &[Is("value too long for type "), Rest("type")]),
    (
        Event::ErrorIntegerOutOfRange,
        &[Is("value "), Quoted("value", " is out of range for type "), Rest("type")],
    ),
    (Event::ErrorIntegerOutOfRange, &[Until("type", " out of range"), End]),
    (
        Event::ErrorValueOutOfRange,
        &[Is("date/time field value out of range: "), QuotedToEnd("value")],
    ),
    (Event::ErrorValueOutOfRange, &[Quoted("value", " is out of range for type "), Rest("type")]),
    (Event::ErrorValueOutOfRange, &[Until("type", " out of range"), End]),
    (Event::ErrorSyntaxError, NEAR),
    (Event::ErrorUnterminatedQuotedString, NEAR),
    (Event::ErrorUnterminatedQuotedIdentifier, NEAR),
    (Event::ErrorOperatorDoesNotExist, &[Is("operator does not exist: "), Rest("operator")]),
    (
        Event::ErrorFunctionDoesNotExist,
        &[Is("function "), Until("function", " does not exist"), End],
    ),
    (
        Event::ErrorFunctionDoesNotExist,
        &[Is("procedure "), Until("procedure", " does not exist"), End],
    ),
    (
        Event::ErrorColumnDoesNotExist,
        &[Is("column "), Quoted("column", " of relation "), Quoted("relation", " does not exist")],
    ),
    (Event::ErrorColumnDoesNotExist, &[Is("column "), Quoted("column", " does not exist"), End]),
    (Event::ErrorColumnDoesNotExist, &[Is("column "), Until("column", " does not exist"), End]),
    (
        Event::ErrorColumnReferenceAmbiguous,
        &[Is("column reference "), Quoted("column", " is ambiguous")],
    ),
    (
        Event::ErrorColumnCannotBeCast,
        &[Is("column "), Quoted("column", " cannot be cast automatically to type "), Rest("type")],
    ),
    (Event::ErrorParamMissing, &[Is("there is no parameter $"), Count("parameter")]),
    (
        Event::ErrorInvalidByteSequence,
        &[Is("invalid byte sequence for encoding "), Quoted("encoding", ": "), Rest("bytes")],
    ),
    (Event::ErrorInvalidRegexp, &[Is("invalid regular expression: "), Rest("reason")]),
    (Event::ErrorCannotDrop, &[Is("cannot drop "), Until("object", " because "), Rest("because")]),
    (Event::ErrorPermissionDenied, &[Is("permission denied for "), Rest("object")]),
    (Event::ErrorPermissionDenied, &[Is("must be owner of "), Rest("object")]),
];

/// What the scanner and the parser of SQL complain about.
const NEAR: &[Step] = &[Until("problem", " at or near "), QuotedToEnd("near")];

/// What kinds of things have names. A name in quotes stands behind its kind.
const KINDS: [&str; 37] = [
    "collation",
    "column",
    "constraint",
    "conversion",
    "cursor",
    "database",
    "domain",
    "encoding",
    "enum",
    "extension",
    "file",
    "function",
    "host",
    "index",
    "language",
    "operator",
    "option",
    "parameter",
    "partition",
    "policy",
    "portal",
    "procedure",
    "publication",
    "relation",
    "role",
    "rule",
    "savepoint",
    "schema",
    "sequence",
    "slot",
    "statement",
    "subscription",
    "table",
    "tablespace",
    "trigger",
    "type",
    "user",
];

/// Keeps each name in quotes under its kind, the first of each. A view is a relation as any other.
fn quoted_names<'x>(message: &'x str, fields: &mut Fields<'x>) {
    let mut scan = Scan::of(message);
    if let Some(name) = name_at_start(message) {
        fields.push("name", name);
    }
    while let Some(before) = scan.until(" \"") {
        let kind = before.rsplit(' ').next().unwrap_or_default();
        let Some(name) = name_here(&mut scan) else { return };
        let kind = if kind == "view" { "relation" } else { kind };
        if let Ok(at) = KINDS.binary_search(&kind)
            && let Some(kind) = KINDS.get(at)
            && fields.get(kind).is_none()
        {
            fields.push(kind, name);
        }
    }
}

/// Reads `"a" is not a view`.
fn name_at_start(message: &str) -> Option<&str> {
    let behind = message.strip_prefix('"')?;
    behind.split_once("\" is ").map(|(name, _)| name)
}

/// Reads a name whose opening quote has been passed. It ends where something else than a letter follows
/// the quote.
fn name_here<'x>(scan: &mut Scan<'x>) -> Option<&'x str> {
    let text = scan.rest();
    let end = text.match_indices('"').map(|(at, _)| at).find(|at| {
        let next = text.as_bytes().get(at + 1);
        next.is_none_or(|next| matches!(next, b' ' | b',' | b';' | b':' | b'.' | b')' | b'\n'))
    })?;
    let name = scan.take(end)?;
    scan.eat("\"");
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::FieldValue;

    fn values(event: Event, message: &str) -> Vec<(&'static str, String)> {
        let mut fields = Fields::new();
        read(event, message, &mut fields);
        let text = |value: &FieldValue<'_>| match value {
            FieldValue::Text(text) => text.to_string(),
            other => format!("{other:?}"),
        };
        fields.iter().map(|(name, value)| (name, text(value))).collect()
    }

    #[test]
    fn kinds_are_sorted() {
        assert!(KINDS.is_sorted());
    }

    #[test]
    fn names_are_kept_under_their_kinds() {
        assert_eq!(
            values(
                Event::ErrorNotNullConstraintViolation,
                "null value in column \"a\" of relation \"t b\" violates not-null constraint"
            ),
            [("column", "a".to_owned()), ("relation", "t b".to_owned())]
        );
        assert_eq!(
            values(
                Event::ErrorUniqueConstraintViolation,
                "duplicate key value violates unique constraint \"a\"b\""
            ),
            [("constraint", "a\"b".to_owned())]
        );
        assert_eq!(
            values(Event::ErrorWrongObjectType, "\"pk\" is not a view"),
            [("name", "pk".to_owned())]
        );
    }

    #[test]
    fn tables_of_a_foreign_key_are_told_apart() {
        let message =
            "update or delete on table \"a\" violates foreign key constraint \"c\" on table \"b\"";
        assert_eq!(
            values(Event::ErrorForeignKeyConstraintViolation, message),
            [
                ("table", "a".to_owned()),
                ("constraint", "c".to_owned()),
                ("referencing_table", "b".to_owned())
            ]
        );
    }

    #[test]
    fn what_is_not_quoted_is_read_by_shape() {
        assert_eq!(
            values(
                Event::ErrorInvalidInputSyntax,
                "invalid input syntax for type integer: \"a: \"b\"\""
            ),
            [("type", "integer".to_owned()), ("value", "a: \"b\"".to_owned())]
        );
        assert_eq!(
            values(Event::ErrorIntegerOutOfRange, "value \"9\" is out of range for type integer"),
            [("value", "9".to_owned()), ("type", "integer".to_owned())]
        );
        assert_eq!(
            values(Event::ErrorColumnDoesNotExist, "column t.a does not exist"),
            [("column", "t.a".to_owned())]
        );
        assert_eq!(
            values(Event::ErrorSyntaxError, "syntax error at or near \"\"x\"\""),
            [("problem", "syntax error".to_owned()), ("near", "\"x\"".to_owned())]
        );
    }
}
