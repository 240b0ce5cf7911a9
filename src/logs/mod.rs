//! Log records on their way to the database, through a bounded queue and one thread.

mod capture;

pub use capture::{Capture, Captured, RunOfApp};
