//! Tests that need RabbitMQ.

mod deliveries;
mod documents;
mod notes;

#[path = "../support/mod.rs"]
mod support;
