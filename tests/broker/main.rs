//! Tests that need RabbitMQ.

mod notes;

#[path = "../support/mod.rs"]
mod support;
