//! The window of the house on a terminal: all apps at once, drawn and operated by keys. It reads over a connection of its own
//! and tells apps through the same operation as `dc manager send`; so no terminal, however slow, holds a manager up.

mod draw;
mod feed;
mod order;
mod plain;
mod run;
#[cfg(test)]
mod tests;
mod view;

pub use run::{Beside, watch};
