//! Search: what one text leads to.

use maud::{Markup, html};

use super::Asked;
use crate::error::Result;
use crate::ops::dashboard::{Search, SearchHit, SearchKind};
use crate::shell::visible_line;
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{app_path, run_path, table_path};

const KINDS: [(SearchKind, &str); 6] = [
    (SearchKind::App, "Apps"),
    (SearchKind::Run, "Runs"),
    (SearchKind::Table, "Tables"),
    (SearchKind::Document, "Documents"),
    (SearchKind::File, "Stored files"),
    (SearchKind::Error, "Errors of the last 24 hours"),
];

pub(super) fn search(sight: &mut Sight<'_>, asked: &Asked<'_>) -> Result<String> {
    let found = Search::read(sight.store, asked.query.get("q").unwrap_or_default())?;
    let body = html! {
        h1 { "Search" @if !found.text.is_empty() { " " span.n { (found.text) } } }
        @if found.text.is_empty() {
            p.soft { "Type a part of an app or a table, a run, the name or the SHA-256 of a document, or words of an error." }
        } @else if found.hits.is_empty() { p { "Nothing was found." } }
        @for (kind, words) in KINDS {
            @let hits: Vec<&SearchHit> = found.hits.iter().filter(|hit| hit.kind == kind).collect();
            @if !hits.is_empty() {
                h2 { (words) " " span.n { (hits.len()) } }
                div.scroll {
                    table {
                        caption { (words) }
                        tbody { @for hit in hits { tr data-row { th.w scope="row" { (link(hit)) } td {
                            (visible_line(&hit.note)) } } } }
                    }
                }
            }
        }
    };
    let command = format!("dc logs --since 24h --level error --text '{}'", found.text.replace('\'', "'\\''"));
    Ok(asked.page(Frame { title: "Search", search: &found.text, command: &command, ..Frame::default() }, &body))
}

fn link(hit: &SearchHit) -> Markup {
    let path = match hit.kind {
        SearchKind::App => Some(app_path(&hit.key)),
        SearchKind::Run => Some(run_path(&hit.key)),
        // the run, the line, and where it stands in the page
        SearchKind::Error => Some(format!("/runs/{}", hit.key)),
        SearchKind::Table => Some(table_path(&hit.key, &hit.title)),
        SearchKind::Document => Some(format!("/documents/{}", hit.key)),
        SearchKind::File => None,
    };
    let title = visible_line(&hit.title);
    html! {
        @match path {
            Some(path) => { a href=(path) { (title) } }
            None => { (title) " " code { "dc files show " (hit.key) } }
        }
    }
}
