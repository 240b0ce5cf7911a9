//! The words in which backends differ where a statement is otherwise one for all.

use super::table::{Column, TableName, quote_by};

/// How a backend writes what every backend can say.
pub struct Dialect {
    /// The sign around a name; doubled inside of it.
    pub name_sign: char,
    /// The statements that make the table of merges, `dc_merges`, and its indexes.
    pub ledger: &'static [&'static str],
    /// Makes a query, which is ordered, give its first row alone.
    pub first: fn(&str) -> String,
    /// What a query selects of a column, by its quoted name, to get it as a source would have given it: arrays as JSON, and
    /// types that only the server knows as text.
    pub as_given: fn(&Column, String) -> String,
    /// What a query selects of a text, by its quoted name, so that rows are alike only where it is written alike, whatever its
    /// collation holds for equal.
    pub as_spelled: fn(&str) -> String,
    /// The most parameters of one statement.
    pub parameters_max: usize,
    /// Whether a change of a table's shape is part of the transaction; otherwise it ends the transaction, and stays.
    pub takes_shapes_back: bool,
}

impl Dialect {
    /// A name in quotes, safe inside SQL.
    pub(super) fn name(&self, name: &str) -> String {
        quote_by(self.name_sign, name)
    }

    /// A table's name in quotes.
    pub(super) fn table(&self, table: &TableName) -> String {
        table.quoted_by(self.name_sign)
    }

    /// What a query selects of a column to be told it as a source would have given it.
    pub(super) fn selected(&self, column: &Column) -> String {
        (self.as_given)(column, self.name(&column.name))
    }
}

/// A query with the limit that most backends write.
pub(super) fn limited(query: &str) -> String {
    format!("{query} LIMIT 1")
}

/// What makes the table of merges where a text may be a key.
pub(super) const LEDGER_SQL: &[&str] = &[
    "CREATE TABLE dc_merges (id text PRIMARY KEY, runtime text, table_name text NOT NULL, \
    moment text NOT NULL, scope text NOT NULL, gone text NOT NULL, created boolean NOT NULL, \
    added_columns text NOT NULL, inserted bigint NOT NULL, retired bigint NOT NULL, set_before text NOT NULL, \
    set_after text NOT NULL, undone text, input_bytes bigint, input_digest text, records bigint, duplicates bigint)",
    "CREATE INDEX dc_merges_table_moment ON dc_merges (table_name, moment)",
    "CREATE INDEX dc_merges_table_scope ON dc_merges (table_name, scope, moment)",
];

#[cfg(test)]
mod tests {
    use crate::db::postgres::DIALECT;

    #[test]
    fn a_name_in_quotes_cannot_end_early() {
        assert_eq!(DIALECT.name("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
        assert_eq!(DIALECT.table(&"s.t".parse().expect("a name")), "\"s\".\"t\"");
    }
}
