//! The `pgcourier` command.

fn main() {}
