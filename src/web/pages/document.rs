//! Document: what it is, every attempt that was made, what each stage gave, and what can be done with it.

use maud::{Markup, html};

use super::Asked;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::write_json;
use crate::ops::{TaskDetail, TaskDetails};
use crate::record::{Value, parse_json};
use crate::shell::{visible, visible_line};
use crate::tables::{AttemptRow, TaskState, hex_text};
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{View, app_link, full_moment, hidden, length, number, part, run_path, task_state};

/// So many letters of what a stage gave are shown.
const OUTPUT_CHARS: usize = 4_000;
/// So many fields are shown, of so many that are looked at,
const FIELDS_SHOWN: usize = 120;
const FIELDS_READ: usize = 2_000;
/// so deep inside of each other, with so many letters each.
const FIELDS_DEPTH: usize = 6;
const FIELD_CHARS: usize = 400;

pub(super) fn document(sight: &mut Sight<'_>, asked: &Asked<'_>, (id, pages): (i64, Option<usize>)) -> Result<String> {
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
        }
        div.sides {
            (picture(asked, &detail, pages)?)
            div {
                (fields(&detail))
                (edit(view, &detail))
            }
        }
        div #attempts data-live="documents" { (attempts(&detail)) }
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
                @if task.state != TaskState::Done {
                    @if detail.input.is_some() { a href="#edit" { "Edit what " (task.stage) " was given" } }
                    @else { span.note { "Edit what the stage was given: " code { "dc tasks edit " (task.id) } } }
                }
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

/// A page of its file, and the way to the others.
fn picture(asked: &Asked<'_>, detail: &TaskDetail, pages: Option<usize>) -> Result<Markup> {
    let id = detail.task.id;
    let is_here = detail.file.as_ref().is_some_and(|file| file.deleted_at.is_none());
    if asked.view.is_export || !is_here {
        return Ok(html! { div { h2 { "Pages" } p.soft { "The pages are not shown here." } } });
    }
    let none = html! { div { h2 { "Pages" }
    p.soft { "It has no pages that can be drawn. The original: " code { "dc tasks document " (id) " --output FILE" } } } };
    let Some(pages) = pages else { return Ok(none) };
    let page = asked.number("page")?.unwrap_or(1).clamp(1, i64::try_from(pages.max(1)).unwrap_or(1));
    let to = |page: i64| format!("/documents/{id}?page={page}#pages");
    let name = visible_line(&detail.task.name);
    Ok(html! {
        div #pages {
            h2 { "Page " (page) " of " (number(pages as i64)) }
            @if pages > 1 {
                nav.pages aria-label="Pages of the document" {
                    @if page > 1 { a href=(to(page - 1)) rel="prev" { "Previous page" } } @else { span.soft { "Previous page" } }
                    @if page < pages as i64 { a href=(to(page + 1)) rel="next" { "Next page" } } @else { span.soft { "Next page" } }
                }
            }
            a.sheet href={ "/documents/" (id) "/pages/" (page) } {
                img src={ "/documents/" (id) "/pages/" (page) } alt={ "Page " (page) " of " (name) } loading="lazy";
            }
        }
    })
}

/// What the stages stored of it: the fields of the latest output that has any.
fn fields(detail: &TaskDetail) -> Markup {
    let found = detail.attempts_made.iter().rev().filter(|row| row.outcome == "done").find_map(|row| {
        // numbers stay as they were written
        let value = parse_json(row.output.as_deref()?).ok()?;
        let flat = flat(&value);
        (!flat.is_empty()).then_some((row, flat))
    });
    let Some((row, flat)) = found else {
        return html! { h2 { "Fields" } p.soft { "No stage has stored a field of it yet." } };
    };
    html! {
        h2 { "Fields " span.n { "as " (row.stage) " gave them, attempt " (row.attempt) } }
        div.scroll tabindex="0" role="region" aria-label="Fields" {
            table {
                caption { "The fields that the stages stored" }
                thead { tr { th scope="col" { "field" } th scope="col" { "value" } } }
                tbody { @for (name, value) in flat.iter().take(FIELDS_SHOWN) {
                    tr { th.w scope="row" { (visible_line(name)) } td.w { (cut(value)) } }
                } }
            }
        }
        @if flat.len() > FIELDS_SHOWN { p.note { "and " (flat.len() - FIELDS_SHOWN) " more: " code {
            "dc tasks output " (row.task_id) " --stage " (row.stage) } } }
    }
}

/// The values of JSON, each by its path.
fn flat(value: &Value<'_>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if matches!(value, Value::Object(_)) {
        collect(value, String::new(), 0, &mut out);
    }
    out
}

fn collect(value: &Value<'_>, path: String, depth: usize, out: &mut Vec<(String, String)>) {
    if out.len() > FIELDS_READ {
        return;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() && depth < FIELDS_DEPTH => {
            for (name, value) in fields {
                let below = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
                collect(value, below, depth + 1, out);
            }
        }
        Value::Array(items)
            if depth < FIELDS_DEPTH && items.iter().any(|item| matches!(item, Value::Object(_) | Value::Array(_))) =>
        {
            for (number, item) in items.iter().enumerate() {
                collect(item, format!("{path}[{number}]"), depth + 1, out);
            }
        }
        Value::Null => out.push((path, String::new())),
        Value::Text(text) => out.push((path, text.to_string())),
        other => {
            let mut text = Vec::new();
            write_json(other, &mut text);
            out.push((path, String::from_utf8_lossy(&text).into_owned()));
        }
    }
}

fn cut(value: &str) -> String {
    let mut shown: String = visible(value).chars().take(FIELD_CHARS).collect();
    if value.chars().count() > FIELD_CHARS {
        shown.push('…');
    }
    shown
}

fn edit(view: &View, detail: &TaskDetail) -> Markup {
    let Some(input) = detail.input.as_ref().filter(|_| view.can_act()) else { return html! {} };
    html! {
        details #edit open[detail.task.state == TaskState::Rejected] {
            summary { "Edit what " (detail.task.stage) " was given by " (input.stage) }
            (super::edit::form(view, (detail.task.id, &input.fence.to_string()), &input.text))
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
