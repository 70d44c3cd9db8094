//! Receives, stores and shows what agents send.
