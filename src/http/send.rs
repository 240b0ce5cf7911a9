//! How a call comes to its answer: redirects, cookies, manners, proxies, and what is tried again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use ureq::http::{HeaderMap, HeaderValue, Method, header};

use super::answer::Answer;
use super::asked::Asked;
use super::commons::short;
use super::exchange::{exchange, read_all};
use super::failure::{Failure, Stage};
use super::options::{Auth, Traffic};
use super::polite::{self, TooLong};
use super::proxies::{Proxies, Way};
use super::ready::Ready;
use super::response::Response;
use super::session::Session;
use super::{host, redirect};
use crate::error::{Error, ErrorKind, Result};

/// How often the wish to stop is looked for in a pause.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Does what a call asks for. A fault of ours, or of a library, is the error of this one call.
fn without_panic<T>(session: &Session, call: &Ready, work: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let place = session.hider.place(&call.url);
        Err(Error::failed(format!("ask {place}: a part of this program failed; the log tells where")))
    })
}

/// Sends a call; the body of the answer is read as a part of each attempt.
pub(super) fn send(session: &Session, call: &Ready) -> Result<Response> {
    without_panic(session, call, || send_and_read(session, call))
}

fn send_and_read(session: &Session, call: &Ready) -> Result<Response> {
    let began = Instant::now();
    let finish = |mut answer: Answer| {
        let body = read_all(&mut answer.body, call.body_bytes_max).map_err(|cause| {
            answer.meter.note(true);
            let place = session.hider.place(&answer.url);
            match cause.kind() {
                std::io::ErrorKind::FileTooLarge => {
                    Failure::unsendable(Error::failed(format!("read the answer from {place}: {cause}")))
                }
                _ => Failure::body(&place, &cause),
            }
        })?;
        Ok(Response {
            status: answer.status,
            headers: answer.headers,
            url: answer.url,
            body,
            history: answer.history,
            attempts: 0,
            elapsed: Duration::ZERO,
            is_unchanged: false,
            hider: Arc::clone(&session.hider),
        })
    };
    let (mut response, attempts) = match &session.cache {
        None => repeat(session, call, &finish, &body_of)?,
        Some(cache) => {
            let mut asked = call.clone();
            let known = cache.ask(&mut asked);
            let (response, attempts) = repeat(session, &asked, &finish, &body_of)?;
            (cache.settle(&session.hider, call, known, response)?, attempts)
        }
    };
    response.attempts = attempts;
    response.elapsed = began.elapsed();
    if let Some(saver) = &session.saver {
        saver.save(&session.hider, call, &response)?;
    }
    Ok(response)
}

fn body_of(response: &Response) -> Option<&Vec<u8>> {
    Some(&response.body)
}

/// Sends a call; the body is read by whoever asked.
pub(super) fn open(session: &Session, call: &Ready) -> Result<Answer> {
    without_panic(session, call, || repeat(session, call, &Ok, &|_| None).map(|(answer, _)| answer))
}

/// Attempt after attempt. `body` shows the body of what `finish` made of an answer, to find what a ban looks like.
fn repeat<T>(
    session: &Session,
    call: &Ready,
    finish: &dyn Fn(Answer) -> Result<T, Failure>,
    body: &dyn Fn(&T) -> Option<&Vec<u8>>,
) -> Result<(T, u32)> {
    let may_repeat = call.retries.allows(&call.method);
    let is_replay = session.replay().is_some();
    let host = short(&host::key(&call.url));
    let proxies = session.ways.of(&session.hosts, &call.url)?;
    let mut attempts = 0;
    // the proxies that the server refuses, and why: a ban if it serves another one
    let mut refused: Vec<Arc<Way>> = Vec::new();
    let mut why = String::new();
    let mut other = None;
    loop {
        session.cancellation.check()?;
        attempts += 1;
        let is_last = attempts > call.retries.max;
        let way = match other.take() {
            Some(way) => Some(way),
            None if is_replay => None,
            None => proxies.take(&host, call.deadline)?,
        };
        let mut pause = call.retries.pause_after(attempts);
        // another proxy, where this one was refused and the request may be made again
        let instead = |refused: &mut Vec<Arc<Way>>, way: &Option<Arc<Way>>| {
            refused.extend(way.clone());
            proxies.other(&host, refused).filter(|_| may_repeat && !is_last)
        };
        match follow(session, call, way.as_deref()) {
            Ok(answer) => {
                let passes = call.retries.statuses.contains(&answer.status);
                let asked = answer.retry_after();
                let fits = |pause: Duration| !is_too_late(call.deadline, pause) || is_replay;
                let waits = pause.max(asked.unwrap_or_default());
                let is_patient = asked.is_none_or(|asked| asked <= call.retries.retry_after_max);
                let is_refused = is_refused(session, way.as_deref(), answer.status);
                if is_refused {
                    other = instead(&mut refused, &way);
                }
                if other.is_some() {
                    why = format!("it was answered with {}", answer.status);
                    answer.drain();
                    pause = Duration::ZERO;
                } else if passes && may_repeat && !is_last && is_patient && fits(waits) {
                    let (place, seconds) = (session.hider.place(&answer.url), waits.as_secs_f64());
                    let (attempt, all) = (attempts, call.retries.max + 1);
                    log::warn!(
                        "{place} answers {}: attempt {attempt} of {all}, again in {seconds:.1} s",
                        answer.status
                    );
                    answer.drain();
                    pause = waits;
                } else {
                    match finish(answer) {
                        Ok(done) => {
                            let text = banning_text(session, way.as_deref(), body(&done));
                            if let Some(text) = &text {
                                other = instead(&mut refused, &way);
                                why = format!("the answer says `{text}`");
                            }
                            if other.is_none() {
                                if !is_refused && text.is_none() {
                                    judge(&proxies, &host, way.as_deref(), (&refused, &why));
                                }
                                return Ok((done, attempts));
                            }
                            pause = Duration::ZERO;
                        }
                        Err(failure) => {
                            give_up_or_go_on(call, attempts, may_repeat, failure, pause, is_replay)?;
                        }
                    }
                }
            }
            Err(failure) => {
                let way_failed = way.as_deref().filter(|_| failure.stage != Stage::Unsendable);
                if let Some(way) = way_failed {
                    match failure.stage {
                        Stage::Connecting => proxies.ban(way, &failure.error.to_string()),
                        _ => proxies.doubt(way, &failure.error.to_string()),
                    }
                    pause = Duration::ZERO;
                }
                let may_repeat = may_repeat || failure.stage == Stage::Connecting;
                give_up_or_go_on(call, attempts, may_repeat, failure, pause, is_replay)?;
            }
        }
        if !is_replay {
            wait(session, pause)?;
        }
    }
}

/// What an answer by one proxy says of those that were refused before.
fn judge(proxies: &Proxies, host: &str, way: Option<&Way>, (refused, why): (&[Arc<Way>], &str)) {
    let Some(way) = way else { return };
    proxies.praise(host, way);
    for banned in refused.iter().filter(|banned| !std::ptr::eq(banned.as_ref(), way)) {
        proxies.ban_for(host, banned, why);
    }
}

/// The error, or nothing when another attempt follows.
fn give_up_or_go_on(
    call: &Ready,
    attempts: u32,
    may_repeat: bool,
    failure: Failure,
    pause: Duration,
    is_replay: bool,
) -> Result<()> {
    let Failure { stage, error } = failure;
    let is_last = attempts > call.retries.max;
    if stage == Stage::Unsendable || !may_repeat || is_last || (is_too_late(call.deadline, pause) && !is_replay) {
        return Err(if attempts > 1 { error.within(format!("get it in {attempts} attempts")) } else { error });
    }
    let (all, seconds) = (call.retries.max + 1, pause.as_secs_f64());
    log::warn!("attempt {attempts} of {all} failed, again in {seconds:.1} s: {error}");
    Ok(())
}

fn is_too_late(deadline: Option<Instant>, pause: Duration) -> bool {
    deadline.is_some_and(|deadline| Instant::now() + pause >= deadline)
}

fn wait(session: &Session, pause: Duration) -> Result<()> {
    let until = Instant::now() + pause;
    loop {
        session.cancellation.check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(LOOK_EVERY));
    }
}

/// Whether a status may mean that the server has something against the proxy.
fn is_refused(session: &Session, way: Option<&Way>, status: u16) -> bool {
    way.is_some() && session.options.proxying.ban_statuses.contains(&status)
}

/// The text in an answer that says so.
fn banning_text<'a>(session: &'a Session, way: Option<&Way>, body: Option<&Vec<u8>>) -> Option<&'a String> {
    let (Some(_), Some(body)) = (way, body) else { return None };
    let texts = &session.options.proxying.ban_texts;
    texts.iter().find(|text| !text.is_empty() && memchr::memmem::find(body, text.as_bytes()).is_some())
}

/// One attempt, with all its redirects.
fn follow(session: &Session, call: &Ready, way: Option<&Way>) -> Result<Answer, Failure> {
    let mut hop = redirect::Hop::first(call);
    let redirects_max = call.redirects_max;
    for count in 0..=redirects_max {
        let answer = ask_as(session, call, way, &hop)?;
        let next = match redirects_max {
            0 => None,
            _ => hop.next(&answer),
        };
        match next {
            None => return Ok(Answer { history: hop.history, url: hop.url, ..answer }),
            Some(_) if count == redirects_max => {
                let place = session.hider.place(&call.url);
                let message = format!("get an answer from {place}: it redirects more than {redirects_max} times");
                return Err(Failure::unsendable(Error::failed(message)));
            }
            Some(Err(error)) => return Err(Failure::unsendable(error)),
            Some(Ok(next)) => {
                hop = next;
                answer.drain();
            }
        }
    }
    Err(Failure::unsendable(Error::failed("follow redirects")))
}

/// As [`ask`], and once more where a server asks first who we are.
fn ask_as(session: &Session, call: &Ready, way: Option<&Way>, hop: &redirect::Hop<'_>) -> Result<Answer, Failure> {
    let answer = ask(session, call, way, hop)?;
    let is_asked = answer.status == 401 && hop.is_home && matches!(call.auth, Some(Auth::Digest(..)));
    let is_asked = is_asked && !hop.headers.contains_key(header::AUTHORIZATION);
    if !is_asked || !session.challenges.take(&hop.url, &answer.headers) {
        return Ok(answer);
    }
    answer.drain();
    ask(session, call, way, hop)
}

fn ask(session: &Session, call: &Ready, way: Option<&Way>, hop: &redirect::Hop<'_>) -> Result<Answer, Failure> {
    let rules = session.hosts.of(&hop.url).map_err(Failure::unsendable)?;
    let name = host::key(&hop.url);
    let host = polite::host(&name);
    // what the framework itself sends has limits of its own
    let is_polite = session.replay().is_none() && session.options.traffic == Traffic::Collected;
    let leave = match is_polite {
        false => None,
        true => {
            Some(host.wait(rules.politeness, call.deadline, session.commons.as_deref()).map_err(|TooLong(left)| {
                let seconds = left.as_secs();
                let error =
                    Error::new(ErrorKind::Busy, format!("ask {name}: it is not free to be asked before the time-out"))
                        .because(format!("it asked to be left alone for {seconds} s more, or too many ask it"));
                Failure::unsendable(error.temporary(true))
            })?)
        }
    };
    let mut headers = hop.headers.clone();
    complete(session, call, hop, &mut headers)?;
    let mut url = hop.url.clone();
    // a place in a page is nothing to a server
    url.set_fragment(None);
    let asked = Asked {
        method: hop.method.clone(),
        url,
        headers,
        body: hop.body,
        timeouts: call.timeouts,
        deadline: call.deadline,
        way,
        unpack: call.unpack,
    };
    let answer = exchange(session, &rules, leave, &asked)?;
    session.jar.take(&hop.url, answer.headers.get_all(header::SET_COOKIE).iter().map(HeaderValue::as_bytes));
    match answer.status {
        429 if is_polite && way.is_none() => {
            let asked = answer.retry_after().map(|asked| asked.min(call.retries.retry_after_max));
            host.leave_alone(asked, rules.politeness, session.commons.as_deref());
        }
        _ => host.answers(),
    }
    Ok(answer)
}

/// Cookies, who asks, and the length of what is brought along.
fn complete(session: &Session, call: &Ready, hop: &redirect::Hop<'_>, headers: &mut HeaderMap) -> Result<(), Failure> {
    if !headers.contains_key(header::COOKIE)
        && let Some(value) = session.jar.header(&hop.url)
    {
        headers.insert(header::COOKIE, value);
    }
    if hop.is_home
        && !headers.contains_key(header::AUTHORIZATION)
        && let Some(auth) = &call.auth
        && let Some(text) = proof(session, hop, auth)
    {
        headers.insert(header::AUTHORIZATION, authorization(&text)?);
    }
    let length = hop.body.length().map_err(Failure::unsendable)?;
    let is_told = [Method::POST, Method::PUT, Method::PATCH].contains(&hop.method);
    if !hop.body.is_none() || is_told {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(())
}

/// What `Authorization` says; nothing to a server that has not said yet what it asks for.
fn proof(session: &Session, hop: &redirect::Hop<'_>, auth: &Auth) -> Option<String> {
    match auth {
        Auth::Basic(name, password) => {
            let login = format!("{name}:{}", password.reveal());
            Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login)))
        }
        Auth::Digest(name, password) => session.challenges.answer(&hop.method, &hop.url, name, password),
        Auth::Bearer(token) => Some(format!("Bearer {}", token.reveal())),
    }
}

fn authorization(text: &str) -> Result<HeaderValue, Failure> {
    // without it the server would only say that nobody is logged in
    let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| {
        let error = Error::new(ErrorKind::Settings, "log in: the token holds a character that no header can hold");
        Failure::unsendable(error.hint("write it without line feeds and other control characters"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}
