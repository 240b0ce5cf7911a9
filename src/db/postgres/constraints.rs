//! What a PostgreSQL table refuses of a row, and when it says so.

use tokio_postgres::Error as DriverError;

use super::client::Client;
use crate::db::Table;
use crate::db::cause::Cause;
use crate::db::postgres::server::server_error;
use crate::error::Result;

/// The classes of errors that are about a row: a value, a constraint, a trigger, a routine that a trigger called, a row
/// that is too large; and those that programs may use for errors of their own. In PL/pgSQL, of `dc_code`.
pub(super) const OF_ROWS: &str =
    "left(dc_code, 2) IN ('21', '22', '23', '27', '2F', '38', '39', '44', '54', 'P0') OR dc_code ~ '^[6-9I-OQ-WYZ]'";

/// The same of an error.
pub(super) fn is_refusal(cause: &DriverError) -> bool {
    cause.code().is_some_and(|code| is_of_row(code.code()))
}

fn is_of_row(code: &str) -> bool {
    Cause::of_sqlstate(code).is_some_and(Cause::is_of_row)
}

/// Whether something was denied: a right, or a row by a policy.
pub(super) fn is_denied(cause: &DriverError) -> bool {
    cause.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE)
}

/// The statement that has the table's own deferred constraints checked now, while it can still be told which row they
/// are about; `None` without one. Constraint triggers stay as they are: they may look at more than the rows. So do
/// references to the table itself unless `all`, since their rows may come in any order.
pub(super) fn check_now(client: &mut Client, table: &Table, all: bool) -> Option<String> {
    let find = "SELECT string_agg(format('%I.%I', nspname, conname), ', ') FROM pg_constraint \
        JOIN pg_namespace ON pg_namespace.oid = connamespace \
        WHERE conrelid = to_regclass($1) AND condeferrable AND contype IN ('f', 'u', 'p', 'x') \
        AND ($2 OR confrelid <> conrelid)";
    let found = client.query_one(find, &[&table.name.quoted(), &all]);
    let names = found.inspect_err(|cause| log::debug!("the constraints of {} stay as they are: {cause}", table.name));
    names.ok()?.get::<_, Option<String>>(0).map(|names| format!("SET CONSTRAINTS {names} IMMEDIATE"))
}

/// Whether rows of the table may refer to others of it.
pub(super) fn refers_to_itself(client: &mut Client, table: &Table) -> Result<bool> {
    let find = "SELECT count(*) > 0 FROM pg_constraint WHERE conrelid = to_regclass($1) AND confrelid = conrelid";
    ask(client, table, find)
}

/// The deferred references of a table to itself, each with its name, the condition that a row of `c` names a parent, and the
/// condition that `p` is it.
pub(super) fn deferred_to_itself(client: &mut Client, table: &Table) -> Result<Vec<(String, String, String)>> {
    let find = "SELECT conname::text, string_agg(format('c.%I IS NOT NULL', child.attname), ' AND '), \
            string_agg(format('p.%I = c.%I', parent.attname, child.attname), ' AND ') \
        FROM pg_constraint CROSS JOIN LATERAL unnest(conkey, confkey) AS pair(child, parent) \
        JOIN pg_attribute AS child ON child.attrelid = conrelid AND child.attnum = pair.child \
        JOIN pg_attribute AS parent ON parent.attrelid = confrelid AND parent.attnum = pair.parent \
        WHERE conrelid = to_regclass($1) AND confrelid = conrelid AND contype = 'f' AND condeferrable GROUP BY conname";
    let found = client.query(find, &[&table.name.quoted()]);
    let found = found.map_err(|cause| server_error(format!("look at the constraints of `{}`", table.name), cause))?;
    Ok(found.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

/// Whether policies decide which rows this role may see and write; COPY into the table is refused then.
pub(super) fn has_row_security(client: &mut Client, table: &Table) -> Result<bool> {
    ask(client, table, "SELECT row_security_active(to_regclass($1)::oid)")
}

fn ask(client: &mut Client, table: &Table, question: &str) -> Result<bool> {
    let found = client.query_one(question, &[&table.name.quoted()]);
    let found = found.map_err(|cause| server_error(format!("look at the constraints of `{}`", table.name), cause))?;
    Ok(found.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_refused_for_what_is_in_it() {
        for (code, expected) in [
            ("23503", true),
            ("22001", true),
            ("P0001", true),
            ("ZZ123", true),
            ("70001", true),
            ("54000", true),
            ("40001", false),
            ("40P01", false),
            ("42501", false),
            ("53100", false),
            ("57014", false),
            ("XX000", false),
            ("HV000", false),
            ("08006", false),
        ] {
            assert_eq!(is_of_row(code), expected, "{code}");
        }
    }
}
