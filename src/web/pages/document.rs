//! Document: what it is, every attempt that was made, what each stage gave, and what can be done with it.

use maud::{Markup, html};

use super::Asked;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{TaskDetail, TaskDetails};
use crate::shell::{visible, visible_line};
use crate::tables::{AttemptRow, TaskState, hex_text};
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{View, app_link, full_moment, hidden, length, number, part, run_path, task_state};

/// So many letters of what a stage gave are shown.
const OUTPUT_CHARS: usize = 4_000;

pub(super) fn document(sight: &mut Sight<'_>, asked: &Asked<'_>, id: i64) -> Result<String> {
    let none = || Error::new(ErrorKind::NotFound, format!("find the document {id}"));
    let detail = TaskDetails::read(sight.store, &[id])?.tasks.pop().ok_or_else(none)?;
    let (task, view) = (&detail.task, asked.view);
    let title = format!("Document {id}");
    let body = html! {
        div #document data-live="documents" {
            h1 { (visible_line(&task.name)) " " (task_state(task.state)) }
            p.soft {
                "Document " (id) " of " (app_link(&detail.pipeline)) ", "
                @if task.state.is_final() { "ended in " } @else { "in " }
                a href={ "/documents?pipeline=" (part(&detail.pipeline)) "&stage=" (part(&task.stage)) } {
                    (task.stage) }
            }
            @if let Some(error) = &task.error { p.told.bad { (visible(error)) } }
            (buttons(view, &detail))
            (facts(&detail))
            (attempts(&detail))
        }
    };
    let command = format!("dc tasks show {id}");
    Ok(asked.page(Frame { title: &title, tab: "/documents", command: &command, ..Frame::default() }, &body))
}

fn buttons(view: &View, detail: &TaskDetail) -> Markup {
    if !view.can_act() {
        return html! {};
    }
    let task = &detail.task;
    let mut stages: Vec<&str> = detail.attempts_made.iter().map(|attempt| attempt.stage.as_str()).collect();
    stages.dedup();
    stages.sort_unstable();
    stages.dedup();
    html! {
        div.bar {
            @if task.state.is_final() {
                form.in method="post" action="/documents/do" {
                    (hidden(view)) input type="hidden" name="task" value=(task.id);
                    label {
                        "from "
                        select name="from" aria-label="From which stage" {
                            @if task.state != TaskState::Done { option value="" { "where it ended" } }
                            @for stage in stages { option value=(stage) { (stage) } }
                        }
                    }
                    " " button name="do" value="retry" { "Retry" }
                }
                @if task.state != TaskState::Done { span.note { "Edit what the stage was given: " code {
                    "dc tasks edit " (task.id) } } }
            } @else {
                form.in method="post" action="/documents/do" {
                    (hidden(view)) input type="hidden" name="task" value=(task.id);
                    button.grave name="do" value="cancel" data-ask="Cancel this document?" { "Cancel" }
                    " " button.grave name="do" value="quarantine" data-ask="Quarantine this document?" {
                        "Quarantine" }
                }
            }
        }
    }
}

fn facts(detail: &TaskDetail) -> Markup {
    let task = &detail.task;
    html! {
        dl.facts {
            div { dt { "found" } dd { (full_moment(task.created_at)) } }
            div { dt { "changed" } dd { (full_moment(task.changed_at)) } }
            @if let Some(at) = task.ended_at { div { dt { "ended" } dd { (full_moment(at)) } } }
            @if let Some(at) = task.not_before { div { dt { "not before" } dd { (full_moment(at)) } } }
            @if let Some(origin) = &task.origin { div { dt { "found at" } dd { (visible_line(origin)) } } }
            @if let Some(place) = &task.work_path { div { dt { "waits at" } dd { (visible_line(place)) } } }
            @if let Some(file) = &detail.file {
                div { dt { "stored file" } dd { (file.id) ", " (number(file.bytes)) " bytes" @if
                    file.deleted_at.is_some() { ", deleted" } } }
            }
            div { dt { "attempts of this stage" } dd { (task.attempts) @if task.deaths > 0 { ", " (task.deaths)
                " deaths" } } }
            @if let Some(id) = task.predecessor { div { dt { "replaces" } dd { a href={ "/documents/" (id) } {
                "document " (id) } } } }
            div { dt { "SHA-256" } dd { code { (hex_text(&task.sha256)) } } }
        }
        @for again in &detail.came_again { p.note { "came again " (full_moment_of(&again.time)) " as "
            (visible_line(&again.name)) } }
    }
}

fn full_moment_of(text: &str) -> Markup {
    html! { time datetime=(text) data-f="full" { (text) } }
}

fn attempts(detail: &TaskDetail) -> Markup {
    if detail.attempts_made.is_empty() {
        return html! { p.soft { "No stage has worked on it yet." } };
    }
    html! {
        h2 { "Attempts" }
        div.scroll tabindex="0" role="region" aria-label="Attempts" {
            table {
                caption { "Attempts, the first one first" }
                thead { tr {
                    th scope="col" { "stage" } th.r scope="col" { "attempt" } th scope="col" { "began" } th.r
                        scope="col" { "took" }
                    th scope="col" { "outcome" } th.wide scope="col" { "by" } th scope="col" { "log" }
                } }
                tbody { @for row in &detail.attempts_made { (attempt(row)) } }
            }
        }
        @for row in &detail.attempts_made { (output(row)) }
    }
}

fn attempt(row: &AttemptRow) -> Markup {
    let class = if row.outcome == "done" { "ok" } else { "bad" };
    html! {
        tr {
            th scope="row" { (row.stage) } td.r { (row.attempt) }
            td.nw { (full_moment(row.started_at)) }
            td.r.nw { (length((row.ended_at - row.started_at).as_seconds_f64().max(0.0))) }
            td.w {
                span class={ "badge " (class) } { (row.outcome) }
                @if let Some(error) = &row.error { div { (visible_line(error)) } }
            }
            td.wide { (visible_line(&row.worker).chars().take(40).collect::<String>()) " on " (row.host) }
            td { @if let Some(run) = &row.runtime { a href=(run_path(run)) aria-label={ "log of " (row.stage) " "
                (row.attempt) } { "Log" } } }
        }
    }
}

/// What a stage gave, folded.
fn output(row: &AttemptRow) -> Markup {
    let Some(text) = row.output.as_deref().filter(|text| !text.is_empty()) else {
        return html! { @if let Some(file) = row.output_file {
            p.note { (row.stage) " gave the stored file " (file) ": " code { "dc tasks output " (row.task_id)
                " --stage " (row.stage) } }
        } };
    };
    let pretty = serde_json::from_str::<serde_json::Value>(text).and_then(|value| serde_json::to_string_pretty(&value));
    let text = pretty.unwrap_or_else(|_| text.to_owned());
    let shown: String = visible(&text).chars().take(OUTPUT_CHARS).collect();
    html! {
        details id={ "output-" (row.id) } {
            summary { "What " (row.stage) " gave, attempt " (row.attempt) }
            pre tabindex="0" { (shown) @if shown.len() < text.len() { "\n…" } }
        }
    }
}
