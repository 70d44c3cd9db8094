//! Which columns a record has.

use crate::record::Column;

/// The columns of a server's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Layout {
    #[default]
    PostgreSql,
    /// Greenplum and what descends from it.
    Greenplum,
}

impl Layout {
    /// The columns in their order. Behind them may be others that are not known yet.
    pub(super) const fn columns(self) -> &'static [Column] {
        match self {
            Self::PostgreSql => &POSTGRESQL,
            Self::Greenplum => &GREENPLUM,
        }
    }

    /// How many columns a record has at least.
    pub(super) const fn min_columns(self) -> usize {
        match self {
            // PostgreSQL 12 has no `backend_type`, and 8.4 no `application_name`.
            Self::PostgreSql => 22,
            Self::Greenplum => GREENPLUM.len(),
        }
    }
}

/// Gives each column of PostgreSQL's records to a method, in their order, until one returns `None`. Written out, for
/// in a loop what is to be done for a column would be decided anew for each.
macro_rules! each_column {
    ($takes:ident.$method:ident) => {
        $crate::csvlog::layout::each_column! { $takes.$method:
            Time User Database Pid ConnectionFrom SessionId LineNum Ps SessionStart Vxid Txid Severity StateCode
            Message Detail Hint InternalQuery InternalPosition Context Statement CursorPosition Location
            ApplicationName BackendType LeaderPid QueryId
        }
    };
    ($takes:ident.$method:ident: $($column:ident)*) => {
        $($takes.$method($crate::record::Column::$column)?;)*
    };
}

pub(super) use each_column;

const POSTGRESQL: [Column; 26] = [
    Column::Time,
    Column::User,
    Column::Database,
    Column::Pid,
    Column::ConnectionFrom,
    Column::SessionId,
    Column::LineNum,
    Column::Ps,
    Column::SessionStart,
    Column::Vxid,
    Column::Txid,
    Column::Severity,
    Column::StateCode,
    Column::Message,
    Column::Detail,
    Column::Hint,
    Column::InternalQuery,
    Column::InternalPosition,
    Column::Context,
    Column::Statement,
    Column::CursorPosition,
    Column::Location,
    Column::ApplicationName,
    Column::BackendType,
    Column::LeaderPid,
    Column::QueryId,
];

/// Thread, session, command, segment, slice and the other transactions have no place in an entry.
const GREENPLUM: [Column; 30] = [
    Column::Time,
    Column::User,
    Column::Database,
    Column::Pid,
    Column::Other,
    Column::RemoteHost,
    Column::RemotePort,
    Column::SessionStart,
    Column::Txid,
    Column::Other,
    Column::Other,
    Column::Other,
    Column::Other,
    Column::Other,
    Column::Other,
    Column::Other,
    Column::Severity,
    Column::StateCode,
    Column::Message,
    Column::Detail,
    Column::Hint,
    Column::InternalQuery,
    Column::InternalPosition,
    Column::Context,
    Column::Statement,
    Column::CursorPosition,
    Column::FuncName,
    Column::FileName,
    Column::FileLineNum,
    Column::Backtrace,
];
