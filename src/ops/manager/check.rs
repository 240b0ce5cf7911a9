//! `dc manager check`: one line and an exit status, as Nagios and its kin expect them, or a line of cron that mails.

use std::fmt;

use chrono::DateTime;
use serde::Serialize;

use crate::context::Context;
use crate::error::Result;
use crate::manager::{living, overdue};
use crate::shell;
use crate::tables::Store;

/// How things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Grade {
    /// All is well.
    Ok,
    /// Somebody should look.
    Warning,
    /// Something does not happen that is expected.
    Critical,
}

impl Grade {
    /// The exit status that Nagios takes for it.
    pub fn exit_status(self) -> i32 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

/// How the apps and managers are.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The worst of the findings.
    pub grade: Grade,
    /// What is not well, the worst first.
    pub findings: Vec<String>,
    /// Apps.
    pub apps: usize,
    /// Those whose last run failed.
    pub failing: usize,
    /// Those that had no good run for longer than they should.
    pub overdue: usize,
    /// Managers at work.
    pub managers: usize,
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.findings.is_empty() {
            true => format!(
                "{}, {}",
                shell::counted(self.apps, "app", "apps"),
                shell::counted(self.managers, "manager", "managers")
            ),
            false => self.findings.join("; "),
        };
        let Self { grade, apps, failing, overdue, managers, .. } = self;
        write!(
            formatter,
            "{}: {what} | apps={apps} failing={failing} overdue={overdue} managers={managers}",
            grade.word()
        )
    }
}

/// Looks at apps and managers. A database that cannot be reached is a finding, and no error.
pub fn check(context: &Context) -> Check {
    look(context).unwrap_or_else(|error| Check {
        grade: Grade::Critical,
        findings: vec![error.to_string()],
        apps: 0,
        failing: 0,
        overdue: 0,
        managers: 0,
    })
}

fn look(context: &Context) -> Result<Check> {
    let mut store = Store::ready(context)?;
    let now = store.now()?;
    let late = overdue(&mut store, now)?;
    let managers = living(&mut store)?.len();
    let apps = store.apps().all()?;
    let mut found: Vec<(Grade, String)> = Vec::new();
    if managers == 0 && store.apps().next_due(DateTime::UNIX_EPOCH.naive_utc())?.is_some() {
        found.push((Grade::Critical, "no manager works: apps with a schedule are not started".to_owned()));
    }
    if let Some(pause) = store.pauses().current()? {
        found.push((Grade::Warning, pause.words()));
    }
    if let Some(incident) = store.incidents().current()? {
        found.push((Grade::Critical, format!("{} of {} apps fail at once", incident.failed, incident.total)));
    }
    found.extend(late.iter().map(|late| (Grade::Critical, late.words())));
    for app in &apps {
        if app.disable {
            found.push((Grade::Warning, format!("{} is out of service", app.name)));
        } else if app.failures > 0 {
            let often = if app.failures > 1 { format!(" {} times in a row", app.failures) } else { String::new() };
            found.push((Grade::Warning, format!("{} failed{often}", app.name)));
        }
    }
    found.sort_by_key(|(grade, _)| std::cmp::Reverse(*grade));
    Ok(Check {
        grade: found.first().map_or(Grade::Ok, |(grade, _)| *grade),
        findings: found.into_iter().map(|(_, words)| words).collect(),
        failing: apps.iter().filter(|app| app.failures > 0).count(),
        overdue: late.len(),
        apps: apps.len(),
        managers,
    })
}
