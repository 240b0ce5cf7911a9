//! What is known of the owner of a run, or of a manager: its process is looked at where that can be seen, and judged by its
//! lease alone where it cannot.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::apps::{ProcessIdentity, ProcessSpace, Sight};
use crate::clock;
use crate::error::Result;
use crate::ident::host;
use crate::tables::{ManagerRow, RunRow, Store, is_over};

/// An older manager was gone when it was not seen for so long, where its process could not be looked at.
const SEEN_PATIENCE: TimeDelta = TimeDelta::seconds(60);
/// A run whose owner is not heard of is closed when its lease was seen over for so long: a database that is back after an
/// outage hears of all owners within this time.
pub const UNHEARD_PATIENCE: Duration = Duration::from_secs(5);

/// What is known of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Its process lives, and can be seen from here.
    Alive,
    /// Its process has ended, which can be seen from here.
    Gone,
    /// It cannot be seen from here, and holds its lease.
    Leased,
    /// It cannot be seen from here, and its lease is over.
    Unheard,
    /// It cannot be seen from here, and has no lease: an older dc started it.
    Unknown,
}

impl Owner {
    /// The owner of a run at `now`, which is of the database's clock.
    pub fn of_run(run: &RunRow, now: NaiveDateTime) -> Self {
        Self::of(identity(run).map(|identity| look(&identity, &run.host)), run.lease_until, now)
    }

    fn of_manager(manager: &ManagerRow, now: NaiveDateTime) -> Self {
        let identity = numbers(Some(manager.pid), Some(manager.pid_started)).map(|(pid, start_ticks)| {
            let space = ProcessSpace::named(manager.boot_id.clone(), manager.pid_namespace.clone());
            ProcessIdentity { space, pid, start_ticks }
        });
        // an older one was seen again and again, which is as good as a lease
        let lease_until = manager.lease_until.or_else(|| manager.seen_at.checked_add_signed(SEEN_PATIENCE));
        Self::of(identity.map(|identity| look(&identity, &manager.host)), lease_until, now)
    }

    fn of(sight: Option<Sight>, lease_until: Option<NaiveDateTime>, now: NaiveDateTime) -> Self {
        match (sight, lease_until) {
            (Some(Sight::Alive), _) => Self::Alive,
            (Some(Sight::Gone), _) => Self::Gone,
            (_, Some(until)) if is_over(until, now) => Self::Unheard,
            (_, Some(_)) => Self::Leased,
            (_, None) => Self::Unknown,
        }
    }

    /// Whether its process can be seen from here, alive or gone.
    pub fn is_here(self) -> bool {
        matches!(self, Self::Alive | Self::Gone)
    }
}

/// The managers that work.
///
/// # Errors
/// When the database cannot be read.
pub fn living(store: &mut Store) -> Result<Vec<ManagerRow>> {
    let now = store.now()?;
    Ok(store.managers().all()?.into_iter().filter(|manager| lives(manager, now)).collect())
}

/// Whether a manager works at `now`, which is of the database's clock.
pub fn lives(manager: &ManagerRow, now: NaiveDateTime) -> bool {
    matches!(Owner::of_manager(manager, now), Owner::Alive | Owner::Leased)
}

/// Whether a manager and a run see each other's processes.
pub(super) fn is_beside(manager: &ManagerRow, run: &RunRow) -> bool {
    let is_same_boot = run.boot_id.as_deref() == Some(manager.boot_id.as_str());
    match (&manager.pid_namespace, &run.pid_namespace) {
        (Some(one), Some(other)) => is_same_boot && one == other,
        _ => manager.host == run.host,
    }
}

/// Asks a run to end, by a signal to its `dc run`; false when that cannot be seen from here, or is gone.
pub(super) fn ask_to_end(run: &RunRow) -> bool {
    let alive = identity(run).filter(|identity| look(identity, &run.host) == Sight::Alive);
    alive.is_some_and(|identity| kill(Pid::from_raw(identity.pid), Signal::SIGTERM).is_ok())
}

/// Why a run was closed that nobody heard of, and where something of it may still live.
pub(super) fn unheard_words(run: &RunRow) -> String {
    let since = run.lease_until.map(|until| format!(" at {}", clock::brief(until))).unwrap_or_default();
    format!("its lease ended{since} and it was not heard of again; {}", whereabouts(run))
}

/// Where something of a run may still live, in words.
pub fn whereabouts(run: &RunRow) -> String {
    let process = run.pid.map(|pid| format!("process {pid}")).unwrap_or_else(|| "a process".to_owned());
    let namespace = match &run.pid_namespace {
        Some(namespaces) => format!(" in {}", namespaces.split(' ').next().unwrap_or_default()),
        None => String::new(),
    };
    format!("its `dc run` ({process}{namespace} on {}) and its app may still live there", run.host)
}

fn identity(run: &RunRow) -> Option<ProcessIdentity> {
    let (pid, start_ticks) = numbers(run.pid, run.pid_started)?;
    let space = ProcessSpace::named(run.boot_id.clone()?, run.pid_namespace.clone());
    Some(ProcessIdentity { space, pid, start_ticks })
}

fn numbers(pid: Option<i64>, pid_started: Option<i64>) -> Option<(i32, u64)> {
    Some((i32::try_from(pid?).ok()?, u64::try_from(pid_started?).ok()?))
}

/// A row without a namespace is of an older dc, which took a host name for a machine.
fn look(identity: &ProcessIdentity, on: &str) -> Sight {
    if identity.space.namespaces.is_some() {
        return identity.look();
    }
    match (on == host(), identity.look()) {
        (false, _) => Sight::Elsewhere,
        // the machine was started anew
        (true, Sight::Elsewhere) => Sight::Gone,
        (true, sight) => sight,
    }
}
