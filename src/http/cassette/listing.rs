//! The exchanges of a cassette in pages, for whoever looks at them: what was asked and how it ended, without the bodies.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;

use super::Cassette;
use super::entry::exchange_files;
use crate::error::{Error, ErrorKind, Result, file_error};

/// So many bytes are looked through for a page; bodies may be large.
const PAGE_BYTES: u64 = 48 << 20;
/// So many bytes are looked through to count.
const COUNT_BYTES: u64 = 256 << 20;
/// What is read at once to count.
const CHUNK: usize = 256 * 1024;

/// An exchange in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// When it was asked, RFC 3339 in UTC.
    pub at: String,
    /// How.
    pub method: String,
    /// What, without what must not be seen.
    pub url: String,
    /// What was answered; `None` where nothing was.
    pub status: Option<u16>,
    /// Why nothing was answered.
    pub failure: Option<String>,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// A page of exchanges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExchangePage {
    /// The exchanges, process by process in the order in which they ended.
    pub exchanges: Vec<Exchange>,
    /// Where the next page begins.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    at: String,
    request: AskedLine,
    response: Option<AnswerLine>,
    failure: Option<FailureLine>,
    ms: u64,
}

#[derive(Deserialize)]
struct AskedLine {
    method: String,
    url: String,
}

#[derive(Deserialize)]
struct AnswerLine {
    status: u16,
}

#[derive(Deserialize)]
struct FailureLine {
    text: String,
}

impl Cassette {
    /// How many exchanges it has, and whether that is all of them: of a very large one only the first are counted.
    ///
    /// # Errors
    /// What the file system says.
    pub fn count(&self) -> Result<(u64, bool)> {
        let (mut lines, mut left) = (0, COUNT_BYTES);
        for path in exchange_files(&self.folder)? {
            let failed = |cause| file_error(format!("read {}", path.display()), cause);
            let mut file = File::open(&path).map_err(failed)?;
            let mut chunk = vec![0; CHUNK];
            loop {
                let read = file.read(&mut chunk).map_err(failed)?;
                if read == 0 {
                    break;
                }
                lines += memchr::memchr_iter(b'\n', &chunk[..read]).count() as u64;
                left = left.saturating_sub(read as u64);
                if left == 0 {
                    return Ok((lines, false));
                }
            }
        }
        Ok((lines, true))
    }

    /// A page of at most `count` exchanges: the first, or the one that begins where another ended.
    ///
    /// # Errors
    /// Usage for a place that is none; what the file system says.
    pub fn page(&self, from: Option<&str>, count: usize) -> Result<ExchangePage> {
        let (mut number, mut offset) = match from {
            None => (0, 0),
            Some(text) => {
                let wrong = || Error::new(ErrorKind::Usage, format!("read `{text}` as a place in a cassette"));
                let (file, offset) = text.split_once('-').ok_or_else(wrong)?;
                (file.parse().map_err(|_| wrong())?, offset.parse().map_err(|_| wrong())?)
            }
        };
        let (files, mut page, mut left) = (exchange_files(&self.folder)?, ExchangePage::default(), PAGE_BYTES);
        while let Some(path) = files.get(number) {
            let failed = |cause| file_error(format!("read {}", path.display()), cause);
            let mut file = BufReader::new(File::open(path).map_err(failed)?);
            file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            loop {
                if page.exchanges.len() == count || left == 0 {
                    page.next = Some(format!("{number}-{offset}"));
                    return Ok(page);
                }
                let mut line = (&mut file).take(u64::MAX);
                // bodies are passed over without being kept
                let read = Line::deserialize(&mut serde_json::Deserializer::from_reader(&mut line)).ok();
                let taken = u64::MAX - line.limit();
                // the last line may be half written, where the process was killed
                let Some(read) = read else { break };
                let end = taken + rest_of_line(&mut file).map_err(failed)?;
                offset += end;
                left = left.saturating_sub(end);
                page.exchanges.push(Exchange {
                    at: read.at,
                    method: read.request.method,
                    url: read.request.url,
                    status: read.response.map(|response| response.status),
                    failure: read.failure.map(|failure| failure.text),
                    ms: read.ms,
                });
                if file.fill_buf().map_err(failed)?.is_empty() {
                    break;
                }
            }
            (number, offset) = (number + 1, 0);
        }
        Ok(page)
    }

    /// The one of a run below `cassettes`, if there is one.
    pub fn of_run(cassettes: &Path, run: &str) -> Option<Self> {
        let folder = cassettes.join(run);
        folder.join(super::RUN).is_file().then_some(Self { folder })
    }
}

/// Passes over what is left of a line, with its end.
fn rest_of_line(file: &mut impl BufRead) -> std::io::Result<u64> {
    let mut passed = 0;
    loop {
        let buffer = file.fill_buf()?;
        let end = memchr::memchr(b'\n', buffer);
        let size = end.map_or(buffer.len(), |end| end + 1);
        file.consume(size);
        passed += size as u64;
        if end.is_some() || size == 0 {
            return Ok(passed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Recorded;

    #[test]
    fn a_cassette_is_looked_at_in_pages() {
        let root = tempfile::tempdir().expect("a folder");
        let run = "0193f1de-0000-7000-8000-000000000001";
        let recorded =
            Recorded { runtime: run.into(), app: "a/b/c".into(), args: "{}".into(), started_at: String::new() };
        let cassette = Cassette::create(&root.path().join(run), &recorded).expect("a cassette");
        let line = |number: u64| {
            format!(
                "{{\"at\":\"t{number}\",\"request\":{{\"method\":\"GET\",\"url\":\"http://x/{number}\",\"headers\":[]}},\
                 \"response\":{{\"status\":200,\"headers\":[],\"body\":{{\"text\":\"{}\"}}}},\"ms\":{number}}}\n",
                "y".repeat(20_000)
            )
        };
        let write = |name: &str, text: String| std::fs::write(cassette.folder().join(name), text).expect("a file");
        write("1.ndjson", (0..3).map(line).collect());
        write("2.ndjson", (3..5).map(line).collect::<String>() + "{\"at\":\"half");
        assert_eq!(cassette.count().expect("a count"), (5, true));
        let (mut seen, mut from) = (Vec::new(), None);
        loop {
            let page = cassette.page(from.as_deref(), 2).expect("a page");
            seen.extend(page.exchanges.into_iter().map(|it| (it.url, it.status, it.ms)));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let wanted = (0..5).map(|number| (format!("http://x/{number}"), Some(200), number)).collect::<Vec<_>>();
        assert_eq!(seen, wanted);
        for wrong in ["", "x", "1", "1-x"] {
            assert_eq!(cassette.page(Some(wrong), 2).map_err(|error| error.kind()), Err(ErrorKind::Usage), "{wrong}");
        }
        assert!(Cassette::of_run(root.path(), run).is_some() && Cassette::of_run(root.path(), "none").is_none());
    }
}
