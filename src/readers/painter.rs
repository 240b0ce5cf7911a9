//! A process that only draws pages, for whoever looks at them: it gets less time and memory than one that reads.

use std::path::PathBuf;
use std::time::Duration;

use super::instructions::Instructions;
use super::options::{PageRange, ReadersOptions};
use super::process::{TIME_FACTOR, Worker};
use crate::context::Context;
use crate::error::Result;
use crate::ocr::NO_ENGINE;
use crate::pdf::TextLayout;

/// What a process that draws may take.
#[derive(Debug, Clone)]
pub struct PainterOptions {
    /// The program, which is dc.
    pub program: PathBuf,
    /// How long an answer may take.
    pub time_max: Duration,
    /// Bytes of memory.
    pub memory_max: u64,
    /// Pixels of a page as it is drawn or decoded.
    pub pixels_max: usize,
}

impl Worker {
    /// A process that draws pages; it starts with the first question.
    ///
    /// # Errors
    /// Settings.
    pub fn painter(context: &Context, options: PainterOptions) -> Result<Self> {
        let PainterOptions { program, time_max, memory_max, pixels_max } = options;
        let readers = ReadersOptions {
            engine: Some(NO_ENGINE.to_owned()),
            languages: Some(Vec::new()),
            pages: PageRange::default(),
            jobs: Some(1),
            dpi: 72,
            layout: TextLayout::default(),
            tables_by: None,
            area: None,
            cleans: false,
            straightens: false,
            codes: false,
            force: false,
            redo: false,
            voids_signatures: false,
            is_archive: false,
            skip_text: false,
            plain: true,
            password: String::new(),
            program: Some(program),
        };
        let mut instructions = Instructions::of(context.settings(), &readers)?;
        instructions.set_bounds(time_max / TIME_FACTOR, memory_max, pixels_max);
        Ok(Self::new(readers.program.as_ref(), &instructions, context.cancellation()))
    }
}
