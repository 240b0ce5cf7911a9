//! Whether a worker of a pipeline lives: its process is looked at where that can be seen, else its lease counts.

use chrono::NaiveDateTime;

use crate::apps::{ProcessIdentity, ProcessSpace, Sight};
use crate::tables::{WorkerRow, is_over};

/// Whether a worker is at work at `now`, which is of the database's clock.
pub fn is_at_work(worker: &WorkerRow, now: NaiveDateTime) -> bool {
    let numbers = i32::try_from(worker.pid).ok().zip(u64::try_from(worker.pid_started).ok());
    let sight = numbers.map(|(pid, start_ticks)| {
        let space = ProcessSpace::named(worker.boot_id.clone(), worker.pid_namespace.clone());
        ProcessIdentity { pid, start_ticks, space }.look()
    });
    match sight {
        Some(Sight::Alive) => true,
        Some(Sight::Gone) => false,
        _ => !is_over(worker.lease_until, now),
    }
}
