//! Now: how things stand in one sentence, what needs somebody, what runs, and what is due.

use maud::{Markup, html};

use super::Asked;
use crate::error::Result;
use crate::ops::dashboard::{Need, NeedKind, NowReport};
use crate::shell::visible_line;
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{View, app_link, clock_time, length, moment, part, run_path, tell};

pub(super) fn now(sight: &mut Sight<'_>, asked: &Asked<'_>) -> Result<String> {
    let report = NowReport::read(sight.context, sight.store, sight.memory)?;
    let view = asked.view;
    let body = html! {
        div #now data-live="runs" {
            h1 { (report.sentence()) }
            (state(&report))
            @if report.needs.is_empty() && report.apps > 0 {
                p.well { span.badge.ok { "Nothing needs you" } }
            } @else if !report.needs.is_empty() {
                h2 { "Needs you " span.n { (report.needs.len() + report.needs_more) } }
                ul.needs { @for need in &report.needs { (need_line(view, need)) } }
                @if report.needs_more > 0 { p.note { "and " (report.needs_more) " more: " code { "dc manager check"
                    } } }
            }
            div.cols {
                div { (running(view, &report)) }
                div { (upcoming(&report)) }
            }
        }
    };
    Ok(asked.page(Frame { title: "Now", tab: "/", command: "dc manager status", ..Frame::default() }, &body))
}

fn state(report: &NowReport) -> Markup {
    html! {
        p.soft {
            "at " (clock_time(report.time)) " · "
            @match report.managers.len() {
                0 => { span.badge.bad { "no manager works" } }
                1 => { "1 manager, on " (report.managers[0].host) }
                count => { (count) " managers" }
            }
            @if report.waiting > 0 { " · " (report.waiting) " wait to start" }
            @if report.disabled > 0 { " · " a href="/apps?state=disabled" { (report.disabled) " out of service" } }
        }
        @if let Some(pause) = &report.pause {
            p.told.bad { (visible_line(&pause.words())) ": " code { "dc manager resume" } }
        }
        @if let Some(drift) = &report.drift { p.note { (drift) ": " code { "dc deploy" } } }
        @if report.apps == 0 {
            p { "Put one into " code { "apps/<group>/<parent>/<name>/" } " and type " code { "dc deploy" } "." }
        }
    }
}

fn need_line(view: &View, need: &Need) -> Markup {
    let class = match need.kind {
        NeedKind::Volume | NeedKind::Documents | NeedKind::Stuck | NeedKind::Sink | NeedKind::Disk => "warn",
        NeedKind::TakenOut => "off",
        _ => "bad",
    };
    html! {
        li data-row {
            div {
                span class={ "badge " (class) } { (need.kind.words()) }
                @if let Some(since) = need.since { " " span.soft { (moment(since)) } }
            }
            div {
                div.what {
                    @if need.is_app { (app_link(&need.subject)) }
                    @else if matches!(need.kind, NeedKind::Documents | NeedKind::Blocked) {
                        a href={ "/documents?pipeline=" (part(&need.subject)) } { (need.subject) }
                    }
                    @else { (need.subject) }
                }
                div { (visible_line(&need.reason)) }
                @if let Some(line) = &need.line { code.line { (visible_line(line)) } }
                @if !need.is_app { code { (need.command) } }
            }
            div.do {
                @if let Some(run) = &need.runtime { a href=(run_path(run)) { "Log" } }
                @if let Some(action) = need.action { (tell(view, &need.subject, action)) }
            }
        }
    }
}

fn running(view: &View, report: &NowReport) -> Markup {
    html! {
        h2 { "Running " span.n { (report.running.len() + report.running_more) } }
        @if report.running.is_empty() { p.soft { "Nothing runs." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Running" {
                table {
                    caption { "What runs" }
                    thead { tr {
                        th scope="col" { "app" } th scope="col" { "progress" } th.wide scope="col" { "solved" }
                        th scope="col" { "since" } th scope="col" { "may end" } th.wide scope="col" { "on" } th
                            scope="col" { "do" }
                    } }
                    tbody {
                        @for run in &report.running {
                            tr data-row {
                                th scope="row" { (app_link(&run.app.to_string())) }
                                td.nw {
                                    @match run.percent {
                                        Some(percent) => {
                                            progress max="100" value=(percent) aria-label={ "progress of "
                                                (run.app.name) } {}
                                            " " (format!("{percent:.0}")) " %"
                                        }
                                        None => { span.badge.run { "running" } }
                                    }
                                }
                                td.wide { (run.counts) }
                                td.nw {
                                    @if let Some(at) = run.started_at {
                                        (moment(at)) " " span.soft { (length((report.time -
                                            at).as_seconds_f64().max(0.0))) }
                                    }
                                }
                                td.nw { @if let Some(eta) = run.eta { (moment(eta)) } }
                                td.wide { (run.host) }
                                td.nw {
                                    @if let Some(runtime) = &run.runtime { a href=(run_path(runtime)) { "Log" } " " }
                                    (tell(view, &run.app.to_string(), crate::tables::AppCommand::Stop))
                                }
                            }
                        }
                    }
                }
            }
            @if report.running_more > 0 { p.note { "and " (report.running_more) " more" } }
        }
    }
}

fn upcoming(report: &NowReport) -> Markup {
    html! {
        h2 { "The next hour " span.n { (report.upcoming.len() + report.upcoming_more) } }
        @if report.upcoming.is_empty() { p.soft { "Nothing is due." } } @else {
            div.scroll tabindex="0" role="region" aria-label="The next hour" {
                table {
                    caption { "What is due within the hour" }
                    thead { tr { th scope="col" { "at" } th scope="col" { "app" } } }
                    tbody {
                        @for due in &report.upcoming {
                            tr data-row { td.nw { (clock_time(due.at)) } th.w scope="row" {
                                (app_link(&due.app.to_string())) } }
                        }
                    }
                }
            }
            @if report.upcoming_more > 0 {
                p.note { "and " (report.upcoming_more) " more: " a href="/timeline" { "Timeline" } }
            }
        }
    }
}
