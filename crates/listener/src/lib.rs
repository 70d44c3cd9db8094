//! Receives, stores and shows what agents send.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use listener::{Config, Server};
//!
//! let mut config = Config::default();
//! config.store.path = "/tmp/pgcourier.db".into();
//! config.projects.entry("shop".to_owned()).or_default().key = Some("s3cret".into());
//!
//! let server = Server::bind(&config)?;
//! println!("http://{}/", server.local_addr());
//! server.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

// In the order of the data's journey.
pub mod validate;

pub mod store;

pub mod api;

mod ui;

pub mod config;
pub mod server;

pub use config::Config;
pub use server::{Error, Server};
