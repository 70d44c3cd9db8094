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
    find::{first_bytes, split_once},
};

/// Takes the values out of an error's message.
pub(super) fn read<'x>(event: Event, message: &'x str, fields: &mut Fields<'x>) {
    let mut shapes = shapes(event).iter();
    let shape = shapes.find_map(|shape| rule::attempt(shape, &mut Scan::of(message), fields));
    if shape.is_none() {
        quoted_names(message, fields);
    }
}

/// Shapes of messages in which not every name is in quotes, or not behind its kind.
type Shapes = &'static [&'static [Step]];

/// Returns the shapes of an event's messages.
const fn shapes(event: Event) -> Shapes {
    match event {
        Event::ErrorForeignKeyConstraintViolation => FOREIGN_KEY_CONSTRAINT_VIOLATION,
        Event::ErrorCheckConstraintViolation => CHECK_CONSTRAINT_VIOLATION,
        Event::ErrorInvalidInputSyntax => INVALID_INPUT_SYNTAX,
        Event::ErrorMalformedArrayLiteral => MALFORMED_ARRAY_LITERAL,
        Event::ErrorInvalidValue => INVALID_VALUE,
        Event::ErrorValueTooLongForType => VALUE_TOO_LONG_FOR_TYPE,
        Event::ErrorIntegerOutOfRange => INTEGER_OUT_OF_RANGE,
        Event::ErrorValueOutOfRange => VALUE_OUT_OF_RANGE,
        Event::ErrorOperatorDoesNotExist => OPERATOR_DOES_NOT_EXIST,
        Event::ErrorFunctionDoesNotExist => FUNCTION_DOES_NOT_EXIST,
        Event::ErrorColumnDoesNotExist => COLUMN_DOES_NOT_EXIST,
        Event::ErrorColumnReferenceAmbiguous => COLUMN_REFERENCE_AMBIGUOUS,
        Event::ErrorColumnCannotBeCast => COLUMN_CANNOT_BE_CAST,
        Event::ErrorParamMissing => PARAM_MISSING,
        Event::ErrorInvalidByteSequence => INVALID_BYTE_SEQUENCE,
        Event::ErrorInvalidRegexp => INVALID_REGEXP,
        Event::ErrorCannotDrop => CANNOT_DROP,
        Event::ErrorPermissionDenied => PERMISSION_DENIED,
        Event::ErrorSyntaxError
        | Event::ErrorUnterminatedQuotedString
        | Event::ErrorUnterminatedQuotedIdentifier => &[NEAR],
        _ => &[],
    }
}

const FOREIGN_KEY_CONSTRAINT_VIOLATION: Shapes = &[&[
    Is("update or delete on table "),
    Quoted("table", " violates "),
    Maybe(&[Is("RESTRICT setting of ")]),
    Is("foreign key constraint "),
    Quoted("constraint", " on table "),
    QuotedToEnd("referencing_table"),
]];

const CHECK_CONSTRAINT_VIOLATION: Shapes = &[&[
    Is("value for domain "),
    Until("domain", " violates check constraint "),
    QuotedToEnd("constraint"),
]];

const INVALID_INPUT_SYNTAX: Shapes = &[
    &[Is("invalid input syntax for type "), Until("type", ": "), QuotedToEnd("value")],
    &[Is("invalid input syntax for type "), Rest("type")],
    &[Is("invalid input value for enum "), Until("type", ": "), QuotedToEnd("value")],
];

const MALFORMED_ARRAY_LITERAL: Shapes = &[&[Is("malformed array literal: "), QuotedToEnd("value")]];

const INVALID_VALUE: Shapes = &[
    &[Is("invalid value for parameter "), Quoted("parameter", ": "), QuotedToEnd("value")],
    &[Is("invalid value "), Quoted("value", " for "), QuotedToEnd("for")],
];

const VALUE_TOO_LONG_FOR_TYPE: Shapes = &[&[Is("value too long for type "), Rest("type")]];

const INTEGER_OUT_OF_RANGE: Shapes = &[
    &[Is("value "), Quoted("value", " is out of range for type "), Rest("type")],
    &[Until("type", " out of range"), End],
];

const VALUE_OUT_OF_RANGE: Shapes = &[
    &[Is("date/time field value out of range: "), QuotedToEnd("value")],
    &[Quoted("value", " is out of range for type "), Rest("type")],
    &[Until("type", " out of range"), End],
];

const OPERATOR_DOES_NOT_EXIST: Shapes = &[&[Is("operator does not exist: "), Rest("operator")]];

const FUNCTION_DOES_NOT_EXIST: Shapes = &[
    &[Is("function "), Until("function", " does not exist"), End],
    &[Is("procedure "), Until("procedure", " does not exist"), End],
];

const COLUMN_DOES_NOT_EXIST: Shapes = &[
    &[Is("column "), Quoted("column", " of relation "), Quoted("relation", " does not exist")],
    &[Is("column "), Quoted("column", " does not exist"), End],
    &[Is("column "), Until("column", " does not exist"), End],
];

const COLUMN_REFERENCE_AMBIGUOUS: Shapes =
    &[&[Is("column reference "), Quoted("column", " is ambiguous")]];

const COLUMN_CANNOT_BE_CAST: Shapes =
    &[&[Is("column "), Quoted("column", " cannot be cast automatically to type "), Rest("type")]];

const PARAM_MISSING: Shapes = &[&[Is("there is no parameter $"), Count("parameter")]];

const INVALID_BYTE_SEQUENCE: Shapes =
    &[&[Is("invalid byte sequence for encoding "), Quoted("encoding", ": "), Rest("bytes")]];

const INVALID_REGEXP: Shapes = &[&[Is("invalid regular expression: "), Rest("reason")]];

const CANNOT_DROP: Shapes = &[&[Is("cannot drop "), Until("object", " because "), Rest("because")]];

const PERMISSION_DENIED: Shapes =
    &[&[Is("permission denied for "), Rest("object")], &[Is("must be owner of "), Rest("object")]];

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
        let Some(name) = name_here(&mut scan) else { return };
        if let Some(kind) = kind_at_end(before)
            && fields.get(kind).is_none()
        {
            fields.push(kind, name);
        }
    }
}

/// Returns the kind that is a text's last word.
fn kind_at_end(text: &str) -> Option<&'static str> {
    let start = memchr::memrchr(b' ', text.as_bytes()).map_or(0, |blank| blank + 1);
    let word = match text.get(start..)? {
        "view" => "relation",
        word => word,
    };
    let at = KEYS.binary_search(&first_bytes(word.as_bytes())).ok()?;
    KINDS.get(at).copied().filter(|kind| *kind == word)
}

/// The first eight bytes of each kind, no two of which are alike.
const KEYS: [u64; KINDS.len()] = keys();

#[expect(clippy::indexing_slicing, reason = "a constant is computed when the crate is compiled")]
const fn keys() -> [u64; KINDS.len()] {
    let mut keys = [0; KINDS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = first_bytes(KINDS[at].as_bytes());
        at += 1;
    }
    keys
}

/// Reads `"a" is not a view`.
fn name_at_start(message: &str) -> Option<&str> {
    let behind = message.strip_prefix('"')?;
    split_once(behind, "\" is ").map(|(name, _)| name)
}

/// Reads a name whose opening quote has been passed. It ends where something else than a letter follows
/// the quote.
fn name_here<'x>(scan: &mut Scan<'x>) -> Option<&'x str> {
    let text = scan.rest();
    let end = memchr::memchr_iter(b'"', text.as_bytes()).find(|at| {
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
        assert!(KEYS.is_sorted_by(|a, b| a < b));
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
