//! What merges into the database `main` did, in short: rows of `dc_merges`, read where the framework's own tables are.
//! There is none until the first merge has changed something.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Serialize;

use super::Store;
use super::connection::Link;
use crate::clock;
use crate::error::{ErrorKind, Result};

/// A merge in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, QueryableByName)]
pub struct MergeMark {
    /// Its identity.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// The run that it was part of.
    #[diesel(sql_type = Nullable<Text>)]
    pub runtime: Option<String>,
    /// The table, as the map of what apps touch names it.
    #[diesel(sql_type = Text)]
    pub table_name: String,
    /// When, UTC, as it is stored.
    #[diesel(sql_type = Text)]
    pub moment: String,
    /// Its scope as `column=value`; empty for the whole table.
    #[diesel(sql_type = Text)]
    pub scope: String,
    /// Rows that it inserted.
    #[diesel(sql_type = BigInt)]
    pub inserted: i64,
    /// Rows that it archived or deleted.
    #[diesel(sql_type = BigInt)]
    pub retired: i64,
    /// When it was taken back.
    #[diesel(sql_type = Nullable<Text>)]
    pub undone: Option<String>,
}

impl MergeMark {
    /// When, in UTC.
    pub fn at(&self) -> Option<NaiveDateTime> {
        NaiveDateTime::parse_from_str(&self.moment, clock::MOMENT_FORMAT).ok()
    }
}

/// Which merges: those of a table between two moments.
#[derive(Debug, Clone, Copy)]
pub struct MergePage<'a> {
    /// The table's schema; empty where it has none.
    pub schema_name: &'a str,
    /// Its name.
    pub name: &'a str,
    /// From then on.
    pub since: NaiveDateTime,
    /// Before then.
    pub until: NaiveDateTime,
    /// At most so many, the newest.
    pub count: i64,
}

const SELECT: &str = "SELECT id, runtime, table_name, moment, scope, inserted, retired, undone FROM dc_merges \
    WHERE table_name = $1 AND moment >= $2 AND moment < $3 ORDER BY moment DESC, id DESC LIMIT $4";

/// The merges into `main`.
pub struct Merges<'a>(&'a mut Store);

impl Store {
    /// The merges into `main`.
    pub fn merges(&mut self) -> Merges<'_> {
        Merges(self)
    }
}

impl Merges<'_> {
    /// The merges of a table, the newest first; none where nothing was ever merged.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_table(&mut self, page: &MergePage<'_>) -> Result<Vec<MergeMark>> {
        let MergePage { schema_name, name, since, until, count } = page;
        let shown = if schema_name.is_empty() { (*name).to_owned() } else { format!("{schema_name}.{name}") };
        let schema = match *schema_name {
            // a merge is written down with the schema that its table is in
            "" => self.0.read("read the history of merges", default_schema)?,
            named => named.to_owned(),
        };
        let mut merges = Vec::new();
        for name in [(*name).to_owned(), format!("{schema}.{name}")] {
            let found = self.0.read("read the history of merges", |connection| {
                let query = connection.query(SELECT).bind::<Text, _>(&name).bind::<Text, _>(clock::text(*since));
                query.bind::<Text, _>(clock::text(*until)).bind::<BigInt, _>(*count).load::<MergeMark>(connection)
            });
            match found {
                Ok(found) => {
                    merges.extend(found.into_iter().map(|merge| MergeMark { table_name: shown.clone(), ..merge }));
                }
                // nobody has merged yet, or this role may not see it
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Permission) => return Ok(merges),
                Err(error) => return Err(error),
            }
        }
        merges.sort_by(|one, other| other.moment.cmp(&one.moment));
        Ok(merges)
    }
}

#[derive(QueryableByName)]
struct Schema {
    #[diesel(sql_type = Text)]
    it: String,
}

/// The schema of a table whose name has none.
fn default_schema(connection: &mut Link) -> QueryResult<String> {
    match connection {
        Link::Sqlite(_) => Ok("main".to_owned()),
        Link::Postgres(server) => {
            let schema = diesel::sql_query("SELECT CAST(COALESCE(current_schema(), '') AS text) AS it");
            Ok(schema.get_result::<Schema>(server)?.it)
        }
        Link::Mysql(server) => {
            let schema = diesel::sql_query("SELECT COALESCE(database(), '') AS it");
            Ok(schema.get_result::<Schema>(server)?.it)
        }
    }
}
