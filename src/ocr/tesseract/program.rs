//! Tesseract's program: a process a page, so that a crash of it costs nothing but the page.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::engine::Engine;
use super::super::found::FoundLine;
use super::super::options::EngineOptions;
use super::{NAME, rows, table, unknown_language};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::layout::Picture;

/// How often it is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);
/// How long it may take to tell its version.
const VERSION_TIME: Duration = Duration::from_secs(10);

/// What was found.
pub(super) struct Found {
    pub(super) place: String,
    pub(super) version: String,
    pub(super) languages: Vec<String>,
}

/// Runs the program for its version and languages.
pub(super) fn find(options: &EngineOptions) -> std::result::Result<Found, String> {
    let program = program(options);
    let place = program.display().to_string();
    let ask = |argument: &str| {
        let mut command = command(options);
        command.arg(argument).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| format!("its program `{place}` does not start ({error})"))?;
        let output = finished(child, Vec::new(), VERSION_TIME).map_err(|error| error.to_string())?;
        Ok::<_, String>(format!("{}\n{}", output.out, output.err))
    };
    let version = ask("--version")?;
    let version =
        version.lines().find_map(|line| line.trim().strip_prefix("tesseract ")).unwrap_or("unknown").to_owned();
    let listed = ask("--list-langs")?;
    let is_language = |line: &&str| !line.is_empty() && !line.contains([' ', ':']) && *line != "osd";
    let mut languages: Vec<String> = listed.lines().map(str::trim).filter(is_language).map(str::to_owned).collect();
    languages.sort();
    languages.dedup();
    Ok(Found { place, version, languages })
}

fn program(options: &EngineOptions) -> PathBuf {
    options.program.clone().unwrap_or_else(|| PathBuf::from("tesseract"))
}

fn command(options: &EngineOptions) -> Command {
    let mut command = Command::new(program(options));
    // it shares the work on a line among threads, which costs many times more than it gains
    command.env("OMP_THREAD_LIMIT", "1");
    if let Some(folder) = &options.tessdata {
        command.arg("--tessdata-dir").arg(folder);
    }
    command
}

/// The program, and how it is called.
pub(super) struct Tesseract {
    options: EngineOptions,
}

impl Tesseract {
    /// `None` where there is no program.
    pub(super) fn open(options: &EngineOptions) -> Result<Option<Self>> {
        let Ok(found) = find(options) else { return Ok(None) };
        if let Some(error) = unknown_language(&options.languages, &found.languages) {
            return Err(error);
        }
        Ok(Some(Self { options: options.clone() }))
    }
}

impl Engine for Tesseract {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, picture: &Picture) -> Result<Vec<FoundLine>> {
        let mut command = command(&self.options);
        command.args(["stdin", "stdout", "-l", &self.options.languages.join("+"), "--psm", "3"]);
        command.args(["--dpi", &picture.dpi.clamp(70, 2400).to_string(), "tsv"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().or_fail(|| "start the program tesseract".to_owned())?;
        let mut page = format!("P5\n{} {}\n255\n", picture.width, picture.height).into_bytes();
        page.extend_from_slice(&picture.pixels);
        let output = finished(child, page, self.options.time_max)?;
        if !output.success {
            let said = output.err.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
            return Err(Error::failed(format!("read the page: the program tesseract ended badly ({said})")));
        }
        Ok(rows::joined(table::lines(&output.out)))
    }
}

struct Output {
    success: bool,
    out: String,
    err: String,
}

/// Feeds a process, drains it, and waits for its end; one that takes too long is killed.
fn finished(mut child: Child, input: Vec<u8>, time_max: Duration) -> Result<Output> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // a program that reads no further has its reasons, and tells them
            stdin.map(|mut pipe| pipe.write_all(&input))
        });
        let drain = |pipe: Option<Box<dyn Read + Send>>| {
            let mut bytes = Vec::new();
            let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let out = scope.spawn(move || drain(stdout.map(|pipe| Box::new(pipe) as _)));
        let err = scope.spawn(move || drain(stderr.map(|pipe| Box::new(pipe) as _)));
        let started = Instant::now();
        let status = loop {
            match child.try_wait().or_fail(|| "wait for the program tesseract".to_owned())? {
                Some(status) => break status,
                None if started.elapsed() > time_max => {
                    let _ = child.kill();
                    let _ = child.wait();
                    let message = format!("read the page within {} s", time_max.as_secs());
                    return Err(Error::new(ErrorKind::Timeout, message));
                }
                None => std::thread::sleep(POLL),
            }
        };
        let text = |thread: std::thread::ScopedJoinHandle<'_, String>| thread.join().unwrap_or_default();
        Ok(Output { success: status.success(), out: text(out), err: text(err) })
    })
}
