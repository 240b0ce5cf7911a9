//! What a person sees: data on stdout, everything else on stderr, colour and bars only on a terminal.

mod bar;
mod keys;
mod prompt;
mod screen;
mod table;
mod visible;

pub use bar::Bar;
pub use screen::{Input, Screen};
pub use table::{Cell, Table, columns, table, table_of};
pub use visible::{VisibleWriter, visible, visible_json, visible_line, visible_record};

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::{Error, Result, file_error};

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How the shell shall speak.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShellOptions {
    /// One JSON object, or NDJSON where rows stream, instead of text.
    pub json: bool,
    /// Notes are left out; results and errors stay.
    pub quiet: bool,
    /// 0 for the usual, 1 and more to see what passes through.
    pub verbose: u8,
    /// When colour is used.
    pub color: ColorChoice,
}

/// The one way to stdout and stderr.
#[derive(Debug, Clone)]
pub struct Shell {
    options: ShellOptions,
    out_is_terminal: bool,
    err_is_terminal: bool,
    color: bool,
}

impl Shell {
    /// A shell on this process's streams; `no_color` is what the environment says.
    pub fn new(options: ShellOptions, no_color: bool) -> Self {
        let out_is_terminal = io::stdout().is_terminal();
        let color = match options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => out_is_terminal && !no_color,
        };
        Self { options, out_is_terminal, err_is_terminal: io::stderr().is_terminal(), color }
    }

    /// Prints a report: for people, or as one JSON object. Neither has anything that a terminal would act on.
    ///
    /// # Errors
    /// When stdout does not take it; a reader that has gone is `BrokenPipe`.
    pub fn print<R: Display + Serialize>(&self, report: &R) -> Result<()> {
        // wiped: some reports are secrets
        let text = Zeroizing::new(if self.options.json { versioned(json(report)?) } else { report.to_string() });
        let shown = if self.options.json { visible_json(&text) } else { visible(&text) };
        self.put(&shown)
    }

    /// Prints data that was asked for as it is, such as a secret or a script: byte for byte, but to a terminal.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub fn print_data<R: Display + Serialize>(&self, report: &R) -> Result<()> {
        if self.options.json {
            // its names are somebody's own
            return self.put(&visible_json(&Zeroizing::new(json(report)?)));
        }
        if self.out_is_terminal {
            return self.print(report);
        }
        self.put(&Zeroizing::new(report.to_string()))
    }

    /// Standard output for data, which is made visible on its way to a terminal; JSON is, wherever it goes.
    pub fn data(&self, is_json: bool) -> Box<dyn Write> {
        match self.out_is_terminal || is_json {
            true => Box::new(VisibleWriter::new(io::stdout().lock(), is_json)),
            false => Box::new(io::stdout().lock()),
        }
    }

    /// Prints a report in place of what the terminal shows, as much of it as fits; below it where stdout is no terminal, or
    /// gets JSON.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub fn print_anew<R: Display + Serialize>(&self, report: &R) -> Result<()> {
        if !self.out_is_terminal || self.options.json {
            return self.print(report);
        }
        let (rows, columns) = (console::Term::stdout().size().0, table::columns());
        let mut room = usize::from(rows).saturating_sub(1);
        let text = report.to_string();
        let text = visible(&text);
        let fits = |line: &&str| {
            let taken = console::measure_text_width(line).div_ceil(columns).max(1);
            let is_room = taken <= room;
            room = room.saturating_sub(taken);
            is_room
        };
        let shown: Vec<&str> = text.lines().take_while(fits).collect();
        // home, and all below it away
        self.put(&format!("\u{1b}[H\u{1b}[J{}", shown.join("\n")))
    }

    /// Prints one line of JSON that is text already.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub fn json_line(&self, json: &str) -> Result<()> {
        self.put(&visible_json(json))
    }

    /// Prints text for people.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub fn line(&self, text: &str) -> Result<()> {
        self.painted_line(text, None)
    }

    /// The same in a colour, where stdout shows colours.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub fn painted_line(&self, text: &str, paint: Option<Paint>) -> Result<()> {
        let text = visible(text);
        match paint.filter(|_| self.color) {
            Some(paint) => self.put(&paint.around(&text)),
            None => self.put(&text),
        }
    }

    /// Prints a text as it is, to a terminal too: only where a person asked for exactly that.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub fn raw_line(&self, text: &str) -> Result<()> {
        self.put(text)
    }

    fn put(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        let written = match text.is_empty() || text.ends_with('\n') {
            true => out.write_all(text.as_bytes()),
            false => writeln!(out, "{text}"),
        };
        written.and_then(|()| out.flush()).map_err(|cause| file_error("write to standard output", cause))
    }

    /// Prints one of many rows: text for people, or a line of NDJSON.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub fn row<R: Display + Serialize>(&self, row: &R) -> Result<()> {
        self.print(row)
    }

    /// Tells a person something on stderr; silent with `--quiet`. It is one note: further lines are indented.
    pub fn note(&self, text: &str) {
        if !self.options.quiet {
            self.tell(&visible_record(text));
        }
    }

    /// Tells a person on stderr, whatever was asked. A stderr that is gone is no reason to stop.
    pub fn tell(&self, text: &str) {
        self.tell_painted(&visible(text));
    }

    fn tell_painted(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Tells what could not be done, why, and what to type next.
    pub fn error(&self, error: &Error) {
        let mut text =
            format!("{} could not {}", self.paint_err("error:", Paint::Red), visible_record(error.message()));
        for cause in error.causes() {
            text.push_str(&format!("\n  caused by: {}", visible_record(&cause)));
        }
        if let Some(hint) = error.hint_text() {
            text.push_str(&format!("\n{} {}", self.paint_err("hint:", Paint::Cyan), visible_record(hint)));
        }
        self.tell_painted(&text);
    }

    /// A progress bar on stderr; none is drawn off a terminal.
    pub fn progress(&self) -> Bar {
        let is_seen = self.err_is_terminal && !self.options.quiet && !self.options.json;
        if is_seen { Bar::drawn() } else { Bar::hidden() }
    }

    /// Whether reports are JSON.
    pub fn is_json(&self) -> bool {
        self.options.json
    }

    /// Whether notes are left out.
    pub fn is_quiet(&self) -> bool {
        self.options.quiet
    }

    /// How talkative to be: 0, 1, 2.
    pub fn verbosity(&self) -> u8 {
        self.options.verbose
    }

    /// Whether a person watches: stdout or stderr is a terminal.
    pub fn is_watched(&self) -> bool {
        self.out_is_terminal || self.err_is_terminal
    }

    /// Whether stdout is a terminal, where whoever stands behind a person reads too.
    pub fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Whether a person can be asked something: one that sees what is asked, and has a terminal to answer.
    pub fn can_ask(&self) -> bool {
        self.err_is_terminal && prompt::has_terminal()
    }

    /// Asks a person for a line that is not shown while it is typed.
    ///
    /// # Errors
    /// Interrupted (exit 130) on Ctrl-C; what the terminal says.
    pub fn ask_unseen(&self, question: &str) -> Result<Zeroizing<String>> {
        prompt::ask_unseen(question)
    }

    /// Waits until a person types Enter.
    ///
    /// # Errors
    /// As [`Shell::ask_unseen`].
    pub fn wait_for_enter(&self, text: &str) -> Result<()> {
        prompt::ask_unseen(text).map(|_| ())
    }

    /// Whether stdout shows colours.
    pub fn has_color(&self) -> bool {
        self.color
    }

    fn paint_err(&self, text: &str, paint: Paint) -> String {
        let color = match self.options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => self.err_is_terminal && (self.color || !self.out_is_terminal),
        };
        if color { paint.around(text) } else { text.to_owned() }
    }
}

/// The colours in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Errors.
    Red,
    /// Warnings.
    Yellow,
    /// Success.
    Green,
    /// Hints and names.
    Cyan,
    /// What matters less.
    Dim,
}

impl Paint {
    fn around(self, text: &str) -> String {
        let code = match self {
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Green => "32",
            Self::Cyan => "36",
            Self::Dim => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// So many of a thing, in words: `1 app`, `3 apps`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// The version of what reports say as JSON. It grows when a field goes or changes its meaning; new fields may come at any
/// time.
pub const JSON_VERSION: u32 = 1;

fn json<R: Serialize>(report: &R) -> Result<String> {
    serde_json::to_string(report).map_err(|cause| Error::failed("write the report as JSON").because(cause))
}

/// A report that is an object begins with the version.
fn versioned(text: String) -> String {
    let text = Zeroizing::new(text);
    match text.strip_prefix('{') {
        Some("}") => format!("{{\"schema_version\":{JSON_VERSION}}}"),
        Some(rest) => format!("{{\"schema_version\":{JSON_VERSION},{rest}"),
        None => text.to_string(),
    }
}
