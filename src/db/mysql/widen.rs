//! Columns that become wider, and back again where the merge that asked for it fails: what stands beside the type stays.

use super::client::Client;
use super::kind::{Declared, declared};
use super::server::server_error;
use super::shape::quoted;
use super::sql::quote;
use crate::db::{Column, Kind, NewColumn, Table};
use crate::error::{Error, ErrorKind, Result};

/// The type of numbers of any precision, as the server prints it: beyond it there is text.
const WIDEST_NUMBER: &str = "decimal(65,30)";

/// A change of a table's columns, and what takes it back.
pub(super) struct Change {
    pub(super) forth: String,
    /// Statements of the transaction that make of the values what they are called elsewhere.
    pub(super) values: Vec<String>,
    pub(super) back: String,
}

/// The change that makes columns wider.
///
/// # Errors
/// A column whose definition cannot be read; one that others are computed from.
pub(super) fn widening(client: &mut Client, table: &Table, columns: &[NewColumn]) -> Result<Change> {
    let name = quoted(&table.name);
    let what = format!("look at the columns of `{}`", table.name);
    let made = client.rows::<(String, String)>(format!("SHOW CREATE TABLE {name}"));
    let made = made.map_err(|cause| server_error(what.as_str(), cause))?;
    let made = made.into_iter().next().map(|(_, made)| made).unwrap_or_default();
    let (mut forth, mut values, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for column in columns {
        let Some(stands) = table.column(&column.name) else { continue };
        check_free(stands, &made)?;
        let start = format!("  {} ", quote(&column.name));
        let line = made.lines().find_map(|line| line.strip_prefix(start.as_str()));
        let line = line.map(|line| line.trim_end_matches(',')).ok_or_else(|| Error::failed(what.as_str()))?;
        let rest = line.strip_prefix(stands.declared.as_str()).ok_or_else(|| Error::failed(what.as_str()))?;
        let wider = wider_type(stands, column);
        let rest = behind_character_set(rest);
        let collation = if wider == "LONGTEXT" { " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" } else { "" };
        let place = quote(&column.name);
        if wider.starts_with("DECIMAL") && stands.kind == Kind::Float {
            check_digits(client, table, &place)?;
        }
        if wider == "LONGTEXT" {
            values.extend(as_words(stands, &place).map(|words| format!("UPDATE {name} SET {words}")));
        }
        forth.push(format!("MODIFY COLUMN {place} {wider}{collation}{rest}"));
        back.push(format!("MODIFY COLUMN {place} {line}"));
    }
    let all = |parts: &[String]| format!("ALTER TABLE {name} {}", parts.join(", "));
    Ok(Change { forth: all(&forth), values, back: all(&back) })
}

/// Refuses columns that are computed, that others are computed from, and that are printed with fewer digits than they have.
fn check_free(column: &Column, made: &str) -> Result<()> {
    let name = quote(&column.name);
    let refused = |why: String| {
        Err(Error::new(ErrorKind::Refused, format!("widen {name}: {why}"))
            .hint("change the column by hand, or leave `--evolve` out; nothing was changed"))
    };
    if column.is_generated {
        return refused("it is computed".to_owned());
    }
    let computed = made.lines().filter(|line| line.contains(" GENERATED ALWAYS AS ("));
    let mut others =
        computed.filter_map(|line| line.trim_start().split_once("` ")).filter(|(_, how)| how.contains(&name));
    if let Some((other, _)) = others.next() {
        return refused(format!("{other}` is computed from it"));
    }
    match Declared::of(&column.declared).base {
        "float" => refused("a FLOAT is printed with six digits, and the others would be lost".to_owned()),
        _ => Ok(()),
    }
}

/// Refuses floats that have more decimals, or more digits, than the widest number.
fn check_digits(client: &mut Client, table: &Table, column: &str) -> Result<()> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE ABS({column}) >= 1e35 OR CAST(CAST({column} AS DECIMAL(65,30)) AS DOUBLE) <> {column} LIMIT 1",
        quoted(&table.name)
    );
    let found = client.rows::<u8>(&sql).map_err(|cause| server_error(format!("look at {column}"), cause))?;
    match found.is_empty() {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::Refused,
            format!("widen {column}: a value of it has more digits than 65, or than 30 behind the point"),
        )
        .hint("change the column by hand, or leave `--evolve` out; nothing was changed")),
    }
}

/// What a value is called as text, where the server would print it otherwise.
fn as_words(column: &Column, name: &str) -> Option<String> {
    if column.kind == Kind::Boolean {
        return Some(format!("{name} = CASE {name} WHEN '0' THEN 'false' WHEN '1' THEN 'true' ELSE {name} END"));
    }
    // zeros that nobody wrote
    let is_filled = column.declared.eq_ignore_ascii_case(WIDEST_NUMBER);
    is_filled.then(|| format!("{name} = TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {name}))"))
}

fn wider_type(stands: &Column, column: &NewColumn) -> &'static str {
    match declared(column.kind) {
        // what it does not hold there is no number for
        number if stands.declared.eq_ignore_ascii_case(WIDEST_NUMBER) && number.eq_ignore_ascii_case(WIDEST_NUMBER) => {
            declared(Kind::Text)
        }
        other => other,
    }
}

/// A definition without the character set of the type before.
fn behind_character_set(definition: &str) -> String {
    let mut rest = definition;
    for word in [" unsigned", " zerofill", " CHARACTER SET ", " COLLATE "] {
        if let Some(behind) = rest.strip_prefix(word) {
            rest = match word.ends_with(' ') {
                true => behind.find(' ').map_or("", |end| &behind[end..]),
                false => behind,
            };
        }
    }
    rest.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_type_stays() {
        for (definition, expected) in [
            (
                " CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'a COLLATE b'",
                " NOT NULL DEFAULT 'a COLLATE b'",
            ),
            (" unsigned zerofill DEFAULT NULL COMMENT 'x'", " DEFAULT NULL COMMENT 'x'"),
            (" COLLATE utf8mb4_bin", ""),
            ("", ""),
        ] {
            assert_eq!(behind_character_set(definition), expected);
        }
    }
}
