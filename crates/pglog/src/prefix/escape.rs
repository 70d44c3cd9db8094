//! The escapes of `log_line_prefix`.

use std::fmt;

/// An escape that stands for a value. `%q` and `%%` stand for none.
///
/// Names follow the keys of jsonlog. Source: PostgreSQL documentation, "Error Reporting and Logging",
/// `log_line_prefix`, majors 13 to 18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escape {
    /// `%a`
    ApplicationName,
    /// `%u`
    User,
    /// `%d`
    Database,
    /// `%r`: host name or address, and the port in parentheses.
    RemoteHostAndPort,
    /// `%h`
    RemoteHost,
    /// `%L`: the server's address (PostgreSQL 18).
    LocalHost,
    /// `%b`
    BackendType,
    /// `%p`
    Pid,
    /// `%P` (PostgreSQL 14)
    LeaderPid,
    /// `%t`: time in whole seconds.
    Time,
    /// `%m`: time with milliseconds.
    TimeMillis,
    /// `%n`: seconds since 1970 with milliseconds.
    TimeEpoch,
    /// `%i`: the command tag, `ps` in jsonlog.
    Ps,
    /// `%e`
    StateCode,
    /// `%c`
    SessionId,
    /// `%l`
    LineNum,
    /// `%s`
    SessionStart,
    /// `%v`
    Vxid,
    /// `%x`
    Txid,
    /// `%Q` (PostgreSQL 14)
    QueryId,
}

impl Escape {
    /// Every escape that stands for a value.
    pub const ALL: [Self; 20] = [
        Self::ApplicationName,
        Self::User,
        Self::Database,
        Self::RemoteHostAndPort,
        Self::RemoteHost,
        Self::LocalHost,
        Self::BackendType,
        Self::Pid,
        Self::LeaderPid,
        Self::Time,
        Self::TimeMillis,
        Self::TimeEpoch,
        Self::Ps,
        Self::StateCode,
        Self::SessionId,
        Self::LineNum,
        Self::SessionStart,
        Self::Vxid,
        Self::Txid,
        Self::QueryId,
    ];

    /// Returns the letter behind the percent sign.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::ApplicationName => 'a',
            Self::User => 'u',
            Self::Database => 'd',
            Self::RemoteHostAndPort => 'r',
            Self::RemoteHost => 'h',
            Self::LocalHost => 'L',
            Self::BackendType => 'b',
            Self::Pid => 'p',
            Self::LeaderPid => 'P',
            Self::Time => 't',
            Self::TimeMillis => 'm',
            Self::TimeEpoch => 'n',
            Self::Ps => 'i',
            Self::StateCode => 'e',
            Self::SessionId => 'c',
            Self::LineNum => 'l',
            Self::SessionStart => 's',
            Self::Vxid => 'v',
            Self::Txid => 'x',
            Self::QueryId => 'Q',
        }
    }

    /// Tells whether only sessions print something for it.
    pub(super) const fn is_of_sessions(self) -> bool {
        matches!(
            self,
            Self::User
                | Self::Database
                | Self::ApplicationName
                | Self::RemoteHost
                | Self::RemoteHostAndPort
                | Self::Ps
        )
    }

    /// Tells whether its values are names of a user's choice.
    pub(super) const fn is_name(self) -> bool {
        matches!(self, Self::User | Self::Database | Self::ApplicationName)
    }

    /// Returns the escape with this letter. `None` for `q`, `%` and letters without a meaning.
    #[must_use]
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|escape| escape.letter() == letter)
    }
}

impl fmt::Display for Escape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.letter())
    }
}

/// A piece of a `log_line_prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Text that stands as it is.
    Literal(String),
    /// A value.
    Field(Escape, Padding),
    /// A value that nothing tells the meaning of. Only inferred prefixes have it, and show it as `%?`.
    Unknown {
        /// The escape whose values look like it.
        like: Option<Escape>,
        /// How it is padded.
        padding: Padding,
    },
    /// `%q`: what follows is printed in sessions only.
    SessionOnly,
}

/// The least width of a value, in bytes, and the side of the blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// `%p`
    None,
    /// `%10p`: blanks to the left.
    Left(u16),
    /// `%-10p`: blanks to the right.
    Right(u16),
}

/// Writes tokens as a value of the setting.
pub(super) fn setting_of(tokens: &[Token]) -> String {
    let mut setting = String::new();
    for token in tokens {
        match token {
            Token::Literal(text) => setting += &text.replace('%', "%%"),
            Token::Field(escape, padding) => setting += &format!("%{padding}{}", escape.letter()),
            Token::Unknown { padding, .. } => setting += &format!("%{padding}?"),
            Token::SessionOnly => setting += "%q",
        }
    }
    setting
}

/// Splits a `log_line_prefix` into tokens, as the server reads it.
///
/// The server prints nothing for an escape that it does not know, and nothing for a percent sign or a
/// width at the end (`log_line_prefix` in `elog.c`, majors 13 to 18).
#[must_use]
pub(super) fn tokens_of(prefix: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut rest = prefix.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            literal.push(c);
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            literal.push('%');
            continue;
        }
        let to_the_right = rest.next_if_eq(&'-').is_some();
        let mut width = 0u16;
        while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
            width = width.saturating_mul(10).saturating_add(u16::try_from(digit).unwrap_or(0));
            rest.next();
        }
        let Some(letter) = rest.next() else { break };
        let token = match (letter, Escape::from_letter(letter)) {
            ('q', _) => Token::SessionOnly,
            // A width in front of a second percent sign does nothing.
            ('%', _) => {
                literal.push('%');
                continue;
            }
            (_, Some(escape)) => Token::Field(escape, Padding::new(width, to_the_right)),
            (_, None) => continue,
        };
        if !literal.is_empty() {
            tokens.push(Token::Literal(std::mem::take(&mut literal)));
        }
        tokens.push(token);
    }
    if !literal.is_empty() {
        tokens.push(Token::Literal(literal));
    }
    tokens
}

impl Padding {
    const fn new(width: u16, to_the_right: bool) -> Self {
        match (width, to_the_right) {
            (0, _) => Self::None,
            (width, true) => Self::Right(width),
            (width, false) => Self::Left(width),
        }
    }

    /// Returns the least width in bytes.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::None => 0,
            Self::Left(width) | Self::Right(width) => width.into(),
        }
    }
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Left(width) => write!(f, "{width}"),
            Self::Right(width) => write!(f, "-{width}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_told_apart() {
        for escape in Escape::ALL {
            assert_eq!(Escape::from_letter(escape.letter()), Some(escape));
        }
    }

    #[test]
    fn widths_and_percent_signs_are_read_as_the_server_does() {
        let field = |escape, padding| Token::Field(escape, padding);
        let literal = |text: &str| Token::Literal(text.to_owned());
        assert_eq!(
            tokens_of("%-8p|%10u|%%|"),
            [
                field(Escape::Pid, Padding::Right(8)),
                literal("|"),
                field(Escape::User, Padding::Left(10)),
                literal("|%|"),
            ]
        );
        assert_eq!(
            tokens_of("%m %q%Z[%"),
            [
                field(Escape::TimeMillis, Padding::None),
                literal(" "),
                Token::SessionOnly,
                literal("["),
            ]
        );
        assert_eq!(tokens_of("a%10"), [literal("a")]);
        assert_eq!(tokens_of("%99999999u"), [field(Escape::User, Padding::Left(u16::MAX))]);
        assert_eq!(tokens_of(""), []);
        for setting in ["%m [%p] %q%u@%d ", "%-8p|%10u|%%|", ""] {
            assert_eq!(setting_of(&tokens_of(setting)), setting);
        }
    }
}
