//! Who answers: reads, and keeps the last file and the engine open.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::instructions::Instructions;
use super::protocol::{Answer, Question};
use crate::documents::{Opened, Reader, draw, unpack, write_searchable};
use crate::error::{Error, Result, file_error};

/// One who answers.
pub(super) struct Answerer {
    instructions: Instructions,
    reader: Reader,
    file: Option<(PathBuf, Opened)>,
}

impl Answerer {
    pub(super) fn new(instructions: Instructions) -> Self {
        let reader = Reader::new(instructions.read_options());
        Self { instructions, reader, file: None }
    }

    pub(super) fn answer(&mut self, question: Question) -> Answer {
        self.try_answer(question).unwrap_or_else(|error| Answer::of(&error))
    }

    fn try_answer(&mut self, question: Question) -> Result<Answer> {
        match question {
            Question::Instructions(instructions) => {
                *self = Self::new(*instructions);
                Ok(Answer::Ready)
            }
            Question::Open(path) => {
                let file = self.open(&path)?;
                Ok(Answer::Opened { pages: file.pages() })
            }
            Question::Page { file, page, threads } => {
                self.open(&file)?;
                self.reader.set_threads(threads);
                let Some((_, file)) = &self.file else { return Err(Error::failed("keep the file open")) };
                Ok(Answer::Page(Box::new(self.reader.page(file, page))))
            }
            Question::Draw { file, page, side_max, to } => {
                let png = draw(self.open(&file)?, page, side_max)?;
                std::fs::write(&to, png).map_err(|cause| file_error("write the picture of a page", cause))?;
                Ok(Answer::Drawn)
            }
            Question::Unpack { file, to } => Ok(Answer::Unpacked { attached: unpack(self.open(&file)?, &to)? }),
            Question::Write { file, to, pages } => {
                let options = self.instructions.searchable_options();
                let file = self.open(&file)?;
                let unwritten = |cause| file_error("write the searchable file", cause);
                let mut out = BufWriter::new(File::create(&to).map_err(unwritten)?);
                let notes = write_searchable(file, pages, options, &mut out)?;
                out.flush().map_err(unwritten)?;
                Ok(Answer::Written { notes })
            }
        }
    }

    fn open(&mut self, path: &Path) -> Result<&Opened> {
        let is_open = self.file.as_ref().is_some_and(|(known, _)| known == path);
        if !is_open {
            self.file = None;
            self.reader.forget();
            let file = Opened::open(path, &self.instructions.password, self.instructions.limits())?;
            self.file = Some((path.to_owned(), file));
        }
        let open = self.file.as_ref().map(|(_, file)| file);
        open.ok_or_else(|| Error::failed(format!("open {}", path.display())))
    }
}
