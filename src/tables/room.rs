//! Room to run: how many apps may run at once, of all and of a group.

use diesel::prelude::*;

use super::codebook::{AppCommand, CommandFlag};
use super::connection::Link;
use super::schema::{app_groups, app_parents, apps, command_log, occurrences, runtime};
use super::{Turn, take_turn};

/// How many apps may run at once; 0 for no limit.
#[derive(Debug, Clone, Default)]
pub struct RunLimits {
    /// Of all apps.
    pub all: i64,
    /// Of the apps of a group.
    pub groups: Vec<(String, i64)>,
}

/// How many more apps may start.
pub(super) struct Room {
    limits: RunLimits,
    /// The groups of the apps that run, or are about to.
    busy: Vec<String>,
}

impl Room {
    /// Counts, under a lock that lasts as long as the transaction: two managers must not both take the last place.
    pub(super) fn count(connection: &mut Link, limits: &RunLimits) -> QueryResult<Self> {
        if limits.all > 0 || !limits.groups.is_empty() {
            take_turn(connection, Turn::Claim)?;
        }
        Self::look(connection, limits)
    }

    /// Counts for the moment.
    pub(super) fn look(connection: &mut Link, limits: &RunLimits) -> QueryResult<Self> {
        if limits.all == 0 && limits.groups.is_empty() {
            return Ok(Self { limits: limits.clone(), busy: Vec::new() });
        }
        let groups = || apps::table.inner_join(app_parents::table.inner_join(app_groups::table));
        let mut busy: Vec<String> = groups()
            .inner_join(runtime::table)
            .filter(runtime::ended_at.is_null())
            .select(app_groups::name)
            .load(connection)?;
        let claimed: Vec<String> = groups()
            .inner_join(occurrences::table)
            .filter(occurrences::state.eq("claimed"))
            .select(app_groups::name)
            .load(connection)?;
        busy.extend(claimed);
        busy.extend(commanded(connection)?);
        Ok(Self { limits: limits.clone(), busy })
    }

    /// Takes a place; false when there is none.
    pub(super) fn take(&mut self, group: &str) -> bool {
        let is_full = self.full(group).is_some();
        if !is_full {
            self.busy.push(group.to_owned());
        }
        !is_full
    }

    /// The limit that is reached.
    fn full(&self, group: &str) -> Option<i64> {
        let in_group = self.busy.iter().filter(|busy| *busy == group).count() as i64;
        let group_limit = self.limits.groups.iter().find(|(name, _)| name == group).map(|(_, limit)| *limit);
        let all = Some(self.limits.all).filter(|limit| *limit > 0 && self.busy.len() as i64 >= *limit);
        all.or(group_limit.filter(|limit| in_group >= *limit))
    }

    pub(super) fn words(&self, group: &str) -> String {
        let is_all = self.limits.all > 0 && self.busy.len() as i64 >= self.limits.all;
        let of = if is_all { "all apps".to_owned() } else { format!("the group `{group}`") };
        format!("it waits for a place: {} of {of} run, and no more may", self.full(group).unwrap_or_default())
    }
}

/// The groups of the apps that somebody has told to start, and whose runs have not begun.
fn commanded(connection: &mut Link) -> QueryResult<Vec<String>> {
    let starts = [AppCommand::Start.id(), AppCommand::Restart.id()];
    let told: Vec<(i64, String)> = apps::table
        .inner_join(app_parents::table.inner_join(app_groups::table))
        .inner_join(command_log::table)
        .filter(command_log::cmd_flag.eq(CommandFlag::Accepted.id()))
        .filter(command_log::cmd_name.eq_any(starts))
        .select((apps::id, app_groups::name))
        .load(connection)?;
    let running: Vec<i64> =
        runtime::table.filter(runtime::ended_at.is_null()).select(runtime::app_id).load(connection)?;
    Ok(told.into_iter().filter(|(app_id, _)| !running.contains(app_id)).map(|(_, group)| group).collect())
}
