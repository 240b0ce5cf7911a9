//! The lane of one sink: lines wait in memory while the sink keeps up, on disk while it is slow or away, and one thread
//! delivers them in their order. So one sink holds up neither the others nor whoever writes.

mod batch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use batch::Batch;

use super::backlog::{Backlog, Chunk, Damage, PLACE_FIRST};
use super::folder::Folder;
use super::line::Line;
use super::lines::Lines;
use super::memory::{Memory, Part};
use super::own::{in_pipeline, own_line, tell};
use super::sink::{Limits, Sink, Undelivered, Why};
use crate::die;
use crate::error::{OrFail, Result};
use crate::settings::WhenFull;
use crate::tables::LogLevel;

/// The pauses between two tries of a sink that is away: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// How much longer than its limit the end may take, while a sink takes lines.
const STRETCH: u32 = 6;
/// How often dropped records are told at the most.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A lane, shared between the router and the thread that delivers.
pub(super) struct Lane {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    name: String,
    folder: Arc<Folder>,
    full: WhenFull,
    state: Mutex<State>,
    /// There is something to do.
    work: Condvar,
    /// Something was done.
    done: Condvar,
}

struct State {
    memory: Memory,
    /// Where the next line begins in the stream of this lane.
    next_place: u64,
    backlog: Backlog,
    /// What other processes have left. Nobody waits for it: it is delivered while there is nothing of our own, and at the
    /// end the rest is left to the next process.
    inherited: Backlog,
    /// Set while the sink is away.
    away: Option<Away>,
    /// Set at the end.
    closing: Option<Closing>,
    /// Somebody waits for what is in memory: it does not linger.
    is_hurried: bool,
    /// The worker has ended, or is no longer listened to.
    has_ended: bool,
    report: LaneReport,
    /// What was dropped and not told yet, and when it was told last.
    untold: u64,
    /// Why the last of it could not be kept, where it should have been.
    untold_cause: Option<String>,
    told_at: Option<Instant>,
}

struct Away {
    pause: Duration,
    until: Instant,
}

/// The time that is left at the end. A sink that takes lines gets more of it.
#[derive(Clone, Copy)]
struct Closing {
    /// Without any progress it is over then.
    until: Instant,
    limit: Duration,
    /// And then in any case.
    over_at: Instant,
}

/// What became of the lines of one sink.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneReport {
    /// The sink.
    pub sink: String,
    /// Records that it took.
    pub delivered: u64,
    /// Records that it refused for good; they are kept beside the waiting ones.
    pub refused: u64,
    /// Records that were dropped: too many waited, or the disk was full.
    pub dropped: u64,
    /// The bytes of records that wait on disk, for the next process to deliver.
    pub waiting_bytes: u64,
    /// The bytes of records that other processes had left, and that still wait.
    pub inherited_bytes: u64,
    /// What the sink said last, if it is away.
    pub away: Option<String>,
}

impl Lane {
    /// A lane for a sink, which also delivers the lines that others have left for it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        name: &str,
        sink: Box<dyn Sink>,
        full: WhenFull,
        folder: Arc<Folder>,
        inherited: Backlog,
    ) -> Result<Self> {
        let state = State {
            memory: Memory::default(),
            next_place: PLACE_FIRST,
            backlog: inherited.beside(),
            inherited,
            away: None,
            closing: None,
            is_hurried: false,
            has_ended: false,
            report: LaneReport { sink: name.to_owned(), ..LaneReport::default() },
            untold: 0,
            untold_cause: None,
            told_at: None,
        };
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            folder,
            full,
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
        });
        let thread = std::thread::Builder::new().name(format!("log {name}"));
        let worker = thread.spawn({
            let shared = Arc::clone(&shared);
            move || in_pipeline(|| shared.deliver(sink))
        });
        let worker = worker.or_fail(|| format!("start a thread for the log sink `{name}`"))?;
        Ok(Self { shared, worker: Mutex::new(Some(worker)) })
    }

    pub(super) fn name(&self) -> &str {
        &self.shared.name
    }

    /// Takes lines behind all others.
    pub(super) fn offer(&self, lines: &Arc<Lines>) {
        let mut state = self.shared.lock();
        if state.backlog.is_empty() && state.away.is_none() {
            while !state.memory.has_room(lines) && self.shared.full == WhenFull::Block && !state.has_ended {
                state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.memory.has_room(lines) && !state.has_ended {
                let was_idle = state.memory.count() == 0;
                state.remember(lines);
                let is_much = state.memory.count() >= Limits::default().lines_max;
                drop(state);
                if was_idle || is_much {
                    self.shared.work.notify_one();
                }
                return;
            }
            if self.shared.full == WhenFull::DropNewest {
                state.drop_lines(lines.len());
                return;
            }
        }
        state.keep(lines, &self.shared.name);
        drop(state);
        self.shared.work.notify_one();
    }

    /// Whether more than `bytes` wait on disk for a sink that is not away, only slow.
    pub(super) fn is_slow(&self, bytes: u64) -> bool {
        let state = self.shared.lock();
        state.away.is_none() && !state.backlog.is_empty() && state.backlog.bytes() + state.inherited.bytes() > bytes
    }

    /// Counts lines that were lost before they came here.
    pub(super) fn count_dropped(&self, count: u64) {
        self.shared.lock().drop_lines(usize::try_from(count).unwrap_or(usize::MAX));
    }

    /// Tells the sink what was dropped, at most once a second; in any case when it `is_last`.
    pub(super) fn tell_dropped(&self, is_last: bool) {
        let mut state = self.shared.lock();
        let is_due = is_last || state.told_at.is_none_or(|told_at| told_at.elapsed() >= TELL_EVERY);
        if state.untold == 0 || !is_due {
            return;
        }
        state.told_at = Some(Instant::now());
        let count = std::mem::take(&mut state.untold);
        let cause = state.untold_cause.take().unwrap_or_else(|| "too many waited".to_owned());
        let text = format!("{count} log records for `{}` were dropped: {cause}", self.shared.name);
        let mut lines = Lines::default();
        lines.push(&own_line(LogLevel::Warning, &text));
        // one line more is no harm, and it says what is missing
        if state.backlog.is_empty() && state.away.is_none() {
            state.remember(&Arc::new(lines));
        } else {
            state.keep(&lines, &self.shared.name);
        }
        drop(state);
        self.shared.work.notify_one();
    }

    /// Waits until what was offered is delivered, or on disk; false when that takes longer.
    pub(super) fn wait_until_settled(&self, until: Instant) -> bool {
        let mut state = self.shared.lock();
        state.is_hurried = true;
        while state.memory.count() > 0 && !state.has_ended {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return false;
            }
            self.shared.work.notify_one();
            state = self.shared.done.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_hurried = false;
        true
    }

    /// Lets the worker deliver as long as its sink takes lines, with pauses of at most `limit`.
    pub(super) fn close(&self, limit: Duration) {
        let now = Instant::now();
        let closing = Closing { until: now + limit, limit, over_at: now + limit * STRETCH };
        self.shared.lock().closing = Some(closing);
        self.shared.work.notify_all();
    }

    /// Waits for the worker of a closed lane; what is left in memory then goes to disk. A worker that hangs in its sink
    /// is left behind.
    pub(super) fn end(&self) {
        let mut state = self.shared.lock();
        while !state.has_ended {
            let rest =
                state.closing.map_or(Duration::ZERO, |closing| closing.until.saturating_duration_since(Instant::now()));
            if rest.is_zero() {
                break;
            }
            state = self.shared.done.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        let has_ended = std::mem::replace(&mut state.has_ended, true);
        if state.memory.count() > 0 {
            state.move_to_disk("the process ended before they were delivered", &self.shared.name);
        }
        drop(state);
        self.shared.done.notify_all();
        self.shared.work.notify_all();
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if has_ended && let Some(worker) = worker {
            let _ = worker.join();
        }
    }

    /// What became of the lines so far.
    pub(super) fn report(&self) -> LaneReport {
        let state = self.shared.lock();
        let (waiting_bytes, inherited_bytes) = (state.backlog.bytes(), state.inherited.bytes());
        LaneReport { waiting_bytes, inherited_bytes, ..state.report.clone() }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker: delivers until it is told to end.
    fn deliver(&self, mut sink: Box<dyn Sink>) {
        let limits = sink.limits();
        while let Some(batch) = self.next(limits) {
            let lines = batch.lines(self.folder.owner());
            let outcome = catch_unwind(AssertUnwindSafe(|| sink.write(&lines)));
            let outcome = outcome.unwrap_or_else(|_| Err(Undelivered::away(0, "the sink panicked")));
            let count = lines.len();
            match outcome {
                Ok(()) => self.settle(&batch, count, 0),
                Err(Undelivered { taken, why: Why::Refused(reason) }) => {
                    let taken = taken.min(count);
                    let refused = lines.get(taken).copied();
                    if let Some(line) = refused {
                        self.set_aside(&reason, line);
                    }
                    self.settle(&batch, taken, usize::from(refused.is_some()));
                }
                Err(Undelivered { taken, why: Why::Away { reason, after } }) => {
                    self.settle(&batch, taken.min(count), 0);
                    self.go_away(&reason, after);
                }
            }
        }
        self.lock().has_ended = true;
        self.done.notify_all();
    }

    /// The next lines to deliver; `None` at the end.
    fn next(&self, limits: Limits) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            // a sink that is away is tried again as long as there is time
            let next_try = state.away.as_ref().map_or(now, |away| away.until.max(now));
            let is_over = state.closing.is_some_and(|closing| next_try >= closing.until);
            if state.has_ended || is_over {
                return None;
            }
            let wake_at = state.away.as_ref().map(|away| away.until).filter(|until| *until > now);
            let wake_at = match wake_at {
                Some(until) => Some(until),
                None if !state.backlog.is_empty() && state.memory.count() == 0 => {
                    match self.next_on_disk(&mut state.backlog, limits) {
                        Some(chunk) => return Some(Batch::Disk(chunk)),
                        None => continue,
                    }
                }
                None if state.memory.count() > 0 => {
                    let ripe_at = state.memory.since().map_or(now, |since| since + limits.linger);
                    let is_hurried = state.is_hurried || state.closing.is_some() || !state.backlog.is_empty();
                    if is_hurried || now >= ripe_at || state.memory.count() >= limits.lines_max {
                        return Some(Batch::Memory(state.memory.batch(limits)));
                    }
                    Some(ripe_at)
                }
                None if state.closing.is_some() => return None,
                None => None,
            };
            let is_free = state.closing.is_none() && state.away.as_ref().is_none_or(|away| away.until <= now);
            if is_free && !state.inherited.is_empty() {
                match self.next_on_disk(&mut state.inherited, limits) {
                    Some(chunk) => return Some(Batch::Inherited(chunk)),
                    None => continue,
                }
            }
            state = match wake_at {
                Some(until) => {
                    let rest = until.saturating_duration_since(now);
                    self.work.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// A file that cannot be read is left where it is, and told.
    fn next_on_disk(&self, backlog: &mut Backlog, limits: Limits) -> Option<Chunk> {
        let read = backlog.read(limits.lines_max, limits.bytes_max, |damage| self.tell_damage(&damage));
        read.unwrap_or_else(|error| {
            if let Some(path) = backlog.skip_first() {
                let name = path.display();
                tell(log::Level::Error, &format!("{name} with records for `{}` is left out: {error}", self.name));
            }
            None
        })
    }

    fn tell_damage(&self, Damage { part, range, kept }: &Damage) {
        let what = format!("bytes {} to {} of {} are damaged", range.start, range.end, part.display());
        let kept = match kept {
            Ok(path) => format!("they are set aside in {}", path.display()),
            Err(error) => format!("they could not be set aside: {error}"),
        };
        tell(log::Level::Warn, &format!("{what}; {kept}; the rest is delivered"));
    }

    fn set_aside(&self, reason: &str, line: Line<'_>) {
        let kept = self.folder.refuse(&self.name, reason, line.bytes());
        let place = self.folder.path().display();
        match kept {
            Ok(()) => tell(
                log::Level::Warn,
                &format!("the log sink `{}` refused a record, now in {place}: {reason}", self.name),
            ),
            Err(error) => tell(log::Level::Error, &format!("a record that `{}` refused is lost: {error}", self.name)),
        }
    }

    /// Counts delivered lines, and refused ones behind them.
    fn settle(&self, batch: &Batch, delivered: usize, refused: usize) {
        let mut state = self.lock();
        // left behind by `end`: the lines are on disk by now
        if state.has_ended {
            return;
        }
        if delivered > 0
            && let Some(closing) = &mut state.closing
        {
            closing.until = (Instant::now() + closing.limit).min(closing.over_at);
        }
        state.report.delivered += delivered as u64;
        state.report.refused += refused as u64;
        let advanced = match batch {
            Batch::Memory(_) => {
                state.memory.take(delivered + refused);
                Ok(())
            }
            Batch::Disk(chunk) => state.backlog.advance(chunk, delivered + refused),
            Batch::Inherited(chunk) => state.inherited.advance(chunk, delivered + refused),
        };
        let bytes = state.inherited.bytes();
        state.backlog.note_beside(bytes);
        if let Err(error) = advanced {
            tell(log::Level::Warn, &format!("records for `{}` may be delivered twice: {error}", self.name));
        }
        if delivered + refused > 0 && state.away.take().is_some() {
            state.report.away = None;
            tell(log::Level::Warn, &format!("the log sink `{}` is back", self.name));
        }
        drop(state);
        self.done.notify_all();
    }

    fn go_away(&self, reason: &str, after: Option<Duration>) {
        let mut state = self.lock();
        if state.has_ended {
            return;
        }
        let pause = state.away.as_ref().map_or(PAUSE.0, |away| (away.pause * 2).min(PAUSE.1));
        if state.away.is_none() {
            let place = self.folder.path().display();
            let text = format!("the log sink `{}` is away, its records wait in {place}: {reason}", self.name);
            tell(log::Level::Warn, &text);
        }
        let wait = after.unwrap_or_default().max(jittered(pause));
        state.away = Some(Away { pause, until: Instant::now() + wait });
        state.report.away = Some(reason.to_owned());
        if state.memory.count() > 0 {
            state.move_to_disk(reason, &self.name);
        }
        drop(state);
        self.done.notify_all();
    }
}

/// A pause that differs from process to process, so that not all come back at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.8 + 0.4 * die::share())
}

impl State {
    /// Has lines wait in memory behind all others.
    fn remember(&mut self, lines: &Arc<Lines>) {
        self.memory.push(lines, self.next_place);
        self.next_place += lines.size() as u64;
    }

    /// Puts lines on disk behind all others.
    fn keep(&mut self, lines: &Lines, name: &str) {
        match self.backlog.append(lines.bytes(0..lines.len()), self.next_place) {
            Ok(()) => self.next_place += lines.size() as u64,
            Err(error) => {
                if self.untold == 0 {
                    tell(log::Level::Error, &format!("records for the log sink `{name}` are dropped: {error}"));
                }
                self.untold_cause = Some(error.to_string());
                self.drop_lines(lines.len());
            }
        }
    }

    /// Puts the lines in memory on disk, before all others.
    fn move_to_disk(&mut self, reason: &str, name: &str) {
        let parts = self.memory.parts();
        let Some(place) = parts.first().map(Part::start) else { return };
        let parts: Vec<&[u8]> = parts.iter().map(Part::bytes).collect();
        if let Err(error) = self.backlog.prepend(&parts, place, reason) {
            tell(log::Level::Error, &format!("records for the log sink `{name}` are dropped: {error}"));
            self.untold_cause = Some(error.to_string());
            self.drop_lines(self.memory.count());
        }
        self.memory = Memory::default();
    }

    fn drop_lines(&mut self, count: usize) {
        self.untold += count as u64;
        self.report.dropped += count as u64;
    }
}

#[cfg(test)]
mod tests;
