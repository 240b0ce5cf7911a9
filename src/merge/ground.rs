//! What a merge stands on before it reads a record: the table as it is, the columns of the input that have a header,
//! and the scope. Looking finds the errors that need no reading.

use super::Merge;
use super::input::Source;
use super::keys::key_columns;
use super::reading::Reader;
use super::scan::survey_csv;
use super::survey::Survey;
use crate::db::{Column, Database, Fitted, Kind, NewColumn, Scope, Table, TableName, fit, scope_of, text};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;
use crate::record::Value;

/// The ground of one merge.
pub(super) struct Ground<'a> {
    pub(super) merge: &'a Merge,
    pub(super) name: &'a TableName,
    pub(super) sources: &'a [Source],
    pub(super) reader: Reader,
    /// What the CSV columns hold; empty unless the table may grow.
    pub(super) survey: Survey,
    /// `None` when the table is still to be made.
    pub(super) table: Option<Table>,
    pub(super) scope: Scope,
}

impl<'a> Ground<'a> {
    /// Looks at a table (`None`: to be made) and at the headers of the input.
    pub(super) fn new(
        merge: &'a Merge,
        name: &'a TableName,
        table: Option<Table>,
        sources: &'a [Source],
    ) -> Result<Self> {
        let may_grow = table.is_none() || merge.evolve;
        let survey = if may_grow { survey_csv(merge, sources, &merge.mapping)? } else { Survey::default() };
        let reader = Reader::new(sources, &merge.mapping, table.as_ref(), &survey)?;
        let scope = match &table {
            Some(table) => scope_in(merge, table)?,
            None => scope_of_new(merge, &survey),
        };
        if let (Some(table), false) = (&table, may_grow) {
            check_header(merge, table, sources, &reader)?;
        }
        Ok(Self { merge, name, sources, reader, survey, table, scope })
    }

    /// Above every place in the input.
    pub(super) fn end(&self) -> u64 {
        self.sources.last().map_or(0, |source| source.base + source.length)
    }

    /// The columns of a survey that are still to be made.
    pub(super) fn columns_to_make(&self, survey: &Survey) -> Vec<NewColumn> {
        let known = |name: &str| self.table.as_ref().is_some_and(|table| table.column(name).is_some());
        let own = |name: &str| RESERVED.contains(&name) && !(self.merge.own_id && name == "id" && self.table.is_some());
        survey.columns().into_iter().filter(|column| !known(&column.name) && !own(&column.name)).collect()
    }

    /// The columns that records fill.
    pub(super) fn written_columns(&self, table: &Table) -> Vec<Column> {
        let own =
            |column: &&Column| !RESERVED.contains(&column.name.as_str()) || (self.merge.own_id && column.name == "id");
        table.columns.iter().filter(own).filter(|column| !column.is_generated).cloned().collect()
    }
}

/// The table as it stands; an error names the flag that would help.
pub(super) fn look(
    merge: &Merge,
    backend: &mut dyn Database,
    name: &TableName,
    database: &str,
) -> Result<Option<Table>> {
    let Some(table) = backend.table(name)? else {
        if merge.create {
            return Ok(None);
        }
        return Err(Error::new(ErrorKind::NotFound, format!("find the table `{name}` in the database `{database}`"))
            .hint(format!("make it from the input: `dc merge {name} ... --create`")));
    };
    let missing = table.missing_for_merge();
    if !missing.is_empty() {
        let what =
            format!("use the table `{name}`: it lacks the column `{}`, which a merge needs", missing.join("`, `"));
        return Err(Error::new(ErrorKind::NotFound, what).hint(
            "let `--create` make a table under another name, or add the columns by hand (dc-merge(1) lists them)",
        ));
    }
    table.check_for_merge()?;
    if !merge.evolve {
        key_columns(merge, &table)?;
    }
    Ok(Some(table))
}

fn check_header(merge: &Merge, table: &Table, sources: &[Source], reader: &Reader) -> Result<()> {
    for (place, source) in sources.iter().enumerate() {
        let unknown = |name: &&str| table.column(name).is_none() && !RESERVED.contains(name);
        if let Some(name) = reader.header(place).find(unknown) {
            let what = format!(
                "find the column `{name}` in the table `{}`: it is in the input (line 1 of {})",
                merge.table, source.name
            );
            return Err(Error::new(ErrorKind::NotFound, what)
                .hint(format!("add it with `--evolve`, or leave it out with `--ignore {name}`")));
        }
    }
    Ok(())
}

/// The scope by the kinds of the table's columns.
pub(super) fn scope_in(merge: &Merge, table: &Table) -> Result<Scope> {
    merge.scope.iter().map(|(column, value)| scope_of(table, column, &scope_value(value))).collect()
}

/// The scope of a table that is still to be made: CSV tells the kinds, JSON values are compared as text.
fn scope_of_new(merge: &Merge, survey: &Survey) -> Scope {
    let one = |(name, value): &(String, String)| {
        let kind = survey.kind(name).unwrap_or(Kind::Text);
        let value = scope_value(value);
        let fitted = fit(&value, kind).map(Fitted::into_owned);
        let fitted = fitted.unwrap_or_else(|| Fitted::Text(text(&value).into_owned().into()));
        (Column { name: name.clone(), kind, declared: String::new(), is_generated: false }, fitted)
    };
    merge.scope.iter().map(one).collect()
}

/// An empty value stands for null.
fn scope_value(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}
