//! `dc files retention`: how long files can be kept, and lengths of one's own.

use std::fmt;

use serde::Serialize;

use crate::context::Context;
use crate::db::{Connection, Gone};
use crate::error::{Error, ErrorKind, Result};
use crate::merge::Merge;
use crate::shell;
use crate::tables::{OWN_RETENTION_MIN, RetentionRow, Store};

/// A longer time is for ever.
const DAYS_MAX: i64 = 100 * 366;

/// The retentions.
#[derive(Debug, Clone, Serialize)]
pub struct RetentionList {
    /// Ordered by number.
    pub retentions: Vec<RetentionRow>,
}

impl fmt::Display for RetentionList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = shell::table(["id", "name", "days", "for"]);
        for RetentionRow { id, name, description, days } in &self.retentions {
            let days = days.map_or_else(|| "for ever".to_owned(), |days| days.to_string());
            table.add_row([id.to_string(), name.to_lowercase(), days, description.clone()]);
        }
        write!(formatter, "{table}")
    }
}

/// Lists the retentions.
///
/// # Errors
/// What the database says.
pub fn list_retentions(context: &Context) -> Result<RetentionList> {
    Ok(RetentionList { retentions: Store::ready(context)?.retentions().all()? })
}

/// Adds a retention, or changes one that was added: for files that are kept from now on.
///
/// # Errors
/// Usage for a name or a number of days that cannot be taken; refused for one of dc's own.
pub fn add_retention(context: &Context, name: &str, days: i64, description: &str) -> Result<RetentionList> {
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
    let plain = name.trim().replace('-', "_").to_uppercase();
    if !is_name(&plain) || !(1..=DAYS_MAX).contains(&days) {
        let message = format!("add the retention `{name}` of {days} days");
        return Err(Error::new(ErrorKind::Usage, message)
            .hint(format!("letters, digits and _; 1 to {DAYS_MAX} days; `permanent` is for ever")));
    }
    let known = Store::ready(context)?.retentions().all()?;
    let same = known.iter().find(|row| row.name == plain);
    if same.is_some_and(|row| row.id < OWN_RETENTION_MIN) {
        let message = format!("change the retention `{name}`: it is one of dc's own");
        return Err(Error::new(ErrorKind::Refused, message).hint("give yours another name"));
    }
    let next = known.iter().map(|row| row.id + 1).max().unwrap_or_default().max(OWN_RETENTION_MIN);
    let row = RetentionRow {
        id: same.map_or(next, |row| row.id),
        name: plain,
        description: description.to_owned(),
        days: Some(days),
    };
    let mut database = Connection::of_framework(context)?;
    let merge = Merge::into("c_file_retention").key(["id"]).own_id(true).exact(true).gone(Gone::Keep).threads(1);
    merge.run(&mut database, &[row])?;
    list_retentions(context)
}
