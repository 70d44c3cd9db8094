//! The names of events.

/// Writes the enum and what converts it from one list of variants, names and meanings.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A class of messages on which an operator acts in the same way.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])* $variant,)*
        }

        impl Event {
            /// Every event.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the event's name, such as `checkpoint.complete`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

events! {
    /// A server process died of a signal, and all others had to end.
    ServerCrashed = "server.crashed",
    /// The server starts, or is ready.
    ServerStart = "server.start",
    /// The server starts after it was not shut down properly.
    ServerStartRecovering = "server.start_recovering",
    /// The server shuts down.
    ServerShutdown = "server.shutdown",
    /// Memory, private or shared, is used up.
    ServerOutOfMemory = "server.out_of_memory",
    /// A page is damaged.
    ServerInvalidChecksum = "server.invalid_checksum",
    /// A temporary file was used (`log_temp_files`).
    ServerTempFileCreated = "server.temp_file_created",
    /// Something else that the server's operator should know, such as a full disk.
    ServerMisc = "server.misc",
    /// The configuration files are read again.
    ServerReload = "server.reload",
    /// A process of the server ended with an exit code.
    ServerProcessExited = "server.process_exited",
    /// The statistics collector did not answer (PostgreSQL up to 14).
    ServerStatsCollectorTimeout = "server.stats_collector_timeout",
    /// A parameter has a new value since the configuration was read again.
    ServerParameterChanged = "server.parameter_changed",
    /// A configuration file has errors, or a change in it cannot take effect.
    ServerConfigError = "server.config_error",
    /// The start takes long (`log_startup_progress_interval`).
    ServerStartupProgress = "server.startup_progress",
    /// A background worker ended.
    ServerWorkerExited = "server.worker_exited",
    /// A client connected (`log_connections`).
    ConnectionReceived = "connection.received",
    /// The client's identity was proved (`log_connections`).
    ConnectionAuthenticated = "connection.authenticated",
    /// The session began (`log_connections`).
    ConnectionAuthorized = "connection.authorized",
    /// The session took this long to begin (`log_connections`, PostgreSQL 18).
    ConnectionReady = "connection.ready",
    /// The client is not let in.
    ConnectionRejected = "connection.rejected",
    /// The session ended (`log_disconnections`).
    ConnectionDisconnected = "connection.disconnected",
    /// What connected did not speak the protocol to the end of its start.
    ConnectionClientFailedToConnect = "connection.client_failed_to_connect",
    /// The client vanished.
    ConnectionLost = "connection.lost",
    /// The client vanished in the middle of a transaction.
    ConnectionLostOpenTx = "connection.lost_open_tx",
    /// An administrator ended the session.
    ConnectionTerminated = "connection.terminated",
    /// All connection slots are taken.
    ConnectionOutOfConnections = "connection.out_of_connections",
    /// The role has all the connections that it may have.
    ConnectionTooManyConnectionsRole = "connection.too_many_connections_role",
    /// The database has all the connections that it may have.
    ConnectionTooManyConnectionsDatabase = "connection.too_many_connections_database",
    /// TLS failed.
    ConnectionCouldNotAcceptSslConnection = "connection.could_not_accept_ssl_connection",
    /// A replication client gave a command (`log_replication_commands`).
    ConnectionReplicationCommand = "connection.replication_command",
    /// The client speaks another protocol.
    ProtocolErrorUnsupportedVersion = "protocol_error.unsupported_version",
    /// The client broke off in the middle of a message.
    ProtocolErrorIncompleteMessage = "protocol_error.incomplete_message",
    /// A checkpoint begins.
    CheckpointStarting = "checkpoint.starting",
    /// A checkpoint is done.
    CheckpointComplete = "checkpoint.complete",
    /// Checkpoints are forced by WAL, not by time.
    CheckpointTooFrequent = "checkpoint.too_frequent",
    /// A standby's restart point begins.
    RestartpointStarting = "restartpoint.starting",
    /// A standby's restart point is done.
    RestartpointComplete = "restartpoint.complete",
    /// Where a standby's restart point is.
    RestartpointAt = "restartpoint.at",
    /// The end of valid WAL was found.
    WalInvalidRecordLength = "wal.invalid_record_length",
    /// WAL is being replayed, or was, or need not be.
    WalRedo = "wal.redo",
    /// A WAL file could not be archived.
    WalArchiveCommandFailed = "wal.archive_command_failed",
    /// The WAL that a base backup needs is archived.
    WalBaseBackupComplete = "wal.base_backup_complete",
    /// A replication slot was acquired, released or invalidated.
    WalReplicationSlot = "wal.replication_slot",
    /// Autovacuum gave way to a lock that somebody wants.
    AutovacuumCancel = "autovacuum.cancel",
    /// The autovacuum launcher runs.
    AutovacuumLauncherStarted = "autovacuum.launcher_started",
    /// The autovacuum launcher, or a worker, is told to end.
    AutovacuumLauncherShuttingDown = "autovacuum.launcher_shutting_down",
    /// Autovacuum vacuumed a table (`log_autovacuum_min_duration`).
    AutovacuumCompleted = "autovacuum.completed",
    /// Autovacuum analyzed a table (`log_autovacuum_min_duration`).
    AutoanalyzeCompleted = "autoanalyze.completed",
    /// Transaction ids, or multixact ids, run out soon.
    TxidWraparoundWarning = "txid.wraparound_warning",
    /// Transaction ids, or multixact ids, have run out.
    TxidWraparoundError = "txid.wraparound_error",
    /// Vacuum left a table out because of a lock.
    SkippingVacuumLockNotAvailable = "skipping.vacuum_lock_not_available",
    /// Analyze left a table out because of a lock.
    SkippingAnalyzeLockNotAvailable = "skipping.analyze_lock_not_available",
    /// Maintenance left a table out because the user may not do it.
    SkippingMaintenancePermissionDenied = "skipping.maintenance_permission_denied",
    /// A process got the lock that it had waited for (`log_lock_waits`).
    LockAcquired = "lock.acquired",
    /// A process waits for a lock for longer than `deadlock_timeout` (`log_lock_waits`).
    LockWaiting = "lock.waiting",
    /// `lock_timeout` ended a statement.
    LockTimeout = "lock.timeout",
    /// Processes wait for each other.
    LockDeadlockDetected = "lock.deadlock_detected",
    /// Another order of the queue avoids a deadlock.
    LockDeadlockAvoided = "lock.deadlock_avoided",
    /// A lock that must be had at once was not to be had (`log_lock_failures`, PostgreSQL 18).
    LockFailure = "lock.failure",
    /// Recovery waits for a query (`log_recovery_conflict_waits`).
    LockRecoveryConflictWait = "lock.recovery_conflict_wait",
    /// How long a statement took, or its bind or execute phase.
    StatementDuration = "statement.duration",
    /// How long a statement's parse phase took.
    StatementParse = "statement.parse",
    /// A statement begins (`log_statement`).
    StatementLog = "statement.log",
    /// `auto_explain` logged a plan as text.
    StatementAutoExplain = "statement.auto_explain",
    /// `auto_explain` logged a plan as JSON, XML or YAML.
    StatementPlan = "statement.plan",
    /// `statement_timeout` ended a statement.
    StatementCanceledTimeout = "statement.canceled_timeout",
    /// A user cancelled a statement.
    StatementCanceledUser = "statement.canceled_user",
    /// `idle_in_transaction_session_timeout` ended a session.
    StatementIdleInTransactionTimeout = "statement.idle_in_transaction_timeout",
    /// `transaction_timeout` ended a session (PostgreSQL 17).
    StatementTransactionTimeout = "statement.transaction_timeout",
    /// `idle_session_timeout` ended a session (PostgreSQL 14).
    StatementIdleSessionTimeout = "statement.idle_session_timeout",
    /// A standby took a WAL file from the archive.
    StandbyRestoredWalFromArchive = "standby.restored_wal_from_archive",
    /// A standby receives WAL from its primary.
    StandbyStartedStreaming = "standby.started_streaming",
    /// A standby lost its primary.
    StandbyStreamingInterrupted = "standby.streaming_interrupted",
    /// An administrator ended a standby's WAL receiver.
    StandbyStoppedStreaming = "standby.stopped_streaming",
    /// A standby can answer queries.
    StandbyConsistentRecoveryState = "standby.consistent_recovery_state",
    /// A query on a standby had to give way to recovery.
    StandbyStatementCanceled = "standby.statement_canceled",
    /// A standby and the WAL that it is given went different ways.
    StandbyInvalidTimeline = "standby.invalid_timeline",
    /// A key exists already.
    ErrorUniqueConstraintViolation = "error.unique_constraint_violation",
    /// A row refers to one that does not exist, or one that is referred to shall go.
    ErrorForeignKeyConstraintViolation = "error.foreign_key_constraint_violation",
    /// NULL where it is not allowed.
    ErrorNotNullConstraintViolation = "error.not_null_constraint_violation",
    /// A value breaks a check constraint.
    ErrorCheckConstraintViolation = "error.check_constraint_violation",
    /// A key conflicts with another by an exclusion constraint.
    ErrorExclusionConstraintViolation = "error.exclusion_constraint_violation",
    /// The statement is not SQL.
    ErrorSyntaxError = "error.syntax_error",
    /// A value does not read as its type.
    ErrorInvalidInputSyntax = "error.invalid_input_syntax",
    /// A string exceeds its type.
    ErrorValueTooLongForType = "error.value_too_long_for_type",
    /// A parameter or an argument has a value that makes no sense.
    ErrorInvalidValue = "error.invalid_value",
    /// An array does not read as one.
    ErrorMalformedArrayLiteral = "error.malformed_array_literal",
    /// A subquery needs a name.
    ErrorSubqueryMissingAlias = "error.subquery_missing_alias",
    /// INSERT names more columns than values, or fewer.
    ErrorInsertTargetColumnMismatch = "error.insert_target_column_mismatch",
    /// ANY or ALL without an array.
    ErrorAnyAllRequiresArray = "error.any_all_requires_array",
    /// A column is neither grouped nor aggregated.
    ErrorColumnMissingFromGroupBy = "error.column_missing_from_group_by",
    /// There is no such table, view, index or sequence.
    ErrorRelationDoesNotExist = "error.relation_does_not_exist",
    /// There is no such column.
    ErrorColumnDoesNotExist = "error.column_does_not_exist",
    /// There is no such operator for these types.
    ErrorOperatorDoesNotExist = "error.operator_does_not_exist",
    /// A column's name fits several.
    ErrorColumnReferenceAmbiguous = "error.column_reference_ambiguous",
    /// The user may not do this.
    ErrorPermissionDenied = "error.permission_denied",
    /// The transaction failed before and must be rolled back first.
    ErrorTransactionIsAborted = "error.transaction_is_aborted",
    /// ON CONFLICT names no constraint.
    ErrorOnConflictNoConstraintMatch = "error.on_conflict_no_constraint_match",
    /// ON CONFLICT would change the same row twice.
    ErrorOnConflictRowAffectedTwice = "error.on_conflict_row_affected_twice",
    /// A column's values have no conversion to its new type.
    ErrorColumnCannotBeCast = "error.column_cannot_be_cast",
    /// A division by zero.
    ErrorDivisionByZero = "error.division_by_zero",
    /// Something depends on what shall be dropped.
    ErrorCannotDrop = "error.cannot_drop",
    /// A number exceeds its integer type.
    ErrorIntegerOutOfRange = "error.integer_out_of_range",
    /// A regular expression is none.
    ErrorInvalidRegexp = "error.invalid_regexp",
    /// A parameter such as `$1` has no value.
    ErrorParamMissing = "error.param_missing",
    /// There is no such function for these types.
    ErrorFunctionDoesNotExist = "error.function_does_not_exist",
    /// There is no such savepoint.
    ErrorNoSuchSavepoint = "error.no_such_savepoint",
    /// A string has no end.
    ErrorUnterminatedQuotedString = "error.unterminated_quoted_string",
    /// A quoted name has no end.
    ErrorUnterminatedQuotedIdentifier = "error.unterminated_quoted_identifier",
    /// Bytes are no text in their encoding.
    ErrorInvalidByteSequence = "error.invalid_byte_sequence",
    /// Another transaction changed the row first.
    ErrorCouldNotSerializeRepeatableRead = "error.could_not_serialize_repeatable_read",
    /// No serial order of the transactions exists.
    ErrorCouldNotSerializeSerializable = "error.could_not_serialize_serializable",
    /// A range ends before it begins.
    ErrorInconsistentRangeBounds = "error.inconsistent_range_bounds",
    /// A number, date or time exceeds its type.
    ErrorValueOutOfRange = "error.value_out_of_range",
    /// There is no such type, role, schema, database or other object.
    ErrorObjectDoesNotExist = "error.object_does_not_exist",
    /// Row-level security forbids it.
    ErrorRowLevelSecurityViolation = "error.row_level_security_violation",
    /// A row would not be seen through the view that it is written to.
    ErrorWithCheckOptionViolation = "error.with_check_option_violation",
    /// A view cannot be written to.
    ErrorCannotModifyView = "error.cannot_modify_view",
    /// An SQL/JSON path finds no, or no fitting, item.
    ErrorSqlJsonError = "error.sql_json_error",
    /// No partition takes the row, or partitions contradict each other.
    ErrorPartitionError = "error.partition_error",
    /// An object of that name exists already.
    ErrorObjectAlreadyExists = "error.object_already_exists",
    /// An object is of another kind than the statement needs.
    ErrorWrongObjectType = "error.wrong_object_type",
    /// pgaudit: a statement of an audited session.
    AuditSession = "audit.session",
    /// pgaudit: a statement on an audited object.
    AuditObject = "audit.object",
    /// `PgBouncer`: a client logs in.
    PgbouncerLogin = "pgbouncer.login",
    /// `PgBouncer`: a connection to the server was made.
    PgbouncerServerConnected = "pgbouncer.server_connected",
    /// `PgBouncer`: a connection, of a client or to the server, ends.
    PgbouncerClosing = "pgbouncer.closing",
    /// `PgBouncer`: the client is told of an error.
    PgbouncerPoolerError = "pgbouncer.pooler_error",
    /// `PgBouncer`: figures of the last period.
    PgbouncerStats = "pgbouncer.stats",
    /// `PgBouncer`: the process starts.
    PgbouncerStart = "pgbouncer.start",
    /// `PgBouncer`: the process stops.
    PgbouncerShutdown = "pgbouncer.shutdown",
    /// `PgBouncer`: the configuration is read again.
    PgbouncerReload = "pgbouncer.reload",
    /// `PgBouncer`: any other warning or error.
    PgbouncerProblem = "pgbouncer.problem",
}

impl Event {
    /// Reads an event's name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == name)
    }
}
