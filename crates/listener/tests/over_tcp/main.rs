#![cfg(test)]
//! The listener from outside: a real server on a port of its own, requests as bytes.

mod client;
mod durability;
mod ingest;
mod page;
mod reading;
