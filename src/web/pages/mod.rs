//! The pages: each asks for a report, and draws it.

mod app;
mod apps;
mod document;
mod documents;
mod edit;
mod merge;
mod now;
mod run;
mod search;
mod table;
mod tables;
mod timeline;

pub(super) use edit::edit_again;

use super::desk::Sight;
use super::layout::{Frame, page};
use super::parts::View;
use super::query::Query;
use crate::error::{Error, ErrorKind, Result};

/// A page that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    Now,
    Apps,
    App(String),
    Run(String),
    Documents,
    /// With the number of its pages, where that is known.
    Document(i64, Option<usize>),
    Merge(String),
    Timeline,
    Tables,
    Table(String, String),
    Search,
}

impl Page {
    /// The page at an address, whose parts are decoded; `None` where there is none.
    pub(super) fn at(parts: &[&str]) -> Option<Self> {
        match parts {
            [] => Some(Self::Now),
            ["apps"] => Some(Self::Apps),
            ["apps", group, parent, name] => Some(Self::App(format!("{group}/{parent}/{name}"))),
            ["runs", run] => Some(Self::Run((*run).to_owned())),
            ["documents"] => Some(Self::Documents),
            ["documents", id] => id.parse().ok().map(|id| Self::Document(id, None)),
            ["merges", id] => Some(Self::Merge((*id).to_owned())),
            ["timeline"] => Some(Self::Timeline),
            ["tables"] => Some(Self::Tables),
            ["tables", database, table] => Some(Self::Table((*database).to_owned(), (*table).to_owned())),
            ["search"] => Some(Self::Search),
            _ => None,
        }
    }

    /// Draws it.
    ///
    /// # Errors
    /// Not found; usage for a field that cannot be read; what the database says.
    pub(super) fn draw(
        &self,
        sight: &mut Sight<'_>,
        (view, query): (&View, &Query),
        told: Option<(&str, bool)>,
    ) -> Result<String> {
        let asked = Asked { view, query, told };
        match self {
            Self::Now => now::now(sight, &asked),
            Self::Apps => apps::apps(sight, &asked),
            Self::App(name) => app::app(sight, &asked, name),
            Self::Run(run) => run::run(sight, &asked, run),
            Self::Documents => documents::documents(sight, &asked),
            Self::Document(id, pages) => document::document(sight, &asked, (*id, *pages)),
            Self::Merge(id) => merge::merge(sight, &asked, id),
            Self::Timeline => timeline::timeline(sight, &asked),
            Self::Tables => tables::tables(sight, &asked),
            Self::Table(database, table) => table::table(sight, &asked, (database, table)),
            Self::Search => search::search(sight, &asked),
        }
    }
}

/// What a page is asked for.
struct Asked<'a> {
    view: &'a View,
    query: &'a Query,
    told: Option<(&'a str, bool)>,
}

impl Asked<'_> {
    fn page(&self, frame: Frame<'_>, body: &maud::Markup) -> String {
        page(self.view, &Frame { told: self.told, ..frame }, body)
    }

    /// A number of the address.
    fn number(&self, name: &str) -> Result<Option<i64>> {
        let Some(text) = self.query.get(name) else { return Ok(None) };
        let wrong = || Error::new(ErrorKind::Usage, format!("read `{name}={text}`: it takes a number"));
        text.parse().map(Some).map_err(|_| wrong())
    }
}
