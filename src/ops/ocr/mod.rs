//! `dc ocr`: reads files page by page, in processes of their own, and writes what they say.

mod done;
mod engines;
mod inputs;
mod models;
mod options;
mod output;
mod report;
mod tables;
mod unnamed;
mod wheel;

pub use engines::{EngineList, engines};
pub use models::{ModelsInstalled, install_models};
pub use options::{OcrFormat, OcrOptions, OcrTables};
pub use report::{OcrFile, OcrReport};

use std::io::Write;
use std::time::Instant;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::readers::{Pool, ReadEvent};
use inputs::inputs;
use output::Output;

/// Reads the files of the options and writes what they say, to `data` or into the folder of the options.
///
/// A file or a page that cannot be read is told and counted, and the others go on.
///
/// # Errors
/// Usage, for options that do not go together; Not found, for no file at all; Failed, when a file or a page could not be
/// read, after everything else was; Interrupted.
pub fn ocr(context: &Context, options: &OcrOptions, data: &mut dyn Write) -> Result<OcrReport> {
    let started = Instant::now();
    let mut inputs = inputs(options)?;
    options.check(inputs.len())?;
    let bar = context.shell().progress();
    bar.count_rows(0, "Reading pages");
    let mut report = OcrReport::default();
    let mut output = Output::new(options, inputs.len(), data)?;
    if options.resume {
        let all = inputs.len();
        inputs.retain(|input| !output.is_done(input));
        report.done_before = all - inputs.len();
    }
    let mut pages = 0;
    let files = inputs.iter().map(|input| input.path.clone()).collect();
    let done = Pool::new(context, &options.reading, files)?.run(&mut |event| {
        match event {
            ReadEvent::Opened { file, pages: more } => {
                let input = &inputs[file];
                pages += more as u64;
                bar.set_total(pages);
                report.open(input);
                output.open(input)?;
            }
            ReadEvent::Page { file, page } => {
                let input = &inputs[file];
                bar.advance(1);
                if let Some(problem) = report.page(input, &page) {
                    bar.suspend(|| context.shell().error(&problem));
                }
                bar.suspend(|| output.page(input, *page))?;
            }
            ReadEvent::Closed { file, worker } => {
                let input = &inputs[file];
                if let Some(folder) = &options.attachments {
                    let unpacked = worker.unpack(&input.path, &folder.join(&input.stem));
                    for problem in report.attach(input, unpacked) {
                        bar.suspend(|| context.shell().error(&problem));
                    }
                }
                match bar.suspend(|| output.close(input, worker)) {
                    Ok(notes) => {
                        let notes = [report.page_notes(), notes].concat();
                        bar.suspend(|| notes.iter().for_each(|note| context.shell().note(&said(input, note))));
                        report.note(notes);
                    }
                    Err(problem) => {
                        let problem = told(input, problem);
                        report.fail(input, &problem);
                        bar.suspend(|| context.shell().error(&problem));
                    }
                }
            }
            ReadEvent::Failed { file, error } => {
                let error = told(&inputs[file], error);
                report.fail(&inputs[file], &error);
                bar.suspend(|| context.shell().error(&error));
            }
        }
        Ok(())
    });
    bar.end();
    done?;
    output.finish()?;
    report.finish(started.elapsed());
    Ok(report)
}

/// An error in terms of what a person named: standard input is read from a file that nobody knows.
fn told(input: &inputs::Input, error: Error) -> Error {
    if input.name != "-" {
        return error;
    }
    let path = input.path.display().to_string();
    let clear = |text: &str| text.replace(&path, "standard input");
    let mut clean = Error::new(error.kind(), clear(error.message()));
    let causes: Vec<String> = error.causes().iter().map(|cause| clear(cause)).collect();
    if !causes.is_empty() {
        clean = clean.because(causes.join(": "));
    }
    match error.hint_text() {
        Some(hint) => clean.hint(clear(hint)),
        None => clean,
    }
}

fn said(input: &inputs::Input, note: &str) -> String {
    format!("note: {}: {note}", input.name)
}

impl OcrReport {
    /// What could not be read, as one error; everything else was written.
    ///
    /// # Errors
    /// Failed; of the kind of the first error where nothing at all was read.
    pub fn check(&self) -> Result<()> {
        match self.failure() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
