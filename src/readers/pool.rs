//! Hands pages to workers, and what they read back in order. A page is taken only when those before it are nearly out, so
//! that memory does not grow with the document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::board::{Board, Task};
use super::instructions::Instructions;
use super::options::ReadersOptions;
use super::process::Worker;
use super::protocol::{Answer, Question};
use crate::context::{Cancellation, Context};
use crate::documents::Page;
use crate::error::{Error, ErrorKind, Result};

/// Pages a worker that may be read and not yet written.
const AHEAD: usize = 4;
/// Processes at once.
const JOBS_MAX: usize = 256;

/// What happens, in the order of files and pages. A file is told by its place among those that the pool was given.
pub enum ReadEvent<'a> {
    /// A file has so many pages to read.
    Opened {
        /// The file.
        file: usize,
        /// The pages that are wanted of it.
        pages: usize,
    },
    /// A page was read.
    Page {
        /// The file.
        file: usize,
        /// What it says, or why it does not.
        page: Box<Page>,
    },
    /// All pages of a file were read.
    Closed {
        /// The file.
        file: usize,
        /// One that can write it with its text.
        worker: &'a mut Worker,
    },
    /// A file could not be opened.
    Failed {
        /// The file.
        file: usize,
        /// Why.
        error: Error,
    },
}

/// Files to read, and the processes that read them.
pub struct Pool {
    files: Vec<PathBuf>,
    options: ReadersOptions,
    instructions: Instructions,
    jobs: usize,
    processors: usize,
    cancellation: Cancellation,
}

enum Done {
    Opened { file: usize, found: Result<Vec<usize>> },
    Page { page: Box<Page> },
}

impl Pool {
    /// A pool that reads `files`, in their order.
    ///
    /// # Errors
    /// Settings; Usage, for an engine that there is not, and for options that do not go together.
    pub fn new(context: &Context, options: &ReadersOptions, files: Vec<PathBuf>) -> Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            files,
            instructions: Instructions::of(context.settings(), options)?,
            options: options.clone(),
            jobs: options.jobs.unwrap_or(processors).clamp(1, JOBS_MAX),
            processors,
            cancellation: context.cancellation().clone(),
        })
    }

    fn worker(&self) -> Worker {
        Worker::new(self.options.program.as_ref(), &self.instructions, &self.cancellation)
    }

    /// Does it all; `event` hears of it in order.
    ///
    /// # Errors
    /// Those of `event`, which end the work; Interrupted.
    pub fn run(&self, event: &mut dyn FnMut(ReadEvent<'_>) -> Result<()>) -> Result<()> {
        let board = &Board::new(self.files.len(), self.jobs * AHEAD, self.jobs, self.processors);
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
                    let found = self.open(&mut worker, &self.files[file]);
                    let pages = found.as_ref().map(Clone::clone).unwrap_or_default();
                    board.opened(file, pages);
                    Done::Opened { file, found }
                }
                Task::Page { file, page, threads } => {
                    held = threads;
                    let file = self.files[file].clone();
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
        event: &mut dyn FnMut(ReadEvent<'_>) -> Result<()>,
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
                        match found {
                            Ok(pages) => {
                                left = pages.len();
                                event(ReadEvent::Opened { file, pages: left })?;
                            }
                            Err(error) => event(ReadEvent::Failed { file, error })?,
                        }
                    }
                    Done::Page { page } => {
                        left -= 1;
                        event(ReadEvent::Page { file, page })?;
                        if left == 0 {
                            event(ReadEvent::Closed { file, worker: &mut closer })?;
                        }
                    }
                }
                board.written(next);
            }
        }
        self.cancellation.check()
    }
}
