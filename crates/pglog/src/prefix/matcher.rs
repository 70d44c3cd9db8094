//! Finds where a compiled prefix ends in a line.
//!
//! Names are free text, so a line can fit a prefix in more than one way. The search goes through the
//! tokens from left to right and takes back the last choice where the rest does not fit. The end of the
//! prefix is wherever a label stands behind it.

use std::ops::ControlFlow;

use memchr::memmem;

use crate::{
    language::split_label,
    prefix::{
        ParsedLine,
        escape::{Escape, Padding, Token},
        fields::PrefixFields,
        shape::{MAX_TEXT_BYTES, Shape},
        words,
    },
};

/// The most choices that are tried on one line. Real lines need a handful; a line that is made to
/// confuse is given up rather than searched for long.
const MAX_STEPS: u32 = 4_000;

/// The most where several values have neither a form nor a name, so that nearly every choice leads on.
const MAX_OPEN_STEPS: u32 = 500;

/// So many steps are taken before places are remembered from which the rest of the prefix does not fit. Most
/// searches end sooner.
const STEPS_TO_REMEMBER: u32 = 50;

/// Up to where they are remembered.
const MAX_REMEMBERED_BYTES: usize = 4096;

/// The most places that are looked at, remembered ones among them.
const MAX_LOOKS: u32 = 40_000;

/// What a value is, where that is known, and how it is padded.
#[derive(Debug, Clone, Copy)]
struct Value(Option<Escape>, Padding);

/// One line's search.
pub(crate) struct Search<'a, F> {
    line: &'a str,
    fields: PrefixFields<'a>,
    steps: u32,
    max_steps: u32,
    looks: u32,
    /// How far the search has come: the byte, and how many tokens were left there.
    deepest: (usize, usize),
    /// How often the whole prefix has fitted.
    fitted: u32,
    dead_ends: DeadEnds,
    found: F,
}

/// From where the rest of a prefix does not fit, whatever stands before it: one bit for each byte of the line and
/// each number of tokens that are left.
#[derive(Debug, Default)]
struct DeadEnds {
    bits: Vec<u64>,
    /// The most tokens that can be left.
    tokens: usize,
    /// For each number of tokens left, a stretch in which no text may end.
    stretches: Vec<(usize, usize)>,
}

impl DeadEnds {
    #[inline(always)]
    fn has(&self, tokens_left: usize, at: usize) -> bool {
        let (word, bit) = self.place(tokens_left, at);
        self.bits.get(word).is_some_and(|bits| bits >> bit & 1 == 1)
    }

    fn add(&mut self, tokens_left: usize, at: usize) {
        if at >= MAX_REMEMBERED_BYTES {
            return;
        }
        let (word, bit) = self.place(tokens_left, at);
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= 1 << bit;
        }
    }

    /// Returns where the next text may end that may end at `first` or later, given how many tokens are behind it.
    fn behind(&self, tokens_left: usize, first: usize) -> usize {
        match self.stretches.get(tokens_left) {
            Some((from, to)) if (*from..*to).contains(&first) => *to,
            _ => first,
        }
    }

    /// Remembers a stretch in which no text may end. It joins the one that is known, or takes its place.
    fn add_stretch(&mut self, tokens_left: usize, from: usize, to: usize) {
        if self.stretches.is_empty() {
            self.stretches.resize(self.tokens + 1, (0, 0));
        }
        if let Some(known) = self.stretches.get_mut(tokens_left) {
            let joins = (known.0..=known.1).contains(&from);
            *known = if joins { (known.0, known.1.max(to)) } else { (from, to) };
        }
    }

    const fn place(&self, tokens_left: usize, at: usize) -> (usize, usize) {
        let place = at * (self.tokens + 1) + tokens_left;
        (place / 64, place % 64)
    }
}

impl<'a, F: FnMut(ParsedLine<'a>) -> ControlFlow<()>> Search<'a, F> {
    /// Calls `found` with each way in which the line fits, until it breaks off. Returns the furthest byte
    /// up to which it fits, and how many tokens were left there.
    pub(crate) fn run(tokens: &[Token], line: &'a str, found: F) -> (usize, usize) {
        let deepest = (0, tokens.len());
        let is_open = |token: &&Token| matches!(token, Token::Unknown { like: None, .. });
        let open = tokens.iter().filter(is_open).count();
        let max_steps = if open > 1 { MAX_OPEN_STEPS } else { MAX_STEPS };
        let fields = PrefixFields::default();
        let dead_ends = DeadEnds { bits: Vec::new(), tokens: tokens.len(), stretches: Vec::new() };
        let mut search = Self {
            line,
            fields,
            steps: 0,
            max_steps,
            looks: 0,
            deepest,
            fitted: 0,
            dead_ends,
            found,
        };
        let _ends = search.walk(tokens, 0);
        search.deepest
    }

    /// Continues at byte `at` with the tokens that are left, unless they are known not to fit there.
    fn walk(&mut self, tokens: &[Token], at: usize) -> ControlFlow<()> {
        self.looks += 1;
        if self.is_given_up() {
            return ControlFlow::Break(());
        }
        if self.dead_ends.has(tokens.len(), at) {
            return ControlFlow::Continue(());
        }
        let fitted = self.fitted;
        let ends = self.step(tokens, at);
        if ends.is_continue() && self.fitted == fitted && self.steps > STEPS_TO_REMEMBER {
            self.dead_ends.add(tokens.len(), at);
        }
        ends
    }

    fn step(&mut self, tokens: &[Token], at: usize) -> ControlFlow<()> {
        self.steps += 1;
        if self.is_given_up() {
            return ControlFlow::Break(());
        }
        if at > self.deepest.0 || (at == self.deepest.0 && tokens.len() < self.deepest.1) {
            self.deepest = (at, tokens.len());
        }
        let Some((token, tokens)) = tokens.split_first() else {
            return self.finish(at);
        };
        match token {
            Token::Literal(literal) => match self.rest(at).strip_prefix(literal.as_bytes()) {
                Some(_) => self.walk(tokens, at + literal.len()),
                None => ControlFlow::Continue(()),
            },
            Token::SessionOnly => {
                let before = self.fields;
                let ends = self.walk(tokens, at);
                self.fields = before;
                // Where the search is given up, the prefix of a process that is no session may still fit.
                if ends.is_break() && !self.is_given_up() {
                    return ends;
                }
                self.finish(at)?;
                ends
            }
            Token::Field(escape, padding) => {
                self.field(Shape::of(*escape), Value(Some(*escape), *padding), tokens, at)
            }
            Token::Unknown { like, padding } => {
                let shape = like.map_or(Shape::Text, Shape::of);
                self.field(shape, Value(None, *padding), tokens, at)
            }
        }
    }

    const fn is_given_up(&self) -> bool {
        self.steps > self.max_steps || self.looks > MAX_LOOKS
    }

    /// The prefix ends here, if a label follows.
    fn finish(&mut self, at: usize) -> ControlFlow<()> {
        match self.line.get(at..).and_then(split_label) {
            Some((label, text)) => {
                self.fitted += 1;
                (self.found)(ParsedLine { fields: self.fields, label, text })
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn field(
        &mut self,
        shape: Shape,
        value: Value,
        tokens: &[Token],
        at: usize,
    ) -> ControlFlow<()> {
        match shape {
            Shape::Text => self.text(value, tokens, at),
            shape => self.shaped(value, shape, tokens, at),
        }
    }

    /// A value with a form of its own: the longest first.
    fn shaped(
        &mut self,
        Value(escape, padding): Value,
        shape: Shape,
        tokens: &[Token],
        at: usize,
    ) -> ControlFlow<()> {
        let start = at + self.blanks_before(padding, at);
        let Some((shortest, longest)) = shape.lengths(self.rest(start)) else {
            return ControlFlow::Continue(());
        };
        for length in (shortest..=longest).rev() {
            let Some(end) = self.end_with_blanks(padding, at, start + length) else { continue };
            let Some(value) = self.line.get(start..start + length) else { continue };
            if let Some(escape) = escape {
                self.fields.set(escape, value);
            }
            self.walk(tokens, end)?;
        }
        ControlFlow::Continue(())
    }

    /// Free text: it ends where one of the server's own words ends, or where what follows it begins, the
    /// nearest such place first.
    fn text(
        &mut self,
        Value(escape, padding): Value,
        tokens: &[Token],
        at: usize,
    ) -> ControlFlow<()> {
        let window = self.rest(at);
        let window = window.get(..MAX_TEXT_BYTES.max(padding.width()) + 64).unwrap_or(window);
        if let Some(escape) = escape
            && padding == Padding::None
            && let Some(end) = words::length(escape, window)
            && let Some(word) = self.line.get(at..at + end)
        {
            self.fields.set(escape, word);
            self.walk(tokens, at + end)?;
        }
        let fitted = self.fitted;
        let first = at + padding.width();
        let mut next = self.dead_ends.behind(tokens.len(), first) - at;
        while let Some(end) = next_end(window, next, tokens.first()) {
            next = end + 1;
            let Some(value) = self.line.get(at..at + end) else { continue };
            if let Some(escape) = escape {
                self.fields.set(escape, unpad(value, padding));
            }
            self.walk(tokens, at + end)?;
        }
        if self.fitted == fitted && self.steps > STEPS_TO_REMEMBER {
            self.dead_ends.add_stretch(tokens.len(), first, at + next);
        }
        ControlFlow::Continue(())
    }

    fn rest(&self, at: usize) -> &'a [u8] {
        self.line.as_bytes().get(at..).unwrap_or_default()
    }

    fn blanks_before(&self, padding: Padding, at: usize) -> usize {
        match padding {
            Padding::Left(width) => {
                self.rest(at).iter().take(width.into()).take_while(|b| **b == b' ').count()
            }
            Padding::None | Padding::Right(_) => 0,
        }
    }

    /// Where a padded field ends whose value ends at `end`. `None` where the blanks are missing.
    fn end_with_blanks(&self, padding: Padding, at: usize, end: usize) -> Option<usize> {
        match padding {
            Padding::None => Some(end),
            Padding::Left(width) => (end - at >= width.into()).then_some(end),
            Padding::Right(width) => {
                let end_of_field = end.max(at + usize::from(width));
                let blanks = self.line.as_bytes().get(end..end_of_field)?;
                blanks.iter().all(|b| *b == b' ').then_some(end_of_field)
            }
        }
    }
}

/// Finds the next place, not before `from`, where free text can end.
fn next_end(window: &[u8], from: usize, next: Option<&Token>) -> Option<usize> {
    let rest = window.get(from..)?;
    match next {
        Some(Token::Literal(literal)) => match literal.as_bytes() {
            [byte] => memchr::memchr(*byte, rest),
            bytes => memmem::find(rest, bytes),
        }
        .map(|found| from + found),
        // A label or another value follows: every place will do.
        Some(Token::Field(..) | Token::Unknown { .. } | Token::SessionOnly) | None => {
            (from < window.len()).then_some(from)
        }
    }
}

/// Takes the blanks off that the server added. It adds none to a value that is wide enough, so blanks
/// there are the value's own.
fn unpad(value: &str, padding: Padding) -> &str {
    let is_wider = || value.len() > padding.width() && !value.contains('\u{fffd}');
    match padding {
        Padding::None => value,
        _ if is_wider() => value,
        Padding::Left(_) => value.trim_start_matches(' '),
        Padding::Right(_) => value.trim_end_matches(' '),
    }
}

#[cfg(test)]
mod tests {
    use crate::prefix::LinePrefix;

    #[test]
    fn place_that_leads_nowhere_is_tried_once() {
        // Each way to part these words between the names but the last ones ends at the same few places.
        let line = format!("{}77 LOG:  hello", "x ".repeat(260));
        let parsed = LinePrefix::compile("%u %d %a %p ").match_line(&line);
        assert_eq!(parsed.and_then(|line| line.fields.pid), Some("77"));
    }

    #[test]
    fn line_of_blanks_takes_no_long_time() {
        // From each blank a name can go on to some hundred others.
        for (setting, line) in [
            ("%u %d %a %u %d %a %i ", " ".repeat(4000)),
            (
                "%m [%p] %u %d %a ",
                format!("2026-11-24 02:21:01.123 UTC [77] {}", "X:  ".repeat(1000)),
            ),
        ] {
            let prefix = LinePrefix::compile(setting);
            for _ in 0..500 {
                assert_eq!(prefix.match_line(&line), None);
            }
        }
    }
}
