//! Run: how it went, what it merged, what it measured, and its log in windows of 500 lines.

use maud::{Markup, html};

use super::Asked;
use crate::error::Result;
use crate::ops::LogLine;
use crate::ops::dashboard::{LogWindowOptions, RunStory};
use crate::shell::{visible, visible_json, visible_line};
use crate::tables::LogLevel;
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{
    View, app_link, clock_time, full_moment, hidden, length, merge_path, number, outcome, part, run_path, table_path,
};

/// So many lines go into a file that is written for later.
const LINES_EXPORTED: usize = 200;
/// What a run was given that was given nothing.
const NO_ARGS: &str = "{}";
/// A message is cut behind so many letters: a page must not have all of a dump in it.
const CHARS_SHOWN: usize = 4_000;

pub(super) fn run(sight: &mut Sight<'_>, asked: &Asked<'_>, identity: &str) -> Result<String> {
    let query = asked.query;
    let options = LogWindowOptions {
        level: query.text("level"),
        text: query.text("q"),
        before: query.text("log-before"),
        after: query.text("log-after"),
        line: asked.number("line")?,
        count: if asked.view.is_export { LINES_EXPORTED } else { 0 },
        ..LogWindowOptions::default()
    };
    let exchanges = query.get("exchanges");
    let story = RunStory::read(sight.context, sight.store, identity, (options, exchanges))?;
    let (run, view) = (&story.run, asked.view);
    let name = run.app.to_string();
    let follows = if run.ended_at.is_none() { "runs logs" } else { "runs" };
    let body = html! {
        div #head data-live="runs" {
            h1 { "Run of " (app_link(&name)) " " (outcome(run.code)) }
            @if let Some(reason) = &run.reason { p { (visible_line(reason)) } }
            (again(view, &story))
            (facts(&story))
        }
        (merges(&story))
        (functions(&story))
        (cassette(asked, &story))
        div #lines data-live=(follows) { (log(asked, &story)) }
    };
    let title = format!("Run of {name}");
    let command = format!("dc logs {name} --runtime {}", run.runtime);
    Ok(asked.page(Frame { title: &title, tab: "/apps", command: &command, ..Frame::default() }, &body))
}

/// Starts the app with what this run was given.
fn again(view: &View, story: &RunStory) -> Markup {
    if !view.can_act() || !story.is_registered {
        return html! {};
    }
    let run = &story.run;
    let name = run.app.to_string();
    html! {
        div.bar {
            @if run.ended_at.is_none() {
                form.in method="post" action="/do" {
                    (hidden(view)) input type="hidden" name="app" value=(name);
                    button name="do" value="stop" data-ask="End the run?" { "Stop" }
                }
            } @else {
                form.in method="post" action="/do" {
                    (hidden(view)) input type="hidden" name="app" value=(name);
                    @if let Some(args) = &run.args { input type="hidden" name="args" value=(args); }
                    button name="do" value="start" {
                        @if run.args.as_deref().is_some_and(|args| args != NO_ARGS) {
                            "Start again with the same arguments" } @else { "Start again" }
                    }
                }
            }
            @if let Some(before) = &story.before { a href=(run_path(&before.runtime)) { "The run before" } }
        }
    }
}

fn facts(story: &RunStory) -> Markup {
    let run = &story.run;
    let taken = (run.ended_at.unwrap_or(story.time) - run.started_at).as_seconds_f64().max(0.0);
    let ended = match (run.signal, run.exit_code) {
        (Some(signal), _) => Some(format!("signal {signal}")),
        (None, Some(status)) => Some(format!("exit status {status}")),
        (None, None) => None,
    };
    html! {
        dl.facts {
            div { dt { "began" } dd { (full_moment(run.started_at)) } }
            div { dt { "took" } dd { (length(taken)) @if run.ended_at.is_none() { " so far" } } }
            @if let Some(ended) = ended { div { dt { "ended with" } dd { (ended) } } }
            div { dt { "started by" } dd { (visible_line(&run.started_by)) } }
            div { dt { "on" } dd { (run.host) @if let Some(pid) = run.pid { ", process " (pid) } } }
            div { dt { "log lines" } dd { (number(run.log_lines)) @if run.exceptions > 0 { ", "
                (number(run.exceptions)) " errors" } } }
            @if run.solved + run.failed > 0 {
                div { dt { "tasks" } dd { (number(run.solved)) " solved, " (number(run.failed)) " failed"
                    @if let Some(size) = run.task_size { " of " (number(size)) } } }
            }
            div { dt { "processor" } dd { (length((run.cpu_user_ms + run.cpu_system_ms) as f64 / 1e3)) } }
            div { dt { "most memory" } dd { (number(run.memory_peak_kib / 1_024)) " MiB" } }
            @if run.http_requests > 0 {
                div { dt { "requests" } dd {
                    (number(run.http_requests)) ", " (number(run.http_errors)) " failed"
                    @if let (Some(mean), Some(p95)) = (run.http_mean_ms, run.http_p95_ms) {
                        "; " (format!("{mean:.0}")) " ms on average, 95 % within " (format!("{p95:.0}")) " ms"
                    }
                } }
            }
            @if run.captchas > 0 {
                div { dt { "captchas" } dd { (number(run.captchas)) ", " (format!("{:.3}", run.captcha_cost))
                    " paid" } }
            }
        }
        p.soft {
            "Run " code { (run.runtime) }
            @if let Some(args) = run.args.as_deref().filter(|args| *args != NO_ARGS) {
                " with the arguments " code { (visible_json(args)) }
            }
        }
        @if run.is_guess { p.note { "Nobody saw it end: this is what was found later." } }
    }
}

fn merges(story: &RunStory) -> Markup {
    if story.merges.is_empty() && story.other_databases.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Merges" }
        @if !story.merges.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Merges" {
                table {
                    caption { "What it merged" }
                    thead { tr {
                        th scope="col" { "at" } th scope="col" { "table" } th.wide scope="col" { "scope" }
                        th.r scope="col" { "inserted" } th.r scope="col" { "retired" } th.wide scope="col" { "taken back" }
                        th scope="col" { "changed" }
                    } }
                    tbody { @for merge in &story.merges {
                        tr {
                            td.nw { @if let Some(at) = merge.at() { (clock_time(at)) } }
                            th.w scope="row" { a href=(table_path("main", &merge.table_name)) { (merge.table_name) } }
                            td.wide { (visible_line(&merge.scope)) }
                            td.r { (number(merge.inserted)) } td.r { (number(merge.retired)) }
                            td.wide { @if merge.undone.is_some() { "yes" } }
                            td { a href=(merge_path(&merge.id)) aria-label={ "rows that it changed in "
                                (merge.table_name) } { "Rows" } }
                        }
                    } }
                }
            }
            p.note { "To take them back: " code { "dc merge undo " (story.run.runtime) } }
        }
        @for database in &story.other_databases {
            p.note { "Merges into " (database) ": " code { "dc merge history --database " (database) } }
        }
    }
}

fn functions(story: &RunStory) -> Markup {
    if story.functions.is_empty() {
        return html! {};
    }
    let ms = |ms: f64| length(ms / 1e3);
    html! {
        h2 { "Functions" }
        div.scroll tabindex="0" role="region" aria-label="Functions" {
            table {
                caption { "The functions that it watched" }
                thead { tr {
                    th scope="col" { "function" } th.r scope="col" { "calls" } th.r.wide scope="col" { "failed" }
                    th.r scope="col" { "in all" } th.r scope="col" { "mean" } th.r.wide scope="col" { "median" }
                    th.r.wide scope="col" { "longest" } th.r scope="col" { "mean before" }
                } }
                tbody { @for row in &story.functions {
                    @let times = &row.times;
                    tr {
                        th.w scope="row" { (times.module) "." (times.name) }
                        td.r { (number(times.calls)) } td.r.wide { @if times.failed > 0 { (number(times.failed)) } }
                        td.r { (ms(times.total_ms)) } td.r { (ms(times.mean_ms)) }
                        td.r.wide { (ms(times.median_ms)) } td.r.wide { (ms(times.max_ms)) }
                        td.r { @if let Some(mean) = row.earlier_mean_ms { (ms(mean)) } }
                    }
                } }
            }
        }
    }
}

/// The requests of a run that was recorded.
fn cassette(asked: &Asked<'_>, story: &RunStory) -> Markup {
    let run = &story.run;
    let Some(tape) = &story.cassette else {
        return html! { @if run.http_requests > 0 {
            p.note { "It was not recorded here: " code { "dc run --record " (run.app) } " keeps the requests of a run." }
        } };
    };
    let path = run_path(&run.runtime);
    html! {
        h2 #cassette { "Cassette " span.n { @if !tape.is_whole { "more than " } (number(tape.count as i64)) " exchanges" } }
        p.note { "To run it again without the network: " code { "dc run --replay " (run.runtime) } }
        @if !tape.exchanges.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Cassette" {
                table {
                    caption { "The recorded exchanges" }
                    thead { tr {
                        th scope="col" { "method" } th scope="col" { "address" } th.r scope="col" { "status" }
                        th.r.wide scope="col" { "took" }
                    } }
                    tbody { @for it in &tape.exchanges {
                        tr {
                            td { (visible_line(&it.method)) }
                            th.w scope="row" { (visible_line(&it.url)) }
                            td.r.nw { @match it.status {
                                Some(status) if status < 400 => { (status) }
                                Some(status) => { span.badge.bad { (status) } }
                                None => { span.badge.bad { (visible_line(it.failure.as_deref().unwrap_or("no answer"))) } }
                            } }
                            td.r.nw.wide { (length(it.ms as f64 / 1e3)) }
                        }
                    } }
                }
            }
        }
        @if !asked.view.is_export {
            p.note {
                @if asked.query.get("exchanges").is_some() { a href={ (path) "#cassette" } { "The first" } " · " }
                @if let Some(next) = &tape.next { a href={ (path) "?exchanges=" (next) "#cassette" } { "Next exchanges" } }
            }
        }
    }
}

fn log(asked: &Asked<'_>, story: &RunStory) -> Markup {
    let (query, path, log) = (asked.query, run_path(&story.run.runtime), &story.log);
    let chosen = query.get("level").unwrap_or_default().to_lowercase();
    html! {
        h2 { "Log " span.n { (number(log.lines.len() as i64)) " lines here" } }
        @if !asked.view.is_export {
            form.bar method="get" action=(path) role="search" aria-label="Filter the log" {
                input type="search" name="q" value=[query.get("q")] placeholder="Text in the log"
                    aria-label="Text in the log";
                select name="level" aria-label="Lowest level" {
                    option value="" { "any level" }
                    @for level in LogLevel::ALL {
                        @let name = level.name().to_lowercase();
                        option value=(name) selected[chosen == name] { (name) " and above" }
                    }
                }
                button { "Show" }
                @if query.get("q").or(query.get("level")).or(query.get("line")).is_some() { a href=(path) { "All" } }
            }
            (around(asked, story, &path))
        }
        @if log.lines.is_empty() { p.soft { "No line fits." } } @else {
            div.log tabindex="0" role="region" aria-label="Log" {
                table {
                    caption { "Log, the oldest line first" }
                    thead { tr { th scope="col" { "time" } th scope="col" { "level" } th scope="col" { "message" } } }
                    tbody { @for line in &log.lines { (log_line(line, &path)) } }
                }
            }
        }
        @if !asked.view.is_export { (around(asked, story, &path)) }
    }
}

/// Links to what lies before and behind the window.
fn around(asked: &Asked<'_>, story: &RunStory, path: &str) -> Markup {
    let (level, text) = (asked.query.get("level").unwrap_or_default(), asked.query.get("q").unwrap_or_default());
    let filters = format!("level={}&q={}", part(level), part(text));
    let log = &story.log;
    html! {
        @if log.older.is_some() || log.newer.is_some() {
            p.note {
                @if let Some(older) = &log.older { a href={ (path) "?log-before=" (older) "&" (filters) } {
                    "Older lines" } " · " }
                @if let Some(newer) = &log.newer { a href={ (path) "?log-after=" (newer) "&" (filters) } {
                    "Newer lines" } " · " }
                a href={ (path) "?" (filters) } { "The newest" }
            }
        }
    }
}

fn log_line(line: &LogLine, path: &str) -> Markup {
    let log = &line.log;
    let class = match log.level {
        ..20 => "l0",
        20..30 => "",
        30..40 => "l3",
        _ => "l4",
    };
    let shown = visible(&log.message);
    let cut = shown.char_indices().nth(CHARS_SHOWN).map(|(at, _)| at);
    html! {
        tr id={ "L" (log.id) } class=(class) {
            td { a href={ (path) "?line=" (log.id) "#L" (log.id) } { (clock_time(log.time)) } }
            td { (line.level_name) }
            td {
                (shown[..cut.unwrap_or(shown.len())])
                @if cut.is_some() { "… " span.soft { "(cut; all of it: dc logs --runtime)" } }
                @if let Some(context) = &log.context { " " span.soft { (visible_line(&visible_json(context))) } }
            }
        }
    }
}
