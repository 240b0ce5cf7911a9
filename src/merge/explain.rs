//! `--hash-only`: the canonical form and the hash of each record, so that anyone can see why two differ.

use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use crate::error::Result;
use crate::hash::{Canonical, hash_bytes};
use crate::merge::plan::description::Merge;
use crate::merge::read::columns::survey_csv;
use crate::merge::read::names::check_hashed;
use crate::merge::read::open::open_all;
use crate::merge::read::pass::{self, Chunk, Work};
use crate::merge::read::reader::Reader;
use crate::merge::read::reject::Reject;
use crate::merge::read::source::{Input, Source};

/// One record, explained.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// The text that is hashed.
    pub canonical: String,
    /// The hash, 64 hex digits.
    pub sha: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// How many records were explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The number of records.
    pub records: u64,
}

/// Gives each record's canonical form and hash to `each`, in order. No database is touched: the kinds of CSV columns
/// are those that a new table would get.
///
/// # Errors
/// The first bad record, with file, line and column; or what `each` says.
pub fn explain(merge: &Merge, inputs: &[Input], mut each: impl FnMut(&Explanation) -> Result<()>) -> Result<Explained> {
    let sources = open_all(merge, inputs)?;
    let survey = survey_csv(merge, &sources)?;
    let reader = Reader::new(merge, &sources, None, &survey)?;
    check_hashed(merge)?;
    let mut records = 0;
    let work = |chunk: Chunk| explain_chunk(merge, &reader, &sources[chunk.source], chunk);
    pass::run(&sources, Work::of(merge), work, |(explanations, reject)| {
        explanations.iter().try_for_each(&mut each)?;
        records += explanations.len() as u64;
        match reject {
            Some(reject) => Err(reject.into_error(&sources, true)),
            None => Ok(ControlFlow::Continue(())),
        }
    })?;
    if records > 0 {
        reader.wanted.check(None)?;
    }
    Ok(Explained { records })
}

fn explain_chunk(merge: &Merge, reader: &Reader, source: &Source, chunk: Chunk) -> (Vec<Explanation>, Option<Reject>) {
    let mut explanations = Vec::with_capacity(chunk.records.len());
    let mut form = Canonical::default();
    for place in &chunk.records {
        let bytes = &chunk.bytes[place.range.clone()];
        match reader.read(chunk.source, source.format, bytes) {
            Ok(record) => {
                let text = form.of(&record, &merge.hash);
                let (canonical, sha) = (String::from_utf8_lossy(text).into_owned(), hash_bytes(text).to_string());
                explanations.push(Explanation { line: source.place(place.line), canonical, sha });
            }
            Err(fault) => {
                return (
                    explanations,
                    Some(fault.reject((chunk.source, place.line, chunk.offset + place.range.start as u64), bytes)),
                );
            }
        }
    }
    (explanations, chunk.rejects.into_iter().next())
}
