//! `dc doctor`: what is well and what is not, each finding with the command that mends it.

mod pipelines;
mod programs;
mod publish;
mod queues;

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::DateTime;

use super::diagnosis::{Diagnosis, Finding, Health};
use super::manager::NotifyOptions;
use crate::apps::{Confinement, find_apps, limits_in_words};
use crate::broker;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::logs::{self, WaitingLines};
use crate::manager::{Drift, Owner, check_groups, living};
use crate::storage::{Storage, StoreInUse};
use crate::tables::{RunRow, SchemaState, Store};

/// A clock that differs more from the database's is wrong.
const CLOCK_MAX: Duration = Duration::from_secs(5);
/// Less free space is a warning.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// Looks at everything that dc depends on.
///
/// # Errors
/// None of what it finds is an error of its own.
pub fn doctor(context: &Context) -> Result<Diagnosis> {
    let mut findings = vec![settings(context)];
    findings.extend(secrets(context));
    findings.push(apps(context));
    findings.extend(programs::programs(context));
    let (database, mut store) = database(context);
    findings.extend(database);
    let is_ready = store.is_some();
    findings.extend(store.as_mut().map(managers).unwrap_or_default());
    findings.extend(pipelines::folders(context));
    findings.extend(store.as_mut().map(pipelines::documents).unwrap_or_default());
    findings.push(broker(context));
    findings.extend(store.as_mut().map(|store| queues::queues(context, store)).unwrap_or_default());
    findings.extend(notify(context));
    findings.push(processes());
    findings.push(disk(context));
    findings.extend(if is_ready { storage(context) } else { Vec::new() });
    findings.extend(if is_ready { publish::publishing(context) } else { Vec::new() });
    findings.push(waiting(context));
    Ok(Diagnosis { findings })
}

fn finding(what: &'static str, health: Health, found: impl Into<String>, mend: Option<String>) -> Finding {
    Finding { what, health, found: found.into(), mend }
}

fn settings(context: &Context) -> Finding {
    let project = &context.settings().project;
    let config = &project.config;
    let found = match config.is_file() {
        true => format!("{} with {}", project.root.display(), config.display()),
        false => format!("{}, without a dc.toml: defaults and variables", project.root.display()),
    };
    finding("project", Health::Ok, found, None)
}

/// What is not as it should be with the store of secrets, or that all is.
fn secrets(context: &Context) -> Vec<Finding> {
    let (well, ill): (Vec<_>, Vec<_>) =
        super::secrets::store_findings(context).into_iter().partition(|finding| finding.health == Health::Ok);
    let named = |finding: Finding| Finding { what: "secrets", ..finding };
    match ill.is_empty() {
        true => well.into_iter().take(1).map(named).collect(),
        false => ill.into_iter().map(named).collect(),
    }
}

fn apps(context: &Context) -> Finding {
    match find_apps(&context.settings().project.apps()) {
        Ok(found) => finding("apps", Health::Ok, format!("{} under apps/", found.len()), None),
        Err(error) => finding("apps", Health::Failed, error.to_string(), error.hint_text().map(str::to_owned)),
    }
}

/// Reachability, schema, rights and clock of the database, and the store where it can be used.
fn database(context: &Context) -> (Vec<Finding>, Option<Store>) {
    let label = context.settings().framework().map(|it| it.target.label()).unwrap_or_default();
    let began = Instant::now();
    let store = Store::ready(context);
    let ms = began.elapsed().as_millis();
    let mut store = match store {
        Ok(store) => store,
        Err(error) => {
            let mend = error.hint_text().map(str::to_owned);
            return (vec![finding("database", Health::Failed, error.to_string(), mend)], None);
        }
    };
    let found = format!("{label}, {}, open within {ms} ms", store.product());
    let mut findings = vec![match store.check_writable() {
        Ok(()) => finding("database", Health::Ok, found, None),
        Err(error) => {
            let mend = error.hint_text().map(str::to_owned);
            finding("database", Health::Failed, format!("{found}, but {error}"), mend)
        }
    }];
    findings.extend(drift(context, &mut store));
    if let Err(error) = check_groups(context, &mut store) {
        findings.push(finding("settings", Health::Failed, error.to_string(), error.hint_text().map(str::to_owned)));
    }
    findings.push(match store.schema_state() {
        Ok(SchemaState::Current) => finding("schema", Health::Ok, "up to date", None),
        Ok(state) => finding("schema", Health::Failed, format!("{state:?}"), Some("dc deploy".to_owned())),
        Err(error) => finding("schema", Health::Failed, error.to_string(), None),
    });
    findings.extend(clock(&mut store));
    (findings, Some(store))
}

/// Whether what stands under apps/ is what the manager starts; what cannot be read has a finding of its own.
fn drift(context: &Context, store: &mut Store) -> Option<Finding> {
    let drift = Drift::of(context, store).ok()?;
    let drift = Drift { broken: Vec::new(), ..drift };
    let (health, mend) = match (drift.matters(), drift.gone.is_empty()) {
        (true, _) => (Health::Warning, Some("dc deploy".to_owned())),
        (false, true) => return None,
        (false, false) => (Health::Ok, None),
    };
    Some(finding("registry", health, drift.to_string(), mend))
}

/// The database's clock beside ours: managers of several machines must agree on what time it is.
fn clock(store: &mut Store) -> Option<Finding> {
    if !store.has_clock() {
        return None;
    }
    let before = crate::clock::now();
    let there = store.now().ok()?;
    let differs = (there - before).as_seconds_f64().abs();
    Some(match differs > CLOCK_MAX.as_secs_f64() {
        false => finding("clock", Health::Ok, format!("within {differs:.1} s of the database's"), None),
        true => finding(
            "clock",
            Health::Failed,
            format!("{differs:.1} s from the database's: apps are started at the wrong time"),
            Some("timedatectl set-ntp true".to_owned()),
        ),
    })
}

fn managers(store: &mut Store) -> Vec<Finding> {
    let (Ok(managers), Ok(open), Ok(now)) = (living(store), store.runs().open(), store.now()) else {
        return Vec::new();
    };
    let has_schedules = store.apps().next_due(DateTime::UNIX_EPOCH.naive_utc()).is_ok_and(|next| next.is_some());
    let mut findings = vec![match (managers.len(), has_schedules) {
        (0, true) => finding(
            "manager",
            Health::Warning,
            "none works: apps with a schedule are not started",
            Some("dc manager start, or `dc manager service` for systemd".to_owned()),
        ),
        (0, false) => finding("manager", Health::Ok, "none works, and no app has a schedule", None),
        (count, _) => finding("manager", Health::Ok, format!("{count} at work"), None),
    }];
    let unheard = |run: &&RunRow| matches!(Owner::of_run(run, now), Owner::Unheard | Owner::Unknown);
    if let Some(run) = open.iter().find(unheard) {
        let count = open.iter().filter(unheard).count();
        findings.push(finding(
            "runs",
            Health::Warning,
            format!("{count} runs are open and nothing is heard of them, such as {} on {}", run.app, run.host),
            Some(format!("dc manager send stop {} --force, if that machine is gone", run.app)),
        ));
    }
    if let Ok(Some(pause)) = store.pauses().current() {
        findings.push(finding("manager", Health::Warning, pause.words(), Some("dc manager resume".to_owned())));
    }
    if let Ok(Some(incident)) = store.incidents().current() {
        let found =
            format!("an incident since {}: {} of {} apps failed", incident.started_at, incident.failed, incident.total);
        findings.push(finding("incident", Health::Failed, found, Some("dc logs --level error --since 1h".to_owned())));
    }
    let disabled = store.apps().all().map(|apps| apps.iter().filter(|app| app.disable).count()).unwrap_or_default();
    if disabled > 0 {
        let mend = "dc manager status shows which; dc manager send reset APP".to_owned();
        findings.push(finding("apps", Health::Warning, format!("{disabled} are out of service"), Some(mend)));
    }
    findings
}

fn broker(context: &Context) -> Finding {
    match broker::connect(context) {
        Ok(Some(_)) => finding("broker", Health::Ok, "it answers", None),
        Ok(None) => finding("broker", Health::Ok, "none is configured: commands travel by the database", None),
        Err(error) => finding(
            "broker",
            Health::Warning,
            format!("{error}; commands travel by the database"),
            Some(error.hint_text().unwrap_or("rabbitmqctl status, on its machine; or mend `[broker] url`").to_owned()),
        ),
    }
}

/// The channels by which people are told.
fn notify(context: &Context) -> Vec<Finding> {
    let report = match super::manager::notify(context, &NotifyOptions::default()) {
        Ok(report) => report,
        // the database has a finding of its own
        Err(error) => return vec![finding("notify", Health::Warning, error.to_string(), None)],
    };
    if report.channels.is_empty() {
        let mend = "name a channel in dc.toml: [notify.ops] url = \"tgram://TOKEN/CHAT\"".to_owned();
        return vec![finding("notify", Health::Ok, "no channel is configured: nobody is told of failures", Some(mend))];
    }
    let found = report.channels.iter().map(|it| {
        let (name, kind) = (&it.channel, it.kind.unwrap_or("?"));
        let counts = format!("{} waiting, {} sent, {} refused", it.waiting, it.sent, it.refused);
        match &it.wrong {
            Some(wrong) => {
                let mend = format!("dc manager notify --test --channel {name}");
                finding("notify", Health::Failed, format!("{name}: {wrong}; {counts}"), Some(mend))
            }
            None => finding("notify", Health::Ok, format!("{name} ({kind}): {counts}"), None),
        }
    });
    found.collect()
}

fn processes() -> Finding {
    let found = Confinement::of_this_machine();
    let (health, mend) = match found {
        Confinement::ControlGroup(_) | Confinement::Subreaper => (Health::Ok, None),
        Confinement::Group => (
            Health::Warning,
            Some("run dc where /proc/PID/task/TID/children can be read (Linux 3.5 and later)".to_owned()),
        ),
    };
    finding("processes", health, format!("{found}; {}", limits_in_words()), mend)
}

fn disk(context: &Context) -> Finding {
    let root = &context.settings().project.root;
    match nix::sys::statvfs::statvfs(Path::new(root)) {
        Ok(data) => {
            let free = data.blocks_available() * data.fragment_size();
            let found = format!("{:.1} GiB free at {}", free as f64 / (1 << 30) as f64, root.display());
            match free < FREE_BYTES_MIN {
                true => {
                    finding("disk", Health::Warning, found, Some(format!("du -xh {} | sort -h | tail", root.display())))
                }
                false => finding("disk", Health::Ok, found, None),
            }
        }
        Err(cause) => {
            finding("disk", Health::Warning, format!("{} cannot be looked at: {cause}", root.display()), None)
        }
    }
}

/// The stores that files are in, and the section of those that are not.
fn storage(context: &Context) -> Vec<Finding> {
    let failed =
        |error: &Error| finding("storage", Health::Failed, error.to_string(), error.hint_text().map(str::to_owned));
    let stores = match Storage::open(context).and_then(|mut storage| storage.stores_in_use()) {
        Ok(stores) => stores,
        Err(error) => return vec![failed(&error)],
    };
    let of_store = |store: StoreInUse| match store.found {
        Err(error) => failed(&error.within(format!("use {} of `{}`", files(store.count.names), store.name))),
        Ok((label, room)) => {
            let room = room.map(|room| format!(", {:.1} GiB free", room.free as f64 / (1 << 30) as f64));
            let found =
                format!("{} in `{}`, {label}{}", files(store.count.names), store.name, room.unwrap_or_default());
            match store.is_full {
                true => finding("storage", Health::Failed, found, Some("dc files prune".to_owned())),
                false => finding("storage", Health::Ok, found, None),
            }
        }
    };
    stores.into_iter().map(of_store).collect()
}

fn files(count: i64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

/// Log records that wait on disk for a sink.
fn waiting(context: &Context) -> Finding {
    let folder = &context.settings().log.folder;
    let WaitingLines { bytes, refused, .. } = logs::waiting(folder);
    let place = folder.display();
    match (bytes, refused) {
        (0, 0) => finding("logs", Health::Ok, "no record waits on disk", None),
        (0, _) => finding(
            "logs",
            Health::Warning,
            format!("records that a sink refused are in {place}/refused.ndjson"),
            Some(format!("`less {place}/refused.ndjson` says why; `dc logs resend` sends them again")),
        ),
        (bytes, _) => finding(
            "logs",
            Health::Warning,
            format!("{} KiB of records wait in {place}: their sink is away, or a run is at work", bytes / 1024),
            Some("the next run delivers them; `dc logs --level warning --since 1h` may tell why".to_owned()),
        ),
    }
}
