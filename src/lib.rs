//! Data Collector: run programs that collect data, merge what they bring into a database by hash,
//! and know afterwards what ran, what changed and what broke.
//!
//! The rooms stand on floors; a room uses only rooms below it. ARCHITECTURE.md has the table.

pub mod apps;
pub mod clock;
pub mod context;
pub mod error;
pub mod ident;
pub mod settings;
pub mod shell;
