//! The whole terminal, for what is watched: drawn again and again, as large as the window is, and given back at the end.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use console::{Term, truncate_str};

/// Another page of the terminal, without a cursor; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// To the upper left corner; the rest of a line; the rest of the page.
const HOME: &str = "\u{1b}[H";
const END_OF_LINE: &str = "\u{1b}[K";
const END_OF_PAGE: &str = "\u{1b}[J";
/// How many lines are kept that somebody wanted to write meanwhile.
const SAID_MAX: usize = 100;

static IS_OPEN: AtomicBool = AtomicBool::new(false);
static SAID: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// The terminal, until it goes.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Takes the terminal; `None` where standard output is none.
    pub fn open() -> Option<Self> {
        if !io::stdout().is_terminal() {
            return None;
        }
        IS_OPEN.store(true, Ordering::Relaxed);
        write(ENTER);
        Some(Self(()))
    }

    /// Rows and columns of the window now.
    pub fn size(&self) -> (usize, usize) {
        let (rows, columns) = Term::stdout().size();
        (usize::from(rows), usize::from(columns))
    }

    /// Draws a text; what does not fit is cut off.
    pub fn draw(&self, text: &str) {
        let (rows, columns) = self.size();
        let mut page = HOME.to_owned();
        for (place, line) in text.lines().take(rows).enumerate() {
            page.push_str(if place == 0 { "" } else { "\r\n" });
            page.push_str(&truncate_str(line, columns, "…"));
            page.push_str(END_OF_LINE);
        }
        page.push_str(END_OF_PAGE);
        write(&page);
    }

    /// Gives the terminal back, whoever holds it: for an end without leave-taking.
    pub fn restore() {
        if IS_OPEN.swap(false, Ordering::Relaxed) {
            write(LEAVE);
        }
    }

    /// Keeps a line for the page, while there is one; false where it can be written as ever.
    pub fn say(line: &str) -> bool {
        if !IS_OPEN.load(Ordering::Relaxed) {
            return false;
        }
        let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == SAID_MAX {
            said.pop_front();
        }
        said.push_back(line.trim_end().to_owned());
        true
    }

    /// The last lines that somebody wanted to write, oldest first.
    pub fn said(count: usize) -> Vec<String> {
        let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().skip(said.len().saturating_sub(count)).cloned().collect()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        Self::restore();
        // what was only seen on the page is written now
        let said: Vec<String> = SAID.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        let mut err = io::stderr().lock();
        said.iter().for_each(|line| drop(writeln!(err, "{line}")));
    }
}

/// A terminal that is gone is no reason to stop.
fn write(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
