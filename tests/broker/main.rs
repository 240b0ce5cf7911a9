//! Tests that need RabbitMQ.

mod calls;
mod deliveries;
mod documents;
mod notes;
mod queues;

#[path = "../support/mod.rs"]
mod support;
