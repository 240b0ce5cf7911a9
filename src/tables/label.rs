//! Where apps may work: the labels that an app asks for, one of which a machine must have.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::app::Apps;
use super::connection::Link;
use super::schema::app_labels;
use crate::error::Result;

impl Apps<'_> {
    /// The labels that apps ask for; an app that may work anywhere is not among them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn labels(&mut self) -> Result<BTreeMap<i64, Vec<String>>> {
        self.0.read("read where apps may work", all)
    }
}

/// The apps that may not work on a machine with `labels`: they ask for others.
pub(super) fn barred(connection: &mut Link, labels: &[String]) -> QueryResult<Vec<i64>> {
    let asked = all(connection)?;
    Ok(asked.into_iter().filter(|(_, asked)| !meets(asked, labels)).map(|(app_id, _)| app_id).collect())
}

/// Whether a machine with `labels` has one that is asked for, or none is.
pub fn meets(asked: &[String], labels: &[String]) -> bool {
    asked.is_empty() || asked.iter().any(|label| labels.contains(label))
}

/// Writes down what an app asks for, in place of what it asked for before.
pub(super) fn replace(connection: &mut Link, app_id: i64, labels: &[String]) -> QueryResult<()> {
    diesel::delete(app_labels::table.filter(app_labels::app_id.eq(app_id))).execute(connection)?;
    for label in labels {
        let row = (app_labels::app_id.eq(app_id), app_labels::label.eq(label));
        diesel::insert_into(app_labels::table).values(row).execute(connection)?;
    }
    Ok(())
}

fn all(connection: &mut Link) -> QueryResult<BTreeMap<i64, Vec<String>>> {
    let mut labels: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (app_id, label) in app_labels::table.order(app_labels::label.asc()).load::<(i64, String)>(connection)? {
        labels.entry(app_id).or_default().push(label);
    }
    Ok(labels)
}
