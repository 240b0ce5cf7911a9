//! The dashboard: looks at each request before anything else does, and leads it to a page, an action or a file.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use percent_encoding::percent_decode_str;

use super::access::{Access, Role, SESSION_S, Visitor};
use super::actions;
use super::answer::{Answer, asset, guarded, html_answer, is_own_path, redirect, refusal, set, status_of};
use super::assets;
use super::attempts::Attempts;
use super::cache::Cache;
use super::desk::Desk;
use super::host::{Hosts, is_own_origin};
use super::login;
use super::pages::{Page, edit_again};
use super::parts::View;
use super::peer::Peer;
use super::pictures::Pictures;
use super::query::Query;
use super::told::Told;
use super::watch::Watch;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::new_identity;

/// The name of the cookie.
const COOKIE: &str = "dc_session";
/// The most bytes of a form.
const FORM_BYTES_MAX: usize = 256 * 1024;
/// So many actions are done at once.
const ACTIONS_MAX: usize = 2;

/// All that answers are made of.
#[derive(Clone)]
pub(super) struct Site(Arc<Parts>);

struct Parts {
    context: Context,
    access: Access,
    hosts: Hosts,
    attempts: Attempts,
    desk: Desk,
    cache: Cache,
    watch: Watch,
    told: Told,
    pictures: Pictures,
    acting: tokio::sync::Semaphore,
    /// Stands for the token of forms in pages that are kept.
    form_mark: String,
}

/// A request that was looked at.
struct Asked {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    peer: Option<Peer>,
}

impl Site {
    /// Opens it.
    ///
    /// # Errors
    /// As [`Access::of`]; when no thread can be had.
    pub(super) fn open(context: &Context, access: Access) -> Result<Self> {
        Ok(Self(Arc::new(Parts {
            access,
            hosts: Hosts::of(context)?,
            attempts: Attempts::default(),
            desk: Desk::start(context)?,
            cache: Cache::default(),
            watch: Watch::start(context)?,
            told: Told::default(),
            pictures: Pictures::new(context),
            acting: tokio::sync::Semaphore::new(ACTIONS_MAX),
            form_mark: format!("form-{}", new_identity()),
            context: context.clone(),
        })))
    }

    /// Answers a request.
    pub(super) async fn answer(self, request: Request<Body>) -> Answer {
        let (head, body) = request.into_parts();
        let asked = Asked {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            peer: head.extensions.get::<Peer>().copied(),
            headers: head.headers,
        };
        let answered = self.0.answer(&asked, body).await;
        let stranger = self.0.view(None, "/");
        guarded(answered.unwrap_or_else(|(status, error)| refusal(&stranger, status, &error, &asked.headers)))
    }
}

/// An answer, or why there is none.
type Answered = std::result::Result<Answer, (StatusCode, Error)>;

fn refused(status: StatusCode, message: impl Into<String>, hint: impl Into<String>) -> (StatusCode, Error) {
    (status, Error::new(ErrorKind::Refused, message).hint(hint))
}

impl Parts {
    async fn answer(&self, asked: &Asked, body: Body) -> Answered {
        let host = asked.host();
        if !self.hosts.takes(host) {
            let name: String = host.chars().take(80).collect();
            let message = format!("answer as `{name}`: the dashboard has no such name");
            let hint = format!("open it as localhost or by an address, or set `[web] hosts = [\"{name}\"]` in dc.toml");
            return Err(refused(StatusCode::MISDIRECTED_REQUEST, message, hint));
        }
        let is_form = asked.method == Method::POST;
        if !is_form && asked.method != Method::GET && asked.method != Method::HEAD {
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, format!("take {}", asked.method), "use GET or POST"));
        }
        if is_form {
            self.check_origin(asked, host)?;
        }
        if let Some((text, kind)) = assets::at(&asked.path) {
            return Ok(asset(text, kind, &asked.headers));
        }
        let visitor = self.visitor(asked)?;
        match (asked.path.as_str(), is_form, visitor) {
            ("/login", true, _) => self.sign_in(asked, body).await,
            ("/login", false, Some(_)) => Ok(redirect("/")),
            ("/login", false, None) => {
                let query = Query::read(asked.query.as_bytes());
                Ok(self.login_page(asked, StatusCode::OK, query.get("next").unwrap_or("/"), None))
            }
            (_, false, None) => Ok(self.to_login(asked)),
            (_, true, None) => {
                Err(refused(StatusCode::UNAUTHORIZED, "do that: you are not signed in", "sign in at /login"))
            }
            (_, true, Some(visitor)) => self.act(asked, &visitor, body).await,
            ("/events", false, Some(_)) => {
                let query = Query::read(asked.query.as_bytes());
                Ok(self.watch.events(asked.header("last-event-id").or(query.get("seen"))))
            }
            (_, false, Some(visitor)) => self.page(asked, &visitor).await,
        }
    }

    /// Who asks; `None` for somebody who has to sign in.
    fn visitor(&self, asked: &Asked) -> std::result::Result<Option<Visitor>, (StatusCode, Error)> {
        if !self.access.is_open() {
            let session = asked.cookie(COOKIE).and_then(|cookie| self.access.session(cookie));
            let bearer = || asked.bearer().and_then(|token| self.access.bearer(token));
            return Ok(session.or_else(bearer));
        }
        let set = "set DC_WEB_TOKEN, or `[web] token = ..` in dc.toml, and sign in with it";
        if ["forwarded", "x-forwarded-for", "x-forwarded-host"].iter().any(|name| asked.headers.contains_key(*name)) {
            let message = "let in whoever comes through a proxy: without a token everybody would be an operator";
            return Err(refused(StatusCode::FORBIDDEN, message, set));
        }
        match asked.peer.and_then(|peer| peer.is_own_user()) {
            Some(true) => Ok(Some(self.access.own_user(&self.context))),
            Some(false) => {
                let message = "let you in: without a token the dashboard is for the user alone who runs it";
                Err(refused(StatusCode::FORBIDDEN, message, set))
            }
            None => {
                let message = "let you in: nobody can tell whose process this is, and there is no token";
                Err(refused(StatusCode::FORBIDDEN, message, set))
            }
        }
    }

    /// A form that changes something comes from a page of ours.
    fn check_origin(&self, asked: &Asked, host: &str) -> std::result::Result<(), (StatusCode, Error)> {
        let origin = asked.header("origin");
        let is_ours = match origin {
            Some(origin) => is_own_origin(origin, host),
            // an old browser says at least from which page it comes
            None => asked.header("referer").is_some_and(|page| {
                let end = page.match_indices('/').nth(2).map_or(page.len(), |(at, _)| at);
                is_own_origin(&page[..end], host)
            }),
        };
        if is_ours {
            return Ok(());
        }
        let from: String = origin.unwrap_or("no page at all").chars().take(80).collect();
        Err(refused(
            StatusCode::FORBIDDEN,
            format!("take a form from `{from}`: only pages of {host} may send one"),
            "a program sends commands by `dc manager send`",
        ))
    }

    fn view(&self, visitor: Option<&Visitor>, here: &str) -> View {
        View {
            role: visitor.map_or(Role::Viewer, |visitor| visitor.role),
            name: visitor.map(|visitor| visitor.name.clone()).unwrap_or_default(),
            is_signed_in: visitor.is_some_and(|visitor| visitor.is_signed_in),
            is_export: false,
            seen: self.watch.seen(),
            form_mark: self.form_mark.clone(),
            here: here.to_owned(),
        }
    }

    async fn page(&self, asked: &Asked, visitor: &Visitor) -> Answered {
        let parts: Option<Vec<String>> = asked.path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let parts = parts.unwrap_or_default();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if let ["documents", id, "pages", page] = parts[..]
            && let (Ok(id), Ok(page)) = (id.parse(), page.parse())
        {
            return self.pictures.page(id, page).await.map_err(|error| (status_of(&error), error));
        }
        let is_root = asked.path == "/";
        let page = Page::at(&parts).filter(|page| is_root || *page != Page::Now);
        let Some(page) = page else {
            let path: String = asked.path.chars().take(120).collect();
            let view = self.view(Some(visitor), "/");
            let error = Error::new(ErrorKind::NotFound, format!("find a page at {path}"));
            return Ok(refusal(&view, StatusCode::NOT_FOUND, &error, &asked.headers));
        };
        let page = match page {
            Page::Document(id, _) => Page::Document(id, self.pictures.pages(id).await),
            page => page,
        };
        let query = Query::read(asked.query.as_bytes());
        let here = query.with(&asked.path, "told", None);
        let view = self.view(Some(visitor), &here);
        let told = query.get("told").and_then(|id| self.told.take(id));
        let read = {
            let (view, query, told) = (view.clone(), query.clone(), told.clone());
            self.desk.ask(move |sight| {
                let told = told.as_ref().map(|(text, is_wrong)| (text.as_str(), *is_wrong));
                page.draw(sight, (&view, &query), told)
            })
        };
        let drawn = match told {
            Some(_) => read.await.map(Into::into),
            None => {
                // who was just told that something has changed does not get the page from before
                let (role, seen) = (visitor.role.name(), &view.seen);
                let key = format!("{seen} {role} {} {} {here}", visitor.is_signed_in, visitor.name);
                self.cache.page(&key, read).await
            }
        };
        match drawn {
            Ok(drawn) => {
                let text = drawn.replace(&self.form_mark, &self.access.form_token(visitor));
                Ok(html_answer(StatusCode::OK, text, &asked.headers))
            }
            Err(error) => {
                let mut answer = refusal(&view, status_of(&error), &error, &asked.headers);
                if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
                    set(&mut answer, header::RETRY_AFTER, "2");
                }
                Ok(answer)
            }
        }
    }

    async fn act(&self, asked: &Asked, visitor: &Visitor, body: Body) -> Answered {
        let form = read_form(body).await?;
        if !self.access.is_form_of(visitor, form.get("form").unwrap_or_default()) {
            let message = "do that: the form is not of this session";
            return Err(refused(StatusCode::FORBIDDEN, message, "load the page again, and press the button once more"));
        }
        if asked.path == "/logout" {
            let mut answer = redirect("/login");
            set(&mut answer, header::SET_COOKIE, &format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
            return Ok(answer);
        }
        if visitor.role != Role::Operator {
            let message = "do that: a viewer can only look";
            return Err(refused(StatusCode::FORBIDDEN, message, "sign in with `[web] token`, which is the operator's"));
        }
        let work = match asked.path.as_str() {
            "/do" => actions::tell_apps,
            "/documents/do" | "/documents/edit" => actions::tell_documents,
            path => return Err(refused(StatusCode::NOT_FOUND, format!("do anything at {path}"), "/ has the pages")),
        };
        let busy = |_| refused(StatusCode::SERVICE_UNAVAILABLE, "do that: too much is being done", "try again");
        let permit = self.acting.try_acquire().map_err(busy)?;
        let context = self.context.on_behalf_of(&visitor.name);
        let back = form.text("back").filter(|back| is_own_path(back)).unwrap_or_else(|| "/".to_owned());
        let sent = form.clone();
        let done = tokio::task::spawn_blocking(move || work(&context, &sent)).await;
        drop(permit);
        self.cache.forget();
        if let ("/documents/edit", Ok(Err(error))) = (asked.path.as_str(), &done) {
            let drawn = edit_again(&self.view(Some(visitor), &back), error, &form);
            let drawn = drawn.replace(&self.form_mark, &self.access.form_token(visitor));
            return Ok(html_answer(status_of(error), drawn, &asked.headers));
        }
        let (text, is_wrong) = match done {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => {
                let hint = error.hint_text().map(|hint| format!("\n{hint}")).unwrap_or_default();
                (format!("could not {error}{hint}"), true)
            }
            Err(_) => ("could not do that: it failed".to_owned(), true),
        };
        let told = self.told.keep(text, is_wrong);
        let (path, query) = back.split_once('?').unwrap_or((&back, ""));
        Ok(redirect(&Query::read(query.as_bytes()).with(path, "told", Some(&told))))
    }

    /// To the page that asks for a token; a program is told so.
    fn to_login(&self, asked: &Asked) -> Answer {
        let is_page = asked.header("accept").is_some_and(|kinds| kinds.contains("text/html"));
        if !is_page {
            let message = "show this page: it needs a token";
            let error = Error::new(ErrorKind::Permission, message)
                .hint("sign in at /login, or send Authorization: Bearer TOKEN");
            let mut answer = refusal(&self.view(None, "/"), StatusCode::UNAUTHORIZED, &error, &asked.headers);
            set(&mut answer, header::WWW_AUTHENTICATE, "Bearer");
            return answer;
        }
        let whole = if asked.query.is_empty() { asked.path.clone() } else { format!("{}?{}", asked.path, asked.query) };
        let next = if is_own_path(&whole) { whole } else { "/".to_owned() };
        redirect(&Query::default().with("/login", "next", Some(&next)))
    }

    fn login_page(&self, asked: &Asked, status: StatusCode, next: &str, wrong: Option<&str>) -> Answer {
        html_answer(status, login::sign_in(&self.view(None, "/"), next, wrong), &asked.headers)
    }

    async fn sign_in(&self, asked: &Asked, body: Body) -> Answered {
        let form = read_form(body).await?;
        let next = form.text("next").filter(|next| is_own_path(next)).unwrap_or_else(|| "/".to_owned());
        let Some(peer) = asked.peer else {
            return Err(refused(StatusCode::FORBIDDEN, "sign you in: nobody can tell where you are", "try again"));
        };
        let from = peer.client.ip().to_canonical();
        if let Some(wait) = self.attempts.wait(from) {
            let seconds = wait.as_secs().max(1).to_string();
            let words = format!("Too many wrong tokens were tried. Wait {seconds} s.");
            let mut answer = self.login_page(asked, StatusCode::TOO_MANY_REQUESTS, &next, Some(&words));
            set(&mut answer, header::RETRY_AFTER, &seconds);
            return Ok(answer);
        }
        let role = self.access.role(form.get("token").unwrap_or_default());
        let cookie = role.and_then(|role| self.access.cookie(role, form.get("name").unwrap_or_default()));
        let Some(cookie) = cookie else {
            self.attempts.note(from);
            log::warn!("somebody at {from} tried to sign in to the dashboard with a wrong token");
            let words =
                if self.access.is_open() { "There is no token to sign in with." } else { "This is not the token." };
            return Ok(self.login_page(asked, StatusCode::UNAUTHORIZED, &next, Some(words)));
        };
        // behind a proxy that speaks TLS the cookie never travels without it
        let is_secure = asked.header("origin").is_some_and(|origin| origin.starts_with("https://"));
        let secure = if is_secure { "; Secure" } else { "" };
        let mut answer = redirect(&next);
        let value = format!("{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age={SESSION_S}{secure}");
        set(&mut answer, header::SET_COOKIE, &value);
        Ok(answer)
    }
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The one host that was asked; nothing where there is none, or several.
    fn host(&self) -> &str {
        let mut hosts = self.headers.get_all(header::HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().unwrap_or_default(),
            _ => "",
        }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = pairs.flat_map(|text| text.split(';'));
        pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    }

    fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ").map(str::trim)
    }
}

/// A part of a path as it is meant; `None` for what is no text.
fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned())
}

async fn read_form(body: Body) -> std::result::Result<Query, (StatusCode, Error)> {
    let bytes = to_bytes(body, FORM_BYTES_MAX).await;
    let too_large = |_| refused(StatusCode::PAYLOAD_TOO_LARGE, "read a form: it is too large", "choose fewer at once");
    Ok(Query::read(&bytes.map_err(too_large)?))
}
