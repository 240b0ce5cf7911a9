//! One process that reads: asked, waited for, killed when it takes too long, and started anew when it has died.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::answerer::Answerer;
use super::instructions::Instructions;
use super::protocol::{Answer, Question};
use crate::context::Cancellation;
use crate::documents::{Attached, SearchablePage};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::ocr::Way;

/// What an answer may take beyond the time of a page: a page is drawn, prepared and read several ways.
pub(super) const TIME_FACTOR: u32 = 3;
/// How often it is looked whether somebody asked to stop.
const POLL: Duration = Duration::from_millis(100);

/// Who reads.
pub struct Worker(Place);

enum Place {
    Process(Box<Process>),
    /// This process.
    Here(Box<Answerer>),
}

/// A process and the ways to it.
struct Process {
    program: PathBuf,
    instructions: Instructions,
    running: Option<Running>,
    cancellation: Cancellation,
}

struct Running {
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Worker {
    pub(super) fn new(program: Option<&PathBuf>, instructions: &Instructions, cancellation: &Cancellation) -> Self {
        let instructions = instructions.clone();
        match program {
            Some(program) => Self(Place::Process(Box::new(Process {
                program: program.clone(),
                instructions,
                running: None,
                cancellation: cancellation.clone(),
            }))),
            None => Self(Place::Here(Box::new(Answerer::new(instructions)))),
        }
    }

    /// Writes `file` to `to` with what was read of its pages as a layer of text; gives what people should know of the file,
    /// a sentence each. The process may die of it, and ours not.
    ///
    /// # Errors
    /// What keeps the file from taking such a layer, or from being written.
    pub fn write_searchable(&mut self, file: &Path, to: &Path, pages: Vec<SearchablePage>) -> Result<Vec<String>> {
        match self.ask(Question::Write { file: file.to_owned(), to: to.to_owned(), pages })? {
            Answer::Written { notes } => Ok(notes),
            _ => Err(Error::failed("understand an answer")),
        }
    }

    /// Writes the files that `file` carries into the folder `to`; the process may die of it, and ours not.
    ///
    /// # Errors
    /// What keeps them from being written.
    pub fn unpack(&mut self, file: &Path, to: &Path) -> Result<Vec<Attached>> {
        match self.ask(Question::Unpack { file: file.to_owned(), to: to.to_owned() })? {
            Answer::Unpacked { attached } => Ok(attached),
            _ => Err(Error::failed("understand an answer")),
        }
    }

    /// How many pages a file has.
    ///
    /// # Errors
    /// What keeps it from being opened.
    pub fn pages(&mut self, file: &Path) -> Result<usize> {
        match self.ask(Question::Open(file.to_owned()))? {
            Answer::Opened { pages } => Ok(pages),
            _ => Err(Error::failed("understand an answer")),
        }
    }

    /// Draws a page of a file as a PNG into the file `to`, at most `side_max` pixels across and down.
    ///
    /// # Errors
    /// Not found, for a page that there is not; what keeps it from being drawn.
    pub fn draw(&mut self, (file, page): (&Path, usize), side_max: usize, to: &Path) -> Result<()> {
        match self.ask(Question::Draw { file: file.to_owned(), page, side_max, to: to.to_owned() })? {
            Answer::Drawn => Ok(()),
            _ => Err(Error::failed("understand an answer")),
        }
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// What the answer says; Timeout; Failed, when the process died of the question; Interrupted.
    pub(super) fn ask(&mut self, question: Question) -> Result<Answer> {
        match &mut self.0 {
            Place::Here(answerer) => answerer.answer(question).check(),
            Place::Process(process) => process.ask(&question)?.check(),
        }
    }

    /// Asks again where the process died: an engine may crash on a page once, and its program in its place survives.
    pub(super) fn ask_twice(&mut self, question: Question) -> Result<Answer> {
        match self.ask(question.clone()) {
            Err(error) if error.is_temporary() => {
                let Place::Process(process) = &mut self.0 else { return Err(error) };
                let usual = std::mem::replace(&mut process.instructions.way, Way::Program);
                process.stop();
                let second = process.ask(&question).and_then(Answer::check);
                process.instructions.way = usual;
                process.stop();
                second
                    .map_err(|again| if again.is_temporary() { again.temporary(false) } else { error.temporary(false) })
            }
            other => other,
        }
    }
}

impl Process {
    fn ask(&mut self, question: &Question) -> Result<Answer> {
        self.start()?;
        self.exchange(question)
    }

    fn start(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let mut command = Command::new(&self.program);
        command.arg("ocr-worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Tesseract's threads cost more than they gain; Ctrl-C is for us, who end our children in order
        command.env("OMP_THREAD_LIMIT", "1").process_group(0);
        let mut child = command.spawn().or_fail(|| format!("start {}", self.program.display()))?;
        let (Some(questions), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::failed("reach the process that reads"));
        };
        let (sender, answers) = channel();
        std::thread::Builder::new()
            .name("answers".to_owned())
            .spawn(move || {
                for line in BufReader::new(out).lines().map_while(std::io::Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            })
            .or_fail(|| "start a thread for the answers".to_owned())?;
        self.running = Some(Running { child, questions, answers });
        self.exchange(&Question::Instructions(Box::new(self.instructions.clone()))).map(|_| ())
    }

    fn exchange(&mut self, question: &Question) -> Result<Answer> {
        let time_max = Duration::from_millis(self.instructions.time_ms) * TIME_FACTOR;
        let mut text = serde_json::to_string(question).or_fail(|| "write a question".to_owned())?;
        text.push('\n');
        let Some(running) = &mut self.running else { return Err(Error::failed("ask: no process reads")) };
        if running.questions.write_all(text.as_bytes()).and_then(|()| running.questions.flush()).is_err() {
            return Err(self.died());
        }
        let started = Instant::now();
        loop {
            match running.answers.recv_timeout(POLL) {
                Ok(line) => return serde_json::from_str(&line).or_fail(|| "understand an answer".to_owned()),
                Err(RecvTimeoutError::Disconnected) => return Err(self.died()),
                Err(RecvTimeoutError::Timeout) if self.cancellation.is_cancelled() => {
                    self.stop();
                    return Err(Error::new(ErrorKind::Interrupted, "finish: it was interrupted"));
                }
                Err(RecvTimeoutError::Timeout) if started.elapsed() > time_max => {
                    self.stop();
                    let message = format!("read it within {} s", time_max.as_secs());
                    return Err(
                        Error::new(ErrorKind::Timeout, message).hint("`DC_OCR_TIMEOUT=10m` gives a page more time")
                    );
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// What it died of. The page that killed it is lost; the next question starts another.
    fn died(&mut self) -> Error {
        let how = self.running.as_mut().and_then(|running| running.child.wait().ok());
        self.running = None;
        let how = match how.map(|status| (status.signal(), status.code())) {
            Some((Some(6), _)) => "it ran out of memory, or gave up (signal 6)".to_owned(),
            Some((Some(signal), _)) => format!("it was killed by signal {signal}"),
            Some((None, Some(code))) => format!("it ended with status {code}"),
            _ => "nobody knows how".to_owned(),
        };
        Error::failed(format!("read it: the process that read it died, {how}"))
            .temporary(true)
            .hint("`DC_OCR_MEMORY=8GiB` gives it more memory")
    }

    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}
