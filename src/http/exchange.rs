//! One exchange with a server: over the network, into a cassette, or out of one.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::http::{HeaderValue, Request as Head, header};
use ureq::{AsSendBody, SendBody};

use super::answer::{Answer, Meter};
use super::asked::Asked;
use super::decode::{Stream, unpack};
use super::failure::Failure;
use super::host::HostRules;
use super::options::Traffic;
use super::polite::Leave;
use super::proxies::Way;
use super::session::Session;
use super::wire::Upload;

/// Asks once.
pub(super) fn exchange(
    session: &Session,
    rules: &HostRules,
    leave: Option<Leave>,
    asked: &Asked<'_>,
) -> Result<Answer, Failure> {
    let meter = Meter::start(session.options.traffic == Traffic::Collected);
    if let Some(tape) = session.replay() {
        return tape.answer(&session.hider, asked, meter);
    }
    let outcome = over_network(session, rules, leave, asked, meter);
    match session.record() {
        Some(tape) => tape.keep(&session.hider, asked, outcome),
        None => outcome,
    }
}

fn over_network(
    session: &Session,
    rules: &HostRules,
    leave: Option<Leave>,
    asked: &Asked<'_>,
    mut meter: Meter,
) -> Result<Answer, Failure> {
    let is_tls = asked.url.scheme() == "https";
    let forward = asked.way.filter(|way| !is_tls && way.passes_on());
    // the way to the proxy may be sealed as well
    let needs_tls = is_tls || asked.way.is_some_and(Way::is_tls);
    let agent = session.agents.get(needs_tls, &rules.trust, rules.identity.as_ref(), forward.map(|way| &way.proxy));
    let agent = agent.map_err(Failure::unsendable)?;
    let mut head = Head::builder().method(asked.method.clone()).uri(asked.url.as_str());
    if let Some(headers) = head.headers_mut() {
        headers.clone_from(&asked.headers);
        if let Some(login) = forward.and_then(|way| login(&way.proxy)) {
            headers.insert(header::PROXY_AUTHORIZATION, login);
        }
    }
    super::head::begin();
    let refused = |cause: ureq::Error| Failure::of(&session.hider.place(&asked.url), cause);
    let result = match asked.body.is_none() {
        true => run(&agent, asked, forward.is_some(), head.body(()).map_err(|cause| refused(cause.into()))?),
        false => {
            let body = asked.body.open().map_err(Failure::unsendable)?;
            let body = Upload::new(body, asked.body.length().map_err(Failure::unsendable)?);
            let head = head.body(SendBody::from_owned_reader(body)).map_err(|cause| refused(cause.into()))?;
            run(&agent, asked, forward.is_some(), head)
        }
    };
    let response = result.map_err(refused)?;
    let (mut parts, body) = response.into_parts();
    if let Some(all) = super::head::take() {
        parts.headers = all;
    }
    let status = parts.status.as_u16();
    meter.note(status >= 400);
    let encodings = parts.headers.get_all(header::CONTENT_ENCODING).iter();
    let encodings: Vec<_> = encodings.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let encoding = (!encodings.is_empty()).then(|| encodings.join(","));
    let body: Stream = Box::new(body.into_with_config().limit(u64::MAX).reader());
    let body = match encoding.filter(|_| asked.unpack) {
        Some(encoding) => unpack(&encoding, body).map_err(Failure::unsendable)?,
        None => body,
    };
    let (headers, url) = (parts.headers, asked.url.clone());
    Ok(Answer { status, headers, url, body, history: Vec::new(), meter, leave })
}

fn run<B: AsSendBody>(
    agent: &ureq::Agent,
    asked: &Asked<'_>,
    is_forwarded: bool,
    head: Head<B>,
) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
    let left = asked.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let left = left.map(|left| left.max(Duration::from_millis(1)));
    let proxy = asked.way.filter(|_| !is_forwarded).map(|way| way.proxy.clone());
    let head = agent
        .configure_request(head)
        .proxy(proxy)
        .timeout_global(left)
        .timeout_connect(Some(asked.timeouts.connect))
        .timeout_resolve(Some(asked.timeouts.connect))
        .timeout_per_read(Some(asked.timeouts.read))
        .timeout_per_write(Some(asked.timeouts.read))
        .build();
    agent.run(head)
}

/// What the proxy asks who we are.
fn login(proxy: &ureq::Proxy) -> Option<HeaderValue> {
    use base64::Engine;
    let (user, password) = (proxy.username()?, proxy.password().unwrap_or_default());
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::from_str(&format!("Basic {login}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads a body to its end, up to `max` bytes.
pub(super) fn read_all(body: &mut Stream, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {max} bytes: `download` it to a file, or raise `body_max` in [http]"),
        ));
    }
    Ok(bytes)
}
