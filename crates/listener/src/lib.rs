//! Receives, stores and shows what agents send.

pub mod validate;
