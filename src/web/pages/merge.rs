//! Merge: what one merge did to a table, row by row.

use maud::{Markup, html};

use super::Asked;
use crate::error::{Error, ErrorKind, Result};
use crate::merge::ChangedSide;
use crate::ops::dashboard::MergeStory;
use crate::shell::visible;
use crate::web::desk::Sight;
use crate::web::layout::Frame;
use crate::web::parts::{full_moment, merge_path, number, run_path, table_path};

/// A value is cut behind so many letters.
const CHARS_SHOWN: usize = 300;

pub(super) fn merge(sight: &mut Sight<'_>, asked: &Asked<'_>, id: &str) -> Result<String> {
    let side = match asked.query.get("rows") {
        None | Some("new") => ChangedSide::New,
        Some("gone") => ChangedSide::Gone,
        Some(other) => {
            return Err(Error::new(ErrorKind::Usage, format!("read `rows={other}`: it takes `new` or `gone`")));
        }
    };
    let story = MergeStory::read(sight.context, id, side, asked.number("below")?)?;
    let it = &story.page.merge;
    let path = merge_path(&it.id);
    let choice = |name: &str, kind: ChangedSide, count: u64| {
        html! {
            a href={ (path) "?rows=" (name) } aria-current=[(side == kind).then_some("page")] {
                @if kind == ChangedSide::New { "New" } @else { "Gone" } " " (number(count as i64))
            }
        }
    };
    let body = html! {
        h1 { "Merge into " a href=(table_path("main", &it.table_name)) { (it.table_name) } }
        dl.facts {
            div { dt { "at" } dd { (full_moment(it.moment)) } }
            @if !it.scope.is_empty() { div { dt { "scope" } dd { (visible(&it.scope)) } } }
            div { dt { "inserted" } dd { (number(it.inserted as i64)) } }
            div { dt { "retired" } dd { (number(it.retired as i64)) @if it.gone == "delete" { ", deleted" } } }
            div { dt { "run" } dd { @match &it.runtime { Some(run) => { a href=(run_path(run)) { (run) } } None => { "by hand" } } } }
            @if !it.added_columns.is_empty() { div { dt { "columns added" } dd { (it.added_columns.join(", ")) } } }
        }
        @if it.undone.is_some() { p.told { "It was taken back: what it inserted is gone, and what it retired is active again." } }
        nav.main aria-label="Rows" { (choice("new", ChangedSide::New, it.inserted)) (choice("gone", ChangedSide::Gone, it.retired)) }
        p.note { "A changed row is in both: as it was under Gone, as it is since under New." }
        (rows(&story))
        p.note {
            @if asked.query.get("below").is_some() { a href={ (path) "?rows=" (word(side)) } { "The first" } " · " }
            @if let Some(next) = story.page.next {
                a href={ (path) "?rows=" (word(side)) "&below=" (next) } {
                    @if story.page.rows.is_empty() { "Look further" } @else { "More rows" } }
            }
        }
    };
    let command = format!("dc merge show {} --as-of {}", it.table_name, it.id);
    Ok(asked.page(Frame { title: "Merge", tab: "/tables", command: &command, ..Frame::default() }, &body))
}

fn word(side: ChangedSide) -> &'static str {
    match side {
        ChangedSide::New => "new",
        ChangedSide::Gone => "gone",
    }
}

fn rows(story: &MergeStory) -> Markup {
    let page = &story.page;
    if page.rows.is_empty() {
        let is_deleted = page.merge.gone == "delete" && story.side == ChangedSide::Gone && page.merge.retired > 0;
        return html! { p.soft {
            @if is_deleted { "They were deleted: nothing of them is kept." }
            @else if page.next.is_some() { "None among the rows that were looked at." }
            @else { "There are none." }
        } };
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Rows" {
            table {
                caption { "Rows, the newest first" }
                thead { tr { th.r scope="col" { "id" } @for name in &page.columns { th scope="col" { (visible(name)) } } } }
                tbody { @for (id, values) in &page.rows {
                    tr data-row { th.r scope="row" { (id) } @for value in values { td { (cut(value)) } } }
                } }
            }
        }
    }
}

fn cut(value: &str) -> String {
    let mut shown: String = visible(value).chars().take(CHARS_SHOWN).collect();
    if shown.len() < value.len() && value.chars().count() > CHARS_SHOWN {
        shown.push('…');
    }
    shown
}
