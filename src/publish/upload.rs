//! Putting an app's folder into storage.

use std::collections::BTreeMap;

use serde::Serialize;

use super::local::{LeftOut, LocalFiles};
use super::options::PublishOptions;
use super::sum;
use crate::apps::FoundApp;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::ident::host;
use crate::storage::{KeepOptions, Storage, written};
use crate::tables::{AppRow, NewPublication, NewPublishedFile, PublicationRow, Publishing, hex_text};

/// How long published files stay when nothing needs them any more: what is published is needed.
const RETENTION: &str = "transient";

/// An app whose folder is in storage.
#[derive(Debug, Clone, Serialize)]
pub struct PublishedApp {
    /// Its full name.
    pub app: String,
    /// The SHA-256 of all its files.
    pub sha256: String,
    /// How many there are.
    pub files: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// Whether it was published otherwise before, or not at all.
    pub is_new: bool,
    /// What of its folder stays on this machine although nobody said so.
    pub left_out: Vec<LeftOut>,
}

/// What publishing an app would do, where `before` is what is published of it.
///
/// # Errors
/// As [`publish`].
pub fn plan(
    context: &Context,
    options: &PublishOptions,
    app: &FoundApp,
    before: Option<&PublicationRow>,
) -> Result<PublishedApp> {
    let local = LocalFiles::of(context, app, options)?;
    let sha256 = local.sha256().map_err(|error| error.within(format!("publish {}", app.name)))?;
    let definition = app.definition.to_json();
    let is_new = before.is_none_or(|before| before.sha256 != sha256 || before.definition != definition);
    Ok(told(app, &local, &sha256, is_new))
}

/// Puts every file of an app's folder into storage, each content once, and makes that what counts. Whatever was damaged or
/// lost there is whole again then.
///
/// # Errors
/// Refused for a folder that is too large; usage for a link that leads out of the project; busy for a file that changes
/// meanwhile, or an app that somebody else deploys; what the storage and the database say.
pub fn publish(
    context: &Context,
    storage: &mut Storage,
    options: &PublishOptions,
    (app, row): (&FoundApp, &AppRow),
) -> Result<PublishedApp> {
    let local = LocalFiles::of(context, app, options)?;
    let retention = Some(RETENTION.to_owned());
    let keep = KeepOptions { app_id: Some(row.id), retention, ..KeepOptions::default() };
    let within = |error: Error| error.within(format!("publish {}", app.name));
    let (mut files, mut sums) = (BTreeMap::new(), Vec::new());
    for (path, file) in &local.files {
        let kept = storage.keep_path(&file.at, &keep).map_err(within)?.row;
        let (path, executable) = (written(path.as_os_str()).map_err(within)?, file.executable);
        sums.push((path.clone(), kept.sha256, executable));
        files.insert(path, NewPublishedFile { file_id: kept.id, bytes: kept.bytes, executable });
    }
    failpoint::point("publish.stored")?;
    let sha256 = sum::of(sums.iter().map(|(path, sha256, executable)| (path.as_str(), &sha256[..], *executable)));
    let new = NewPublication {
        app_id: row.id,
        sha256: sha256.clone(),
        definition: app.definition.to_json(),
        files,
        by: context.settings().user.clone(),
        host: host(),
    };
    match storage.tables().publications().publish(&new)? {
        Publishing::Done => Ok(told(app, &local, &sha256, true)),
        Publishing::Unchanged => Ok(told(app, &local, &sha256, false)),
        Publishing::Superseded => {
            let message = format!("publish {}: it is registered otherwise than it stands here", app.name);
            Err(Error::new(ErrorKind::Busy, message).hint("`dc deploy` registers and publishes it"))
        }
    }
}

fn told(app: &FoundApp, local: &LocalFiles, sha256: &[u8], is_new: bool) -> PublishedApp {
    PublishedApp {
        app: app.name.to_string(),
        sha256: hex_text(sha256),
        files: local.files.len(),
        bytes: local.bytes(),
        is_new,
        left_out: local.left_out.clone(),
    }
}
