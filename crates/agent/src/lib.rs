//! Reads PostgreSQL logs and carries them to a listener.
//!
//! The stages in the order of the data: [`tail`] follows files, `pglog` turns bytes into entries,
//! [`batch`] collects entries, [`buffer`] stores batches with the position that is reached, [`ship`]
//! sends them. Each stage has settings of its own and knows only the stages before it; [`pipeline`]
//! connects them.

pub mod database;
pub mod tail;

pub mod batch;

pub mod buffer;

pub mod ship;

pub mod output;

pub mod config;
pub mod pipeline;
pub mod server;
pub mod shutdown;
pub mod status;
mod trust;
