//! Groups that the settings name: one that no app is of is a slip, and its limit would hold nobody back.

use std::collections::BTreeSet;

use crate::apps::app_names;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::tables::Store;

/// Checks that every `[group.NAME]` is the group of an app that is registered or stands here.
///
/// # Errors
/// Settings: the first name that is no group's, and the groups that there are.
pub fn check_groups(context: &Context, store: &mut Store) -> Result<()> {
    let settings = context.settings();
    if settings.manager.group_max_running.is_empty() {
        return Ok(());
    }
    let mut groups: BTreeSet<String> = store.apps().all()?.into_iter().map(|app| app.name.group).collect();
    groups.extend(app_names(&settings.project.apps())?.into_iter().map(|name| name.group));
    let unknown = settings.manager.group_max_running.iter().find(|(name, _)| !groups.contains(name));
    let Some((name, _)) = unknown else { return Ok(()) };
    let known: Vec<String> = groups.into_iter().collect();
    let what = format!("read `[group.{name}]`: no app is of a group `{name}`");
    Err(Error::new(ErrorKind::Settings, what).hint(match known.is_empty() {
        true => "a group is the first folder under apps/".to_owned(),
        false => format!("the groups are: {}", known.join(", ")),
    }))
}
