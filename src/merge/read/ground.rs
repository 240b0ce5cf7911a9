//! What a merge stands on before it reads a record: the table as it is, the columns of the input that have a header,
//! and the scope. Looking finds the errors that need no reading.

use crate::db::{Column, Fitted, Kind, NewColumn, Table, TableName, fit, text};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;
use crate::merge::plan::description::Merge;
use crate::merge::plan::format::Format;
use crate::merge::plan::scope::Part;
use crate::merge::plan::target::{scope_in, scope_value};
use crate::merge::read::columns::survey_csv;
use crate::merge::read::names::check_hashed;
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
    pub(crate) scope: Vec<Part>,
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
        let reader = Reader::new(merge, sources, table.as_ref(), &survey)?;
        check_hashed(merge)?;
        if sources.iter().all(|source| matches!(source.format, Format::Csv { .. })) && !sources.is_empty() {
            // where there is a header, nothing has to be read for this
            reader.wanted.check(table.as_ref())?;
        }
        let scope = match &table {
            Some(table) => scope_in(merge, table)?,
            None => scope_of_new(merge, &survey),
        };
        if let (Some(table), false) = (&table, may_grow) {
            check_header(merge, table, sources, &reader)?;
        }
        Ok(Self { merge, name, sources, reader, survey, table, scope })
    }

    /// The same over a table that was made, or has more columns, since.
    pub(crate) fn over(self, table: &Table) -> Result<Self> {
        let reader = Reader::new(self.merge, self.sources, Some(table), &self.survey)?;
        let scope = scope_in(self.merge, table)?;
        Ok(Self { reader, scope, table: Some(table.clone()), ..self })
    }

    /// The same with the records read as a table takes them whose columns were only foretold.
    pub(crate) fn foretold(&self, table: &Table) -> Result<Self> {
        let reader = Reader::new(self.merge, self.sources, Some(table), &self.survey)?;
        let (survey, scope) = (self.survey.clone(), self.scope.clone());
        Ok(Self { reader, survey, scope, table: None, ..*self })
    }

    /// The same over a table without some of its columns: what the input holds there is noted as if they were to be made.
    pub(crate) fn without(&self, columns: &[&str]) -> Result<Self> {
        let mut table = self.table.clone();
        if let Some(table) = &mut table {
            table.columns.retain(|column| !columns.contains(&column.name.as_str()));
        }
        let reader = Reader::new(self.merge, self.sources, table.as_ref(), &self.survey)?;
        Ok(Self { reader, table, survey: self.survey.clone(), scope: self.scope.clone(), ..*self })
    }

    /// Above every place in the input.
    pub(crate) fn end(&self) -> u64 {
        self.sources.last().map_or(0, |source| source.base + source.length)
    }

    /// The columns of a survey that are still to be made.
    pub(crate) fn columns_to_make(&self, survey: &Survey) -> Vec<NewColumn> {
        let known = |name: &str| self.table.as_ref().is_some_and(|table| table.column(name).is_some());
        let own = |name: &str| RESERVED.contains(&name) && !(self.merge.own_id && name == "id" && self.table.is_some());
        let mut columns = survey.columns();
        columns.retain(|column| !known(&column.name) && !own(&column.name));
        for column in &mut columns {
            column.declared = self.merge.types.iter().find(|(name, _)| *name == column.name).map(|(_, it)| it.clone());
        }
        columns
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
fn scope_of_new(merge: &Merge, survey: &Survey) -> Vec<Part> {
    let one = |(name, value): &(String, String)| {
        let kind = survey.kind(name).unwrap_or(Kind::Text);
        let value = scope_value(value);
        let fitted = fit(&value, kind).map(Fitted::into_owned);
        let fitted = fitted.unwrap_or_else(|| Fitted::Text(text(&value).into_owned().into()));
        let column = Column { name: name.clone(), kind, declared: String::new(), is_generated: false };
        Part::new(column, fitted, merge)
    };
    merge.scope.iter().map(one).collect()
}
