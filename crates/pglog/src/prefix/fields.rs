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

    /// Returns the values that are there, but for the port: first the session's id, and all times before others.
    pub(crate) fn values(&self) -> impl Iterator<Item = (Escape, &'a str)> {
        let values = [
            (Escape::SessionId, self.session_id),
            (Escape::Time, self.time),
            (Escape::TimeEpoch, self.epoch),
            (Escape::Pid, self.pid),
            (Escape::User, self.user),
            (Escape::Database, self.database),
            (Escape::ApplicationName, self.application_name),
            (Escape::RemoteHost, self.remote_host),
            (Escape::LocalHost, self.local_host),
            (Escape::BackendType, self.backend_type),
            (Escape::LeaderPid, self.leader_pid),
            (Escape::Ps, self.ps),
            (Escape::StateCode, self.state_code),
            (Escape::LineNum, self.line_num),
            (Escape::SessionStart, self.session_start),
            (Escape::Vxid, self.vxid),
            (Escape::Txid, self.txid),
            (Escape::QueryId, self.query_id),
        ];
        values.into_iter().filter_map(|(escape, value)| Some((escape, value?)))
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, escape: Escape, value: &'a str) {
        let known = Some(value).filter(|value| is_known(value));
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
        let parts = value.map(host_and_port);
        self.remote_host = parts.map(|(host, _)| host);
        self.remote_port = parts.and_then(|(_, port)| port);
    }
}

/// Tells whether a value is one, and not what the server prints where there is none.
#[inline(always)]
pub(super) fn is_known(value: &str) -> bool {
    !value.is_empty() && !language::is_unknown(value)
}

/// Splits a `%r` into the host and the port.
pub(crate) fn host_and_port(value: &str) -> (&str, Option<&str>) {
    let parts = value.strip_suffix(')').and_then(|value| value.rsplit_once('('));
    parts.map_or((value, None), |(host, port)| (host, Some(port)))
}

/// No process shows blanks at the end, but blanks only are no padding of anything.
pub(crate) fn without_padding(ps: &str) -> &str {
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
