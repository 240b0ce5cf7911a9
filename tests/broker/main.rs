//! Tests that need RabbitMQ.

mod deliveries;
mod notes;

#[path = "../support/mod.rs"]
mod support;
