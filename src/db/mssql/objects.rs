//! Which tables, views and routines a statement touches: read from its text, looked up in the catalogue.

use super::client::Client;
use super::sql::{bracketed, literal, skip};
use crate::db::names::{self, Named, Usage, parts};
use crate::db::{ObjectKind, Touched};

pub(super) fn touched(client: &mut Client, sql: &str) -> Vec<Touched> {
    names::touched(&standard(sql), |named| look_up(client, named))
}

fn look_up(client: &mut Client, named: &Named) -> Option<Touched> {
    let name: Vec<String> = parts(&named.name).iter().map(|part| bracketed(part)).collect();
    let sql = format!(
        "SELECT s.name, o.name, o.type FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id \
         WHERE o.object_id = OBJECT_ID({}) AND CAST(o.is_ms_shipped AS INT) = 0",
        literal(&name.join("."))
    );
    let row = client.words(&sql).ok()?.into_iter().next()?;
    let [Some(schema), Some(name), Some(kind)] = &row[..] else { return None };
    let kind = match kind.trim() {
        "U" | "ET" => ObjectKind::Table,
        "V" => ObjectKind::View,
        "P" | "FN" | "IF" | "TF" | "PC" | "FS" | "FT" | "AF" => ObjectKind::Routine,
        _ => return None,
    };
    if (kind == ObjectKind::Routine) != (named.usage == Usage::Call) {
        return None;
    }
    Some(Touched { schema: Some(schema.clone()), name: name.clone(), kind, written: named.usage == Usage::Write })
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
            b'[' => {
                let name = sql[at + 1..end].strip_suffix(']').unwrap_or(&sql[at + 1..end]).replace("]]", "]");
                out.push_str(&format!("\"{}\"", name.replace('"', "\"\"")));
            }
            b'"' => out.push_str(&sql[at..end]),
            b'\'' => out.push_str("''"),
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
        let sql = "INSERT INTO [my]]s].[t] SELECT 'it''s FROM y', \"a FROM b\" FROM u -- FROM z\n JOIN \"v\" /* FROM /* w */ */ ON 1";
        let found: Vec<(Vec<String>, Usage)> =
            names::names(&standard(sql)).into_iter().map(|named| (parts(&named.name), named.usage)).collect();
        assert!(found.contains(&(vec!["my]s".into(), "t".into()], Usage::Write)), "{found:?}");
        for name in ["u", "v"] {
            assert!(found.contains(&(vec![name.into()], Usage::Read)), "{found:?}");
        }
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
