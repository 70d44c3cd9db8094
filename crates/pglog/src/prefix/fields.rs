//! The values that a prefix carries.

use crate::{language, prefix::escape::Escape};

/// Values of one prefix as the server printed them, without padding.
///
/// A field is `None` where the prefix has no such escape, where the server printed nothing (as
/// background processes do for names) and where it printed `[unknown]`, in any language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrefixFields<'a> {
    /// `%a`
    pub application_name: Option<&'a str>,
    /// `%u`
    pub user: Option<&'a str>,
    /// `%d`
    pub database: Option<&'a str>,
    /// `%h`, or the host of `%r`
    pub remote_host: Option<&'a str>,
    /// The port of `%r`
    pub remote_port: Option<&'a str>,
    /// `%L`
    pub local_host: Option<&'a str>,
    /// `%b`
    pub backend_type: Option<&'a str>,
    /// `%p`
    pub pid: Option<&'a str>,
    /// `%P`
    pub leader_pid: Option<&'a str>,
    /// `%m`, or `%t` where there is no `%m`
    pub time: Option<&'a str>,
    /// `%n`
    pub epoch: Option<&'a str>,
    /// `%i`
    pub ps: Option<&'a str>,
    /// `%e`
    pub state_code: Option<&'a str>,
    /// `%c`
    pub session_id: Option<&'a str>,
    /// `%l`
    pub line_num: Option<&'a str>,
    /// `%s`
    pub session_start: Option<&'a str>,
    /// `%v`
    pub vxid: Option<&'a str>,
    /// `%x`
    pub txid: Option<&'a str>,
    /// `%Q`
    pub query_id: Option<&'a str>,
}

impl<'a> PrefixFields<'a> {
    /// What identifies the process that wrote the line: its session where the prefix tells it, else
    /// its pid.
    #[must_use]
    pub fn process(&self) -> Option<&'a str> {
        self.session_id.or(self.pid)
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, escape: Escape, value: &'a str) {
        let known =
            if value.is_empty() || language::is_unknown(value) { None } else { Some(value) };
        match escape {
            Escape::ApplicationName => self.application_name = known,
            Escape::User => self.user = known,
            Escape::Database => self.database = known,
            Escape::RemoteHost => self.remote_host = known,
            Escape::RemoteHostAndPort => self.set_host_and_port(known),
            Escape::LocalHost => self.local_host = known,
            Escape::BackendType => self.backend_type = known,
            Escape::Pid => self.pid = known,
            Escape::LeaderPid => self.leader_pid = known,
            // Milliseconds are worth more than a second time without them.
            Escape::Time => self.set_time(known),
            Escape::TimeMillis => self.time = known,
            Escape::TimeEpoch => self.epoch = known,
            Escape::Ps => self.ps = known.map(without_padding),
            Escape::StateCode => self.state_code = known,
            Escape::SessionId => self.session_id = known,
            Escape::LineNum => self.line_num = known,
            Escape::SessionStart => self.session_start = known,
            Escape::Vxid => self.vxid = known,
            Escape::Txid => self.txid = known,
            Escape::QueryId => self.query_id = known,
        }
    }

    #[inline(never)]
    fn set_time(&mut self, value: Option<&'a str>) {
        self.time = self.time.filter(|time| time.contains('.')).or(value);
    }

    #[inline(never)]
    fn set_host_and_port(&mut self, value: Option<&'a str>) {
        let parts = value.and_then(|value| value.strip_suffix(')')?.rsplit_once('('));
        self.remote_host = parts.map(|(host, _)| host).or(value);
        self.remote_port = parts.map(|(_, port)| port);
    }
}

/// No process shows blanks at the end, but blanks only are no padding of anything.
fn without_padding(ps: &str) -> &str {
    match ps.trim_end_matches(' ') {
        "" => ps,
        trimmed => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_taken_apart() {
        let mut fields = PrefixFields::default();
        fields.set(Escape::RemoteHostAndPort, "::1(5432)");
        assert_eq!((fields.remote_host, fields.remote_port), (Some("::1"), Some("5432")));
        fields.set(Escape::RemoteHostAndPort, "[local]");
        assert_eq!((fields.remote_host, fields.remote_port), (Some("[local]"), None));
    }

    #[test]
    fn unknown_and_empty_values_are_absent() {
        let mut fields = PrefixFields::default();
        fields.set(Escape::User, "[unknown]");
        fields.set(Escape::Database, "");
        assert_eq!(fields, PrefixFields::default());
    }

    #[test]
    fn milliseconds_win_whatever_the_order() {
        let mut fields = PrefixFields::default();
        fields.set(Escape::TimeMillis, "2026-11-24 02:21:01.123 UTC");
        fields.set(Escape::Time, "2026-11-24 02:21:01 UTC");
        assert_eq!(fields.time, Some("2026-11-24 02:21:01.123 UTC"));
    }
}
