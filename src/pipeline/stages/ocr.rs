//! The built-in stage `ocr`: the text, the words and the tables of each page.

use std::path::PathBuf;

use serde::Serialize;

use super::super::stage::{Failure, Job, Output, Stage, Worked};
use super::{BuiltIn, Entry, Flaw, Open};
use crate::context::Context;
use crate::documents::{Page, TablesBy, structure};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::pdf::TextLayout;
use crate::readers::{PageRange, Pool, ReadEvent, ReadersOptions};

pub(super) const ENTRY: Entry = Entry { name: "ocr", plan };

/// What may stand in its section.
const KNOWN: &[&str] = &["engine", "languages", "pages", "dpi", "tables", "codes", "force"];
/// How fine pages are drawn.
const DPI: u32 = 300;

struct Ocr {
    context: Context,
    options: ReadersOptions,
}

#[derive(Serialize)]
struct Read<'a> {
    file: &'a str,
    text: String,
    pages: &'a [Page],
}

fn plan(given: &BuiltIn<'_>) -> std::result::Result<Open, Flaw> {
    given.check_known(KNOWN)?;
    let pages = match given.text("pages")? {
        None => PageRange::default(),
        Some(text) => text.parse().map_err(|reason| Flaw::at("pages", format!("cannot be taken: {reason}")))?,
    };
    let languages = given.texts("languages")?;
    let dpi = match given.options.get("dpi") {
        None => DPI,
        Some(value) => match value.as_u64().and_then(|dpi| u32::try_from(dpi).ok()) {
            Some(dpi) if (50..=1_200).contains(&dpi) => dpi,
            _ => return Err(Flaw::at("dpi", "takes a whole number from 50 to 1200")),
        },
    };
    let options = ReadersOptions {
        engine: given.text("engine")?,
        languages: (!languages.is_empty()).then_some(languages),
        pages,
        // each document has one reader: several documents are read at once
        jobs: Some(1),
        dpi,
        tables_by: given.flag("tables")?.unwrap_or(true).then_some(TablesBy::Lines),
        codes: given.flag("codes")?.unwrap_or_default(),
        force: given.flag("force")?.unwrap_or_default(),
        redo: false,
        layout: TextLayout::default(),
        area: None,
        voids_signatures: false,
        is_archive: false,
        skip_text: false,
        cleans: false,
        straightens: false,
        plain: false,
        password: String::new(),
        program: Some(own_program().map_err(|error| Flaw::here(format!("cannot work: {error}")))?),
    };
    // what the settings say of engines is looked at now
    Pool::new(given.context, &options, Vec::new()).map_err(|error| Flaw::of("engine", &error))?;
    let context = given.context.clone();
    Ok(Box::new(move || Ok(Box::new(Ocr { context: context.clone(), options: options.clone() }))))
}

fn own_program() -> Result<PathBuf> {
    std::env::current_exe().or_fail(|| "find the path of dc itself".to_owned())
}

impl Stage for Ocr {
    fn work(&mut self, job: &Job<'_>) -> Worked {
        self.read(job).into()
    }
}

impl Ocr {
    fn read(&self, job: &Job<'_>) -> std::result::Result<Output, Failure> {
        let path = job.document().map_err(|error| Failure::of(&error))?.to_owned();
        let (mut pages, mut failed): (Vec<Page>, Option<Error>) = (Vec::new(), None);
        let pool = Pool::new(&self.context, &self.options, vec![path]).map_err(|error| Failure::of(&error))?;
        let run = pool.run(&mut |event| {
            match event {
                ReadEvent::Page { page, .. } => pages.push(*page),
                ReadEvent::Failed { error, .. } => failed = Some(error),
                ReadEvent::Opened { .. } | ReadEvent::Closed { .. } => {}
            }
            if job.cancellation.is_cancelled() {
                return Err(Error::new(ErrorKind::Interrupted, "read it: it was stopped"));
            }
            Ok(())
        });
        run.map_err(|error| Failure::passing(error.to_string()))?;
        if let Some(error) = failed {
            return Err(unreadable(&error));
        }
        if let Some(problem) = pages.iter().find_map(|page| page.error.as_ref().map(|error| (page.page, error))) {
            return Err(Failure::passing(format!("page {}: {}", problem.0, problem.1)));
        }
        structure(&mut pages);
        let text = pages.iter().map(|page| page.text.as_str()).collect::<Vec<_>>().join("\n\u{c}\n");
        let read = Read { file: job.name, text, pages: &pages };
        serde_json::to_string(&read).map(Output::Json).map_err(|cause| Failure::passing(cause.to_string()))
    }
}

/// A file that no reader understands never will be read; a reader that died or an engine that is missing may come back.
fn unreadable(error: &Error) -> Failure {
    let failure = Failure::of(error);
    match error.kind() {
        ErrorKind::Failed | ErrorKind::NotFound if !error.is_temporary() => Failure::permanent(failure.message),
        _ => failure,
    }
}
