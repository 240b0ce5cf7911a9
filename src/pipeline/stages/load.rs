//! The built-in stage `load`: what was found in a document becomes rows of a table, in the scope of the document, so that the
//! same document once more replaces its own rows alone.

use serde_json::{Map, Value};

use super::super::stage::{Failure, Job, Output, Stage, Worked};
use super::{BuiltIn, Entry, Flaw, Open};
use crate::context::Context;
use crate::db::{Connection, TableName};
use crate::error::{Error, ErrorKind};
use crate::merge::{MaxGone, Merge};
use crate::settings::MAIN;
use crate::tables::ObjectMap;

pub(super) const ENTRY: Entry = Entry { name: "load", plan };

/// What may stand in its section.
const KNOWN: &[&str] = &["table", "database", "key", "rows", "scope", "create", "evolve", "ignore"];
/// The column that says of which document a row is.
const SCOPE: &str = "document";

#[derive(Clone)]
struct Load {
    table: String,
    database: String,
    key: Vec<String>,
    /// The field that holds the rows; the whole output is one row where `None`.
    rows: Option<String>,
    scope: String,
    create: bool,
    evolve: bool,
    ignore: Vec<String>,
}

fn plan(given: &BuiltIn<'_>) -> std::result::Result<Open, Flaw> {
    given.check_known(KNOWN)?;
    let table = given.text("table")?.ok_or_else(|| Flaw::here("has no `table`"))?;
    let name: TableName = table.parse().map_err(|error: Error| Flaw::of("table", &error))?;
    let load = Load {
        database: given.text("database")?.unwrap_or_else(|| MAIN.to_owned()),
        key: given.texts("key")?,
        rows: given.text("rows")?,
        scope: given.text("scope")?.unwrap_or_else(|| SCOPE.to_owned()),
        create: given.flag("create")?.unwrap_or_default(),
        evolve: given.flag("evolve")?.unwrap_or_default(),
        ignore: given.texts("ignore")?,
        table,
    };
    given.context.settings().database(&load.database).map_err(|error| Flaw::of("database", &error))?;
    if !load.create {
        load.check_table(given.context, &name)?;
    }
    let context = given.context.clone();
    Ok(Box::new(move || Ok(Box::new(Loading { context: context.clone(), load: load.clone(), connection: None }))))
}

impl Load {
    /// That the table is there, as far as its database can be reached.
    fn check_table(&self, context: &Context, name: &TableName) -> std::result::Result<(), Flaw> {
        let opened = Connection::open(context, &self.database);
        let found = opened.and_then(|mut connection| connection.backend().table(name));
        match found {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Flaw::at(
                "table",
                format!(
                    "names `{}`, which is not in the database `{}`; create = true makes it",
                    self.table, self.database
                ),
            )),
            Err(error) if error.is_temporary() || error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Flaw::of("table", &error)),
        }
    }
}

/// The stage with its database open.
struct Loading {
    context: Context,
    load: Load,
    connection: Option<Connection>,
}

impl Stage for Loading {
    fn work(&mut self, job: &Job<'_>) -> Worked {
        self.merge(job).into()
    }
}

impl Loading {
    fn merge(&mut self, job: &Job<'_>) -> std::result::Result<Output, Failure> {
        let rows = self.load.records(job)?;
        if self.connection.is_none() {
            self.connection = Some(open(&self.context, &self.load.database).map_err(|error| Failure::of(&error))?);
        }
        let Some(connection) = &mut self.connection else { return Err(Failure::blocked("no database")) };
        let load = &self.load;
        let runtime = self.context.settings().inside.as_ref().map(|inside| inside.runtime.to_string());
        let mut merge = Merge::into(&load.table)
            .key(load.key.clone())
            .scope(&load.scope, job.sha256)
            .create(load.create)
            .evolve(load.evolve)
            .ignore(load.ignore.clone())
            .allow_empty(true)
            .max_gone(MaxGone::Share { percent: 100, rows: 0 })
            .threads(1)
            .runtime(runtime);
        merge = merge.cancellation(job.cancellation.clone());
        match merge.run(connection, &rows) {
            Ok(_) => Ok(Output::Same),
            Err(error) => {
                if error.is_temporary() {
                    // a connection that failed is made anew
                    self.connection = None;
                }
                Err(refused(&error))
            }
        }
    }
}

fn open(context: &Context, name: &str) -> crate::error::Result<Connection> {
    let mut connection = Connection::open(context, name)?;
    if let Some(map) = ObjectMap::of(context) {
        connection.observe(Box::new(map));
    }
    Ok(connection)
}

/// What a table does not take is the document's fault; all else is the database's.
fn refused(error: &Error) -> Failure {
    let failure = Failure::of(error);
    match error.kind() {
        ErrorKind::Failed if !error.is_temporary() => Failure::permanent(failure.message),
        _ => failure,
    }
}

impl Load {
    /// The rows of a document, each with the column that says so.
    fn records(&self, job: &Job<'_>) -> std::result::Result<Vec<Map<String, Value>>, Failure> {
        let mut value = job.input.value()?;
        if let Some(field) = &self.rows {
            let none = || Failure::permanent(format!("what the stage before gave has no field `{field}` with rows"));
            value = value.get_mut(field).map(Value::take).ok_or_else(none)?;
        }
        let values = match value {
            Value::Array(values) => values,
            Value::Object(_) => vec![value],
            _ => return Err(Failure::permanent("what the stage before gave is neither a record nor a list of them")),
        };
        let record = |value: Value| match value {
            Value::Object(fields) => {
                // what begins so tells how a value was found, and is no value itself
                let mut record: Map<String, Value> =
                    fields.into_iter().filter(|(name, _)| !name.starts_with('_')).collect();
                record.insert(self.scope.clone(), job.sha256.into());
                Ok(record)
            }
            other => Err(Failure::permanent(format!("a row is no record: {other}"))),
        };
        values.into_iter().map(record).collect()
    }
}
