//! Which tables, views and routines a statement touches: read from its text, looked up in the catalogue.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ObjectName, Statement, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::client::Client;
use crate::db::{ObjectKind, Touched};

/// A name in a statement, and how it is used.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    name: String,
    is_routine: bool,
    written: bool,
}

#[derive(Default)]
struct Names(BTreeSet<Named>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.0.insert(Named { name: relation.to_string(), is_routine: false, written: false });
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression {
            self.0.insert(Named { name: function.name.to_string(), is_routine: true, written: false });
        }
        ControlFlow::Continue(())
    }
}

pub(super) fn touched(client: &mut Client, sql: &str) -> Vec<Touched> {
    let statements = match Parser::parse_sql(&PostgreSqlDialect {}, sql) {
        Ok(statements) => statements,
        Err(cause) => {
            log::debug!("the map of objects leaves a statement out that it cannot read: {cause}");
            return Vec::new();
        }
    };
    let mut names = Names::default();
    for statement in &statements {
        let _ = statement.visit(&mut names);
        names.0.extend(target(statement).map(|name| Named { name, is_routine: false, written: true }));
    }
    let found: BTreeSet<Touched> = names.0.iter().filter_map(|named| look_up(client, named)).collect();
    let written: BTreeSet<(Option<String>, String)> = found
        .iter()
        .filter(|object| object.written)
        .map(|object| (object.schema.clone(), object.name.clone()))
        .collect();
    let only_written =
        |object: &Touched| object.written || !written.contains(&(object.schema.clone(), object.name.clone()));
    found.into_iter().filter(only_written).collect()
}

/// The table that a statement writes.
fn target(statement: &Statement) -> Option<String> {
    match statement {
        Statement::Insert(insert) => Some(insert.table.to_string()),
        Statement::Update(update) => Some(update.table.relation.to_string()),
        Statement::Delete(delete) => {
            use sqlparser::ast::FromTable::{WithFromKeyword, WithoutKeyword};
            let (WithFromKeyword(tables) | WithoutKeyword(tables)) = &delete.from;
            tables.first().map(|table| table.relation.to_string())
        }
        Statement::CreateTable(create) => Some(create.name.to_string()),
        _ => None,
    }
}

fn look_up(client: &mut Client, named: &Named) -> Option<Touched> {
    // an alias may follow the name
    let name = named.name.split_whitespace().next()?;
    let find = if named.is_routine {
        "SELECT nspname::text, proname::text, 'f' FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace \
         WHERE p.oid = ANY (SELECT oid FROM pg_proc WHERE proname = (parse_ident($1))[array_upper(parse_ident($1), 1)]) \
         AND nspname NOT IN ('pg_catalog', 'information_schema') LIMIT 1"
    } else {
        "SELECT nspname::text, relname::text, relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
         WHERE c.oid = to_regclass($1) AND nspname NOT IN ('pg_catalog', 'information_schema')"
    };
    let row = client.query_opt(find, &[&name]).ok().flatten()?;
    let relation: String = row.get(2);
    let kind = match relation.as_str() {
        "f" if named.is_routine => ObjectKind::Routine,
        "v" | "m" => ObjectKind::View,
        _ => ObjectKind::Table,
    };
    Some(Touched { schema: row.get(0), name: row.get(1), kind, written: named.written })
}
