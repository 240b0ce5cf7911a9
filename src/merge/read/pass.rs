//! One pass over all inputs: one thread cuts them into chunks of whole records, others work on the chunks, and the
//! results come back in the order of the input.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::context::Cancellation;
use crate::error::{Error, Result};
use crate::merge::plan::description::Merge;
use crate::merge::plan::format::Format;
use crate::merge::read::cut::{Cut, cut};
use crate::merge::read::reject::{FaultKind, Reject};
use crate::merge::read::source::{RECORD_BYTES_MAX, Source, WINDOW_BYTES};

/// Chunks that wait for a worker.
const CHUNKS_WAITING_MAX: usize = 4;

/// Bytes of chunks, and of what is made of them, that are on their way; a single larger chunk goes alone.
const BYTES_UNDER_WAY_MAX: usize = 6 << 20;
/// What may be made of one chunk.
const BYTES_MADE_MAX: usize = 1 << 20;

/// How many bytes are on their way, so that long records do not add up.
#[derive(Default)]
struct Budget {
    used: Mutex<usize>,
    freed: Condvar,
}

impl Budget {
    fn take(self: &Arc<Self>, bytes: usize) -> Permit {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && *used + bytes > BYTES_UNDER_WAY_MAX {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Permit { budget: Arc::clone(self), bytes }
    }
}

/// The bytes of one chunk, given back when it is dropped.
pub(crate) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

/// Some whole records of one source.
pub(crate) struct Chunk {
    sequence: u64,
    /// Which source they come from.
    pub(crate) source: usize,
    /// The bytes that the records stand in.
    pub(crate) bytes: Vec<u8>,
    /// The place of the first byte among the bytes of all inputs.
    pub(crate) offset: u64,
    pub(crate) records: Vec<Place>,
    /// What the source itself has wrong behind these records.
    pub(crate) rejects: Vec<Reject>,
    /// Bytes that were read, for the progress bar.
    pub(crate) consumed: u64,
    /// Held as long as what was made of the chunk is on its way.
    pub(crate) permit: Permit,
}

/// Where one record stands.
pub(crate) struct Place {
    /// In the chunk's bytes.
    pub(crate) range: Range<usize>,
    /// The line it begins in, from 1.
    pub(crate) line: u64,
}

/// How many threads work, what ends them early, and the bytes that they make of each record.
pub(crate) struct Work<'a> {
    pub(crate) threads: usize,
    pub(crate) cancellation: &'a Cancellation,
    pub(crate) row_bytes: usize,
}

impl<'a> Work<'a> {
    /// Work that makes nothing which grows with the number of columns.
    pub(crate) fn of(merge: &'a Merge) -> Self {
        Self { threads: merge.threads, cancellation: &merge.cancellation, row_bytes: 0 }
    }
}

/// Runs `work` over all chunks on `threads` threads and gives each result to `collect`, in order, until it breaks off.
pub(crate) fn run<T: Send>(
    sources: &[Source],
    Work { threads, cancellation, row_bytes }: Work<'_>,
    work: impl Fn(Chunk) -> T + Sync,
    mut collect: impl FnMut(T) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let stopped = AtomicBool::new(false);
    let (chunk_sender, chunk_receiver) = sync_channel::<Chunk>(CHUNKS_WAITING_MAX);
    let chunk_receiver = Mutex::new(chunk_receiver);
    std::thread::scope(|scope| {
        let (work, chunks, stop) = (&work, &chunk_receiver, &stopped);
        let (result_sender, result_receiver) = sync_channel::<(u64, T)>(CHUNKS_WAITING_MAX);
        let cutter = scope.spawn(move || cut_all(sources, row_bytes, &chunk_sender, (cancellation, stop)));
        for _ in 0..threads.max(1) {
            let results = result_sender.clone();
            scope.spawn(move || {
                while let Some(chunk) = next(chunks) {
                    let sequence = chunk.sequence;
                    if results.send((sequence, work(chunk))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(result_sender);
        let collected = collect_in_order(result_receiver, cancellation, &mut collect);
        if !matches!(collected, Ok(ControlFlow::Continue(()))) {
            // the workers end when nobody takes their results, the cutter at its next chunk
            stopped.store(true, Ordering::Relaxed);
            while next(&chunk_receiver).is_some() {}
        }
        let cut =
            cutter.join().unwrap_or_else(|_| Err(Error::failed("read the input: the reading thread ended early")));
        match collected? {
            ControlFlow::Continue(()) => cut,
            // nobody wants to know what stands behind
            ControlFlow::Break(()) => Ok(()),
        }
    })
}

fn next(chunks: &Mutex<Receiver<Chunk>>) -> Option<Chunk> {
    chunks.lock().ok()?.recv().ok()
}

fn collect_in_order<T>(
    results: Receiver<(u64, T)>,
    cancellation: &Cancellation,
    collect: &mut impl FnMut(T) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let mut early: BTreeMap<u64, T> = BTreeMap::new();
    let mut expected = 0;
    for (sequence, result) in results {
        cancellation.check()?;
        early.insert(sequence, result);
        while let Some(result) = early.remove(&expected) {
            if collect(result)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            expected += 1;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// What ends the cutting before the inputs do.
type Ends<'a> = (&'a Cancellation, &'a AtomicBool);

fn cut_all(sources: &[Source], row_bytes: usize, chunks: &SyncSender<Chunk>, ends: Ends<'_>) -> Result<()> {
    let mut sequence = 0;
    let budget = Arc::new(Budget::default());
    for (place, source) in sources.iter().enumerate() {
        Cutter::new((place, source), row_bytes, &budget).run(&mut sequence, chunks, ends)?;
    }
    Ok(())
}

/// Reads one source, window by window.
struct Cutter<'a> {
    place: usize,
    source: &'a Source,
    /// Read and not yet cut; the window grows with a record that does not fit.
    window: Vec<u8>,
    /// The place of the window's first byte in the source.
    offset: u64,
    line: u64,
    after_comma: bool,
    /// What is made of each record.
    row_bytes: usize,
    budget: Arc<Budget>,
}

/// How a window ended.
enum Ended {
    /// More bytes may follow.
    Open,
    /// The array was closed here: only blanks may follow.
    Closed,
    /// Nothing more can be read from this source.
    Broken(Reject),
}

impl<'a> Cutter<'a> {
    fn new((place, source): (usize, &'a Source), row_bytes: usize, budget: &Arc<Budget>) -> Self {
        Self {
            place,
            source,
            window: Vec::new(),
            offset: source.start,
            line: source.start_line,
            after_comma: false,
            row_bytes,
            budget: Arc::clone(budget),
        }
    }

    fn run(mut self, sequence: &mut u64, chunks: &SyncSender<Chunk>, (cancellation, stopped): Ends<'_>) -> Result<()> {
        let mut wanted = WINDOW_BYTES;
        // an array must be closed even when it is empty
        let mut open = self.offset < self.source.length || self.source.format == Format::JsonArray;
        while open {
            cancellation.check()?;
            let last = self.fill(wanted)?;
            let (records, consumed, ended) = self.cut_window(last);
            let mut rejects = Vec::new();
            wanted = WINDOW_BYTES;
            match ended {
                Ended::Open if consumed == 0 && !last => {
                    wanted = self.window.len() * 2;
                    if self.window.len() >= RECORD_BYTES_MAX {
                        rejects.push(self.too_long());
                        self.skip_record(cancellation)?;
                    } else {
                        continue;
                    }
                }
                // of wide records only some go into one chunk
                Ended::Open => open = !last || consumed < self.window.len(),
                Ended::Closed => {
                    rejects.extend(self.after_end(consumed, cancellation)?);
                    open = false;
                }
                Ended::Broken(reject) => {
                    rejects.push(reject);
                    open = false;
                }
            }
            let made = records.len() * self.row_bytes;
            let rest = self.window.split_off(consumed.min(self.window.len()));
            let bytes = std::mem::replace(&mut self.window, rest);
            let chunk = Chunk {
                sequence: *sequence,
                source: self.place,
                offset: self.source.base + self.offset,
                records,
                rejects,
                consumed: bytes.len() as u64,
                permit: self.budget.take(bytes.len() + made),
                bytes,
            };
            self.offset += consumed as u64;
            *sequence += 1;
            if chunks.send(chunk).is_err() || stopped.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads until the window holds `wanted` bytes; true when it reaches the end of the source.
    fn fill(&mut self, wanted: usize) -> Result<bool> {
        let have = self.window.len();
        if wanted > have {
            self.window.resize(wanted, 0);
            let count = self.source.read_at(&mut self.window[have..], self.offset + have as u64)?;
            self.window.truncate(have + count);
            self.source.check_length(self.offset + self.window.len() as u64, have + count < wanted)?;
        }
        Ok(self.offset + self.window.len() as u64 >= self.source.length)
    }

    fn cut_window(&mut self, last: bool) -> (Vec<Place>, usize, Ended) {
        let mut records = Vec::new();
        let mut at = 0;
        let records_max = (BYTES_MADE_MAX / self.row_bytes.max(1)).max(1);
        // the end of the source is cut too when nothing is left: an array still has to be closed
        while at < self.window.len() || (last && self.source.format == Format::JsonArray) {
            if records.len() == records_max {
                break;
            }
            match cut(self.source.format, &self.window[at..], last, &mut self.after_comma) {
                Cut::Piece { record, consumed } => {
                    let piece = &self.window[at..at + consumed];
                    if let Some(range) = record {
                        let line = self.line + memchr::memchr_iter(b'\n', &piece[..range.start]).count() as u64;
                        records.push(Place { range: at + range.start..at + range.end, line });
                    }
                    // a piece of NDJSON is a line; the others may hold many
                    self.line += match self.source.format {
                        Format::Ndjson => 1,
                        _ => memchr::memchr_iter(b'\n', piece).count() as u64,
                    };
                    at += consumed;
                }
                Cut::More => break,
                Cut::End { consumed } => return (records, at + consumed, Ended::Closed),
                Cut::Broken { at: place, reason } => {
                    let line = self.line + memchr::memchr_iter(b'\n', &self.window[at..at + place]).count() as u64;
                    return (
                        records,
                        self.window.len(),
                        Ended::Broken(Reject::fatal(self.place, line, reason.to_owned())),
                    );
                }
            }
        }
        (records, at, Ended::Open)
    }

    fn after_end(&mut self, consumed: usize, cancellation: &Cancellation) -> Result<Option<Reject>> {
        let mut at = self.offset + consumed as u64;
        let mut buffer = vec![0; WINDOW_BYTES];
        while at < self.source.length {
            cancellation.check()?;
            let count = self.source.read_at(&mut buffer, at)?;
            if count == 0 {
                break;
            }
            if let Some(found) = buffer[..count].iter().position(|byte| !byte.is_ascii_whitespace()) {
                let line = self.source.line_of(at + found as u64);
                return Ok(Some(Reject::fatal(
                    self.place,
                    line,
                    "there is something after the end of the array".to_owned(),
                )));
            }
            at += count as u64;
        }
        Ok(None)
    }

    fn too_long(&self) -> Reject {
        let reason = format!("the record is longer than {} MiB", RECORD_BYTES_MAX >> 20);
        Reject {
            source: self.place,
            line: self.line,
            spot: None,
            reason,
            raw: None,
            place: None,
            fault: if self.source.format == Format::Ndjson { FaultKind::Record } else { FaultKind::Source },
        }
    }

    /// Leaves a line that is too long behind, without keeping it. In the other formats nothing can follow it.
    fn skip_record(&mut self, cancellation: &Cancellation) -> Result<()> {
        loop {
            cancellation.check()?;
            if let Some(end) = memchr::memchr(b'\n', &self.window) {
                self.offset += end as u64 + 1;
                self.window.drain(..=end);
                self.line += 1;
                return Ok(());
            }
            self.offset += self.window.len() as u64;
            self.window.clear();
            if self.fill(WINDOW_BYTES)? && self.window.is_empty() {
                return Ok(());
            }
        }
    }
}
