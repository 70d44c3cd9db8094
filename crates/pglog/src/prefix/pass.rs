//! The same as a search, for the lines that most logs are made of.
//!
//! Where the first choice is right at each token there is nothing to take back, and the first match of a
//! [`Search`](crate::prefix::matcher::Search) is found in one pass. Where it is not, the search decides.

use memchr::memmem;

use crate::{
    language::split_label,
    prefix::{
        ParsedLine,
        escape::{Escape, Padding, Token},
        fields::PrefixFields,
        shape::{MAX_TEXT_BYTES, Shape},
    },
};

/// One pass does not tell whether the line fits: another choice may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclear;

/// A value, where it ends, and whether it might end elsewhere.
struct Found<'a> {
    value: &'a str,
    end: usize,
    is_choice: bool,
}

/// Goes through a line once. `Ok(None)` where it does not fit, whatever is chosen.
pub(super) fn pass<'a>(tokens: &[Token], line: &'a str) -> Result<Option<ParsedLine<'a>>, Unclear> {
    let mut fields = PrefixFields::default();
    let mut at = 0;
    let mut rest = tokens;
    // The tokens that a process prints that is no session.
    let mut outside: Option<&[Token]> = None;
    let mut has_chosen = false;
    while let Some((token, next)) = rest.split_first() {
        rest = next;
        let found = match token {
            Token::Literal(literal) => {
                if !starts_with(line.as_bytes(), at, literal.as_bytes()) {
                    return give_up(line, outside, has_chosen);
                }
                at += literal.len();
                continue;
            }
            Token::SessionOnly if outside.is_some() => return Err(Unclear),
            Token::SessionOnly => {
                outside = tokens.get(..tokens.len() - next.len() - 1);
                continue;
            }
            Token::Field(_, padding) | Token::Unknown { padding, .. }
                if *padding != Padding::None =>
            {
                return Err(Unclear);
            }
            Token::Field(escape, _) => value(line, at, Shape::of(*escape), Some(*escape), next),
            Token::Unknown { like, .. } => {
                value(line, at, like.map_or(Shape::Text, Shape::of), None, next)
            }
        };
        let Some(found) = found else { return give_up(line, outside, has_chosen) };
        has_chosen |= found.is_choice;
        at = found.end;
        if let Token::Field(escape, _) = token {
            fields.set(*escape, found.value);
        }
    }
    match line.get(at..).and_then(split_label) {
        Some((label, text)) => Ok(Some(ParsedLine { fields, label, text })),
        None => give_up(line, outside, has_chosen),
    }
}

/// A token does not fit.
fn give_up<'a>(
    line: &'a str,
    outside: Option<&[Token]>,
    has_chosen: bool,
) -> Result<Option<ParsedLine<'a>>, Unclear> {
    match outside {
        _ if has_chosen => Err(Unclear),
        Some(tokens) => pass(tokens, line),
        None => Ok(None),
    }
}

fn value<'a>(
    line: &'a str,
    at: usize,
    shape: Shape,
    escape: Option<Escape>,
    next: &[Token],
) -> Option<Found<'a>> {
    if shape == Shape::Text {
        return text(line, at, escape, next);
    }
    let rest = line.as_bytes().get(at..)?;
    let (shortest, longest) = shape.lengths(rest)?;
    let end = at + longest;
    // A shorter value would have to end where the next literal stands.
    let is_choice = match next.first() {
        Some(Token::Literal(literal)) => {
            let choices = rest.get(shortest..longest).unwrap_or_default();
            literal.as_bytes().first().is_none_or(|first| choices.contains(first))
        }
        _ => shortest < longest,
    };
    Some(Found { value: line.get(at..end)?, end, is_choice })
}

/// Free text ends where the literal behind it begins.
fn text<'a>(line: &'a str, at: usize, escape: Option<Escape>, next: &[Token]) -> Option<Found<'a>> {
    let is_own_word = matches!(escape, Some(Escape::Ps | Escape::BackendType));
    let Some(Token::Literal(literal)) = next.first().filter(|_| !is_own_word) else {
        // Too many places for one pass.
        return Some(Found { value: "", end: line.len(), is_choice: true });
    };
    let rest = line.as_bytes().get(at..)?;
    let window = rest.get(..MAX_TEXT_BYTES + 64).unwrap_or(rest);
    let length = match literal.as_bytes() {
        [byte] => memchr::memchr(*byte, window)?,
        bytes => memmem::find(window, bytes)?,
    };
    Some(Found { value: line.get(at..at + length)?, end: at + length, is_choice: true })
}

/// Compares the few bytes of a literal without a call.
fn starts_with(line: &[u8], at: usize, literal: &[u8]) -> bool {
    line.get(at..at + literal.len())
        .is_some_and(|found| found.iter().zip(literal).all(|(a, b)| a == b))
}
