//! The order in which apps are shown.

use std::cmp::{Ordering, Reverse};

use crate::ops::BoardApp;
use crate::tables::RunStatus;

/// By what apps are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// What runs, waits, failed and is out of service comes first, then what is due next.
    #[default]
    State,
    /// By the full name.
    Name,
    /// What is due next comes first.
    Next,
    /// What ran last comes first.
    Last,
}

impl Order {
    /// The one that a key changes to.
    pub(super) fn following(self) -> Self {
        match self {
            Self::State => Self::Name,
            Self::Name => Self::Next,
            Self::Next => Self::Last,
            Self::Last => Self::State,
        }
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Name => "name",
            Self::Next => "next run",
            Self::Last => "last run",
        }
    }

    /// Which of two apps comes first; by their names where nothing else tells.
    pub(super) fn compare(self, one: &BoardApp, other: &BoardApp) -> Ordering {
        let by = match self {
            Self::State => (rank(one), due(one)).cmp(&(rank(other), due(other))),
            Self::Name => Ordering::Equal,
            Self::Next => due(one).cmp(&due(other)),
            Self::Last => last(one).cmp(&last(other)),
        };
        by.then_with(|| one.app.name.cmp(&other.app.name))
    }
}

fn rank(line: &BoardApp) -> u8 {
    match line.state() {
        RunStatus::Running => 0,
        RunStatus::Queued => 1,
        RunStatus::Failed => 2,
        RunStatus::Disabled => 3,
        RunStatus::Idle => 4,
    }
}

/// What is never due by itself comes last.
fn due(line: &BoardApp) -> (bool, Option<chrono::NaiveDateTime>) {
    let next = line.app.next_run.filter(|_| !line.app.disable);
    (next.is_none(), next)
}

/// What never ran comes last.
fn last(line: &BoardApp) -> Reverse<Option<chrono::NaiveDateTime>> {
    Reverse(line.last.as_ref().map(|run| run.started_at))
}
