//! The same pages as files, for a place without a server: links lead from file to file, and nothing can be pressed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::access::Role;
use super::assets;
use super::desk::Reader;
use super::pages::Page;
use super::parts::{View, app_path, run_path, table_path};
use super::query::Query;
use crate::context::Context;
use crate::error::{Result, file_error};
use crate::ops::dashboard::TablesReport;
use crate::tables::Store;

/// So many apps, tables and documents get a page.
const PAGES_MAX: usize = 1_000;

/// What was written.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// The folder.
    pub folder: String,
    /// How many pages.
    pub pages: usize,
}

impl fmt::Display for Exported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} pages in {}: open index.html", self.pages, self.folder)
    }
}

/// Writes Now, Apps, each app with its last run, Documents, Timeline and Tables into a folder.
///
/// # Errors
/// When the folder cannot be written; what the database says.
pub fn export(context: &Context, folder: &Path) -> Result<Exported> {
    let mut store = Store::ready(context)?;
    let apps = store.apps().all()?;
    let latest = store.runs().latest()?;
    let tables = TablesReport::read(&mut store)?;
    drop(store);
    let mut pages: BTreeMap<String, Page> = [
        ("/".to_owned(), Page::Now),
        ("/apps".to_owned(), Page::Apps),
        ("/documents".to_owned(), Page::Documents),
        ("/timeline".to_owned(), Page::Timeline),
        ("/tables".to_owned(), Page::Tables),
    ]
    .into();
    for app in apps.iter().take(PAGES_MAX) {
        pages.insert(app_path(&app.name.to_string()), Page::App(app.name.to_string()));
    }
    for run in latest.iter().take(PAGES_MAX) {
        pages.insert(run_path(&run.runtime), Page::Run(run.runtime.clone()));
    }
    for table in tables.objects.iter().take(PAGES_MAX) {
        let (database, name) = (table.object.database.clone(), table.full_name());
        pages.insert(table_path(&database, &name), Page::Table(database, name));
    }
    let known: BTreeSet<String> = pages.keys().cloned().collect();
    let mut reader = Reader::new(context);
    for (path, page) in &pages {
        context.cancellation().check()?;
        let view = View {
            role: Role::Viewer,
            name: String::new(),
            is_signed_in: false,
            is_export: true,
            seen: String::new(),
            form_mark: String::new(),
            here: path.clone(),
        };
        let text = reader.ask(|sight| page.draw(sight, (&view, &Query::default()), None))?;
        write(folder, path, linked(&text, path, &known).as_bytes())?;
    }
    for path in [assets::style_path(), assets::icon_path()] {
        if let Some((text, _)) = assets::at(path) {
            write(folder, path, text.as_bytes())?;
        }
    }
    Ok(Exported { folder: folder.display().to_string(), pages: pages.len() })
}

/// The file that a page is written into, seen from the folder.
fn file(path: &str) -> String {
    let plain = path.trim_start_matches('/');
    match plain {
        "" => "index.html".to_owned(),
        _ if plain.starts_with("assets/") => plain.to_owned(),
        // a file's name is not decoded once more by whoever opens it
        _ => format!("{}.html", plain.replace('%', "_")),
    }
}

/// The page with links that lead to files; those that lead to no file are none.
fn linked(text: &str, path: &str, known: &BTreeSet<String>) -> String {
    let up = "../".repeat(file(path).matches('/').count());
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // texts have no quotes that are not escaped: this is always an attribute of ours
    while let Some(at) = rest.find(" href=\"/") {
        let (before, behind) = rest.split_at(at);
        let target = &behind[" href=\"".len()..];
        let end = target.find('"').unwrap_or(target.len());
        let address = &target[..end];
        out.push_str(before);
        let bare = address.split(['?', '#']).next().unwrap_or_default();
        if known.contains(bare) || bare.starts_with("/assets/") {
            out.push_str(&format!(" href=\"{up}{}\"", file(bare)));
        }
        rest = target.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn write(folder: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    let place = folder.join(file(path));
    let failed = |cause| file_error(format!("write {}", place.display()), cause);
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::write(&place, bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_file_to_file() {
        let known: BTreeSet<String> = ["/", "/apps", "/apps/a/b/c"].map(str::to_owned).into();
        let page = "<a href=\"/\">x</a><a href=\"/apps/a/b/c?x=1#y\">y</a><a class=\"z\" href=\"/gone\">z</a>";
        assert_eq!(
            linked(page, "/apps/a/b/c", &known),
            "<a href=\"../../../index.html\">x</a><a href=\"../../../apps/a/b/c.html\">y</a><a class=\"z\">z</a>"
        );
        assert_eq!(
            (file("/apps"), file("/tables/main/s.t%2Fx")),
            ("apps.html".into(), "tables/main/s.t_2Fx.html".into())
        );
    }
}
