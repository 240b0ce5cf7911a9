//! Metrics and health over HTTP, for Prometheus and whoever asks whether the manager lives. Off unless it is asked for.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::work::ManagerState;
use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::tables::Store;

/// A manager whose last pass is longer ago is not well.
const WELL: Duration = Duration::from_secs(30);
/// How long a client may take.
const CLIENT_LIMIT: Duration = Duration::from_secs(5);
/// The most bytes of a request that are read.
const REQUEST_BYTES_MAX: u64 = 16 * 1024;
/// Figures out of the database are read at most this often.
const FRESH: Duration = Duration::from_secs(5);

/// What is served.
#[derive(Clone)]
pub struct Served(Arc<Mutex<Known>>);

struct Known {
    state: ManagerState,
    passed: Instant,
}

impl Served {
    /// Notes how the manager is.
    pub fn note(&self, state: &ManagerState) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.state = ManagerState { events: Vec::new(), ..state.clone() };
        known.passed = Instant::now();
    }

    fn read(&self) -> (ManagerState, Duration) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (known.state.clone(), known.passed.elapsed())
    }
}

/// Serves at `place`: an address with a port, or a port of this machine alone.
///
/// # Errors
/// Usage for a place that is none; failed when it is taken.
pub fn listen(context: &Context, place: &str) -> Result<Served> {
    let place = if place.contains(':') { place.to_owned() } else { format!("127.0.0.1:{place}") };
    let listener = TcpListener::bind(&place).map_err(|cause| {
        let kind = if cause.kind() == std::io::ErrorKind::AddrInUse { ErrorKind::Busy } else { ErrorKind::Usage };
        Error::new(kind, format!("listen at {place}")).because(cause).hint("--listen takes 127.0.0.1:PORT")
    })?;
    let served = Served(Arc::new(Mutex::new(Known { state: ManagerState::default(), passed: Instant::now() })));
    let (thread, context, known) =
        (std::thread::Builder::new().name("metrics".to_owned()), context.clone(), served.clone());
    let serve = move || {
        let mut figures: Option<(Instant, String)> = None;
        for stream in listener.incoming().flatten() {
            if let Err(error) = answer(&stream, &context, &known, &mut figures) {
                log::debug!("a client of the metrics has gone: {error}");
            }
        }
    };
    thread.spawn(serve).or_fail(|| "start a thread for the metrics".to_owned())?;
    Ok(served)
}

fn answer(
    stream: &TcpStream,
    context: &Context,
    known: &Served,
    figures: &mut Option<(Instant, String)>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(CLIENT_LIMIT))?;
    stream.set_write_timeout(Some(CLIENT_LIMIT))?;
    let mut reader = BufReader::new(stream.take(REQUEST_BYTES_MAX));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let (status, kind, body) = match (method, path) {
        ("GET" | "HEAD", "/metrics") => ("200 OK", "text/plain; version=0.0.4", metrics(context, known, figures)),
        ("GET" | "HEAD", "/" | "/health") => health(known),
        ("GET" | "HEAD", _) => ("404 Not Found", "text/plain", "there are /metrics and /health\n".to_owned()),
        _ => ("405 Method Not Allowed", "text/plain", "only GET\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut out = stream;
    out.write_all(head.as_bytes())?;
    if method != "HEAD" {
        out.write_all(body.as_bytes())?;
    }
    Ok(())
}

fn health(known: &Served) -> (&'static str, &'static str, String) {
    let (state, ago) = known.read();
    let is_well = state.away.is_none() && ago < WELL;
    let body = serde_json::json!({
        "ok": is_well, "manager": state.id, "last_pass_seconds": ago.as_secs_f64(), "database_away": state.away,
    });
    let status = if is_well { "200 OK" } else { "503 Service Unavailable" };
    (status, "application/json", format!("{body}\n"))
}

/// The manager's own figures, and those of the database while it answers.
fn metrics(context: &Context, known: &Served, figures: &mut Option<(Instant, String)>) -> String {
    let (state, ago) = known.read();
    let mut out = String::new();
    let up = u8::from(state.away.is_none());
    put(&mut out, "dc_database_up", "gauge", "Whether the database answers.", &[("", f64::from(up))]);
    put(&mut out, "dc_passes_total", "counter", "Passes of this manager.", &[("", state.passes as f64)]);
    put(
        &mut out,
        "dc_started_total",
        "counter",
        "Occurrences that this manager started.",
        &[("", state.started as f64)],
    );
    put(
        &mut out,
        "dc_settled_total",
        "counter",
        "Occurrences that it decided otherwise.",
        &[("", state.settled as f64)],
    );
    put(&mut out, "dc_pass_seconds", "gauge", "How long the last pass took.", &[("", state.pass_ms as f64 / 1e3)]);
    put(&mut out, "dc_last_pass_age_seconds", "gauge", "How long the last pass is ago.", &[("", ago.as_secs_f64())]);
    if figures.as_ref().is_none_or(|(read, _)| read.elapsed() >= FRESH) {
        *figures =
            Store::ready(context).and_then(|mut store| of_database(&mut store)).ok().map(|text| (Instant::now(), text));
    }
    out.push_str(figures.as_ref().map_or("", |(_, text)| text));
    out
}

fn of_database(store: &mut Store) -> Result<String> {
    let mut out = String::new();
    let apps = store.apps().all()?;
    let mut states: Vec<(String, f64)> = Vec::new();
    for app in &apps {
        let state = if app.disable { "disabled".to_owned() } else { app.status.name().to_lowercase() };
        match states.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1.0,
            None => states.push((state, 1.0)),
        }
    }
    let labelled: Vec<(String, f64)> =
        states.into_iter().map(|(state, count)| (format!("state=\"{state}\""), count)).collect();
    put_labelled(&mut out, "dc_apps", "gauge", "Apps by their state.", &labelled);
    let each = |value: &dyn Fn(&crate::tables::AppRow) -> f64| -> Vec<(String, f64)> {
        apps.iter().map(|app| (format!("app=\"{}\"", app.name), value(app))).collect()
    };
    put_labelled(&mut out, "dc_app_failures", "gauge", "Failures in a row.", &each(&|app| app.failures as f64));
    let seconds = |moment: Option<chrono::NaiveDateTime>| moment.map_or(0.0, |at| at.and_utc().timestamp() as f64);
    put_labelled(
        &mut out,
        "dc_app_last_run_timestamp_seconds",
        "gauge",
        "When the last run began.",
        &each(&|app| seconds(app.last_run)),
    );
    put_labelled(
        &mut out,
        "dc_app_next_run_timestamp_seconds",
        "gauge",
        "When the next run is due.",
        &each(&|app| seconds(app.next_run)),
    );
    put(
        &mut out,
        "dc_waiting",
        "gauge",
        "Occurrences that wait to start.",
        &[("", store.occurrences().waiting()?.len() as f64)],
    );
    put(&mut out, "dc_running", "gauge", "Runs that go on.", &[("", store.runs().open()?.len() as f64)]);
    put(
        &mut out,
        "dc_managers",
        "gauge",
        "Managers that have not ended.",
        &[("", store.managers().all()?.len() as f64)],
    );
    Ok(out)
}

fn put(out: &mut String, name: &str, kind: &str, help: &str, values: &[(&str, f64)]) {
    let values: Vec<(String, f64)> = values.iter().map(|(label, value)| ((*label).to_owned(), *value)).collect();
    put_labelled(out, name, kind, help, &values);
}

fn put_labelled(out: &mut String, name: &str, kind: &str, help: &str, values: &[(String, f64)]) {
    // writing to a text cannot fail
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (label, value) in values {
        let _ = match label.is_empty() {
            true => writeln!(out, "{name} {value}"),
            false => writeln!(out, "{name}{{{label}}} {value}"),
        };
    }
}
