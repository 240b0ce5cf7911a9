//! Tables: which app writes and reads which, as a picture and as a table.

use maud::{Markup, html};

use super::Asked;
use crate::error::Result;
use crate::ops::dashboard::{TableTouched, TablesReport};
use crate::settings::MAIN;
use crate::web::charts::{Edge, graph};
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{app_link, moment, number, table_path};
use crate::web::query::Query;

/// Of so many tables the picture is drawn; of more only what a filter leaves.
const DRAWN_MAX: usize = 80;
/// So many apps are named in a cell.
const APPS_SHOWN: usize = 4;
/// So many tables are on a page.
const SHOWN_MAX: usize = 400;

pub(super) fn tables(sight: &mut Sight<'_>, asked: &Asked<'_>) -> Result<String> {
    let report = TablesReport::read(sight.store)?;
    let all = report.objects.len();
    let shown: Vec<&TableTouched> = report.objects.iter().filter(|it| is_wanted(it, asked.query)).collect();
    let edges: Vec<Edge> = shown.iter().take(DRAWN_MAX).flat_map(|it| edges(it)).collect();
    let body = html! {
        h1 { "Tables " span.n { @if shown.len() == all { (all) } @else { (shown.len()) " of " (all) } } }
        @if !asked.view.is_export {
            form.bar method="get" action="/tables" role="search" aria-label="Filter tables" {
                input type="search" name="q" value=[asked.query.get("q")] placeholder="Part of a table or an app"
                    aria-label="Part of a table or an app";
                button { "Filter" }
                @if asked.query.get("q").is_some() { a href="/tables" { "All" } }
            }
        }
        @if all == 0 {
            p.soft { "No app has touched a table yet: merges and queries inside of a run are noted here." }
        } @else if shown.is_empty() { p.soft { "No table fits." } } @else {
            (table(&shown))
            @if shown.len() > SHOWN_MAX { p.note { "and " (shown.len() - SHOWN_MAX) " more: filter them" } }
            h2 { "Who depends on whom" }
            (graph(&edges))
            @if shown.len() > DRAWN_MAX { p.note { "The first " (DRAWN_MAX)
                " tables are drawn: filter to see others." } }
        }
        @if report.is_cut { p.note { "Only what was touched last is shown." } }
    };
    Ok(asked.page(Frame { title: "Tables", tab: "/tables", command: "dc merge history", ..Frame::default() }, &body))
}

fn is_wanted(it: &TableTouched, query: &Query) -> bool {
    query.get("q").is_none_or(|text| {
        let text = text.to_lowercase();
        let apps = it.writers.iter().chain(&it.readers);
        it.full_name().to_lowercase().contains(&text) || apps.into_iter().any(|app| app.to_lowercase().contains(&text))
    })
}

/// The apps that touch a table, each once.
pub(super) fn edges(it: &TableTouched) -> Vec<Edge> {
    let name = match it.object.database.as_str() {
        MAIN => it.full_name(),
        database => format!("{database}: {}", it.full_name()),
    };
    let path = table_path(&it.object.database, &it.full_name());
    let mut apps: Vec<&String> = it.writers.iter().chain(&it.readers).collect();
    apps.sort();
    apps.dedup();
    let edge = |app: &String| Edge {
        app: app.clone(),
        table: (name.clone(), path.clone()),
        writes: it.writers.contains(app),
        reads: it.readers.contains(app),
    };
    apps.into_iter().map(edge).collect()
}

fn table(shown: &[&TableTouched]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Tables" {
            table {
                caption { "Tables, views and routines" }
                thead { tr {
                    th scope="col" { "name" } th.wide scope="col" { "database" } th scope="col" { "written by" }
                    th scope="col" { "read by" } th.r.wide scope="col" { "rows new, changed, gone" } th.wide
                        scope="col" { "last" }
                } }
                tbody { @for it in shown.iter().take(SHOWN_MAX) {
                    tr data-row {
                        th.w scope="row" {
                            a href=(table_path(&it.object.database, &it.full_name())) { (it.full_name()) }
                            @if it.object.kind.name() != "table" { span.soft { " " (it.object.kind.name()) } }
                        }
                        td.wide { (it.object.database) }
                        td.w { (apps(&it.writers)) } td.w { (apps(&it.readers)) }
                        td.r.wide.nw { @if it.rows.new + it.rows.changed + it.rows.gone > 0 {
                            "+" (number(it.rows.new)) " ~" (number(it.rows.changed)) " −" (number(it.rows.gone))
                        } }
                        td.wide.nw { (moment(it.last_seen)) }
                    }
                } }
            }
        }
    }
}

fn apps(names: &[String]) -> Markup {
    html! {
        @for (at, name) in names.iter().take(APPS_SHOWN).enumerate() { @if at > 0 { ", " } (app_link(name)) }
        @if names.len() > APPS_SHOWN { " and " (names.len() - APPS_SHOWN) " more" }
    }
}
