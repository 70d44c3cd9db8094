//! Reads PostgreSQL logs and carries them to a listener.
