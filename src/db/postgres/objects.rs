//! Which tables, views and routines a statement touches: read from its text, looked up in the catalogue.

use super::client::Client;
use crate::db::names::{self, Named, Usage};
use crate::db::{ObjectKind, Touched};

pub(super) fn touched(client: &mut Client, sql: &str) -> Vec<Touched> {
    names::touched(sql, |named| look_up(client, named))
}

fn look_up(client: &mut Client, named: &Named) -> Option<Touched> {
    let find = if named.usage == Usage::Call {
        "SELECT nspname::text, proname::text, 'f' FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace \
         WHERE p.oid = ANY (SELECT oid FROM pg_proc WHERE proname = (parse_ident($1))[array_upper(parse_ident($1), 1)]) \
         AND nspname NOT IN ('pg_catalog', 'information_schema') LIMIT 1"
    } else {
        "SELECT nspname::text, relname::text, relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
         WHERE c.oid = to_regclass($1) AND nspname NOT IN ('pg_catalog', 'information_schema')"
    };
    let row = client.query_opt(find, &[&named.name]).ok().flatten()?;
    let relation: String = row.get(2);
    let kind = match relation.as_str() {
        "f" if named.usage == Usage::Call => ObjectKind::Routine,
        "v" | "m" => ObjectKind::View,
        _ => ObjectKind::Table,
    };
    Some(Touched { schema: row.get(0), name: row.get(1), kind, written: named.usage == Usage::Write })
}
