//! A table: who touches it, and the merges into it.

use maud::{Markup, html};

use super::Asked;
use super::tables::edges;
use crate::error::Result;
use crate::ops::dashboard::TableMerges;
use crate::shell::visible_line;
use crate::tables::MergeMark;
use crate::web::charts::graph;
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{full_moment, merge_path, number, run_path, table_path};

pub(super) fn table(sight: &mut Sight<'_>, asked: &Asked<'_>, (database, name): (&str, &str)) -> Result<String> {
    let report = TableMerges::read(sight.store, (database, name), asked.query.get("before"))?;
    let it = &report.table;
    let command = match database {
        crate::settings::MAIN => format!("dc merge history {name}"),
        _ => format!("dc merge history {name} --database {database}"),
    };
    let path = table_path(database, name);
    let body = html! {
        h1 { (name) " " span.n { (it.object.kind.name()) " in " (database) } }
        dl.facts {
            div { dt { "rows new" } dd { (number(it.rows.new)) } }
            div { dt { "changed" } dd { (number(it.rows.changed)) } }
            div { dt { "gone" } dd { (number(it.rows.gone)) } }
            div { dt { "touched last" } dd { (full_moment(it.last_seen)) } }
        }
        (graph(&edges(it)))
        h2 { "Merges" }
        @match &report.merges {
            None => { p.soft { "It is in another database than main: " code { (command) } } }
            Some(merges) if merges.is_empty() => { p.soft { "No merge has changed it." } }
            Some(merges) => {
                (merge_rows(merges))
                p.note {
                    @if asked.query.get("before").is_some() { a href=(path) { "Newest" } " · " }
                    @if let Some(before) = report.next_page.as_ref().filter(|_| !asked.view.is_export) {
                        a href=(asked.query.with(&path, "before", Some(before))) { "Older merges" }
                    }
                }
                p.note { "How it stood after a merge: " code { "dc merge show " (name) " --as-of RUN" } }
            }
        }
    };
    Ok(asked.page(Frame { title: name, tab: "/tables", command: &command, ..Frame::default() }, &body))
}

fn merge_rows(merges: &[MergeMark]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Merges" {
            table {
                caption { "Merges, the newest first" }
                thead { tr {
                    th scope="col" { "when" } th.wide scope="col" { "scope" } th.r scope="col" { "inserted" }
                    th.r scope="col" { "retired" } th scope="col" { "run" } th scope="col" { "taken back" }
                    th scope="col" { "changed" }
                } }
                tbody { @for merge in merges {
                    tr data-row {
                        th.nw scope="row" { @match merge.at() { Some(at) => (full_moment(at)), None =>
                            (merge.moment) } }
                        td.wide { (visible_line(&merge.scope)) }
                        td.r { (number(merge.inserted)) } td.r { (number(merge.retired)) }
                        td { @match &merge.runtime { Some(run) => { a href=(run_path(run)) { "Run" } } None => {
                            "by hand" } } }
                        td { @if merge.undone.is_some() { "yes" } }
                        td { a href=(merge_path(&merge.id)) { "Rows" } }
                    }
                } }
            }
        }
    }
}
