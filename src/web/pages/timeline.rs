//! Timeline: a day back and a day ahead, machine by machine.

use maud::html;

use super::Asked;
use crate::error::Result;
use crate::ops::dashboard::Timeline;
use crate::web::charts;
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{app_link, clock_time, full_moment, length};

/// So many planned runs are listed in words.
const PLANNED_SHOWN: usize = 20;

pub(super) fn timeline(sight: &mut Sight<'_>, asked: &Asked<'_>) -> Result<String> {
    let group = asked.query.get("group");
    let report = Timeline::read(sight.store, sight.memory, group)?;
    let mut planned: Vec<_> =
        report.hosts.iter().flat_map(|host| host.planned.iter().map(move |it| (host, it))).collect();
    planned.sort_by_key(|(_, planned)| planned.at);
    let body = html! {
        h1 { "Timeline" }
        @if !asked.view.is_export && report.groups.len() > 1 {
            form.bar method="get" action="/timeline" role="search" aria-label="Filter the timeline" {
                select name="group" aria-label="Group" {
                    option value="" { "all groups" }
                    @for name in &report.groups { option value=(name) selected[group == Some(name)] { (name) } }
                }
                button { "Filter" }
            }
        }
        div #timeline data-live="runs" {
            p.soft {
                "From " (full_moment(report.from)) " to " (full_moment(report.until)) ", in the time of the server."
                @if report.is_cut { " More ran than is drawn: only the newest are. Choose a group to see all of it." }
            }
            @if report.hosts.is_empty() { p.soft { "Nothing ran, and nothing is planned." } }
            @for host in &report.hosts {
                h2 {
                    (host.host) " "
                    @if host.has_manager { span.badge.ok { "a manager works" } } @else { span.badge.off {
                        "no manager" } }
                }
                (charts::timeline(&report, host))
            }
            p.note {
                span.key { "Each lane has one run at a time: lanes one below the other overlap."
                    span { "▮ ran" } span { "▂ lower: failed" } span { "dashed: planned" } }
            }
            @if !planned.is_empty() {
                h2 { "Planned next" }
                div.scroll tabindex="0" role="region" aria-label="Planned next" {
                    table {
                        caption { "What is planned next" }
                        thead { tr {
                            th scope="col" { "at" } th scope="col" { "app" } th.r scope="col" { "usually takes" }
                                th.wide scope="col" { "on" }
                        } }
                        tbody { @for (host, it) in planned.iter().take(PLANNED_SHOWN) {
                            tr data-row {
                                td.nw { (clock_time(it.at)) }
                                th.w scope="row" { @if let Some(name) = report.names.get(&it.app_id) {
                                    (app_link(name)) } }
                                td.r.nw { @if it.seconds > 0.0 { (length(it.seconds)) } }
                                td.wide { (host.host) }
                            }
                        } }
                    }
                }
                @if planned.len() > PLANNED_SHOWN { p.note { "and " (planned.len() - PLANNED_SHOWN)
                    " more until then" } }
            }
        }
    };
    Ok(asked.page(
        Frame { title: "Timeline", tab: "/timeline", command: "dc manager simulate --days 1", ..Frame::default() },
        &body,
    ))
}
