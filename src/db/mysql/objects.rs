//! Which tables, views and routines a statement touches: read from its text, looked up in the catalogue.

use super::client::Client;
use super::sql::{literal, skip};
use crate::db::names::{self, Named, Usage, parts};
use crate::db::{ObjectKind, Touched};

pub(super) fn touched(client: &mut Client, sql: &str) -> Vec<Touched> {
    names::touched(&standard(sql), |named| look_up(client, named))
}

fn look_up(client: &mut Client, named: &Named) -> Option<Touched> {
    let mut parts = parts(&named.name);
    let name = literal(&parts.pop()?);
    let schema = parts.pop().map_or_else(|| "DATABASE()".to_owned(), |schema| literal(&schema));
    let sql = if named.usage == Usage::Call {
        format!(
            "SELECT routine_schema, routine_name, 'ROUTINE' FROM information_schema.routines \
             WHERE routine_schema = {schema} AND routine_name = {name} LIMIT 1"
        )
    } else {
        format!(
            "SELECT table_schema, table_name, table_type FROM information_schema.tables \
             WHERE table_schema = {schema} AND table_name = {name} \
             AND table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
        )
    };
    let (schema, name, kind) = client.rows::<(String, String, String)>(&sql).ok()?.into_iter().next()?;
    let kind = match kind.as_str() {
        "ROUTINE" => ObjectKind::Routine,
        "VIEW" | "SYSTEM VIEW" => ObjectKind::View,
        _ => ObjectKind::Table,
    };
    Some(Touched { schema: Some(schema), name, kind, written: named.usage == Usage::Write })
}

/// A statement with the quotes of standard SQL: names in double ones, texts in single ones; comments are left out.
fn standard(sql: &str) -> String {
    let bytes = sql.as_bytes();
    let (mut out, mut at, mut done) = (String::with_capacity(sql.len()), 0, 0);
    while at < bytes.len() {
        let end = skip(bytes, at).min(bytes.len());
        if end == at {
            at += 1;
            continue;
        }
        out.push_str(&sql[done..at]);
        match bytes[at] {
            b'`' => {
                let name = sql[at + 1..end].trim_end_matches('`').replace("``", "`");
                out.push_str(&format!("\"{}\"", name.replace('"', "\"\"")));
            }
            b'\'' | b'"' => out.push_str("''"),
            _ => out.push(' '),
        }
        (at, done) = (end, end);
    }
    out.push_str(&sql[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_the_quotes_of_the_server() {
        let sql =
            "INSERT INTO `my``db`.`t` SELECT \"FROM x\", 'it\\'s FROM y' FROM u # FROM z\n JOIN `v` /* FROM w */ ON 1";
        let found: Vec<(Vec<String>, Usage)> =
            names::names(&standard(sql)).into_iter().map(|named| (parts(&named.name), named.usage)).collect();
        assert!(found.contains(&(vec!["my`db".into(), "t".into()], Usage::Write)), "{found:?}");
        for name in ["u", "v"] {
            assert!(found.contains(&(vec![name.into()], Usage::Read)), "{found:?}");
        }
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
