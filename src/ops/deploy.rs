//! `dc deploy`: schema, codebooks and apps brought up to date.

mod moving;
mod publish;
mod sql;

pub use publish::PublishingReport;
pub use sql::deploy_sql;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::apps::{BrokenApp, FoundApp, choose, look_for_apps};
use crate::context::Context;
use crate::db::{Connection, Gone};
use crate::error::{ErrorKind, Result};
use crate::ident::AppName;
use crate::manager::{living, registration};
use crate::merge::{MaxGone, Merge, MergeReport};
use crate::pipeline;
use crate::publish::PublishOptions;
use crate::shell;
use crate::storage::StorageOptions;
use crate::tables::{Besides, ManagerRow, Missing, Registered, Renamed, SchemaState, Store, codebooks, embedded_names};
use crate::transfer::CopiedTable;

/// What `dc deploy` is asked for.
#[derive(Debug, Clone, Default)]
pub struct DeployOptions {
    /// Only show what would be done.
    pub dry_run: bool,
    /// Apps that have another name now: what they were called, and what they are called.
    pub renames: Vec<(String, String)>,
    /// The database whose tables and history come into this one: a name in the settings, or a URL.
    pub copy_from: Option<String>,
}

/// What a deploy did, or would do.
#[derive(Debug, Clone, Serialize)]
pub struct DeployReport {
    /// The database, without any password.
    pub database: String,
    /// Whether it was only planned.
    pub dry_run: bool,
    /// The migrations applied.
    pub migrations: Vec<String>,
    /// The tables that were copied from another database.
    pub copied: Vec<CopiedTable>,
    /// The codebooks that changed.
    pub codebooks: Vec<CodebookChange>,
    /// The apps.
    pub apps: Registered,
    /// Apps that cannot be read. What is registered of them stays as it is.
    pub broken: Vec<BrokenFolder>,
    /// Labels that apps ask for, and that neither this machine nor one of a manager at work has.
    pub labels_missing: Vec<MissingLabel>,
    /// Apps that stay registered although no app stands on this machine: others have published them.
    pub elsewhere: Vec<String>,
    /// What became of the apps' folders.
    #[serde(flatten)]
    pub publishing: PublishingReport,
}

/// A label that no machine has, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingLabel {
    /// The label.
    pub label: String,
    /// The apps that ask for it.
    pub apps: Vec<String>,
}

/// An app that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokenFolder {
    /// Its name, where its folder may be one.
    pub app: Option<String>,
    /// What is wrong with it.
    pub error: String,
    /// What mends it.
    pub hint: Option<String>,
}

impl DeployReport {
    /// Whether all that was to be done was done.
    pub fn is_whole(&self) -> bool {
        self.broken.is_empty() && self.publishing.is_whole()
    }
}

/// How many values of a codebook changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodebookChange {
    /// The table.
    pub table: String,
    /// Values that are new.
    pub new: u64,
    /// Values whose name or description changed.
    pub changed: u64,
    /// Values that were archived.
    pub gone: u64,
}

/// Brings schema, codebooks and apps up to date. Twice changes nothing; two at once wait for each other. An app that
/// cannot be read holds up no other one: it is in the report.
///
/// # Errors
/// Refused for a database that a newer dc made, and what the database says.
pub fn deploy(context: &Context, options: &DeployOptions) -> Result<DeployReport> {
    let label = context.settings().framework()?.target.label();
    let publishing = PublishOptions::of(context.settings())?;
    if publishing.is_on {
        // what is wrong with the store's settings is told before anything is changed
        StorageOptions::of(context.settings())?;
    }
    let (found, mut broken) = look_for_apps(&context.settings().project.apps())?;
    let mut sound = Vec::with_capacity(found.len());
    for app in found {
        match pipeline::check(context, &app) {
            Ok(()) => sound.push(app),
            Err(error) => broken.push(BrokenApp { name: Some(app.name), error }),
        }
    }
    let overlapping = pipeline::overlaps(&sound).into_iter();
    let overlapping: Vec<BrokenApp> =
        overlapping.map(|(app, error)| BrokenApp { name: Some(app.name.clone()), error }).collect();
    sound.retain(|app| !overlapping.iter().any(|broken| broken.name.as_ref() == Some(&app.name)));
    broken.extend(overlapping);
    let found = sound;
    let mut left: Vec<AppName> = broken.iter().filter_map(|app| app.name.clone()).collect();
    let mut report = DeployReport {
        database: label,
        dry_run: options.dry_run,
        migrations: Vec::new(),
        copied: Vec::new(),
        codebooks: Vec::new(),
        apps: Registered::default(),
        broken: broken.into_iter().map(BrokenFolder::of).collect(),
        labels_missing: Vec::new(),
        elsewhere: Vec::new(),
        publishing: PublishingReport::default(),
    };
    if let (Some(old), true) = (&options.copy_from, options.dry_run) {
        report.copied = moving::copy(context, old, true)?;
    }
    let missing = if options.dry_run { Missing::Fail } else { Missing::Create };
    let mut store = match Store::open(context, missing) {
        Err(error)
            if options.dry_run
                && error.kind() == ErrorKind::NotFound
                && context.settings().framework()?.target.is_file() =>
        {
            plan_all(&mut report, &found, embedded_names());
            report.publishing = publish::plan_all(context, None, (&publishing, &found))?;
            return Ok(report);
        }
        opened => opened?.patient(),
    };
    report.migrations = match (store.schema_state()?, options.dry_run) {
        (SchemaState::Missing, true) => {
            plan_all(&mut report, &found, embedded_names());
            report.publishing = publish::plan_all(context, None, (&publishing, &found))?;
            return Ok(report);
        }
        (SchemaState::Behind(names), true) => names,
        // applies nothing when all is current, and refuses a database that is newer
        _ => store.migrate()?,
    };
    if let (Some(old), false) = (&options.copy_from, options.dry_run) {
        report.copied = moving::copy(context, old, false)?;
    }
    let is_current = store.schema_state()? == SchemaState::Current;
    report.codebooks = seed(context, options.dry_run)?;
    // an app is due by the database's clock
    let now = store.now()?;
    let renamed = renamed(&mut store, &found, &options.renames)?;
    report.labels_missing = labels_missing(context, &mut store, &found)?;
    if found.is_empty() && report.broken.is_empty() && publishing.is_on && is_current {
        // a machine that fetches what it runs takes nothing out
        left = published_apps(&mut store)?;
        report.elsewhere = left.iter().map(ToString::to_string).collect();
    }
    let registrations = found.iter().map(|app| registration(app.clone(), now)).collect::<Result<Vec<_>>>()?;
    report.apps =
        store.apps().register_beside(&registrations, Besides { left: &left, renamed: &renamed }, options.dry_run)?;
    report.publishing = match options.dry_run {
        false => publish::publish_all(context, &mut store, (&publishing, &found))?,
        true => publish::plan_all(context, is_current.then_some(&mut store), (&publishing, &found))?,
    };
    Ok(report)
}

/// The apps that are published.
fn published_apps(store: &mut Store) -> Result<Vec<AppName>> {
    let published: BTreeSet<i64> = store.publications().all()?.into_iter().map(|row| row.app_id).collect();
    Ok(store.apps().all()?.into_iter().filter(|app| published.contains(&app.id)).map(|app| app.name).collect())
}

/// The labels that apps ask for, and that no machine has, as far as is known.
fn labels_missing(context: &Context, store: &mut Store, found: &[FoundApp]) -> Result<Vec<MissingLabel>> {
    let mut asked: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for app in found {
        for label in &app.definition.on {
            asked.entry(label).or_default().push(app.name.to_string());
        }
    }
    for label in &context.settings().manager.labels {
        asked.remove(label.as_str());
    }
    if !asked.is_empty() && store.schema_state()? == SchemaState::Current {
        for label in living(store)?.iter().flat_map(ManagerRow::labels) {
            asked.remove(label.as_str());
        }
    }
    Ok(asked.into_iter().map(|(label, apps)| MissingLabel { label: label.to_owned(), apps }).collect())
}

/// The full names of what was renamed.
fn renamed(store: &mut Store, found: &[FoundApp], renames: &[(String, String)]) -> Result<Vec<Renamed>> {
    let mut known = if renames.is_empty() { Vec::new() } else { store.apps().archived()? };
    if !renames.is_empty() {
        known.extend(store.apps().all()?);
    }
    let one = |(from, to): &(String, String)| {
        Ok(Renamed {
            from: choose(known.iter().map(|app| &app.name), from)?.clone(),
            to: choose(found.iter().map(|app| &app.name), to)?.clone(),
        })
    };
    renames.iter().map(one).collect()
}

impl BrokenFolder {
    fn of(app: BrokenApp) -> Self {
        let BrokenApp { name, error } = app;
        let hint = error.hint_text().map(str::to_owned);
        Self { app: name.map(|name| name.to_string()), error: error.to_string(), hint }
    }
}

/// Everything is new where there is no database yet.
fn plan_all(report: &mut DeployReport, found: &[FoundApp], migrations: Vec<String>) {
    report.migrations = migrations;
    report.codebooks = codebooks()
        .into_iter()
        .map(|book| CodebookChange { table: book.table.to_owned(), new: book.rows.len() as u64, changed: 0, gone: 0 })
        .collect();
    report.apps.added = found.iter().map(|app| app.name.to_string()).collect();
}

/// Merges the enums of this binary into their tables; a value that a binary no longer has is archived.
fn seed(context: &Context, dry_run: bool) -> Result<Vec<CodebookChange>> {
    let mut database = Connection::of_framework(context)?;
    let mut changes = Vec::new();
    for book in codebooks() {
        // what people have added to an open book is theirs
        let gone = if book.is_open { Gone::Keep } else { Gone::Archive };
        let merge = Merge::into(book.table).key(["id"]).own_id(true).exact(true).gone(gone).threads(1);
        let merge = merge.max_gone(MaxGone::Share { percent: 100, rows: 0 }).dry_run(dry_run);
        let MergeReport { counts, .. } = merge.run(&mut database, &book.rows)?;
        if counts.new + counts.changed + counts.gone > 0 {
            let table = book.table.to_owned();
            changes.push(CodebookChange { table, new: counts.new, changed: counts.changed, gone: counts.gone });
        }
    }
    Ok(changes)
}

impl fmt::Display for DeployReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.database)?;
        let would = if self.dry_run { "would be " } else { "" };
        for name in &self.migrations {
            writeln!(formatter, "  schema    {would}applied    {name}")?;
        }
        for CopiedTable { table, rows, as_text } in self.copied.iter().filter(|table| table.rows > 0) {
            let text = match as_text.is_empty() {
                true => String::new(),
                false => format!(" (kept as text: {})", as_text.join(", ")),
            };
            writeln!(formatter, "  table     {would}copied     {table}: {rows} rows{text}")?;
        }
        for CodebookChange { table, new, changed, gone } in &self.codebooks {
            writeln!(
                formatter,
                "  codebook  {would}seeded     {table}: {new} new, {changed} changed, {gone} archived"
            )?;
        }
        for Renamed { from, to } in &self.apps.renamed {
            writeln!(formatter, "  app       {would}renamed    {from} -> {to}")?;
        }
        let apps = [("added", &self.apps.added), ("changed", &self.apps.changed), ("archived", &self.apps.archived)];
        for (what, names) in apps {
            names.iter().try_for_each(|name| writeln!(formatter, "  app       {would}{what:<10} {name}"))?;
        }
        for BrokenFolder { app, error, hint } in &self.broken {
            let name = app.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
            let hint = hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            writeln!(formatter, "  app       broken     {name}{error}{hint}")?;
        }
        if !self.elsewhere.is_empty() {
            let count = self.elsewhere.len();
            writeln!(formatter, "  app       left       {count} that other machines have published: none stands here")?;
        }
        self.publishing.write(formatter, would)?;
        for MissingLabel { label, apps } in &self.labels_missing {
            let apps = apps.join(", ");
            writeln!(formatter, "  hint      no machine at work has the label `{label}`, which {apps} asks for")?;
        }
        for Renamed { from, to } in &self.apps.alike {
            writeln!(
                formatter,
                "  hint      {to} is defined as {from} was: `dc deploy --rename {from}={to}` keeps its runs and logs"
            )?;
        }
        let is_quiet = self.apps.renamed.is_empty()
            && self.migrations.is_empty()
            && self.copied.is_empty()
            && self.codebooks.is_empty()
            && self.publishing.is_quiet()
            && apps.iter().all(|(_, names)| names.is_empty());
        let known =
            self.apps.unchanged.len() + if self.dry_run { 0 } else { self.apps.added.len() + self.apps.changed.len() };
        let what_is_left = match self.broken.len() {
            0 => String::new(),
            1 => "; 1 is broken".to_owned(),
            count => format!("; {count} are broken"),
        };
        let apps = shell::counted(known, "app", "apps");
        match (is_quiet, self.dry_run) {
            (true, _) => write!(formatter, "  up to date: {apps}, nothing to do{what_is_left}"),
            (false, true) => write!(formatter, "  dry run: nothing was changed{what_is_left}"),
            (false, false) => write!(formatter, "  done: {apps} registered{what_is_left}"),
        }
    }
}
