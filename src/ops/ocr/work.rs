//! Hands pages to workers and what they read back in order. A page is taken only when those before it are nearly out, so
//! that memory does not grow with the document.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::board::{Board, Task};
use super::inputs::Input;
use super::options::OcrOptions;
use super::pool::Worker;
use super::protocol::{Answer, Question, Told};
use crate::context::{Cancellation, Context};
use crate::documents::Page;
use crate::error::{Error, ErrorKind, Result};
use crate::ocr::{EngineOptions, NO_ENGINE, Way};

/// Pages a worker that may be read and not yet written.
const AHEAD: usize = 4;
/// The memory of a process that reads.
const MEMORY: u64 = 4 << 30;
/// Pixels of a page.
const PIXELS_MAX: u64 = 100_000_000;
/// Processes at once.
const JOBS_MAX: usize = 256;

/// What happens, in the order of files and pages.
pub(super) enum Event<'a> {
    /// A file has so many pages to read.
    Opened { input: &'a Input, pages: usize },
    /// A page was read.
    Page { input: &'a Input, page: Box<Page> },
    /// All pages of a file were read.
    Closed { input: &'a Input, worker: &'a mut Worker },
    /// A file could not be opened.
    Failed { input: &'a Input, error: Error },
}

/// All that is to be done.
pub(super) struct Work {
    inputs: Vec<Input>,
    options: OcrOptions,
    told: Told,
    jobs: usize,
    processors: usize,
    cancellation: Cancellation,
}

enum Done {
    Opened { file: usize, found: Result<Vec<usize>> },
    Page { page: Box<Page> },
}

impl Work {
    pub(super) fn new(context: &Context, options: &OcrOptions, inputs: Vec<Input>) -> Result<Self> {
        let section = context.settings().section("ocr");
        let engines = EngineOptions::of(context.settings())?;
        let engine = match &options.engine {
            Some(engine) => engine.clone(),
            None => section.text("engine")?.unwrap_or_else(|| "tesseract".to_owned()),
        };
        if engine == NO_ENGINE && options.force {
            return Err(Error::new(ErrorKind::Usage, "have pages recognised without an engine")
                .hint("take either `--force-ocr` or `--engine none`"));
        }
        if !["auto", NO_ENGINE].contains(&engine.as_str()) {
            crate::ocr::entry(&engine)?;
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = options.jobs.unwrap_or(processors).clamp(1, JOBS_MAX);
        let way = match engines.way {
            Way::Any => "any",
            Way::Library => "library",
            Way::Program => "program",
        };
        let told = Told {
            engine,
            languages: options.languages.clone().unwrap_or(engines.languages),
            way: way.to_owned(),
            library: engines.library,
            program: engines.program,
            tessdata: engines.tessdata,
            models: engines.models,
            time_ms: u64::try_from(engines.time_max.as_millis()).unwrap_or(u64::MAX),
            plain: options.plain,
            dpi: options.dpi,
            force: options.force,
            skip_text: options.skip_text,
            tables: options.tables_by.map(|by| match by {
                crate::documents::TablesBy::Text => "text".to_owned(),
                crate::documents::TablesBy::Lines => "lines".to_owned(),
            }),
            pixels_max: usize::try_from(section.number("pixels_max")?.unwrap_or(PIXELS_MAX)).unwrap_or(usize::MAX),
            memory_max: section.bytes("memory")?.unwrap_or(MEMORY),
            password: options.password.clone(),
        };
        Ok(Self {
            inputs,
            options: options.clone(),
            told,
            jobs,
            processors,
            cancellation: context.cancellation().clone(),
        })
    }

    fn worker(&self) -> Worker {
        Worker::new(self.options.worker.as_ref(), &self.told, &self.cancellation)
    }

    /// Does it all; `event` hears of it in order.
    ///
    /// # Errors
    /// Those of `event`, which end the work; Interrupted.
    pub(super) fn run(&self, event: &mut dyn FnMut(Event<'_>) -> Result<()>) -> Result<()> {
        let board = &Board::new(self.inputs.len(), self.jobs * AHEAD, self.jobs, self.processors);
        let (sender, done) = channel();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                let sender = sender.clone();
                scope.spawn(move || self.serve(board, &sender));
            }
            drop(sender);
            let result = self.collect(board, &done, event);
            board.stop();
            result
        })
    }

    /// A worker's life.
    fn serve(&self, board: &Board, done: &Sender<(usize, Done)>) {
        let mut worker = self.worker();
        let mut held = 0;
        while let Some((number, task)) = board.take(held) {
            let result = match task {
                Task::Open(file) => {
                    held = 0;
                    let found = self.open(&mut worker, &self.inputs[file].path);
                    let pages = found.as_ref().map(Clone::clone).unwrap_or_default();
                    board.opened(file, pages);
                    Done::Opened { file, found }
                }
                Task::Page { file, page, threads } => {
                    held = threads;
                    let file = self.inputs[file].path.clone();
                    Done::Page { page: Box::new(self.page(&mut worker, Question::Page { file, page, threads }, page)) }
                }
            };
            if done.send((number, result)).is_err() {
                return;
            }
        }
    }

    fn open(&self, worker: &mut Worker, path: &Path) -> Result<Vec<usize>> {
        let answer = worker.ask(Question::Open(path.to_owned())).map_err(|error| {
            let named = error.message().contains(&path.display().to_string());
            if named { error } else { error.within(format!("open {}", path.display())) }
        })?;
        let Answer::Opened { pages } = answer else { return Err(Error::failed("understand an answer")) };
        let wanted = self.options.pages.of(pages);
        if wanted.is_empty() {
            let message = format!("find such pages in {}: it has {pages}", path.display());
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        Ok(wanted)
    }

    fn page(&self, worker: &mut Worker, question: Question, page: usize) -> Page {
        match worker.ask_twice(question) {
            Ok(Answer::Page(read)) => *read,
            Ok(_) => Page::failed(page, (0.0, 0.0), &Error::failed("understand an answer")),
            Err(error) => Page::failed(page, (0.0, 0.0), &error),
        }
    }

    /// Hears what was done and tells it in order.
    fn collect(
        &self,
        board: &Board,
        done: &Receiver<(usize, Done)>,
        event: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut waiting: BTreeMap<usize, Done> = BTreeMap::new();
        let (mut next, mut file, mut left) = (0, 0, 0);
        let mut closer = self.worker();
        while let Ok((number, result)) = done.recv() {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&next) {
                next += 1;
                self.cancellation.check()?;
                match result {
                    Done::Opened { file: opened, found } => {
                        file = opened;
                        let input = &self.inputs[file];
                        match found {
                            Ok(pages) => {
                                left = pages.len();
                                event(Event::Opened { input, pages: left })?;
                            }
                            Err(error) => event(Event::Failed { input, error })?,
                        }
                    }
                    Done::Page { page } => {
                        let input = &self.inputs[file];
                        left -= 1;
                        event(Event::Page { input, page })?;
                        if left == 0 {
                            event(Event::Closed { input, worker: &mut closer })?;
                        }
                    }
                }
                board.written(next);
            }
        }
        self.cancellation.check()
    }
}
