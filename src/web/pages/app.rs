//! App: why it stands as it does, how its runs went, when it is due, and what it touches.

use chrono::NaiveDateTime;
use maud::{Markup, html};

use super::Asked;
use crate::clock;
use crate::error::Result;
use crate::ops::dashboard::{AppReport, RunLine};
use crate::shell::visible_record;
use crate::tables::{AppCommand, FatalFlag, RunStatus};
use crate::web::charts::{durations, rows};
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{View, full_moment, length, moment, number, outcome, run_path, status, table_path, tell};

pub(super) fn app(sight: &mut Sight<'_>, asked: &Asked<'_>, name: &str) -> Result<String> {
    let before = asked.query.text("before");
    let report = AppReport::read(sight.context, sight.store, sight.memory, (name, before))?;
    let view = asked.view;
    let name = report.app.name.to_string();
    let body = html! {
        div #head data-live="runs" {
            h1 { (name) " " (status(state(&report))) }
            (buttons(view, &report))
            p { (visible_record(&report.why.now())) "." }
            (facts(&report))
        }
        div #charts data-live="runs" {
            @if !report.drawn.is_empty() {
                div.charts {
                    div { h2 { "Durations" } (durations(&report.drawn, report.usual_seconds, report.time)) }
                    @if let Some(chart) = rows(&report.drawn) { div { h2 { "Rows merged" } (chart) } }
                }
            }
        }
        div.cols {
            div {
                div #runs data-live="runs" { (runs(&report, asked)) }
                div #why data-live="runs" { (story(&report)) }
            }
            div {
                (schedule(&report))
                (touches(&report))
                (secrets(&report))
            }
        }
        details #definition { summary { "Definition (app.toml, as it is registered)" } pre tabindex="0" {
            (report.definition) } }
    };
    let command = format!("dc manager why {name}");
    Ok(asked.page(Frame { title: &name, tab: "/apps", command: &command, ..Frame::default() }, &body))
}

fn state(report: &AppReport) -> RunStatus {
    match report.app.status {
        RunStatus::Running => RunStatus::Running,
        _ if report.app.disable => RunStatus::Disabled,
        status => status,
    }
}

fn buttons(view: &View, report: &AppReport) -> Markup {
    let (app, name) = (&report.app, report.app.name.to_string());
    if app.archive.is_some() || !view.can_act() {
        return html! {};
    }
    let is_running = app.status == RunStatus::Running;
    html! {
        div.bar {
            @if is_running { (tell(view, &name, AppCommand::Stop)) (tell(view, &name, AppCommand::Restart)) }
            @else { (tell(view, &name, AppCommand::Start)) }
            @if app.disable { (tell(view, &name, AppCommand::Enable)) } @else { (tell(view, &name,
                AppCommand::Disable)) }
            @if app.failures > 0 || app.fatal_flag != FatalFlag::None { (tell(view, &name, AppCommand::Reset)) }
        }
    }
}

fn facts(report: &AppReport) -> Markup {
    let app = &report.app;
    html! {
        dl.facts {
            div { dt { "next run" } dd {
                @match app.next_run {
                    _ if app.disable => { "never: out of service" }
                    Some(next) => { (full_moment(next)) }
                    None => { (app.start_in_words()) }
                }
            } }
            @if let Some(last) = &report.last {
                div { dt { "last run" } dd { a href=(run_path(&last.runtime)) { (full_moment(last.started_at)) } " "
                    (outcome(last.code)) } }
                div { dt { "most memory" } dd { (number(last.memory_peak_kib / 1_024)) " MiB" } }
                div { dt { "processor" } dd { (length((last.cpu_user_ms + last.cpu_system_ms) as f64 / 1e3)) } }
            }
            @if let Some(usual) = report.usual_seconds { div { dt { "usually takes" } dd { (length(usual)) } } }
            div { dt { "failures in a row" } dd { (app.failures) } }
            @if let Some(percent) = app.progress.filter(|_| app.status == RunStatus::Running) {
                div { dt { "progress" } dd { progress max="100" value=(percent) aria-label="progress" {} " "
                    (format!("{percent:.0} %")) } }
            }
            div { dt { "registered" } dd { (full_moment(app.created)) } }
        }
    }
}

fn runs(report: &AppReport, asked: &Asked<'_>) -> Markup {
    let here = crate::web::parts::app_path(&report.app.name.to_string());
    html! {
        h2 { "Runs" }
        @if report.listed.is_empty() { p.soft { "It has not run." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Runs" {
                table {
                    caption { "Runs, the newest first" }
                    thead { tr {
                        th scope="col" { "began" } th scope="col" { "ended" } th.r scope="col" { "took" }
                        th.r.wide scope="col" { "solved" } th.r.wide scope="col" { "rows" } th.r scope="col" {
                            "errors" }
                        th.wide scope="col" { "on" }
                    } }
                    tbody { @for line in &report.listed { (run_row(line, report.time)) } }
                }
            }
            p.note {
                @if asked.query.get("before").is_some() { a href=(here) { "Newest" } " · " }
                @if let Some(next) = &report.next_page {
                    @if !asked.view.is_export { a href=(asked.query.with(&here, "before", Some(next))) {
                        "Older runs" } }
                }
            }
        }
    }
}

fn run_row(line: &RunLine, now: NaiveDateTime) -> Markup {
    let run = &line.run;
    html! {
        tr data-row {
            th.nw scope="row" { a href=(run_path(&run.runtime)) { (full_moment(run.started_at)) } }
            td.nw { (outcome(run.code)) }
            td.r.nw { (length(run.seconds(now))) }
            td.r.wide { @if run.solved + run.failed > 0 { (number(run.solved)) @if run.failed > 0 { " / "
                (number(run.failed)) " failed" } } }
            td.r.nw.wide { @if let Some((inserted, retired)) = line.rows { "+" (number(inserted)) " −"
                (number(retired)) } }
            td.r { @if run.exceptions > 0 { (number(run.exceptions)) } }
            td.wide { (run.host) }
        }
    }
}

fn story(report: &AppReport) -> Markup {
    let story = report.why.story();
    html! {
        h2 { "Why" }
        @if story.is_empty() { p.soft { "Nothing was decided about it yet." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Why" {
                table {
                    caption { "The last decisions" }
                    thead { tr { th scope="col" { "when" } th scope="col" { "what" } } }
                    tbody { @for (at, text) in story.iter().take(20) {
                        tr { td.nw { (full_moment(*at)) } td.w { (visible_record(text)) } }
                    } }
                }
            }
        }
    }
}

/// The days to come, each with its moments.
fn schedule(report: &AppReport) -> Markup {
    let mut days: Vec<(String, Vec<NaiveDateTime>)> = Vec::new();
    for at in &report.schedule {
        let day = clock::local(*at).get(..10).unwrap_or_default().to_owned();
        match days.last_mut() {
            Some((last, moments)) if *last == day => moments.push(*at),
            _ => days.push((day, vec![*at])),
        }
    }
    html! {
        h2 { "The next 14 days" }
        @if days.is_empty() { p.soft { "No time starts it." } } @else {
            div.scroll {
                table {
                    caption { "When it is due" }
                    thead { tr { th scope="col" { "day" } th.r scope="col" { "runs" } th scope="col" { "first" } th
                        scope="col" { "last" } } }
                    tbody { @for (day, moments) in &days {
                        tr {
                            th.nw scope="row" { (day) } td.r { (moments.len()) }
                            td.nw { (crate::web::parts::clock_time(moments[0])) }
                            td.nw { (crate::web::parts::clock_time(moments[moments.len() - 1])) }
                        }
                    } }
                }
            }
            @if report.is_cut { p.note { "Only the next " (report.schedule.len()) " moments are shown." } }
        }
    }
}

fn touches(report: &AppReport) -> Markup {
    html! {
        h2 { "Tables" }
        @if report.objects.is_empty() { p.soft { "It has touched none." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Tables" {
                table {
                    caption { "What it touches" }
                    thead { tr { th scope="col" { "name" } th scope="col" { "does" } th.wide scope="col" { "last" }
                        } }
                    tbody { @for it in &report.objects {
                        @let full = if it.schema_name.is_empty() { it.name.clone() } else { format!("{}.{}",
                            it.schema_name, it.name) };
                        tr {
                            th.w scope="row" { a href=(table_path(&it.database, &full)) { (full) } @if it.database
                                != "main" { span.soft { " in " (it.database) } } }
                            td.nw { @match (it.reads, it.writes) { (true, true) => "reads, writes", (_, true) =>
                                "writes", _ => "reads" } }
                            td.nw.wide { (moment(it.last_seen)) }
                        }
                    } }
                }
            }
        }
    }
}

fn secrets(report: &AppReport) -> Markup {
    html! {
        h2 { "Secrets" }
        @match &report.secrets {
            None => { p.soft { "It is given all of the store: " code { "secrets" } " in app.toml would choose." } }
            Some(names) if names.is_empty() => { p.soft { "It is given none." } }
            Some(names) => { p { @for name in names { code { (name) } " " } } }
        }
    }
}
