//! Tests that take longer than some seconds; `cargo test -- --skip slow::` leaves them out. Other files have a module
//! `slow` of their own.

mod files;
mod managers_killed;
mod memory;
