//! Splunk's HTTP Event Collector: batches of events, packed with gzip, acknowledged by the indexer where that is asked
//! for. One batch is under way at a time, so events arrive in their order.
//!
//! Only the collector's own word counts: any server may answer 200. An event carries the identity of its record, which
//! is the same when it is sent again, so that a search can leave out what is doubled.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Body, Call, Request, RequestOptions, Response, Timeouts};
use crate::ident::{host, new_identity};
use crate::logs::line::{Line, LogRecord};
use crate::logs::own::tell;
use crate::logs::sink::{Entry, Limits, Sink, Undelivered, Why};
use crate::settings::{Secret, Section};

/// This sink's line in the registry.
pub(in crate::logs) const ENTRY: Entry = Entry { name: "splunk", open };

/// The collector's own address for events with metadata, and for acknowledgements.
const EVENTS: &str = "/services/collector/event";
const ACKNOWLEDGEMENTS: &str = "/services/collector/ack";
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long an acknowledgement is waited for before the batch is sent again.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(120);
/// The first and the longest pause between two questions for an acknowledgement.
const QUESTION_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(2));
/// How much is shown of an answer that is none of a collector.
const ANSWER_CHARS_SHOWN: usize = 80;
/// How long a record waits for company.
const LINGER: Duration = Duration::from_millis(500);

/// Answers of the collector that say something about single events.
const EVENT_CODES: [i64; 4] = [6, 12, 13, 15];
/// "Success".
const SUCCESS: i64 = 0;
/// "ACK is disabled" for this token.
const NO_ACKNOWLEDGEMENTS: i64 = 14;

fn open(context: &Context, section: Section<'_>) -> Result<Box<dyn Sink>> {
    let missing = |field: &str| {
        let message = format!("open the log sink `splunk`: the setting `{}.{field}` is missing", section.name());
        let hint = format!("set it in dc.toml, or DC_LOG_SPLUNK_{}", field.to_uppercase());
        Error::new(ErrorKind::Settings, message).hint(hint)
    };
    let url = section.text("url")?.ok_or_else(|| missing("url"))?;
    let url = url.trim_end_matches('/').trim_end_matches("/event").trim_end_matches("/services/collector").to_owned();
    let token = section.secret("token")?.ok_or_else(|| missing("token"))?;
    let total = section.duration("timeout")?.unwrap_or(TIMEOUT);
    let options = RequestOptions {
        timeouts: Timeouts { connect: total, read: total, total: Some(total) },
        certificates: section.text("certificates")?.map(|path| context.settings().project.root.join(path)),
        ..RequestOptions::own()
    };
    Ok(Box::new(Splunk {
        request: Request::with(context, options)?,
        url,
        authorization: Secret::new(format!("Splunk {}", token.reveal())),
        channel: new_identity(),
        acknowledge: section.flag("acknowledge")?.unwrap_or(false),
        has_warned: false,
        acknowledge_timeout: section.duration("acknowledge_timeout")?.unwrap_or(ACKNOWLEDGE_TIMEOUT),
        index: section.text("index")?,
        source: section.text("source")?.unwrap_or_else(|| "data-collector".to_owned()),
        sourcetype: section.text("sourcetype")?.unwrap_or_else(|| "_json".to_owned()),
        host: host(),
    }))
}

struct Splunk {
    request: Request,
    url: String,
    authorization: Secret,
    channel: String,
    acknowledge: bool,
    /// It was told that there are no acknowledgements.
    has_warned: bool,
    acknowledge_timeout: Duration,
    index: Option<String>,
    source: String,
    sourcetype: String,
    host: String,
}

/// One event as the collector takes it.
#[derive(Serialize)]
struct Event<'a> {
    time: Box<RawValue>,
    host: &'a str,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    event: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    id: String,
    level: &'a str,
    message: &'a str,
    logger: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a RawValue>,
}

/// What the collector answers.
#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    text: String,
    /// A collector always says one; a proxy in front of it does not.
    code: Option<i64>,
    #[serde(rename = "ackId")]
    acknowledgement: Option<u64>,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<usize>,
}

#[derive(Deserialize)]
struct Acknowledged {
    acks: std::collections::HashMap<String, bool>,
}

impl Sink for Splunk {
    fn write(&mut self, lines: &[Line<'_>]) -> Result<(), Undelivered> {
        if lines.is_empty() {
            return Ok(());
        }
        let answer = self.send(lines)?;
        let said: Said = serde_json::from_slice(answer.bytes()).unwrap_or_default();
        match (answer.status(), said.code) {
            (200, Some(SUCCESS)) => self.wait_for_acknowledgement(&said),
            (200 | 400, Some(code)) if EVENT_CODES.contains(&code) => self.find_invalid(lines, &said),
            (413, _) => self.halve(lines, "it is larger than the collector takes"),
            _ => Err(away(&answer, &said)),
        }
    }

    fn limits(&self) -> Limits {
        Limits { linger: LINGER, ..Limits::default() }
    }
}

impl Splunk {
    fn send(&self, lines: &[Line<'_>]) -> Result<Response, Undelivered> {
        let body = self.body(lines).map_err(|cause| Undelivered::away(0, format!("pack the events: {cause}")))?;
        let call = self.call(&format!("{}{EVENTS}", self.url)).header("X-Splunk-Request-Channel", &self.channel);
        let call = call.header("Content-Encoding", "gzip").body(Body::bytes(body));
        call.send().map_err(|error| Undelivered::away(0, error))
    }

    fn call(&self, url: &str) -> Call {
        let call = self.request.post(url).header("Authorization", self.authorization.reveal());
        call.header("Content-Type", "application/json")
    }

    fn body(&self, lines: &[Line<'_>]) -> std::io::Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        for line in lines {
            let Some(record) = line.record() else { continue };
            serde_json::to_writer(&mut packed, &self.event(*line, &record)?)?;
            packed.write_all(b"\n")?;
        }
        packed.finish()
    }

    fn event<'a>(&'a self, line: Line<'_>, record: &'a LogRecord<'_>) -> std::io::Result<Event<'a>> {
        let micros = record.moment().unwrap_or_default().and_utc().timestamp_micros();
        let time = format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        Ok(Event {
            // a float would lose the last digits
            time: RawValue::from_string(time)?,
            host: &self.host,
            source: &self.source,
            sourcetype: &self.sourcetype,
            index: self.index.as_deref(),
            event: Content {
                id: identity(line),
                level: &record.level,
                message: &record.message,
                logger: &record.source,
                app: record.app.as_deref(),
                runtime: record.runtime.as_deref(),
                function: record.function.as_deref(),
                thread: record.thread.as_deref(),
                context: record.context,
            },
        })
    }

    /// Asks until the indexer has stored the batch; a batch that it does not acknowledge in time is sent again.
    fn wait_for_acknowledgement(&mut self, said: &Said) -> Result<(), Undelivered> {
        if !self.acknowledge {
            return Ok(());
        }
        // another batch may have one: a balancer has several collectors behind it
        let Some(id) = said.acknowledgement else {
            self.warn_without_acknowledgement();
            return Ok(());
        };
        let url = format!("{}{ACKNOWLEDGEMENTS}?channel={}", self.url, self.channel);
        let question = format!("{{\"acks\":[{id}]}}");
        let (until, mut pause) = (Instant::now() + self.acknowledge_timeout, QUESTION_PAUSE.0);
        loop {
            match self.call(&url).body(Body::bytes(question.as_bytes())).send() {
                Ok(answer) if answer.status() == 200 => {
                    let found: Option<Acknowledged> = serde_json::from_slice(answer.bytes()).ok();
                    if found.is_some_and(|found| found.acks.get(&id.to_string()) == Some(&true)) {
                        return Ok(());
                    }
                }
                Ok(answer) => {
                    let said: Said = serde_json::from_slice(answer.bytes()).unwrap_or_default();
                    if said.code == Some(NO_ACKNOWLEDGEMENTS) {
                        self.warn_without_acknowledgement();
                        return Ok(());
                    }
                }
                // the batch may well be stored: asking goes on
                Err(error) => log::debug!("no answer about an acknowledgement: {error}"),
            }
            if Instant::now() + pause > until {
                return Err(Undelivered::away(0, format!("the indexer did not acknowledge batch {id} in time")));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(QUESTION_PAUSE.1);
        }
    }

    fn warn_without_acknowledgement(&mut self) {
        if !std::mem::replace(&mut self.has_warned, true) {
            let text = "Splunk does not acknowledge what this token sends: events that it took may be lost there; \
                        enable indexer acknowledgement for the token, or set `[log.splunk] acknowledge = false`";
            tell(log::Level::Warn, text);
        }
    }

    /// The collector names the event that it does not take. Those before it are sent again without it: whether it has
    /// kept them is not said.
    fn find_invalid(&mut self, lines: &[Line<'_>], said: &Said) -> Result<(), Undelivered> {
        match said.invalid.filter(|place| *place < lines.len()) {
            Some(place) => {
                self.write(&lines[..place])?;
                Err(Undelivered::refused(place, &said.text))
            }
            None => self.halve(lines, &said.text),
        }
    }

    fn halve(&mut self, lines: &[Line<'_>], reason: &str) -> Result<(), Undelivered> {
        let (first, second) = lines.split_at(lines.len() / 2);
        if first.is_empty() {
            return Err(Undelivered::refused(0, reason));
        }
        self.write(first)?;
        self.write(second).map_err(|undelivered| Undelivered { taken: first.len() + undelivered.taken, ..undelivered })
    }
}

/// The same for a record however often it is sent, and by whatever process.
fn identity(line: Line<'_>) -> String {
    let place = line.place();
    format!("{}-{}", place.stream, place.end)
}

/// Busy, down, or set up wrongly: the events are not to blame.
fn away(answer: &Response, said: &Said) -> Undelivered {
    let status = answer.status();
    let reason = match said.code {
        Some(code) => format!("Splunk answers {status} {} (code {code})", said.text),
        None => {
            let begin: String = String::from_utf8_lossy(answer.bytes()).chars().take(ANSWER_CHARS_SHOWN).collect();
            format!("what answers {status} is no event collector: {begin:?}")
        }
    };
    Undelivered { taken: 0, why: Why::Away { reason, after: answer.retry_after() } }
}
