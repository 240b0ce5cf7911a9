//! The frame of each page: where one is, the search, who one is, and the command that says the same.

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::parts::{View, hidden};

/// The pages that stand above.
const TABS: [(&str, &str); 5] =
    [("/", "Now"), ("/apps", "Apps"), ("/documents", "Documents"), ("/timeline", "Timeline"), ("/tables", "Tables")];
/// The keys, for whoever asks.
const KEYS: [(&str, &str); 8] = [
    ("/", "search"),
    ("j k", "next and previous row"),
    ("Enter", "open the row"),
    ("x", "choose the row"),
    ("g n", "Now"),
    ("g a", "Apps"),
    ("g d, g t, g b", "Documents, Timeline, Tables"),
    ("?", "these keys"),
];

/// What stands around a page.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    /// The tab that it belongs to, by its path.
    pub(super) tab: &'a str,
    /// The command that says the same.
    pub(super) command: &'a str,
    /// What came of the last action, and whether it went wrong.
    pub(super) told: Option<(&'a str, bool)>,
    /// What is in the search box.
    pub(super) search: &'a str,
}

/// A whole page.
pub(super) fn page(view: &View, frame: &Frame<'_>, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (frame.title) " · Data Collector" }
                link rel="icon" href=(assets::icon_path()) type="image/svg+xml";
                link rel="stylesheet" href=(assets::style_path());
                @if !view.is_export { script src=(assets::script_path()) defer {} }
            }
            body {
                a.skip href="#main" { "Skip to the page" }
                (top(view, frame))
                main #main tabindex="-1" {
                    @if let Some((text, is_wrong)) = frame.told {
                        p.told.bad[is_wrong] role="status" { (text) }
                    }
                    (body)
                }
                (bottom(view, frame))
            }
        }
    };
    page.into_string()
}

fn top(view: &View, frame: &Frame<'_>) -> Markup {
    html! {
        header.top {
            span.brand { "Data Collector" }
            nav.main aria-label="Pages" {
                @for (path, name) in TABS {
                    a href=(path) aria-current=[(path == frame.tab).then_some("page")] { (name) }
                }
            }
            @if !view.is_export {
                form.find action="/search" role="search" {
                    input #find type="search" name="q" value=(frame.search) placeholder="Search (/)"
                        aria-label="Search apps, runs, errors, tables and files" maxlength="200";
                }
                span.who {
                    span #live .live role="status" data-seen=(view.seen) {}
                    span { (view.name) @if view.is_signed_in { " (" (view.role.name()) ")" } }
                    @if view.is_signed_in {
                        form.in method="post" action="/logout" { (hidden(view)) button.quiet { "Sign out" } }
                    }
                }
            }
        }
    }
}

fn bottom(view: &View, frame: &Frame<'_>) -> Markup {
    html! {
        footer {
            @if !frame.command.is_empty() { p { "The same in a terminal: " code { (frame.command) } } }
            p.keys {
                "dc " (env!("CARGO_PKG_VERSION"))
                @if view.is_export { ", written " (super::parts::full_moment(crate::clock::now())) }
                @else { " · press " kbd { "?" } " for keys" }
            }
        }
        @if !view.is_export {
            dialog #keys aria-label="Keys" {
                h2 { "Keys" }
                dl.facts { @for (keys, what) in KEYS { div { dt { kbd { (keys) } } dd { (what) } } } }
                form method="dialog" { button { "Close" } }
            }
        }
    }
}
