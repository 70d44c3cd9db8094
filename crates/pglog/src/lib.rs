//! PostgreSQL server logs: bytes to entries.
