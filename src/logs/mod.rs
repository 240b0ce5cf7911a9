//! What apps and dc itself have to say: to the database through a bounded queue and one thread, and to the console; never
//! with a credential in it.

mod capture;
mod console;
mod redact;

pub use capture::{Capture, Captured, RunOfApp};
pub use console::init;
pub use redact::Redactor;
