//! The process that reads: it answers questions on its standard input until that ends. What it reads may kill it; its
//! memory is bounded, so that it dies before the machine does.

use std::io::{BufRead, Write};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::answerer::Answerer;
use super::protocol::{Answer, Question};
use crate::error::{Error, OrFail, Result};

/// Where questions come from and answers go.
pub struct WorkerOptions<'a> {
    /// Questions, a line each.
    pub questions: &'a mut dyn BufRead,
    /// Answers, a line each.
    pub answers: &'a mut dyn Write,
}

/// Answers until there are no more questions.
///
/// # Errors
/// Failed, for a question that is none, and when nobody takes the answers.
pub fn ocr_worker(options: WorkerOptions<'_>) -> Result<()> {
    let mut answerer: Option<Answerer> = None;
    for line in options.questions.lines() {
        let line = line.or_fail(|| "read a question".to_owned())?;
        let question: Question = serde_json::from_str(&line).or_fail(|| "understand a question".to_owned())?;
        let answer = match (question, &mut answerer) {
            (Question::Instructions(instructions), _) => {
                bound(instructions.memory_max);
                answerer = Some(Answerer::new(*instructions));
                Answer::Ready
            }
            (question, Some(answerer)) => answerer.answer(question),
            (_, None) => return Err(Error::failed("answer: nobody said how pages are read")),
        };
        let mut text = serde_json::to_string(&answer).or_fail(|| "write an answer".to_owned())?;
        text.push('\n');
        options.answers.write_all(text.as_bytes()).or_fail(|| "give an answer".to_owned())?;
        options.answers.flush().or_fail(|| "give an answer".to_owned())?;
    }
    Ok(())
}

/// Ends this process with the one that asked it, however that ends, and bounds its memory. Where the system does not let us it goes on unbounded.
fn bound(bytes: u64) {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_AS) {
        let _ = setrlimit(Resource::RLIMIT_AS, bytes.min(hard), hard);
    }
    // a crash is told by the status, and needs no image of all memory on disk
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}
