//! Reading everything back: what is damaged, what is missing, and what stands there that nobody knows.

use std::time::Instant;

use serde::Serialize;

use super::digest::{self, Copied, ReadFailure};
use super::path::{Said, said};
use super::storage::Storage;
use crate::error::{ErrorKind, Result};
use crate::tables::FileToCheck;

/// Files that are read before what was found is written down.
const BATCH_MAX: i64 = 50;
/// Faults and strays that are shown.
const SHOWN_MAX: usize = 100;

/// A file that is not what was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The store.
    pub store: String,
    /// Its path there.
    pub path: String,
    /// What is wrong.
    pub fault: String,
}

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CheckReport {
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files whose bytes are not those that were kept.
    pub damaged: u64,
    /// Files that are not there.
    pub missing: u64,
    /// Files that no row knows: what a kill has left goes after a day, the rest is not ours.
    pub strays: u64,
    /// The first hundred that are damaged or missing.
    pub faults: Vec<Fault>,
    /// The first hundred that no row knows.
    pub unknown: Vec<Fault>,
    /// The stores that could not be looked at, and why.
    pub away: Vec<(String, String)>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

impl CheckReport {
    /// Whether every file is there as it was kept. A stray is no fault of a file.
    pub fn is_well(&self) -> bool {
        self.damaged + self.missing == 0 && self.away.is_empty()
    }
}

impl Storage {
    /// Reads all files back, of one store or of all, and notes with each what was found.
    ///
    /// # Errors
    /// What the database says; settings for a store that is not there.
    pub fn check(&mut self, store: Option<&str>) -> Result<CheckReport> {
        let began = Instant::now();
        let mut report = CheckReport::default();
        let names = match store {
            Some(name) => {
                self.stores.options.check(name)?;
                vec![name.to_owned()]
            }
            None => self.store_names()?,
        };
        for name in names {
            let reached = self.stores.get(&mut self.tables, &name).map(drop);
            let looked = reached.and_then(|()| self.check_store(&name, &mut report));
            if let Err(error) = looked {
                self.context.cancellation().check()?;
                report.away.push((name, error.to_string()));
            }
        }
        report.elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    fn check_store(&mut self, store: &str, report: &mut CheckReport) -> Result<()> {
        let mut after = String::new();
        loop {
            let batch = self.tables.files().to_check(store, &after, BATCH_MAX)?;
            let Some(last) = batch.last() else { break };
            after.clone_from(&last.path);
            let mut found = Vec::new();
            for file in batch {
                let fault = self.check_file(store, &file, report)?;
                if let Some(fault) = fault.clone().filter(|_| report.faults.len() < SHOWN_MAX) {
                    report.faults.push(Fault { store: store.to_owned(), path: file.path.clone(), fault });
                }
                found.push((file.path, fault));
            }
            self.tables.files().note_check(store, &found)?;
        }
        let (strays, count) = self.strays(store, None)?;
        report.strays += count;
        for stray in strays.into_iter().take(SHOWN_MAX.saturating_sub(report.unknown.len())) {
            let fault = match said(&stray.path) {
                Said::Sha256(_) => "no row knows it: what was keeping it was killed, or it was to be deleted",
                Said::Part => "it was never finished, or is being written",
                Said::Foreign => "it was not put there by dc",
            };
            report.unknown.push(Fault { store: store.to_owned(), path: stray.path, fault: fault.to_owned() });
        }
        Ok(())
    }

    /// What is wrong with a file.
    ///
    /// # Errors
    /// When the store is away, so that nothing can be said.
    fn check_file(&mut self, store: &str, file: &FileToCheck, report: &mut CheckReport) -> Result<Option<String>> {
        let cancellation = self.context.cancellation().clone();
        let mut from = match self.stores.reached(store)?.open(&file.path) {
            Ok(from) => from,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.missing(store, file, report),
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => {
                report.damaged += 1;
                return Ok(Some(format!("it cannot be read: {error}")));
            }
        };
        report.files += 1;
        match digest::read_all(&mut from, &mut |_| cancellation.check()) {
            Ok(Copied { sha256, bytes }) => {
                report.bytes += bytes;
                if sha256 == file.sha256 {
                    return Ok(None);
                }
                report.damaged += 1;
                Ok(Some(match bytes.abs_diff(file.bytes.unsigned_abs()) {
                    0 => "its bytes are not those that were kept".to_owned(),
                    _ => format!("it has {bytes} of {} bytes", file.bytes),
                }))
            }
            Err(ReadFailure::Each(error)) => Err(error),
            Err(ReadFailure::Read(cause)) => {
                report.damaged += 1;
                Ok(Some(format!("it cannot be read: {cause}")))
            }
        }
    }

    /// A file is missing only where its store is there, and nobody has moved or deleted it meanwhile.
    fn missing(&mut self, store: &str, file: &FileToCheck, report: &mut CheckReport) -> Result<Option<String>> {
        self.stores.reached(store)?.reach(true)?;
        if self.tables.files().known(store, std::slice::from_ref(&file.path))?.is_empty() {
            return Ok(None);
        }
        report.missing += 1;
        Ok(Some("it is not there".to_owned()))
    }
}
