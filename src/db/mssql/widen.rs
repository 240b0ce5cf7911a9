//! Columns that become wider. A definition has to be said whole: who leaves NULL or the collation out changes it.

use super::client::Client;
use super::kind::{ANY_NUMBER, declared};
use super::server::server_error;
use super::shape;
use super::sql::{LETTERS, quote};
use crate::db::{Column, Kind, NewColumn, Table};
use crate::error::{Error, ErrorKind, Result};

/// The statements that make columns wider, in the transaction.
///
/// # Errors
/// A column that is computed; a float, of which the server prints other digits than it was given.
pub(super) fn widening(client: &mut Client, table: &Table, columns: &[NewColumn]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for column in columns {
        let Some(stands) = table.column(&column.name) else { continue };
        let wider = match declared(column.kind) {
            // what it does not hold there is no number for
            number if stands.kind == ANY_NUMBER && number == declared(Kind::Numeric) => declared(Kind::Text),
            other => other,
        };
        let is_text = wider == declared(Kind::Text);
        let (name, place) = (shape::quoted(&table.name), quote(&column.name));
        check(stands, is_text)?;
        if matches!(stands.kind, Kind::Float | Kind::Real) && !is_text && wider != declared(Kind::Float) {
            check_digits(client, &name, &place, wider)?;
        }
        let null = if shape::takes_null(client, &table.name, &column.name)? { "NULL" } else { "NOT NULL" };
        let collation = if is_text { format!(" {LETTERS}") } else { String::new() };
        all.push(format!("ALTER TABLE {name} ALTER COLUMN {place} {wider}{collation} {null}"));
        if is_text {
            all.extend(as_words(stands, &place).map(|words| format!("UPDATE {name} SET {place} = {words}")));
        }
    }
    Ok(all)
}

fn check(column: &Column, is_text: bool) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::new(ErrorKind::Refused, format!("widen {}: {why}", quote(&column.name)))
            .hint("change the column by hand, or leave `--evolve` out; nothing was changed"))
    };
    match column.kind {
        _ if column.is_generated => refused("it is computed"),
        Kind::Float | Kind::Real if is_text => refused("SQL Server prints other digits of a float than it was given"),
        _ => Ok(()),
    }
}

/// Refuses floats that have more decimals, or more digits, than the wider type.
fn check_digits(client: &mut Client, table: &str, column: &str, wider: &str) -> Result<()> {
    let sql = format!(
        "SELECT TOP (1) 1 FROM {table} WHERE {column} IS NOT NULL \
         AND (TRY_CAST({column} AS {wider}) IS NULL OR CAST(TRY_CAST({column} AS {wider}) AS FLOAT) <> {column})"
    );
    let found = client.words(&sql).map_err(|cause| server_error(format!("look at {column}"), cause))?;
    match found.is_empty() {
        true => Ok(()),
        false => {
            let what = format!("widen {column}: a value of it has more digits than {wider} keeps");
            Err(Error::new(ErrorKind::Refused, what)
                .hint("change the column by hand, or leave `--evolve` out; nothing was changed"))
        }
    }
}

/// What a value is called as text, where the server prints it otherwise.
fn as_words(column: &Column, name: &str) -> Option<String> {
    match column.kind {
        Kind::Boolean => Some(format!("CASE {name} WHEN N'0' THEN N'false' WHEN N'1' THEN N'true' ELSE {name} END")),
        ANY_NUMBER => Some(without_zeros(name)),
        _ => None,
    }
}

/// A number as text without the zeros behind its point that nobody wrote.
pub(super) fn without_zeros(number: &str) -> String {
    let cut = |text: &str, sign: char| format!("REPLACE(RTRIM(REPLACE({text}, N'{sign}', N' ')), N' ', N'{sign}')");
    cut(&cut(&format!("CAST({number} AS NVARCHAR(60))"), '0'), '.')
}
