//! A migration where DDL commits: statement by statement, with a note of how far it has come. A kill in the middle, or a
//! failure, leaves what was done; the next `dc deploy` goes on there.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};

use super::mysql::My;
use crate::error::Error;
use crate::failpoint;

diesel::table! {
    __dc_schema_steps (version) {
        version -> Text,
        done -> BigInt,
        is_begun -> Bool,
    }
}

/// Its own table, which is there while a migration is.
const NOTES: &str = "CREATE TABLE IF NOT EXISTS __dc_schema_steps (version VARCHAR(50) NOT NULL PRIMARY KEY, \
    done BIGINT NOT NULL, is_begun BOOLEAN NOT NULL) ENGINE=InnoDB";
/// What a statement says that was executed before, and could not be noted any more.
const DONE_BEFORE: [&str; 4] = ["already exists", "Duplicate column name", "Duplicate key name", "Can't DROP"];

/// The collation that compares bytes, as the schema has it.
const COLLATION: &str = "utf8mb4_nopad_bin";
/// And as MySQL calls it.
const COLLATION_OF_MYSQL: &str = "utf8mb4_0900_bin";

/// Runs the statements of a migration that were not run yet. Nobody else may be at it.
pub(super) fn run(server: &mut My, version: &str, sql: &str) -> QueryResult<()> {
    server.batch_execute(NOTES)?;
    let noted = __dc_schema_steps::table.find(version).select((__dc_schema_steps::done, __dc_schema_steps::is_begun));
    let (mut done, mut is_begun): (i64, bool) = noted.first(server).optional()?.unwrap_or_default();
    let sql = if server.is_mariadb() { sql.to_owned() } else { sql.replace(COLLATION, COLLATION_OF_MYSQL) };
    for statement in statements(&sql).skip(usize::try_from(done).unwrap_or_default()) {
        let was_begun = std::mem::take(&mut is_begun);
        if !was_begun {
            note(server, version, done, true)?;
        }
        failpoint::point("tables.step-begun").map_err(pointed)?;
        match server.batch_execute(&statement) {
            Err(cause) if !(was_begun && is_done_before(&cause)) => {
                // what failed has done nothing; of what was cut off nobody knows
                if !matches!(&cause, QueryError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)) {
                    note(server, version, done, false)?;
                }
                return Err(cause);
            }
            _ => failpoint::point("tables.step-done").map_err(pointed)?,
        }
        done += 1;
    }
    Ok(())
}

/// Forgets how far a migration has come: it is done.
pub(super) fn forget(server: &mut My) -> QueryResult<()> {
    server.batch_execute("DROP TABLE IF EXISTS __dc_schema_steps")
}

fn note(server: &mut My, version: &str, done: i64, is_begun: bool) -> QueryResult<()> {
    let row = (
        __dc_schema_steps::version.eq(version),
        __dc_schema_steps::done.eq(done),
        __dc_schema_steps::is_begun.eq(is_begun),
    );
    diesel::replace_into(__dc_schema_steps::table).values(row).execute(server).map(drop)
}

fn is_done_before(cause: &QueryError) -> bool {
    let QueryError::DatabaseError(_, information) = cause else { return false };
    DONE_BEFORE.iter().any(|words| information.message().contains(words))
}

fn pointed(error: Error) -> QueryError {
    QueryError::QueryBuilderError(error.to_string().into())
}

/// The statements of a script: each ends with a semicolon at the end of a line. Lines that are remarks are left out.
fn statements(sql: &str) -> impl Iterator<Item = String> {
    let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    let plain = lines.collect::<Vec<_>>().join("\n");
    let all: Vec<String> = plain.split(";\n").map(|text| text.trim().trim_end_matches(';').to_owned()).collect();
    all.into_iter().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_taken_apart_at_the_ends_of_its_statements() {
        let sql =
            "-- a; remark\nCREATE TABLE a (\n    -- inside;\n    x INT\n);\n\nINSERT INTO a VALUES (1);\nDROP TABLE a;";
        let all: Vec<String> = statements(sql).collect();
        assert_eq!(all, ["CREATE TABLE a (\n    x INT\n)", "INSERT INTO a VALUES (1)", "DROP TABLE a"]);
    }
}
