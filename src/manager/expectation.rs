//! Whether apps had a good run in the time that people give them: `expect` in app.toml.

use chrono::{NaiveDateTime, TimeDelta};

use crate::apps::AppDefinition;
use crate::clock;
use crate::error::Result;
use crate::tables::{AppRow, FatalFlag, LogLevel, MessageKind, NewMessage, Store};

/// The words of a definition, which is JSON in one form, of an app that expects a good run.
const EXPECT: &str = "\"expect\":";

/// An app that had no good run for longer than people expect.
#[derive(Debug, Clone)]
pub struct Overdue {
    /// The app.
    pub app: AppRow,
    /// When it ended well last, or was registered.
    pub since: NaiveDateTime,
    /// How long people expect it to take at most.
    pub expect: TimeDelta,
}

impl Overdue {
    /// What is wrong, in one line.
    pub fn words(&self) -> String {
        format!("{} had no good run since {}", self.app.name, clock::local(self.since))
    }
}

/// The apps that are overdue, by their names. Of one that somebody took out of service nothing is expected.
///
/// # Errors
/// What the database says.
pub fn overdue(store: &mut Store, now: NaiveDateTime) -> Result<Vec<Overdue>> {
    let expected = |app: AppRow| {
        // a look at the text, since many are asked and few expect anything
        app.definition.contains(EXPECT).then_some(())?;
        let expect = AppDefinition::from_json(&app.definition).ok()?.expect?;
        let is_expected = !app.disable || app.fatal_flag != FatalFlag::None;
        Some((app, TimeDelta::from_std(expect).ok()?)).filter(|_| is_expected)
    };
    let expected: Vec<(AppRow, TimeDelta)> = store.apps().all()?.into_iter().filter_map(expected).collect();
    let ids: Vec<i64> = expected.iter().map(|(app, _)| app.id).collect();
    let good = store.apps().last_good_runs(&ids)?;
    let late = |(app, expect): (AppRow, TimeDelta)| {
        // of one that never ended well something is expected since it was registered
        let since = good.get(&app.id).copied().map_or(app.created, |good| good.max(app.created));
        (now - since > expect).then_some(Overdue { app, since, expect })
    };
    Ok(expected.into_iter().filter_map(late).collect())
}

/// Tells people of each app that is overdue, once until its next good run.
///
/// # Errors
/// What the database says.
pub(super) fn tell(store: &mut Store, now: NaiveDateTime) -> Result<()> {
    for late in overdue(store, now)? {
        let name = &late.app.name;
        let expect = clock::length_text(late.expect.to_std().unwrap_or_default());
        let message = NewMessage {
            kind: MessageKind::Overdue,
            severity: LogLevel::Error,
            app_id: Some(late.app.id),
            subject: late.words(),
            body: format!("One is expected every {expect}.\nSee why: dc manager why {name}; dc logs {name}"),
        };
        if store.apps().tell_once(late.app.id, late.since, &message)? {
            log::error!("{}", message.subject);
        }
    }
    Ok(())
}
