//! The commands, one file each.

pub(crate) mod buffer;
pub(crate) mod check;
pub(crate) mod listen;
pub(crate) mod parse;
pub(crate) mod run;
pub(crate) mod up;
