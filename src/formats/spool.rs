//! Records of a file that cannot be read again by their place: as lines of JSON in a file without a name, and beside them
//! the place that each has in the original, so that an error still names the row of the sheet.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

use super::temporary::{spool_error, temporary_file};
use crate::error::Result;
use crate::hash::write_json;
use crate::record::Value;

/// The most bytes one record may have. It bounds the memory, whatever the input.
pub const RECORD_BYTES_MAX: usize = 32 << 20;

/// What a line begins with that stands for a record which cannot be taken; no JSON begins so.
const REFUSED: u8 = b'!';
/// Bytes of a place.
const PLACE_BYTES: u64 = 8;
/// What is collected before it is written.
const BUFFER_BYTES: usize = 128 * 1024;

/// Writes the records of one part of a file: a sheet, a table, all of an XML file.
#[derive(Debug)]
pub struct RecordSpool {
    records: BufWriter<File>,
    places: BufWriter<File>,
    line: Vec<u8>,
    count: u64,
    unit: &'static str,
    is_untyped: bool,
}

/// One part of a file, as records.
#[derive(Debug)]
pub struct Part {
    /// What it is called beside the file: "sheet `Prices`"; `None` when the file has no parts.
    pub(crate) name: Option<String>,
    /// Lines of JSON.
    pub(crate) records: File,
    pub(crate) origin: Origin,
}

/// Where converted records came from.
#[derive(Debug)]
pub(crate) struct Origin {
    places: File,
    /// What is counted there: "row", "line".
    pub(crate) unit: &'static str,
    /// Whether its values are texts that stand for numbers as well, as fields of CSV do.
    pub(crate) is_untyped: bool,
}

/// Why a record could not be converted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal<'a> {
    /// The column.
    #[serde(borrow)]
    pub(crate) column: Option<Cow<'a, str>>,
    /// In words.
    #[serde(borrow)]
    pub(crate) reason: Cow<'a, str>,
    /// The record, as far as it goes.
    #[serde(borrow)]
    pub(crate) record: Cow<'a, str>,
}

impl RecordSpool {
    /// For records whose values say what they are; `unit` is what places are counted in: "row", "line".
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn new(unit: &'static str) -> Result<Self> {
        let file = || temporary_file().map(|file| BufWriter::with_capacity(BUFFER_BYTES, file));
        let (records, places) = (file()?, file()?);
        Ok(Self { records, places, line: Vec::new(), count: 0, unit, is_untyped: false })
    }

    /// For records of texts: the column decides whether `12` is a number, as in CSV.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn of_texts(unit: &'static str) -> Result<Self> {
        Ok(Self { is_untyped: true, ..Self::new(unit)? })
    }

    /// Adds a record, an object, that stands at `place` in the original.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, place: u64, record: &Value<'_>) -> Result<()> {
        self.line.clear();
        write_json(record, &mut self.line);
        self.write(place)
    }

    /// Adds a record that is a line of JSON already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push_json(&mut self, place: u64, json: &[u8]) -> Result<()> {
        self.line.clear();
        self.line.extend_from_slice(json);
        self.write(place)
    }

    /// Adds a record that cannot be taken, for `reason`: it is a bad record of the merge.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn refuse(&mut self, place: u64, column: Option<&str>, reason: &str, record: &Value<'_>) -> Result<()> {
        let mut text = Vec::new();
        write_json(record, &mut text);
        let record = String::from_utf8_lossy(&text);
        let refusal = Refusal { column: column.map(Cow::Borrowed), reason: Cow::Borrowed(reason), record };
        self.line.clear();
        self.line.push(REFUSED);
        // texts alone: it cannot fail
        self.line.extend(serde_json::to_vec(&refusal).unwrap_or_default());
        self.write(place)
    }

    fn write(&mut self, place: u64) -> Result<()> {
        self.line.push(b'\n');
        self.records.write_all(&self.line).map_err(spool_error)?;
        self.places.write_all(&place.to_le_bytes()).map_err(spool_error)?;
        self.count += 1;
        Ok(())
    }

    /// How many records there are, bad ones included.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The part that the records are; `name` is what it is called beside its file.
    ///
    /// # Errors
    /// When the last of it cannot be written.
    pub fn finish(self, name: Option<String>) -> Result<Part> {
        let end = |writer: BufWriter<File>| writer.into_inner().map_err(|cause| spool_error(cause.into_error()));
        let origin = Origin { places: end(self.places)?, unit: self.unit, is_untyped: self.is_untyped };
        Ok(Part { name, records: end(self.records)?, origin })
    }
}

impl Origin {
    /// The place in the original of the record in this line, from 1.
    pub(crate) fn place(&self, line: u64) -> u64 {
        let mut place = [0; PLACE_BYTES as usize];
        let read = self.places.read_exact_at(&mut place, line.saturating_sub(1) * PLACE_BYTES);
        if read.is_ok() { u64::from_le_bytes(place) } else { line }
    }
}

/// What a line says of a record that could not be converted; `None` for any other line.
pub(crate) fn refusal(line: &str) -> Option<Refusal<'_>> {
    serde_json::from_str(line.strip_prefix(char::from(REFUSED))?).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::io::Seek;

    use super::*;

    #[test]
    fn records_keep_the_place_that_they_had() {
        let mut spool = RecordSpool::of_texts("row").expect("a spool");
        let record = |text: &str| Value::Object(vec![("a".into(), Value::from(text.to_owned()))]);
        spool.push(3, &record("x\ny")).expect("a record");
        spool.refuse(7, Some("a"), "it is an \"error\"", &record("#N/A")).expect("a record");
        let mut part = spool.finish(None).expect("a part");
        assert_eq!((part.origin.place(1), part.origin.place(2)), (3, 7));
        let mut text = String::new();
        part.records.rewind().expect("the start");
        part.records.read_to_string(&mut text).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "{\"a\": \"x\\ny\"}");
        let found = refusal(lines[1]).expect("a refusal");
        assert_eq!((found.column.as_deref(), &*found.reason), (Some("a"), "it is an \"error\""));
        assert_eq!(found.record, "{\"a\": \"#N/A\"}");
        assert!(refusal(lines[0]).is_none());
    }
}
