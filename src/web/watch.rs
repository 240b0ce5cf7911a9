//! What tells viewers that something has changed: one thread looks a few times a second for all of them, and not at all
//! while nobody watches.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use futures_util::stream;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout_at};

use crate::context::Context;
use crate::error::{OrFail, Result};
use crate::tables::{Changes, Store};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(350);
/// How often a database that does not answer is asked.
const AWAY_EVERY: Duration = Duration::from_secs(2);
/// How long a look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// How long a stream lasts: a browser opens the next one by itself, and no client stays for ever.
const STREAM: Duration = Duration::from_secs(25);
/// After how many milliseconds a browser does.
const AGAIN_MS: u32 = 300;

/// What can change, as pages name it.
const TOPICS: [&str; 3] = ["runs", "logs", "documents"];

/// How often each has changed since the server began, and when that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    began: u64,
    counts: [u64; TOPICS.len()],
}

/// Who watches for changes.
#[derive(Clone)]
pub(super) struct Watch {
    seen: Receiver<Seen>,
    viewers: Arc<Viewers>,
}

#[derive(Default)]
struct Viewers {
    count: AtomicUsize,
    came: Condvar,
    lock: Mutex<()>,
}

/// A viewer, as long as they watch.
struct Watching(Arc<Viewers>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Watch {
    /// Starts the thread.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn start(context: &Context) -> Result<Self> {
        let began = u64::try_from(crate::clock::now().and_utc().timestamp_millis()).unwrap_or_default();
        let (sender, seen) = channel(Seen { began, counts: [0; TOPICS.len()] });
        let viewers = Arc::<Viewers>::default();
        let (context, waited) = (context.clone(), Arc::clone(&viewers));
        let thread = std::thread::Builder::new().name("web-watch".to_owned());
        thread
            .spawn(move || look(&context, &sender, &waited))
            .or_fail(|| "start a thread for the dashboard".to_owned())?;
        Ok(Self { seen, viewers })
    }

    /// How things stand, as a page has it that is about to be read: what changes from here on is told to who comes with it.
    pub(super) fn seen(&self) -> String {
        text(&self.seen.borrow())
    }

    /// A stream of events: what changed since `last`, which is of the page or of the last event that the browser has.
    pub(super) fn events(&self, last: Option<&str>) -> Response {
        // before the first look is asked for: it is told, however soon it comes
        let mut seen = self.seen.clone();
        let now = *seen.borrow_and_update();
        let watching = Watching(Arc::clone(&self.viewers));
        self.viewers.count.fetch_add(1, Ordering::AcqRel);
        drop(self.viewers.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.viewers.came.notify_all();
        let known = last.map(|last| read(last).filter(|seen| seen.began == now.began));
        let known = known.unwrap_or(Some(now));
        let hello = format!("retry: {AGAIN_MS}\nid: {}\ndata: hello\n\n", text(&now));
        let first = hello + &told(known.as_ref(), &now);
        let state = (seen, now, Instant::now() + STREAM, Some(first), watching);
        let events = stream::unfold(state, |(mut seen, known, until, first, watching)| async move {
            if let Some(first) = first {
                return Some((Ok::<_, std::convert::Infallible>(first), (seen, known, until, None, watching)));
            }
            match timeout_at(until, seen.changed()).await {
                Ok(Ok(())) => {
                    let now = *seen.borrow_and_update();
                    Some((Ok(told(Some(&known), &now)), (seen, now, until, None, watching)))
                }
                _ => None,
            }
        });
        let mut response = Response::new(Body::from_stream(events));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        response
    }
}

/// The events for what has changed; for all of it where nothing is known.
fn told(known: Option<&Seen>, now: &Seen) -> String {
    let is_new = |at: usize| known.is_none_or(|known| known.counts[at] != now.counts[at]);
    let topics = TOPICS.iter().enumerate().filter(|(at, _)| is_new(*at));
    topics.map(|(at, topic)| format!("event: {topic}\nid: {}\ndata: {}\n\n", text(now), now.counts[at])).collect()
}

fn text(seen: &Seen) -> String {
    let [runs, logs, documents] = seen.counts;
    format!("{}-{runs}-{logs}-{documents}", seen.began)
}

fn read(text: &str) -> Option<Seen> {
    let numbers: Vec<u64> = text.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [began, runs, logs, documents] = numbers.try_into().ok()?;
    Some(Seen { began, counts: [runs, logs, documents] })
}

/// Looks again and again, while somebody watches and the server is there.
fn look(context: &Context, sender: &Sender<Seen>, viewers: &Viewers) {
    let (mut store, mut last): (Option<Store>, Option<Changes>) = (None, None);
    loop {
        wait_for_viewers(viewers);
        let read = match store.take() {
            Some(store) => Ok(store),
            None => Store::reading(context, LOOK_LIMIT),
        };
        let read = read.and_then(|mut open| {
            let changes = open.changes()?;
            store = Some(open);
            Ok(changes)
        });
        let pause = match read {
            Ok(changes) => {
                note(sender, last.as_ref(), &changes);
                last = Some(changes);
                LOOK_EVERY
            }
            Err(error) => {
                log::debug!("nobody sees whether anything changes: {error}");
                AWAY_EVERY
            }
        };
        if sender.is_closed() {
            return;
        }
        std::thread::sleep(pause);
    }
}

fn note(sender: &Sender<Seen>, last: Option<&Changes>, now: &Changes) {
    // before the first look anything may have changed
    let changed = last.map_or([true; TOPICS.len()], |last| {
        [last.runs != now.runs, last.logs != now.logs, last.documents != now.documents]
    });
    if changed.contains(&true) {
        sender.send_modify(|seen| {
            seen.counts.iter_mut().zip(changed).for_each(|(count, changed)| *count += u64::from(changed));
        });
    }
}

fn wait_for_viewers(viewers: &Viewers) {
    let mut lock = viewers.lock.lock().unwrap_or_else(PoisonError::into_inner);
    while viewers.count.load(Ordering::Acquire) == 0 {
        lock = viewers.came.wait(lock).unwrap_or_else(PoisonError::into_inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_told_what_changed_meanwhile() {
        let seen = |counts| Seen { began: 5, counts };
        assert_eq!(read("5-1-2-3"), Some(seen([1, 2, 3])));
        assert_eq!((read(""), read("5-1-2"), read("5-1-2-3-4"), read("5-1-2-x")), (None, None, None, None));
        let now = seen([1, 3, 3]);
        assert_eq!(told(Some(&seen([1, 2, 3])), &now), "event: logs\nid: 5-1-3-3\ndata: 3\n\n");
        assert_eq!(told(Some(&now), &now), "");
        assert_eq!(told(None, &now).matches("event: ").count(), 3);
    }
}
