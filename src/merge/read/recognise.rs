//! What each input is: an archive with several in it, a format that is turned into records, or plain lines.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::closing::take_closing_line;
use super::encoding::{recognised, to_utf8};
use super::header::look;
use super::source::{Source, WINDOW_BYTES};
use super::unpack::{check_text, unpack};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::formats::{self, Flag, FormatEntry, Opened, Start};
use crate::merge::plan::description::Merge;
use crate::merge::plan::format::Format;

/// The flags that CSV knows.
const OF_CSV: &[Flag] =
    &[Flag::SkipRows, Flag::Delimiter, Flag::Encoding, Flag::Decimal, Flag::Thousands, Flag::DateFormat, Flag::Null];
/// What is named so is no table of lines, unless somebody says so.
const NO_LINES: [&str; 9] = ["xlsx", "xlsm", "xls", "xlsb", "ods", "zip", "tar", "pdf", "parquet"];
/// The flags that lines and lists of JSON know.
const OF_JSON: &[Flag] = &[Flag::Flatten, Flag::Encoding];

/// A file and what to call it.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) file: File,
    /// The device and the number of the file that it came from.
    pub(crate) identity: Option<(u64, u64)>,
}

/// Inputs that become sources, one after the other.
pub(crate) struct Opening<'a> {
    merge: &'a Merge,
    sources: Vec<Source>,
    base: u64,
    /// What was found: the name of an input, its format, and the flags that it knows.
    found: Vec<(String, &'static str, &'static [Flag])>,
    /// Whether an input is empty: then it could be of any format.
    is_open: bool,
    /// Inputs that are still to come.
    left: usize,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(merge: &'a Merge, inputs: usize) -> Self {
        Self { merge, sources: Vec::new(), base: 0, found: Vec::new(), is_open: false, left: inputs }
    }

    /// Adds an input, or the members of an archive.
    pub(crate) fn add(&mut self, Named { name, file, identity }: Named, ending: Option<&str>) -> Result<()> {
        let merge = self.merge;
        self.left = self.left.saturating_sub(1);
        let file = unpack(&name, file, &merge.cancellation)?;
        let Some(members) = formats::members(&name, &file, &merge.reading, &merge.cancellation)? else {
            return self.add_records(Named { name, file, identity }, ending);
        };
        self.found.push((name.clone(), "an archive", &[Flag::Member]));
        for member in members {
            let (own, ending) = (format!("{name}, `{}`", member.name), ending_of(&member.name));
            let file = unpack(&own, member.file, &merge.cancellation)?;
            if formats::is_archive(&own, &file)? {
                return Err(Error::failed(format!("read {own}: it is an archive in an archive"))
                    .hint("unpack the outer one first; nothing was changed"));
            }
            self.add_records(Named { name: own, file, identity }, ending.as_deref())?;
        }
        Ok(())
    }

    fn add_records(&mut self, Named { name, file, identity }: Named, ending: Option<&str>) -> Result<()> {
        let merge = self.merge;
        let mut bytes = start_of(&name, &file)?;
        let is_asked = merge.reading.format.is_some() || merge.reading.records.is_some();
        let is_plain = merge.format.is_some() && !is_asked;
        let by_name = ending.and_then(format_by_ending);
        // other formats are known by their first letters, which have to be read
        let is_binary = bytes.starts_with(b"PK") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]);
        let is_turned = !is_plain && !is_binary && recognised(&bytes).is_some();
        let file = if is_turned { to_utf8(&name, file, merge, None)? } else { file };
        if is_turned {
            bytes = start_of(&name, &file)?;
        }
        let start = Start { bytes: &bytes, ending, file: &file, reading: &merge.reading };
        let entry = if is_plain { None } else { formats::recognise(&start)? };
        if let Some(entry) = entry {
            return self.convert(entry, Named { name, file, identity }, (&bytes, is_turned));
        }
        check_text(&name, &bytes)?;
        let is_said = merge.format.is_some() || is_asked || bytes.is_empty();
        let other = ending.filter(|_| !is_said);
        if let Some(ending) = other.filter(|ending| NO_LINES.contains(ending)) {
            return Err(other_than_named(&name, ending));
        }
        let file = if is_turned { file } else { to_utf8(&name, file, merge, None)? };
        let mut source = Source::over(name.clone(), file, identity, self.base)?;
        if merge.expect_end {
            take_closing_line(&mut source, &merge.table)?;
        }
        let source = look(source, merge, by_name)?;
        if let (Some(ending @ "json"), Format::Csv { .. }) = (other, source.format) {
            return Err(other_than_named(&name, ending));
        }
        self.is_open |= source.start == source.length && source.header.is_empty();
        self.found.push(match source.format {
            Format::Csv { .. } => (name, "CSV", OF_CSV),
            Format::Ndjson | Format::JsonArray => (name, "JSON", OF_JSON),
        });
        self.push(source);
        Ok(())
    }

    fn convert(
        &mut self,
        entry: FormatEntry,
        Named { name, file, identity }: Named,
        (start, is_turned): (&[u8], bool),
    ) -> Result<()> {
        let merge = self.merge;
        if merge.expect_end {
            let what = format!("use `--expect-end` with {name}: it is read as {}", entry.name);
            return Err(Error::new(ErrorKind::Usage, what)
                .hint("only JSON and CSV can end with a closing line; a file of this format that broke off is an error by itself"));
        }
        self.found.push((name.clone(), entry.name, entry.flags));
        // a flag that does not apply is told before a large file is read
        if self.left == 0 && !self.is_open {
            self.check_flags()?;
        }
        let file = match entry.is_text && !is_turned {
            true => to_utf8(&name, file, merge, (entry.told)(start).as_deref())?,
            false => file,
        };
        let mut file = file;
        std::io::Seek::rewind(&mut file).map_err(|cause| file_error(format!("read {name}"), cause))?;
        let opened = Opened { name: &name, file, reading: &merge.reading, cancellation: &merge.cancellation };
        for part in (entry.read)(opened)? {
            let source = Source::converted(&name, part, identity, self.base)?;
            self.push(source);
        }
        Ok(())
    }

    fn push(&mut self, source: Source) {
        self.base += source.length;
        self.sources.push(source);
    }

    /// All sources, when every flag applies to one of them.
    pub(crate) fn finish(self) -> Result<Vec<Source>> {
        if !self.is_open {
            self.check_flags()?;
        }
        Ok(self.sources)
    }

    /// Refuses a flag that none of the formats so far knows, unless more inputs are to come.
    fn check_flags(&self) -> Result<()> {
        let merge = self.merge;
        let mut given = merge.reading.given();
        given.extend(merge.delimiter.map(|_| Flag::Delimiter));
        given.extend(merge.encoding.as_ref().map(|_| Flag::Encoding));
        let is_known = |flag: &Flag| self.found.iter().any(|(_, _, flags)| flags.contains(flag));
        let Some(flag) = given.into_iter().find(|flag| !is_known(flag)) else { return Ok(()) };
        let Some((name, format, _)) = self.found.last() else { return Ok(()) };
        let what = format!("use `{flag}` with {name}: it is read as {format}");
        Err(Error::new(ErrorKind::Usage, what)
            .hint(format!("leave `{flag}` out, it is for {}; `--format` says how to read a file", flag.about())))
    }
}

/// The answer of a server that failed, kept under the name of what was asked for, would be a table of one column.
fn other_than_named(name: &str, ending: &str) -> Error {
    Error::failed(format!("read {name}: it is named .{ending}, and holds other text")).hint(format!(
        "look at it: `head {name}`; if it is a table of lines, `--format csv` reads it; nothing was changed"
    ))
}

fn start_of(name: &str, file: &File) -> Result<Vec<u8>> {
    let mut bytes = vec![0; WINDOW_BYTES];
    let count = file.read_at(&mut bytes, 0).map_err(|cause| file_error(format!("read {name}"), cause))?;
    bytes.truncate(count);
    Ok(bytes)
}

/// The end of a name, without that of what it is packed with.
pub(crate) fn ending_of(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    name.rsplit_once('.').map(|(_, ending)| ending.to_owned())
}

fn format_by_ending(ending: &str) -> Option<Format> {
    match ending {
        "csv" => Some(Format::Csv { delimiter: b',' }),
        "tsv" => Some(Format::Csv { delimiter: b'\t' }),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}
