//! Prefixes that a log may have instead of the one that its first lines show.
//!
//! Where only sessions have written so far nothing shows that other processes print less (`%q`), and
//! where all of them came through a socket nothing shows that addresses have ports (`%r`, not `%h`).

use crate::prefix::{
    LinePrefix,
    escape::{Escape, Token},
};

impl LinePrefix {
    /// Returns prefixes that lines may have which do not fit this one.
    pub(crate) fn variants(&self) -> Vec<Self> {
        let with_ports = self.with_ports();
        let session_only = self.with_session_only();
        let both = with_ports.as_ref().and_then(Self::with_session_only);
        [session_only, with_ports, both].into_iter().flatten().collect()
    }

    /// Puts ports behind addresses.
    fn with_ports(&self) -> Option<Self> {
        let with_port = |token: &Token| match token {
            Token::Field(Escape::RemoteHost, padding) => {
                Token::Field(Escape::RemoteHostAndPort, *padding)
            }
            token => token.clone(),
        };
        let has_host = self.has(Escape::RemoteHost) && !self.has(Escape::RemoteHostAndPort);
        has_host.then(|| Self::of_tokens(self.tokens.iter().map(with_port).collect()))
    }

    /// Puts `%q` in front of the values that only sessions have. `None` where other values stand behind
    /// them, or nothing between them and what stands in front.
    fn with_session_only(&self) -> Option<Self> {
        let of_sessions = |token: &Token| match token {
            Token::Field(escape, _) => escape.is_of_sessions(),
            Token::Unknown { like: None, .. } | Token::Literal(_) => true,
            Token::Unknown { .. } | Token::SessionOnly => false,
        };
        let last = self.tokens.iter().rposition(|token| !of_sessions(token))?;
        let (before, behind) = self.tokens.split_at_checked(last + 1)?;
        let (Token::Literal(literal), names) = behind.split_first()? else { return None };
        let (end, start) = literal.split_at_checked(literal.rfind(' ')? + 1)?;
        if before.contains(&Token::SessionOnly)
            || !names.iter().any(|token| matches!(token, Token::Field(..)))
        {
            return None;
        }
        let mut tokens = before.to_vec();
        tokens.extend([Token::Literal(end.to_owned()), Token::SessionOnly]);
        tokens.extend((!start.is_empty()).then(|| Token::Literal(start.to_owned())));
        tokens.extend_from_slice(names);
        Some(Self::of_tokens(tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variants(setting: &str) -> Vec<String> {
        LinePrefix::compile(setting).variants().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_of_sessions_may_be_missing_elsewhere() {
        assert_eq!(variants("%m [%p] %u@%d "), ["%m [%p] %q%u@%d "]);
        assert_eq!(variants("%m [%p]: [%l-1] [user=%u] "), ["%m [%p]: [%l-1] %q[user=%u] "]);
        for setting in ["%m [%p] ", "%m %u@%d [%p] ", "%m [%p] %q%u@%d ", "%t:%u@%d ", ""] {
            assert_eq!(variants(setting), [""; 0], "{setting}");
        }
    }

    #[test]
    fn addresses_may_have_ports() {
        assert_eq!(
            variants("%m [%p] %u@%d %h "),
            ["%m [%p] %q%u@%d %h ", "%m [%p] %u@%d %r ", "%m [%p] %q%u@%d %r "]
        );
    }
}
