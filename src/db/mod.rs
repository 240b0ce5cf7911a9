//! The outside world's databases, and how a server among them is reached.

pub mod server;
