//! The form in which a person edits what a stage of a document was given.

use maud::{Markup, html};

use crate::error::Error;
use crate::web::layout::{Frame, page};
use crate::web::parts::{View, hidden};
use crate::web::query::Query;

/// Lines of the field.
const ROWS_MIN: usize = 6;
const ROWS_MAX: usize = 28;

/// The form: of this document, as it stood at `fence`, with this text.
pub(super) fn form(view: &View, (id, fence): (i64, &str), text: &str) -> Markup {
    let rows = text.lines().count().clamp(ROWS_MIN, ROWS_MAX);
    html! {
        form.edit method="post" action="/documents/edit" {
            (hidden(view))
            input type="hidden" name="task" value=(id);
            input type="hidden" name="fence" value=(fence);
            textarea name="text" rows=(rows) spellcheck="false" autocomplete="off" aria-label="The JSON that the stage is given" {
                // a browser leaves the first line end out
                "\n" (text)
            }
            div.bar { button name="do" value="edit" { "Store and try again" } }
        }
    }
}

/// The page of an edit that was not stored: what somebody typed is not lost.
pub(in crate::web) fn edit_again(view: &View, error: &Error, form_sent: &Query) -> String {
    let id: i64 = form_sent.get("task").and_then(|id| id.parse().ok()).unwrap_or_default();
    let (fence, text) = (form_sent.get("fence").unwrap_or_default(), form_sent.get("text").unwrap_or_default());
    let text = text.replace("\r\n", "\n");
    let body = html! {
        h1 { "Document " (id) ": not stored" }
        p.told.bad role="alert" { "could not " (error.to_string()) @if let Some(hint) = error.hint_text() { "\n" (hint) } }
        (form(view, (id, fence), &text))
        p { a href={ "/documents/" (id) } { "Back to the document" } }
    };
    let command = format!("dc tasks edit {id}");
    page(view, &Frame { title: "Not stored", tab: "/documents", command: &command, ..Frame::default() }, &body)
}
