//! `dc files list` and `show`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{find, size};
use crate::apps::choose;
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::shell::{self, visible_line};
use crate::tables::{FileFilter, FileRow, Store};

/// Digits of a SHA-256 in a table.
const DIGITS_SHOWN: usize = 12;

/// What `dc files list` is asked for.
#[derive(Debug, Clone, Default)]
pub struct FileListOptions {
    /// Of this app.
    pub app: Option<String>,
    /// Kept by this run.
    pub runtime: Option<String>,
    /// In this store.
    pub store: Option<String>,
    /// Of exactly this name.
    pub name: Option<String>,
    /// Only what is held.
    pub held: bool,
    /// Only what the last check found damaged or missing.
    pub faulty: bool,
    /// What was deleted, too.
    pub deleted: bool,
    /// Only numbers below this one: what comes after a page.
    pub below: Option<i64>,
    /// How many.
    pub count: i64,
}

/// A file with the names that its numbers stand for.
#[derive(Debug, Clone, Serialize)]
pub struct ListedFile {
    /// Its row.
    #[serde(flatten)]
    pub row: FileRow,
    /// Its app.
    pub app: Option<String>,
    /// Its retention.
    pub retention_name: String,
}

/// Files, the newest first.
#[derive(Debug, Clone, Serialize)]
pub struct FileList {
    /// The files.
    pub files: Vec<ListedFile>,
    /// Whether all of each is shown to people.
    #[serde(skip)]
    is_whole: bool,
}

/// Lists stored files.
///
/// # Errors
/// Usage for an app; what the database says.
pub fn list_files(context: &Context, options: &FileListOptions) -> Result<FileList> {
    let mut store = Store::ready(context)?.patient();
    let app_ids = match &options.app {
        None => None,
        Some(typed) => {
            // an app that left and came back has several numbers
            let mut known = store.apps().all()?;
            known.extend(store.apps().archived()?);
            let name = choose(known.iter().map(|app| &app.name), typed)?;
            Some(known.iter().filter(|app| app.name == *name).map(|app| app.id).collect())
        }
    };
    let filter = FileFilter {
        app_ids,
        runtime: options.runtime.clone(),
        store: options.store.clone(),
        name: options.name.clone(),
        sha256: None,
        held: options.held,
        faulty: options.faulty,
        deleted: options.deleted,
        below: options.below,
    };
    let rows = store.files().list(&filter, options.count)?;
    Ok(FileList { files: named(&mut store, rows)?, is_whole: false })
}

/// Shows all that is known of files: one by its number, all names of a content by its SHA-256.
///
/// # Errors
/// Usage; not found; what the database says.
pub fn show_files(context: &Context, texts: &[String]) -> Result<FileList> {
    let mut store = Store::ready(context)?;
    let rows = find::find_all(&mut store, texts)?;
    Ok(FileList { files: named(&mut store, rows)?, is_whole: true })
}

fn named(store: &mut Store, rows: Vec<FileRow>) -> Result<Vec<ListedFile>> {
    let retentions = store.retentions().all()?;
    let mut apps: BTreeMap<i64, Option<String>> = BTreeMap::new();
    rows.into_iter()
        .map(|row| {
            let app = match row.app_id {
                None => None,
                Some(id) => match apps.get(&id) {
                    Some(known) => known.clone(),
                    None => {
                        let name = store.apps().by_id(id)?.map(|app| app.name.to_string());
                        apps.insert(id, name.clone());
                        name
                    }
                },
            };
            let retention = retentions.iter().find(|retention| retention.id == row.retention);
            let retention_name = retention.map_or_else(|| row.retention.to_string(), |it| it.name.to_lowercase());
            Ok(ListedFile { row, app, retention_name })
        })
        .collect()
}

/// What people must know of a file first.
fn state(row: &FileRow) -> String {
    match row {
        FileRow { deleted_at: Some(at), .. } => format!("deleted {}", clock::local(*at)),
        FileRow { fault: Some(fault), .. } => fault.clone(),
        FileRow { held: Some(reason), .. } => format!("held: {reason}"),
        _ => String::new(),
    }
}

fn until(row: &FileRow) -> String {
    row.kept_until.map_or_else(|| "for ever".to_owned(), clock::local)
}

impl fmt::Display for FileList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files.is_empty() {
            return formatter.write_str("no files: `dc files keep FILE` keeps one");
        }
        if self.is_whole {
            for (place, file) in self.files.iter().enumerate() {
                if place > 0 {
                    writeln!(formatter)?;
                }
                write!(formatter, "{file}")?;
            }
            return Ok(());
        }
        let mut table = shell::table(["id", "sha256", "name", "size", "app", "kept until", "store", ""]);
        for ListedFile { row, app, .. } in &self.files {
            table.add_row([
                row.id.to_string(),
                row.sha256_hex().chars().take(DIGITS_SHOWN).collect(),
                row.name.clone(),
                size(row.bytes.unsigned_abs()),
                app.clone().unwrap_or_else(|| "-".to_owned()),
                until(row),
                row.store.clone(),
                state(row),
            ]);
        }
        write!(formatter, "{table}")
    }
}

impl fmt::Display for ListedFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, app, retention_name } = self;
        let moment = |at: Option<chrono::NaiveDateTime>| at.map(clock::local);
        let lines = [
            ("name", Some(row.name.clone())),
            ("sha256", Some(row.sha256_hex())),
            ("size", Some(format!("{} ({} bytes)", size(row.bytes.unsigned_abs()), row.bytes))),
            ("app", app.clone()),
            ("run", row.runtime.clone()),
            ("store", Some(row.store.clone())),
            ("path", Some(row.path.clone())),
            ("kept at", moment(Some(row.created_at))),
            ("kept until", Some(format!("{} ({retention_name})", until(row)))),
            (
                "held",
                row.held.as_ref().map(|reason| format!("{reason} (by {})", row.held_by.as_deref().unwrap_or("-"))),
            ),
            ("checked at", moment(row.checked_at)),
            ("fault", row.fault.clone()),
            ("deleted at", moment(row.deleted_at)),
        ];
        write!(formatter, "file {}", row.id)?;
        for (what, text) in lines {
            if let Some(text) = text {
                write!(formatter, "\n  {what:<11} {}", visible_line(&text))?;
            }
        }
        writeln!(formatter)
    }
}
