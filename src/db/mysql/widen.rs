//! Columns that become wider, and back again where the merge that asked for it fails: what stands beside the type stays.

use super::client::Client;
use super::kind::declared;
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
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    for column in columns {
        let Some(stands) = table.column(&column.name) else { continue };
        let start = format!("  {} ", quote(&column.name));
        let line = made.lines().find_map(|line| line.strip_prefix(start.as_str()));
        let line = line.map(|line| line.trim_end_matches(',')).ok_or_else(|| Error::failed(what.as_str()))?;
        let rest = line.strip_prefix(stands.declared.as_str()).ok_or_else(|| Error::failed(what.as_str()))?;
        if stands.is_generated {
            return Err(Error::new(ErrorKind::Refused, format!("widen `{}`: the server computes it", column.name)));
        }
        let wider = wider_type(stands, column);
        let rest = behind_character_set(rest);
        let collation = if wider == "LONGTEXT" { " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" } else { "" };
        let place = quote(&column.name);
        forth.push(format!("MODIFY COLUMN {place} {wider}{collation}{rest}"));
        back.push(format!("MODIFY COLUMN {place} {line}"));
    }
    let all = |parts: &[String]| format!("ALTER TABLE {name} {}", parts.join(", "));
    Ok(Change { forth: all(&forth), back: all(&back) })
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
