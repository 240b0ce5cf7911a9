//! What a merge stands on before it reads a record: the table as it is, the columns of the input that have a header,
//! and the scope. Looking finds the errors that need no reading.

use crate::db::{Column, Fitted, Kind, NewColumn, Scope, Table, TableName, fit, text};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;
use crate::merge::plan::description::Merge;
use crate::merge::plan::target::{scope_in, scope_value};
use crate::merge::read::columns::survey_csv;
use crate::merge::read::reader::Reader;
use crate::merge::read::source::Source;
use crate::merge::read::survey::Survey;

/// The ground of one merge.
pub(crate) struct Ground<'a> {
    pub(crate) merge: &'a Merge,
    pub(crate) name: &'a TableName,
    pub(crate) sources: &'a [Source],
    pub(crate) reader: Reader,
    /// What the CSV columns hold; empty unless the table may grow.
    pub(crate) survey: Survey,
    /// `None` when the table is still to be made.
    pub(crate) table: Option<Table>,
    pub(crate) scope: Scope,
}

impl<'a> Ground<'a> {
    /// Looks at a table (`None`: to be made) and at the headers of the input.
    pub(crate) fn new(
        merge: &'a Merge,
        name: &'a TableName,
        table: Option<Table>,
        sources: &'a [Source],
    ) -> Result<Self> {
        let may_grow = table.is_none() || merge.evolve;
        let survey = if may_grow { survey_csv(merge, sources)? } else { Survey::default() };
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
    pub(crate) fn end(&self) -> u64 {
        self.sources.last().map_or(0, |source| source.base + source.length)
    }

    /// The columns of a survey that are still to be made.
    pub(crate) fn columns_to_make(&self, survey: &Survey) -> Vec<NewColumn> {
        let known = |name: &str| self.table.as_ref().is_some_and(|table| table.column(name).is_some());
        let own = |name: &str| RESERVED.contains(&name) && !(self.merge.own_id && name == "id" && self.table.is_some());
        survey.columns().into_iter().filter(|column| !known(&column.name) && !own(&column.name)).collect()
    }

    /// The columns that records fill.
    pub(crate) fn written_columns(&self, table: &Table) -> Vec<Column> {
        let own =
            |column: &&Column| !RESERVED.contains(&column.name.as_str()) || (self.merge.own_id && column.name == "id");
        table.columns.iter().filter(own).filter(|column| !column.is_generated).cloned().collect()
    }
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
