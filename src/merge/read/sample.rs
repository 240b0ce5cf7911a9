//! The first records of an input and the columns that they go into: what a person looks at before the first merge.

use std::ops::ControlFlow;

use super::ground::Ground;
use super::pass::{self, Chunk, Work};
use crate::db::Table;
use crate::error::Result;
use crate::hash::{RESERVED, write_json};
use crate::merge::report::{Sample, SampleColumn};
use crate::record::Value;

/// As much of one record as a sample shows.
const RECORD_BYTES_MAX: usize = 64 * 1024;

/// As many records as the merge asks for; `None` where it asks for none. Bad records are left out.
///
/// # Errors
/// When the input cannot be read.
pub(crate) fn sample(ground: &Ground<'_>, table: &Table) -> Result<Option<Sample>> {
    let most = ground.merge.sample;
    if most == 0 {
        return Ok(None);
    }
    let mut records = Vec::new();
    let work = |chunk: Chunk| lines(ground, &chunk, most);
    pass::run(ground.sources, Work { threads: 1, ..Work::of(ground.merge) }, work, |found: Vec<String>| {
        records.extend(found);
        Ok(if records.len() >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    records.truncate(most);
    let columns = table.columns.iter().filter(|column| !RESERVED.contains(&column.name.as_str()));
    let columns = columns.map(|column| SampleColumn { name: column.name.clone(), declared: column.declared.clone() });
    Ok(Some(Sample { columns: columns.collect(), records }))
}

fn lines(ground: &Ground<'_>, chunk: &Chunk, most: usize) -> Vec<String> {
    let format = ground.sources[chunk.source].format;
    let read = chunk.records.iter().filter_map(|place| {
        let record = ground.reader.read(chunk.source, format, &chunk.bytes[place.range.clone()]).ok()?;
        let mut line = Vec::new();
        write_json(&Value::Object(record.fields), &mut line);
        let text = String::from_utf8_lossy(&line);
        let end = text.floor_char_boundary(RECORD_BYTES_MAX);
        Some(if end < text.len() { format!("{}..", &text[..end]) } else { text.into_owned() })
    });
    read.take(most).collect()
}
