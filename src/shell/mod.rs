//! What a person sees: data on stdout, everything else on stderr, colour and bars only on a terminal.

mod bar;
mod keys;
mod prompt;
mod screen;

pub use bar::Bar;
pub use screen::{Input, Screen};

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, LineStyle, Table, presets};
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

/// Text of strangers, such as an app's output, as it can be shown: without colours, and with signs for the control
/// characters that would move the cursor, ring the bell or rename the window.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let sign = |letter: char| match letter {
        '\u{7f}' => '\u{2421}',
        '\0'..='\u{1f}' if is_hidden(letter) => {
            char::from_u32(0x2400 + letter as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ if is_hidden(letter) => char::REPLACEMENT_CHARACTER,
        _ => letter,
    };
    Cow::Owned(console::strip_ansi_codes(text).chars().map(sign).collect())
}

fn is_hidden(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
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

    /// Prints a report: for people, or as one JSON object.
    ///
    /// # Errors
    /// When stdout does not take it; a reader that has gone is `BrokenPipe`.
    pub fn print<R: Display + Serialize>(&self, report: &R) -> Result<()> {
        // wiped: some reports are secrets
        let text = Zeroizing::new(if self.options.json { json(report)? } else { report.to_string() });
        self.line(&text)
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
        let (rows, columns) = console::Term::stdout().size();
        let (mut room, columns) = (usize::from(rows).saturating_sub(1), usize::from(columns).max(1));
        let text = report.to_string();
        let fits = |line: &&str| {
            let taken = console::measure_text_width(line).div_ceil(columns).max(1);
            let is_room = taken <= room;
            room = room.saturating_sub(taken);
            is_room
        };
        let shown: Vec<&str> = text.lines().take_while(fits).collect();
        // home, and all below it away
        self.line(&format!("\u{1b}[H\u{1b}[J{}", shown.join("\n")))
    }

    /// Prints one line of data that is text already.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub fn line(&self, text: &str) -> Result<()> {
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

    /// Tells a person something on stderr; silent with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.options.quiet {
            self.tell(text);
        }
    }

    /// Tells a person on stderr, whatever was asked. A stderr that is gone is no reason to stop.
    pub fn tell(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Tells what could not be done, why, and what to type next.
    pub fn error(&self, error: &Error) {
        let mut text = format!("{} could not {}", self.paint_err("error:", Paint::Red), error.message());
        for cause in error.causes() {
            text.push_str(&format!("\n  caused by: {}", cause.replace('\n', "\n    ")));
        }
        if let Some(hint) = error.hint_text() {
            text.push_str(&format!("\n{} {hint}", self.paint_err("hint:", Paint::Cyan)));
        }
        self.tell(&text);
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

    /// `text` in a colour where stdout shows colours.
    pub fn paint(&self, text: &str, paint: Paint) -> String {
        if self.color { paint.around(text) } else { text.to_owned() }
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

/// A table as all reports draw it: a rule under the header, as wide as its content, or as the terminal.
pub fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    if console::Term::stdout().is_term() {
        table.set_width(u16::try_from(columns()).unwrap_or(u16::MAX));
    }
    table
}

/// A table as wide as `columns`, with any number of columns.
pub fn table_of(header: &[&str], columns: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(columns).unwrap_or(u16::MAX))
        .set_header(header.to_vec());
    table
}

/// The columns of the window; as many as reports are made for where there is none.
pub fn columns() -> usize {
    let term = console::Term::stdout();
    if term.is_term() { usize::from(term.size().1) } else { 120 }
}

fn json<R: Serialize>(report: &R) -> Result<String> {
    serde_json::to_string(report).map_err(|cause| Error::failed("write the report as JSON").because(cause))
}
