//! Signing in by a token.

use maud::html;

use super::layout::{Frame, page};
use super::parts::View;

/// The page that asks for a token; `next` is where it leads.
pub(super) fn sign_in(view: &View, next: &str, wrong: Option<&str>) -> String {
    let body = html! {
        form.signin method="post" action="/login" {
            h1 { "Sign in" }
            @if let Some(wrong) = wrong { p.told.bad role="alert" { (wrong) } }
            input type="hidden" name="next" value=(next);
            label for="token" { "Token" }
            input #token type="password" name="token" autocomplete="current-password" required autofocus;
            label for="name" { "Your name, for the record of what you do" }
            input #name type="text" name="name" autocomplete="username" maxlength="40";
            button { "Sign in" }
            p.note { "The token stands in " code { "[web] token" } " of dc.toml, or in " code { "DC_WEB_TOKEN" }
                "; " code { "viewer_token" } " lets you look only." }
        }
    };
    page(view, &Frame { title: "Sign in", ..Frame::default() }, &body)
}
