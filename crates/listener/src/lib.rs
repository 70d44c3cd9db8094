//! Receives, stores and shows what agents send.

pub mod store;
pub mod validate;
