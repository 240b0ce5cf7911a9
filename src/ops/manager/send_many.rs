//! `dc manager send` to several apps at once: a group, a pattern, or all.

use std::fmt;

use regex::Regex;
use serde::Serialize;

use super::send::{SendOptions, send_command};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::AppName;
use crate::tables::Store;

/// Which apps are meant.
#[derive(Debug, Clone)]
pub enum Many {
    /// All of them.
    All,
    /// Those of a group.
    Group(String),
    /// Those whose full names match: `*` stands for anything.
    Pattern(String),
}

/// What came of one command.
#[derive(Debug, Clone, Serialize)]
pub struct Sent {
    /// The app.
    pub app: String,
    /// What was said, or what went wrong.
    pub result: String,
    /// Whether it went wrong.
    pub is_wrong: bool,
}

/// What came of all.
#[derive(Debug, Clone, Serialize)]
pub struct SentMany {
    /// One for each app, by their names.
    pub sent: Vec<Sent>,
}

impl SentMany {
    /// Whether all went well.
    pub fn is_well(&self) -> bool {
        self.sent.iter().all(|sent| !sent.is_wrong)
    }
}

impl fmt::Display for SentMany {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.sent.iter().map(|Sent { app, result, .. }| format!("{app}: {result}")).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

/// Sends a command to each of the apps; one that goes wrong holds up no other.
///
/// # Errors
/// Not found when no app is meant; what the database says.
pub fn send_to_many(context: &Context, many: &Many, options: &SendOptions) -> Result<SentMany> {
    let names: Vec<AppName> = Store::ready(context)?.apps().all()?.into_iter().map(|app| app.name).collect();
    let meant: Vec<AppName> = match many {
        Many::All => names,
        Many::Group(group) => names.into_iter().filter(|name| name.group == *group).collect(),
        Many::Pattern(pattern) => {
            let regex = regex::escape(pattern).replace("\\*", ".*");
            let regex = Regex::new(&format!("^(?:.*/)?{regex}$")).map_err(|cause| {
                Error::new(ErrorKind::Usage, format!("read the pattern `{pattern}`")).because(cause)
            })?;
            names.into_iter().filter(|name| regex.is_match(&name.to_string())).collect()
        }
    };
    if meant.is_empty() {
        let what = match many {
            Many::All => "find an app: none is registered".to_owned(),
            Many::Group(group) => format!("find an app of the group `{group}`"),
            Many::Pattern(pattern) => format!("find an app that `{pattern}` means"),
        };
        return Err(Error::new(ErrorKind::NotFound, what).hint("`dc run --list` shows the apps that there are"));
    }
    let send = |name: AppName| {
        context.cancellation().check()?;
        let options = SendOptions { app: name.to_string(), ..options.clone() };
        let (result, is_wrong) = match send_command(context, &options) {
            Ok(report) => (report.to_string(), false),
            Err(error) => (error.to_string(), true),
        };
        Ok(Sent { app: name.to_string(), result, is_wrong })
    };
    Ok(SentMany { sent: meant.into_iter().map(send).collect::<Result<_>>()? })
}
