//! `dc ocr`: reads files page by page, in processes of their own, and writes what they say.

mod board;
mod engines;
mod inputs;
mod options;
mod output;
mod pool;
mod protocol;
mod report;
mod tables;
mod work;
mod worker;

pub use engines::{EngineList, engines};
pub use options::{OcrFormat, OcrOptions, OcrTables, PageRange};
pub use report::{OcrFile, OcrReport};
pub use worker::{WorkerOptions, ocr_worker};

use std::io::Write;
use std::time::Instant;

use crate::context::Context;
use crate::error::Result;
use inputs::inputs;
use output::Output;
use work::{Event, Work};

/// Reads the files of the options and writes what they say, to `data` or into the folder of the options.
///
/// A file or a page that cannot be read is told and counted, and the others go on.
///
/// # Errors
/// Usage, for options that do not go together; Not found, for no file at all; Failed, when a file or a page could not be
/// read, after everything else was; Interrupted.
pub fn ocr(context: &Context, options: &OcrOptions, data: &mut dyn Write) -> Result<OcrReport> {
    let started = Instant::now();
    let inputs = inputs(options)?;
    options.check(inputs.len())?;
    let bar = context.shell().progress();
    bar.count_rows(0, "Reading pages");
    let mut report = OcrReport::default();
    let mut output = Output::new(options, data)?;
    let mut pages = 0;
    let work = Work::new(context, options, inputs)?;
    let done = work.run(&mut |event| {
        match event {
            Event::Opened { input, pages: more } => {
                pages += more as u64;
                bar.set_total(pages);
                report.open(input);
                output.open(input)?;
            }
            Event::Page { input, page } => {
                bar.advance(1);
                if let Some(problem) = report.page(input, &page) {
                    bar.suspend(|| context.shell().error(&problem));
                }
                bar.suspend(|| output.page(input, *page))?;
            }
            Event::Closed { input, worker } => {
                if let Err(problem) = bar.suspend(|| output.close(input, worker)) {
                    report.fail(input, &problem);
                    bar.suspend(|| context.shell().error(&problem));
                }
            }
            Event::Failed { input, error } => {
                report.fail(input, &error);
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
