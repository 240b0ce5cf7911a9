//! A DataSet of .NET as it is sent: a schema of its tables, made of what the records hold, and the rows, all of them new.

use serde_json::{Map, Value};

use super::super::columns;
use super::super::schema::{DIFFGRAM, MSDATA, XSD};
use super::super::xml::Name;
use super::Encoder;
use crate::error::Result;

/// What a DataSet is named, and a table, for which nobody has a name.
const SET: &str = "NewDataSet";
const TABLE: &str = "Table";

/// A table: its name, its columns with their types, and its rows.
struct Table<'a> {
    name: &'a str,
    columns: Vec<(&'a str, &'static str)>,
    rows: Vec<&'a Map<String, Value>>,
}

impl Encoder<'_> {
    /// Writes tables with their rows: an object with a list of records for each table, or the list of the one table.
    pub(super) fn dataset(&mut self, value: &Value) -> Result<()> {
        let given: Vec<(&str, &Value)> = match value {
            Value::Array(_) => vec![(TABLE, value)],
            Value::Object(tables) => tables.iter().map(|(name, rows)| (name.as_str(), rows)).collect(),
            _ => return Err(self.wrong("it takes a DataSet: an object with a list of records for each table")),
        };
        let tables = given.into_iter().map(|(name, rows)| self.table(name, rows)).collect::<Result<Vec<_>>>()?;
        self.describe_tables(&tables);
        self.writer.start(&Name::new(DIFFGRAM, "diffgram"));
        self.writer.start(&Name::new("", SET));
        for table in &tables {
            for (place, row) in table.rows.iter().enumerate() {
                let name = columns::encoded(table.name);
                self.writer.start(&Name::new("", &name));
                self.writer.attribute(&Name::new(DIFFGRAM, "id"), &format!("{name}{}", place + 1));
                self.writer.attribute(&Name::new(MSDATA, "rowOrder"), &place.to_string());
                self.writer.attribute(&Name::new(DIFFGRAM, "hasChanges"), "inserted");
                for (column, value) in row.iter() {
                    // null is what is not there
                    let Some(text) = super::plain(value) else { continue };
                    self.writer.start(&Name::new("", &columns::encoded(column)));
                    self.writer.text(&text);
                    self.writer.end();
                }
                self.writer.end();
            }
        }
        self.writer.end();
        self.writer.end();
        Ok(())
    }

    fn table<'a>(&mut self, name: &'a str, rows: &'a Value) -> Result<Table<'a>> {
        self.path.push(name.to_owned());
        if name.starts_with('@') {
            return Err(self.wrong("earlier values of rows cannot be sent"));
        }
        let Value::Array(rows) = rows else { return Err(self.wrong("it takes a list of records")) };
        let mut table = Table { name, columns: Vec::new(), rows: Vec::new() };
        for (place, row) in rows.iter().enumerate() {
            self.path.push(format!("[{place}]"));
            let Value::Object(row) = row else { return Err(self.wrong("it takes a record")) };
            for (column, value) in row {
                let of = match value {
                    Value::Bool(_) => "boolean",
                    Value::Number(number) if number.is_i64() => "long",
                    Value::Number(_) => "double",
                    Value::String(_) => "string",
                    Value::Null => "",
                    Value::Array(_) | Value::Object(_) => {
                        self.path.push(column.clone());
                        return Err(self.wrong("a column takes a single value"));
                    }
                };
                match table.columns.iter_mut().find(|(known, _)| known == column) {
                    Some((_, known)) => *known = wider(known, of),
                    None => table.columns.push((column, of)),
                }
            }
            table.rows.push(row);
            self.path.pop();
        }
        self.path.pop();
        Ok(table)
    }

    fn describe_tables(&mut self, tables: &[Table<'_>]) {
        let xsd = |local: &str| Name::new(XSD[0], local);
        let plain = |local: &str| Name::new("", local);
        let element = |it: &mut Self, name: &str| {
            it.writer.start(&xsd("element"));
            it.writer.attribute(&plain("name"), &columns::encoded(name));
        };
        self.writer.start(&xsd("schema"));
        self.writer.attribute(&plain("id"), SET);
        element(self, SET);
        self.writer.attribute(&Name::new(MSDATA, "IsDataSet"), "true");
        self.writer.start(&xsd("complexType"));
        self.writer.start(&xsd("choice"));
        self.writer.attribute(&plain("minOccurs"), "0");
        self.writer.attribute(&plain("maxOccurs"), "unbounded");
        for table in tables {
            element(self, table.name);
            self.writer.start(&xsd("complexType"));
            self.writer.start(&xsd("sequence"));
            for (column, of) in &table.columns {
                element(self, column);
                let of = self.writer.prefixed(&xsd(if of.is_empty() { "string" } else { of }));
                self.writer.attribute(&plain("type"), &of);
                self.writer.attribute(&plain("minOccurs"), "0");
                self.writer.end();
            }
            (0..3).for_each(|_| self.writer.end());
        }
        (0..4).for_each(|_| self.writer.end());
    }
}

/// The type that holds the values of both; nothing is known of an empty one.
fn wider(one: &'static str, other: &'static str) -> &'static str {
    match (one, other) {
        ("", of) | (of, "") => of,
        (one, other) if one == other => one,
        ("long", "double") | ("double", "long") => "double",
        _ => "string",
    }
}
