//! Whether other machines can fetch the apps of this one, and what of them is published otherwise than it stands here.

use std::collections::BTreeMap;

use super::super::diagnosis::{Finding, Health};
use super::finding;
use crate::apps::look_for_apps;
use crate::context::Context;
use crate::error::Result;
use crate::ident::AppName;
use crate::publish::{PublishOptions, plan};
use crate::storage::Storage;
use crate::tables::PublicationRow;

/// The findings of `[deploy] publish`; none where it is not set.
pub(super) fn publishing(context: &Context) -> Vec<Finding> {
    let failed = |error: &crate::error::Error| {
        finding("publish", Health::Failed, error.to_string(), error.hint_text().map(str::to_owned))
    };
    match PublishOptions::of(context.settings()) {
        Ok(options) if !options.is_on => Vec::new(),
        Ok(options) => look(context, &options).unwrap_or_else(|error| vec![failed(&error)]),
        Err(error) => vec![failed(&error)],
    }
}

fn look(context: &Context, options: &PublishOptions) -> Result<Vec<Finding>> {
    let mut storage = Storage::open(context)?;
    let mut findings = Vec::new();
    if let Some(folder) = storage.folder_of_this_machine()? {
        findings.push(finding(
            "publish",
            Health::Warning,
            format!("apps are published into {folder}, on a disk of this machine, where others may not find them"),
            Some("mount it on all machines, or name a bucket: [storage] store = \"s3\"".to_owned()),
        ));
    }
    let tables = storage.tables();
    let mut published: BTreeMap<i64, PublicationRow> =
        tables.publications().all()?.into_iter().map(|publication| (publication.app_id, publication)).collect();
    let registered = tables.apps().all()?.into_iter();
    let published: BTreeMap<AppName, PublicationRow> =
        registered.filter_map(|app| Some((app.name, published.remove(&app.id)?))).collect();
    // what cannot be read has a finding of its own
    let (found, _) = look_for_apps(&context.settings().project.apps())?;
    let mut differ = Vec::new();
    for app in &found {
        match plan(context, options, app, published.get(&app.name)) {
            Ok(planned) if planned.is_new => differ.push(app.name.to_string()),
            Ok(_) => {}
            Err(error) => findings.push(finding(
                "publish",
                Health::Failed,
                error.to_string(),
                error.hint_text().map(str::to_owned),
            )),
        }
    }
    findings.push(match differ.first() {
        None => {
            let found = match published.len() {
                1 => "1 app is published".to_owned(),
                count => format!("{count} apps are published"),
            };
            finding("publish", Health::Ok, found, None)
        }
        Some(first) => finding(
            "publish",
            Health::Warning,
            format!("apps here that are not published as they stand: {}, such as `{first}`", differ.len()),
            Some("dc deploy".to_owned()),
        ),
    });
    Ok(findings)
}
