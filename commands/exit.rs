//! From an error to the exit status. The table stands in dc(1) too.

use data_collector::error::{Error, ErrorKind};

/// The exit status of an error.
pub(crate) fn status(error: &Error) -> i32 {
    match error.kind() {
        // nobody reads on: that is no failure of ours
        ErrorKind::BrokenPipe => 0,
        ErrorKind::Failed => 1,
        ErrorKind::Usage => 2,
        ErrorKind::Settings => 3,
        ErrorKind::Permission => 4,
        ErrorKind::NotFound => 5,
        ErrorKind::Refused => 6,
        ErrorKind::Busy | ErrorKind::Conflict => 75,
        ErrorKind::Timeout => 124,
        ErrorKind::Interrupted => 130,
    }
}
