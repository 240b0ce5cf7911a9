//! A table as it stood at a moment: the rows that were active then.

use std::fmt;

use chrono::NaiveDateTime;

use crate::clock;
use crate::db::past::rows_at;
use crate::db::{Column, Connection, Database, Kind, TableName};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{RESERVED, write_json};
use crate::merge::history::{find, is_of};
use crate::record::{Value, parse_json};

/// Which moment of a table is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    /// As it is.
    Now,
    /// As it was at this moment, UTC.
    Moment(NaiveDateTime),
    /// As the merges of this run, or this merge, left it.
    Run(String),
}

impl AsOf {
    /// Whether it is a moment, and neither now nor a run.
    pub fn is_moment(&self) -> bool {
        matches!(self, Self::Moment(_))
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => formatter.write_str("now"),
            Self::Moment(moment) => formatter.write_str(&clock::brief(*moment)),
            Self::Run(run) => write!(formatter, "the run {run}"),
        }
    }
}

/// Gives the active rows of a table, each as one line of JSON, in the order of `id`. `all` shows the framework's own
/// columns too.
///
/// # Errors
/// Not found: table or run. What the database or `each` says.
pub fn show(
    database: &mut Connection,
    table: &str,
    as_of: &AsOf,
    all: bool,
    each: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let name: TableName = table.parse()?;
    let shape = database.table(&name)?;
    let missing = shape.missing_for_merge();
    if !missing.is_empty() {
        let what = format!("show the table `{name}`: it lacks `{}`, so it has no history", missing.join("`, `"));
        return Err(Error::new(ErrorKind::NotFound, what));
    }
    let database_name = database.name().to_owned();
    let backend = database.backend();
    let moment = match as_of {
        AsOf::Now => None,
        AsOf::Moment(moment) => Some(*moment),
        AsOf::Run(run) => Some(moment_of_run(backend, &database_name, run, &name)?),
    };
    let columns: Vec<&Column> =
        shape.columns.iter().filter(|column| all || !RESERVED.contains(&column.name.as_str())).collect();
    let mut line = Vec::new();
    rows_at(backend, (&name, shape.column("id").is_some()), &columns, moment, &mut |row| {
        let fields = columns.iter().zip(row).map(|(column, value)| (column.name.clone().into(), shown(value, column)));
        line.clear();
        write_json(&Value::Object(fields.collect()), &mut line);
        each(&String::from_utf8_lossy(&line))
    })
}

fn moment_of_run(backend: &mut dyn Database, database: &str, run: &str, table: &TableName) -> Result<NaiveDateTime> {
    let merges = find(backend, database, run)?;
    for merge in &merges {
        if is_of(backend, merge, table)? {
            return Ok(merge.moment);
        }
    }
    let tables: Vec<&str> = merges.iter().map(|merge| merge.table_name.as_str()).collect();
    Err(Error::new(ErrorKind::NotFound, format!("find a merge of the run `{run}` into `{table}`"))
        .hint(format!("it changed: {}", tables.join(", "))))
}

/// A stored value as a source would have given it.
pub(super) fn shown(value: Value<'static>, column: &Column) -> Value<'static> {
    match (column.kind, value) {
        (Kind::Boolean, Value::Integer(flag)) => Value::Bool(flag != 0),
        (Kind::Json, Value::Text(text)) => match parse_json(&text) {
            Ok(value) => value.into_owned(),
            Err(_) => Value::Text(text),
        },
        // SQLite keeps numbers of any precision as text
        (Kind::Numeric | Kind::Decimal { .. }, Value::Text(text)) => match parse_json(&text) {
            Ok(number @ (Value::Integer(_) | Value::BigInteger(_) | Value::Float(_) | Value::Decimal(_))) => {
                number.into_owned()
            }
            _ => Value::Text(text),
        },
        (_, Value::Bytes(bytes)) if column.name == "sha" => {
            Value::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        (_, value) => value,
    }
}
