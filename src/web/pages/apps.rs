//! Apps: all of them in one table, by group, with filters in the address and buttons for several at once.

use maud::{Markup, html};

use super::Asked;
use crate::error::Result;
use crate::ops::dashboard::{AppLine, AppsReport};
use crate::tables::{AppCommand, RunStatus};
use crate::web::charts::bars;
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{View, app_path, command_words, hidden, length, moment, number, run_path, status};
use crate::web::query::Query;

/// What an app can be filtered by, in the address and in words.
const STATES: [(&str, &str); 6] = [
    ("", "any state"),
    ("unwell", "unwell"),
    ("running", "running"),
    ("queued", "waiting"),
    ("failed", "failed"),
    ("disabled", "out of service"),
];
/// What several apps can be told at once.
const COMMANDS: [AppCommand; 5] =
    [AppCommand::Start, AppCommand::Stop, AppCommand::Enable, AppCommand::Disable, AppCommand::Reset];

pub(super) fn apps(sight: &mut Sight<'_>, asked: &Asked<'_>) -> Result<String> {
    let report = AppsReport::read(sight.store, sight.memory)?;
    let (view, query) = (asked.view, asked.query);
    let mut groups: Vec<String> = report.apps.iter().map(|app| app.line.app.name.group.clone()).collect();
    groups.dedup();
    let all = report.apps.len();
    let shown: Vec<&AppLine> = report.apps.iter().filter(|app| is_wanted(app, query)).collect();
    let list = html! {
        div #apps data-live="runs" {
            @if shown.is_empty() { p.soft { "No app fits." } } @else { (table(view, &report, &shown)) }
        }
    };
    let body = html! {
        h1 { "Apps " span.n { @if shown.len() == all { (all) } @else { (shown.len()) " of " (all) } } }
        @if !view.is_export { (filters(query, &groups)) }
        @if view.can_act() {
            form method="post" action="/do" {
                (hidden(view))
                div.bar role="group" aria-label="Tell the chosen apps" {
                    label { input #all type="checkbox" hidden aria-label="Choose all"; "Chosen apps:" }
                    @for command in COMMANDS {
                        @let (value, words, ask) = command_words(command);
                        button name="do" value=(value) data-ask=[ask] { (words) }
                    }
                }
                (list)
            }
        } @else { (list) }
        p.note {
            "Bars are the last 30 runs: high took long; a mark below the line failed. Rows are those that merges brought, "
            "changed and removed, since the app is registered."
        }
    };
    Ok(asked.page(Frame { title: "Apps", tab: "/apps", command: "dc run --list", ..Frame::default() }, &body))
}

fn is_wanted(app: &AppLine, query: &Query) -> bool {
    let line = &app.line;
    let name = line.app.name.to_string().to_lowercase();
    let is_named = query.get("q").is_none_or(|text| name.contains(&text.to_lowercase()));
    let is_in = query.get("group").is_none_or(|group| line.app.name.group == group);
    let is_so = match query.get("state") {
        None => true,
        Some("unwell") => line.app.failures > 0 || line.state() == RunStatus::Failed,
        Some(state) => line.state().name().to_lowercase() == state,
    };
    is_named && is_in && is_so
}

fn filters(query: &Query, groups: &[String]) -> Markup {
    html! {
        form.bar method="get" action="/apps" role="search" aria-label="Filter apps" {
            input type="search" name="q" value=[query.get("q")] placeholder="Part of a name"
                aria-label="Part of a name";
            select name="group" aria-label="Group" {
                option value="" { "all groups" }
                @for group in groups {
                    option value=(group) selected[query.get("group") == Some(group)] { (group) }
                }
            }
            select name="state" aria-label="State" {
                @for (value, words) in STATES {
                    option value=(value) selected[query.get("state").unwrap_or_default() == value] { (words) }
                }
            }
            button { "Filter" }
            @if query.get("q").or(query.get("group")).or(query.get("state")).is_some() { a href="/apps" { "All" } }
        }
    }
}

fn table(view: &View, report: &AppsReport, shown: &[&AppLine]) -> Markup {
    let columns = 7 + usize::from(view.can_act());
    html! {
        div.scroll tabindex="0" role="region" aria-label="Apps" {
            table {
                caption { "All apps" }
                thead { tr {
                    @if view.can_act() { th scope="col" { span.skip { "choose" } } }
                    th scope="col" { "app" } th scope="col" { "state" } th scope="col" { "last runs" }
                    th scope="col" { "last run" }
                    th.r.wide scope="col" { "rows new, changed, gone" }
                    th scope="col" { "next run" } th.r.wide scope="col" { "failures" }
                } }
                tbody {
                    @for group in shown.chunk_by(|one, other| one.line.app.name.group == other.line.app.name.group) {
                        tr.group { th colspan=(columns) scope="colgroup" { (group[0].line.app.name.group) } }
                        @for app in group { (row(view, report, app)) }
                    }
                }
            }
        }
    }
}

fn row(view: &View, report: &AppsReport, app: &AppLine) -> Markup {
    let (line, name) = (&app.line, app.line.app.name.to_string());
    let short = format!("{}/{}", line.app.name.parent, line.app.name.name);
    html! {
        tr data-row {
            @if view.can_act() {
                td.c { input type="checkbox" name="app" value=(name) aria-label={ "choose " (name) }; }
            }
            th scope="row" { a href=(app_path(&name)) { (short) } }
            td.nw {
                (status(line.state()))
                @if let Some(percent) = line.percent() { " " span.soft { (format!("{percent:.0} %")) } }
            }
            td { (bars(&app.runs, report.time)) }
            td.nw {
                @match &line.last {
                    Some(run) => {
                        a href=(run_path(&run.runtime)) { (moment(run.started_at)) }
                        @if let Some(ended) = run.ended_at {
                            " " span.soft { (length((ended - run.started_at).as_seconds_f64().max(0.0))) }
                        }
                    }
                    None => { span.soft { "never" } }
                }
            }
            td.r.wide.nw {
                @if let Some(rows) = app.rows {
                    "+" (number(rows.new)) " ~" (number(rows.changed)) " −" (number(rows.gone))
                }
            }
            td.nw {
                @match line.app.next_run {
                    _ if line.app.disable => { span.soft { "never" } }
                    Some(next) => { (moment(next)) }
                    None => { span.soft { (line.app.start_in_words()) } }
                }
            }
            td.r.wide { @if line.app.failures > 0 { (line.app.failures) } }
        }
    }
}
