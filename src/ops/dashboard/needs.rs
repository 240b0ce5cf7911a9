//! What needs a person: each with its reason, the last line of its log, and the command that sees to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::NaiveDateTime;

use super::memory::RunMemory;
use super::usual;
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::logs::{self, WaitingLines};
use crate::manager::overdue;
use crate::ops::manager::Board;
use crate::tables::{AppCommand, Direction, LogFilter, LogLevel, RunOutcome, RunStatus, Store, TaskState};

/// Of so many the last line of the log is read.
const LINES_MAX: usize = 40;
/// So many records are looked at for one that says more than the reason.
const LINES_LOOKED: i64 = 5;
/// Lines that wait on disk longer than this have a sink that is away,
const WAITING_MAX: Duration = Duration::from_secs(60);
/// and so have more bytes than these.
const WAITING_BYTES_MAX: u64 = 4 << 20;
/// A disk is nearly full with less than this share free,
const FREE_SHARE_MIN: f64 = 0.05;
/// or less than so many bytes.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeedKind {
    /// Nothing starts: no manager works.
    NoManager,
    /// Many apps fail at once.
    Incident,
    /// An app was taken out of service.
    TakenOut,
    /// No good run for longer than people expect.
    Overdue,
    /// A run takes far longer than usual.
    Stuck,
    /// Failed since the last success.
    Failed,
    /// The last good run brought far more or less than usual.
    Volume,
    /// Documents that a person must look at.
    Documents,
    /// A stage cannot work.
    Blocked,
    /// A channel takes nothing.
    Channel,
    /// A sink of the log takes nothing.
    Sink,
    /// The disk is nearly full.
    Disk,
}

impl NeedKind {
    /// In a word or two.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoManager => "no manager",
            Self::Incident => "incident",
            Self::TakenOut => "out of service",
            Self::Overdue => "overdue",
            Self::Stuck => "stuck",
            Self::Failed => "failed",
            Self::Volume => "unusual volume",
            Self::Documents => "documents",
            Self::Blocked => "blocked",
            Self::Channel => "channel",
            Self::Sink => "log sink",
            Self::Disk => "disk",
        }
    }
}

/// Something that needs a person.
#[derive(Debug, Clone)]
pub struct Need {
    /// What is wrong.
    pub kind: NeedKind,
    /// Whose it is: the full name of an app or pipeline, or what it is about.
    pub subject: String,
    /// Whether `subject` is an app.
    pub is_app: bool,
    /// Why, in words.
    pub reason: String,
    /// The last line of its log that says what went wrong.
    pub line: Option<String>,
    /// The run that it is about.
    pub runtime: Option<String>,
    /// Since when.
    pub since: Option<NaiveDateTime>,
    /// What an app is told to mend it.
    pub action: Option<AppCommand>,
    /// The command that shows more of it.
    pub command: String,
}

impl Need {
    fn of(kind: NeedKind, subject: impl Into<String>, reason: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            kind,
            subject: subject.into(),
            is_app: false,
            reason: reason.into(),
            line: None,
            runtime: None,
            since: None,
            action: None,
            command: command.into(),
        }
    }
}

/// Collects them, the gravest first.
///
/// # Errors
/// What the database says.
pub(super) fn needs(context: &Context, store: &mut Store, board: &Board, memory: &RunMemory) -> Result<Vec<Need>> {
    let now = board.time;
    let mut found: BTreeMap<String, Need> = BTreeMap::new();
    let late = overdue(store, now)?;
    let has_schedule = board.apps.iter().any(|line| line.app.next_run.is_some() && !line.app.disable);
    let mut others = Vec::new();
    if board.managers.is_empty() && has_schedule {
        let reason = "apps with a schedule are not started";
        others.push(Need::of(NeedKind::NoManager, "no manager works", reason, "dc manager start"));
    }
    if let Some(incident) = store.incidents().current()? {
        let reason = format!("{} of {} apps fail at once", incident.failed, incident.total);
        let need = Need::of(NeedKind::Incident, "many apps fail", reason, "dc manager check");
        others.push(Need { since: Some(incident.started_at), ..need });
    }
    for line in &board.apps {
        if let Some(need) = of_app(line, memory, now) {
            found.insert(need.subject.clone(), need);
        }
    }
    for late in late {
        let name = late.app.name.to_string();
        let reason = format!("no good run since {}", clock::local(late.since));
        let need = Need::of(NeedKind::Overdue, &name, reason, format!("dc manager why {name}"));
        let action = Some(AppCommand::Start).filter(|_| late.app.status != RunStatus::Running);
        let need = Need { is_app: true, since: Some(late.since), action, ..need };
        let entry = found.entry(name).or_insert_with(|| need.clone());
        if entry.kind > NeedKind::Overdue {
            let runtime = entry.runtime.take();
            let reason = format!("{}; {}", need.reason, entry.reason);
            *entry = Need { runtime, reason, ..need };
        }
    }
    others.extend(found.into_values());
    others.extend(documents(store, board)?);
    for channel in &board.broken_channels {
        let (name, reason) = channel.split_once(": ").unwrap_or((channel, "takes nothing"));
        let command = format!("dc manager notify --test --channel {name}");
        others.push(Need::of(NeedKind::Channel, format!("channel {name}"), reason, command));
    }
    others.extend(sinks(&context.settings().log.folder));
    others.extend(disk(&context.settings().project.root));
    others.sort_by(|one, other| (one.kind, &one.subject).cmp(&(other.kind, &other.subject)));
    for need in others.iter_mut().filter(|need| need.runtime.is_some()).take(LINES_MAX) {
        need.line = last_line(store, need.runtime.clone(), &need.reason)?;
    }
    Ok(others)
}

fn of_app(line: &crate::ops::manager::BoardApp, memory: &RunMemory, now: NaiveDateTime) -> Option<Need> {
    let (app, runs) = (&line.app, memory.runs(line.app.id));
    let name = app.name.to_string();
    let last_failed = runs.iter().find(|run| run.code.is_failure());
    let runtime = last_failed.map(|run| run.runtime.clone());
    let since = last_failed.and_then(|run| run.ended_at);
    let why = format!("dc manager why {name}");
    if app.disable && app.fatal_flag != crate::tables::FatalFlag::None {
        let reason = app.fatal_msg.clone().unwrap_or_else(|| "it failed too often".to_owned());
        let need = Need::of(NeedKind::TakenOut, &name, reason, why);
        let action = Some(AppCommand::Reset);
        return Some(Need { is_app: true, runtime, since: app.fatal_time, action, ..need });
    }
    if app.disable {
        return None;
    }
    if let Some((taken, usual)) = usual::stuck(runs, now) {
        let (taken, usual) = (words(taken), words(usual));
        let reason = format!("runs for {taken}; usually it takes {usual}");
        let need = Need::of(NeedKind::Stuck, &name, reason, format!("dc logs {name} --follow"));
        let open = runs.first();
        return Some(Need {
            is_app: true,
            runtime: open.map(|run| run.runtime.clone()),
            since: open.map(|run| run.started_at),
            action: Some(AppCommand::Stop),
            ..need
        });
    }
    if app.failures > 0 {
        let last = line.last.as_ref().filter(|run| run.code.is_failure());
        let words = last.and_then(|run| run.reason.clone());
        let often =
            if app.failures > 1 { format!("failed {} times in a row", app.failures) } else { "failed".to_owned() };
        let reason = words.map_or(often.clone(), |words| format!("{often}: {words}"));
        let need = Need::of(NeedKind::Failed, &name, reason, format!("dc logs {name} --runtime last"));
        let action = Some(AppCommand::Start).filter(|_| app.status != RunStatus::Running);
        return Some(Need { is_app: true, runtime, since, action, ..need });
    }
    let (last, least, most) = usual::volume(runs)?;
    let reason = format!("solved {last} tasks; usually {least} to {most}");
    let need = Need::of(NeedKind::Volume, &name, reason, format!("dc logs {name} --runs"));
    let newest = runs.iter().find(|run| run.code == RunOutcome::Ok)?;
    Some(Need { is_app: true, since: newest.ended_at, ..need })
}

/// Documents that wait for a person, and stages that cannot work.
fn documents(store: &mut Store, board: &Board) -> Result<Vec<Need>> {
    let name = |app_id: i64| board.apps.iter().find(|line| line.app.id == app_id).map(|line| line.app.name.to_string());
    if !board.apps.iter().any(|line| line.app.is_pipeline()) {
        return Ok(Vec::new());
    }
    let mut counts: BTreeMap<(String, TaskState), i64> = BTreeMap::new();
    for count in store.tasks().counts(None)? {
        let needs_a_person = matches!(count.state, TaskState::Quarantined | TaskState::Failed | TaskState::Rejected);
        if let Some(name) = name(count.app_id).filter(|_| needs_a_person) {
            *counts.entry((name, count.state)).or_default() += count.count;
        }
    }
    let of_count = |((name, state), count): ((String, TaskState), i64)| {
        let documents = if count == 1 { "1 document is".to_owned() } else { format!("{count} documents are") };
        let command = format!("dc tasks --pipeline {name} --state {}", state.name());
        Need::of(NeedKind::Documents, name, format!("{documents} {}", state.name()), command)
    };
    let mut needs: Vec<Need> = counts.into_iter().map(of_count).collect();
    for block in store.tasks().blocks(None)? {
        if let Some(name) = name(block.app_id) {
            let command = format!("dc tasks --pipeline {name}");
            let need =
                Need::of(NeedKind::Blocked, name, format!("{} cannot work: {}", block.stage, block.reason), command);
            needs.push(Need { since: Some(block.since), ..need });
        }
    }
    Ok(needs)
}

/// Records of the log that no sink takes: they wait on the disk of this machine, or were refused.
fn sinks(folder: &Path) -> Vec<Need> {
    let WaitingLines { bytes, longest, refused } = logs::waiting(folder);
    let place = folder.display();
    let mut needs = Vec::new();
    // a run at work, whose sink is only slow, leaves little for a moment
    if bytes > 0 && (longest > WAITING_MAX || bytes > WAITING_BYTES_MAX) {
        let since = words(longest.as_secs_f64());
        let reason =
            format!("{} KiB of records wait in {place} (up to {since}): a sink is unreachable", bytes.div_ceil(1_024));
        needs.push(Need::of(NeedKind::Sink, "a sink of the log", reason, "dc doctor"));
    }
    if refused > 0 {
        let reason = format!("{} KiB of refused records are in {place}/refused.ndjson", refused.div_ceil(1_024));
        needs.push(Need::of(NeedKind::Sink, "a sink of the log", reason, "dc logs resend"));
    }
    needs
}

/// The disk of the project, where it is nearly full.
fn disk(root: &Path) -> Option<Need> {
    let data = nix::sys::statvfs::statvfs(root).ok()?;
    let free = data.blocks_available().saturating_mul(data.fragment_size());
    let all = data.blocks().saturating_mul(data.fragment_size());
    let share = free as f64 / (all as f64).max(1.0);
    (all > 0 && (share < FREE_SHARE_MIN || free < FREE_BYTES_MIN)).then(|| {
        let reason = format!("{} MiB free ({:.0} %)", free >> 20, share * 100.0);
        Need::of(NeedKind::Disk, "disk of the project", reason, "dc doctor")
    })
}

/// The last record of a run that is an error and says more than the reason that stands there; else the last one that does.
fn last_line(store: &mut Store, runtime: Option<String>, reason: &str) -> Result<Option<String>> {
    for level in [Some(LogLevel::Error), None] {
        let level_min = level.map(LogLevel::id);
        let filter = LogFilter { runtime: runtime.clone(), level_min, ..LogFilter::default() };
        let rows = store.logs().page(&filter, Direction::Older, None, LINES_LOOKED)?;
        let first = |message: &str| message.lines().next().unwrap_or_default().chars().take(240).collect::<String>();
        let says_more = |line: &String| !line.is_empty() && !reason.ends_with(line.as_str());
        if let Some(line) = rows.iter().map(|row| first(&row.message)).find(says_more) {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

/// A length of time in a word.
pub(super) fn words(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    }
}
