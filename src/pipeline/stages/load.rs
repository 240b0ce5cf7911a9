//! The built-in stage `load`: what was found in a document becomes rows of a table, in the scope of the document, so that the
//! same document once more replaces its own rows alone.

use std::fmt;
use std::fs;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::stage::{Failure, Given, Job, Output, Stage, Worked};
use super::{BuiltIn, Entry, Flaw, Open};
use crate::context::Context;
use crate::db::{Connection, Pool, TableName};
use crate::error::{Error, ErrorKind};
use crate::merge::{Format, Input, MaxGone, Merge};
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
    let pool = Pool::of(given.context, &load.database).map_err(|error| Flaw::of("database", &error))?;
    if !load.create {
        load.check_table(given.context, &name)?;
    }
    let context = given.context.clone();
    Ok(Box::new(move || Ok(Box::new(Loading { context: context.clone(), load: load.clone(), pool: pool.clone() }))))
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

/// The stage with its database.
struct Loading {
    context: Context,
    load: Load,
    pool: Pool,
}

impl Stage for Loading {
    fn work(&mut self, job: &Job<'_>) -> Worked {
        self.merge(job).into()
    }
}

impl Loading {
    /// What is touched over a connection is written down.
    fn observe(&self, connection: &mut Connection) {
        if let Some(map) = ObjectMap::of(&self.context) {
            connection.observe(Box::new(map));
        }
    }

    fn merge(&mut self, job: &Job<'_>) -> std::result::Result<Output, Failure> {
        let rows = job.scratch().map_err(|error| Failure::of(&error))?.join("rows.ndjson");
        let lines = self.load.lines(job)?;
        fs::write(&rows, lines).map_err(|cause| Failure::blocked(format!("{}: {cause}", rows.display())))?;
        let prepare = |new: &mut Connection| {
            self.observe(new);
            Ok(())
        };
        let mut connection = self.pool.take(prepare).map_err(|error| Failure::of(&error))?;
        let load = &self.load;
        let runtime = self.context.settings().inside.as_ref().map(|inside| inside.runtime.to_string());
        let mut merge = Merge::into(&load.table)
            .key(load.key.clone())
            .scope(&load.scope, job.sha256)
            .own_scope(true)
            .create(load.create)
            .evolve(load.evolve)
            .ignore(load.ignore.clone())
            .allow_empty(true)
            .format(Format::Ndjson)
            .max_gone(MaxGone::Share { percent: 100, rows: 0 })
            .threads(1)
            .runtime(runtime);
        merge = merge.cancellation(job.cancellation.clone());
        match merge.run_inputs(&mut connection, &[Input::File(rows)]) {
            Ok(_) => Ok(Output::Same),
            Err(error) => {
                if error.is_temporary() {
                    connection.is_of_no_use();
                }
                Err(refused(&error))
            }
        }
    }
}

/// What a table does not take is the document's fault; all else is the database's.
fn refused(error: &Error) -> Failure {
    let failure = Failure::of(error);
    match error.kind() {
        ErrorKind::Failed if !error.is_temporary() => Failure::permanent(failure.message),
        _ => failure,
    }
}

/// A record whose values stand as they were written: no digit of a number is lost on the way.
struct Raw(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Raw;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Raw, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Raw(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl Load {
    /// The rows of a document as lines of JSON, each with the column that says of which document it is.
    fn lines(&self, job: &Job<'_>) -> std::result::Result<String, Failure> {
        let text = match &job.input {
            Given::Json(text) => text.as_str(),
            Given::Nothing => return Err(Failure::permanent("the stages before gave nothing to load")),
            Given::File(_) => return Err(Failure::permanent("what the stage before gave is no JSON")),
        };
        let wrong = |cause: serde_json::Error| {
            Failure::permanent(format!("what the stage before gave is neither a record nor a list of them: {cause}"))
        };
        let whole: Raw;
        let rows = match &self.rows {
            None => text,
            Some(field) => {
                whole = serde_json::from_str(text).map_err(wrong)?;
                let none =
                    || Failure::permanent(format!("what the stage before gave has no field `{field}` with rows"));
                whole.0.iter().find(|(name, _)| name == field).map(|(_, value)| value.get()).ok_or_else(none)?
            }
        };
        let records: Vec<Raw> = match rows.trim_start().starts_with('[') {
            true => serde_json::from_str(rows).map_err(wrong)?,
            false => vec![serde_json::from_str(rows).map_err(wrong)?],
        };
        let mut lines = String::new();
        for Raw(fields) in records {
            lines.push('{');
            // what begins so tells how a value was found, and is no value itself
            for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('_') && *name != self.scope) {
                lines.push_str(&format!("{}:{},", serde_json::Value::from(name.as_str()), value.get()));
            }
            let scope = serde_json::Value::from(self.scope.as_str());
            lines.push_str(&format!("{scope}:\"{}\"}}\n", job.sha256));
        }
        Ok(lines)
    }
}
