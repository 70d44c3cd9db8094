//! Finds out what the columns of a template mean, from what is in them over many lines.
//!
//! A column whose meaning nothing proves stays without one: a value under the wrong name is worse than
//! none.

mod clocks;
mod hosts;
mod literals;
mod names;
mod numbers;
mod times;

use std::collections::HashMap;

use crate::prefix::{
    escape::Token,
    infer::{
        align::{Piece, Template},
        likelihood,
        notes::Note,
        sample::Sample,
        table::{Table, columns_of},
    },
};

/// What the pieces of a template mean.
pub(super) struct Reading {
    pub(super) tokens: Vec<Token>,
    /// How many columns are guesses or have no meaning.
    pub(super) uncertain: usize,
    /// How unlikely the values are with this meaning.
    pub(super) cost: f64,
}

/// Gives each piece of a template its meaning.
pub(super) fn read<'a>(
    template: &Template<'a>,
    samples: &[Sample<'a>],
    notes: &[Note<'a>],
) -> Reading {
    let mut fits = vec![false; samples.len()];
    for (at, _) in &template.rows {
        if let Some(fits) = fits.get_mut(*at) {
            *fits = true;
        }
    }
    let columns = columns_of(template);
    let mut table = Table { samples, notes, columns, fits, programs: HashMap::new() };
    table.name_the_obvious();
    numbers::name(&mut table);
    times::name(&mut table);
    hosts::name(&mut table);
    table.learn_programs();
    names::name(&mut table);
    let mut tokens: Vec<Token> = Vec::new();
    let mut columns = table.columns.iter();
    let mut uncertain = 0;
    for piece in &template.pieces {
        let read = match piece {
            Piece::Literal(text) => literals::tokens_of(text),
            Piece::SessionOnly => vec![Token::SessionOnly],
            Piece::Column(..) => {
                let Some(column) = columns.next() else { break };
                uncertain += usize::from(column.is_guess || column.escape.is_none());
                vec![column.token()]
            }
        };
        for token in read {
            match (tokens.last_mut(), token) {
                (Some(Token::Literal(last)), Token::Literal(text)) => last.push_str(&text),
                (_, token) => tokens.push(token),
            }
        }
    }
    Reading { tokens, uncertain, cost: likelihood::of_table(&table) }
}
