//! The same as a search, for the lines that most logs are made of.
//!
//! Where the first choice is right at each token there is nothing to take back, and the first match of a
//! [`Search`](crate::prefix::matcher::Search) is found in one pass. Where it is not, the search decides.

use crate::{
    find::{find, find_byte},
    language::split_label,
    prefix::{
        ParsedLine,
        escape::{Escape, Padding, Token},
        fields::PrefixFields,
        shape::{MAX_TEXT_BYTES, Shape},
        words,
    },
};

/// What one pass has told about a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Fits,
    /// It fits, and so does each line that is the same up to this byte and has a label there, with the
    /// same values.
    FitsUpTo(usize),
    /// It does not fit, whatever is chosen.
    FitsNot,
    /// Another choice may fit.
    Unclear,
}

/// Where a value ends, and whether it might end elsewhere.
struct Found {
    end: usize,
    is_choice: bool,
}

/// The place up to which the prefix goes of a process that is no session.
#[derive(Debug, Clone, Copy)]
struct Outside {
    /// How many tokens there are before it.
    tokens: usize,
    at: usize,
    /// Nothing behind it has been read.
    is_whole: bool,
}

/// Goes through a line once. Only where it fits is `parsed` the line, taken apart.
pub(super) fn pass<'a>(tokens: &[Token], line: &'a str, parsed: &mut ParsedLine<'a>) -> Outcome {
    parsed.fields = PrefixFields::default();
    let mut at = 0;
    let mut rest = tokens;
    let mut outside: Option<Outside> = None;
    let mut has_chosen = false;
    while let Some((token, next)) = rest.split_first() {
        rest = next;
        let (found, escape) = match token {
            Token::Literal(literal) => {
                if !starts_with(line.as_bytes(), at, literal.as_bytes()) {
                    return give_up(tokens, line, parsed, outside, has_chosen);
                }
                at += literal.len();
                continue;
            }
            Token::SessionOnly if outside.is_some() => return Outcome::Unclear,
            Token::SessionOnly => {
                let tokens = tokens.len() - next.len() - 1;
                outside = Some(Outside { tokens, at, is_whole: true });
                continue;
            }
            Token::Field(_, padding) | Token::Unknown { padding, .. }
                if *padding != Padding::None =>
            {
                return Outcome::Unclear;
            }
            Token::Field(escape, _) => {
                (value(line, at, Shape::of(*escape), Some(*escape), next), Some(*escape))
            }
            Token::Unknown { like, .. } => {
                (value(line, at, like.map_or(Shape::Text, Shape::of), None, next), None)
            }
        };
        let Some(found) = found else { return give_up(tokens, line, parsed, outside, has_chosen) };
        has_chosen |= found.is_choice;
        if let Some(escape) = escape {
            let Some(value) = line.get(at..found.end) else { return Outcome::Unclear };
            parsed.fields.set(escape, value);
            if let Some(outside) = &mut outside {
                outside.is_whole = false;
            }
        }
        at = found.end;
    }
    if !finish(line, at, parsed) {
        return give_up(tokens, line, parsed, outside, has_chosen);
    }
    match tokens.last() {
        Some(Token::Literal(_)) => Outcome::FitsUpTo(at),
        // A value might go on where the label is.
        _ => Outcome::Fits,
    }
}

/// Returns where a token of a line that fits ends, given the token behind it.
pub(super) fn end_of(token: &Token, next: Option<&Token>, line: &str, at: usize) -> Option<usize> {
    match token {
        Token::Literal(literal) => Some(at + literal.len()),
        Token::Field(escape, _) => {
            let next = next.map(std::slice::from_ref).unwrap_or_default();
            value(line, at, Shape::of(*escape), Some(*escape), next).map(|found| found.end)
        }
        Token::SessionOnly | Token::Unknown { .. } => None,
    }
}

/// The prefix ends here, if a label follows.
fn finish<'a>(line: &'a str, at: usize, parsed: &mut ParsedLine<'a>) -> bool {
    let Some((label, text)) = line.get(at..).and_then(split_label) else { return false };
    parsed.label = label;
    parsed.text = text;
    true
}

/// A token does not fit.
fn give_up<'a>(
    tokens: &[Token],
    line: &'a str,
    parsed: &mut ParsedLine<'a>,
    outside: Option<Outside>,
    has_chosen: bool,
) -> Outcome {
    match outside {
        _ if has_chosen => Outcome::Unclear,
        Some(Outside { at, is_whole: true, .. }) => {
            if finish(line, at, parsed) {
                Outcome::Fits
            } else {
                Outcome::FitsNot
            }
        }
        Some(outside) => pass(tokens.get(..outside.tokens).unwrap_or_default(), line, parsed),
        None => Outcome::FitsNot,
    }
}

#[inline(always)]
fn value(
    line: &str,
    at: usize,
    shape: Shape,
    escape: Option<Escape>,
    next: &[Token],
) -> Option<Found> {
    if shape == Shape::Text {
        return text(line, at, escape, next);
    }
    let rest = line.as_bytes().get(at..)?;
    let (shortest, longest) = shape.lengths(rest)?;
    // A shorter value would have to end where the next literal stands.
    let is_choice = match next.first() {
        Some(Token::Literal(literal)) => {
            let choices = rest.get(shortest..longest).unwrap_or_default();
            let may_end = |first: &u8| choices.iter().any(|byte| byte == first);
            literal.as_bytes().first().is_none_or(may_end)
        }
        _ => shortest < longest,
    };
    Some(Found { end: at + longest, is_choice })
}

/// Free text ends behind one of the server's own words, else where the literal behind it begins.
#[inline(always)]
fn text(line: &str, at: usize, escape: Option<Escape>, next: &[Token]) -> Option<Found> {
    let Some(Token::Literal(literal)) = next.first() else {
        // Too many places for one pass.
        return Some(Found { end: line.len(), is_choice: true });
    };
    let rest = line.as_bytes().get(at..)?;
    let window = rest.get(..MAX_TEXT_BYTES + 64).unwrap_or(rest);
    if let Some(length) = escape.and_then(|escape| words::length(escape, window)) {
        return Some(Found { end: at + length, is_choice: true });
    }
    let length = match literal.as_bytes() {
        [byte] => find_byte(window, *byte)?,
        bytes => find(window, bytes)?,
    };
    Some(Found { end: at + length, is_choice: true })
}

/// Compares the few bytes of a literal without a call.
#[inline(always)]
pub(super) fn starts_with(line: &[u8], at: usize, literal: &[u8]) -> bool {
    line.get(at..at + literal.len())
        .is_some_and(|found| found.iter().zip(literal).all(|(a, b)| a == b))
}
