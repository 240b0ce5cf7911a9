//! Documents: the funnel of each pipeline, and the documents of a cell of it.

use maud::{Markup, html};

use super::Asked;
use crate::error::Result;
use crate::ops::{PipelineOverview, TaskChoice, TaskList, TaskListOptions};
use crate::shell::visible_line;
use crate::tables::TaskState;
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{app_link, hidden, length, moment, number, part, task_state};

/// So many documents are on a page.
const LISTED: i64 = 50;

pub(super) fn documents(sight: &mut Sight<'_>, asked: &Asked<'_>) -> Result<String> {
    let query = asked.query;
    let pipeline = query.text("pipeline");
    let is_list = query.get("state").is_some() || query.get("stage").is_some() || query.get("error").is_some();
    let choice = TaskChoice {
        pipelines: pipeline.iter().cloned().collect(),
        states: query.text("state").into_iter().collect(),
        stage: query.text("stage"),
        error: query.text("error"),
        below: asked.number("below")?,
        ..TaskChoice::default()
    };
    // one more than is shown tells whether there are more
    let count = if is_list || pipeline.is_some() { LISTED + 1 } else { 0 };
    let report = TaskList::read(sight.store, &TaskListOptions { choice, count })?;
    let body = html! {
        h1 { "Documents" }
        @if report.pipelines.is_empty() {
            p.soft { "There are no pipelines: " code { "[pipeline]" } " and " code { "[[stage]]" }
                " in app.toml make one." }
        }
        div #pipelines data-live="documents" { @for overview in &report.pipelines { (funnel(overview)) } }
        @if count > 0 { div #list data-live="documents" { (list(asked, &report)) } }
    };
    let mut command = "dc tasks".to_owned();
    for (flag, value) in ["pipeline", "state", "stage", "error"].iter().filter_map(|it| Some((it, query.get(it)?))) {
        command.push_str(&format!(" --{flag} {value}"));
    }
    Ok(asked.page(Frame { title: "Documents", tab: "/documents", command: &command, ..Frame::default() }, &body))
}

fn funnel(overview: &PipelineOverview) -> Markup {
    let of = |state: TaskState| overview.ledger.states.get(state.name()).copied().unwrap_or_default();
    let shown: Vec<TaskState> = TaskState::ALL
        .into_iter()
        .filter(|state| !state.is_final() || *state == TaskState::Done || of(*state) > 0)
        .collect();
    let name = &overview.pipeline;
    let at_work = overview.workers.iter().filter(|worker| worker.at_work).count();
    html! {
        h2 { (app_link(name)) " " span.n {
            (number(overview.ledger.found)) " found, " (number(overview.ledger.duplicate)) " came again · "
            @match at_work { 0 => { "no worker" } 1 => { "1 worker" } count => { (count) " workers" } }
            @if overview.disabled { " · out of service" }
        } }
        @if !overview.balanced { p.told.bad { "What was found is not what is accounted for: " code {
            "dc tasks --pipeline " (name) } } }
        div.scroll tabindex="0" role="region" aria-label={ "Stages of " (name) } {
            table {
                caption { "Documents by stage and state" }
                thead { tr {
                    th scope="col" { "stage" } @for state in &shown { th.r scope="col" { (state.name()) } } th.r
                        scope="col" { "oldest waits" }
                } }
                tbody { @for stage in &overview.stages {
                    tr data-row {
                        th scope="row" { (stage.stage) @if !stage.is_known { span.soft { " (not in app.toml)" } } }
                        @for state in &shown {
                            @let count = stage.states.get(state.name()).copied().unwrap_or_default();
                            td.r { @if count > 0 {
                                a href={ "/documents?pipeline=" (part(name)) "&stage=" (part(&stage.stage))
                                    "&state=" (state.name()) } { (number(count)) }
                            } @else { span.soft { "·" } } }
                        }
                        td.r.nw { @if let Some(seconds) = stage.oldest_seconds { (length(seconds)) } }
                    }
                } }
            }
        }
        @for block in overview.stages.iter().filter_map(|stage| stage.blocked.as_ref()) {
            p { span.badge.bad { "blocked" } " " (block.stage) " since " (moment(block.since)) ", tried again "
                (moment(block.probe_at)) ": " (visible_line(&block.reason)) }
        }
        @for folder in &overview.folders {
            p.note {
                "folder " code { (visible_line(&folder.folder)) } " on " (folder.host) ": "
                    (number(folder.waiting_count)) " wait, " (number(folder.ignored)) " not taken"
                @if let Some(error) = &folder.error { ". " span.badge.bad { (visible_line(error)) } }
            }
        }
    }
}

fn list(asked: &Asked<'_>, report: &TaskList) -> Markup {
    let (view, query) = (asked.view, asked.query);
    let more = report.tasks.len() as i64 > LISTED;
    let shown = &report.tasks[..report.tasks.len().min(LISTED as usize)];
    let can_retry = shown.iter().any(|task| task.task.state.is_final());
    html! {
        h2 {
            @match (query.get("stage"), query.get("state")) {
                (Some(stage), Some(state)) => { (state) " in " (stage) }
                (Some(stage), None) => { (stage) }
                (None, Some(state)) => { (state) }
                (None, None) => { "The newest" }
            }
        }
        @if !view.is_export {
            form.bar method="get" action="/documents" role="search" aria-label="Filter documents" {
                @for field in ["pipeline", "stage", "state"] {
                    @if let Some(value) = query.get(field) { input type="hidden" name=(field) value=(value); }
                }
                input type="search" name="error" value=[query.get("error")] placeholder="Text in the error"
                    aria-label="Text in the error";
                button { "Filter" }
                a href="/documents" { "All pipelines" }
            }
        }
        @if shown.is_empty() { p.soft { "No document fits." } } @else {
            form method="post" action="/documents/do" {
                @if view.can_act() {
                    (hidden(view))
                    div.bar role="group" aria-label="Tell the chosen documents" {
                        span.soft { "Chosen documents:" }
                        @if can_retry { button name="do" value="retry" { "Retry" } }
                        button.grave name="do" value="cancel" data-ask="Cancel the chosen documents?" { "Cancel" }
                    }
                }
                div.scroll tabindex="0" role="region" aria-label="Documents" {
                    table {
                        caption { "Documents, the newest first" }
                        thead { tr {
                            @if view.can_act() { th scope="col" { span.skip { "choose" } } }
                            th.r scope="col" { "number" } th scope="col" { "name" } th scope="col" { "state" }
                            th scope="col" { "stage" } th.wide scope="col" { "changed" } th.wide scope="col" {
                                "error" }
                        } }
                        tbody { @for listed in shown {
                            @let task = &listed.task;
                            tr data-row {
                                @if view.can_act() { td.c { input type="checkbox" name="task" value=(task.id)
                                    aria-label={ "choose " (task.id) }; } }
                                td.r { a href={ "/documents/" (task.id) } { (task.id) } }
                                th.w scope="row" { (visible_line(&task.name)) }
                                td.nw { (task_state(task.state)) }
                                td { (task.stage) }
                                td.nw.wide { (moment(task.changed_at)) }
                                td.wide.w { @if let Some(error) = &task.error {
                                    (visible_line(error).chars().take(160).collect::<String>())
                                } }
                            }
                        } }
                    }
                }
            }
            @if let Some(last) = shown.last().filter(|_| more && !view.is_export) {
                p.note { a href=(query.with("/documents", "below", Some(&last.task.id.to_string()))) {
                    "Older documents" } }
            }
        }
    }
}
