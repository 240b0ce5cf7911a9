//! The whole terminal, for what is watched: drawn again and again, as large as the window is, with the keys that are typed
//! there; and given back in order at the end, however it comes: in order, by ^Z, by a signal, by a panic.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use console::Term;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgrp, getsid, tcgetpgrp};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use signal_hook::consts::{SIGCONT, SIGTSTP};

use super::Shell;
use super::keys::{Keys, Typed};
use super::visible::visible_record;

/// Another page of the terminal, without a cursor; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l";
/// How many lines are kept that somebody wanted to write meanwhile.
const SAID_MAX: usize = 100;
/// How long who gives the terminal back lets a drawing come to its end; one that is stuck is not waited for.
const DRAWING_LIMIT: Duration = Duration::from_millis(200);
/// The pause before it is looked again whether the terminal takes something.
const BREATH: Duration = Duration::from_millis(50);

static IS_OPEN: AtomicBool = AtomicBool::new(false);
static DRAWING: Mutex<()> = Mutex::new(());
static SAID: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());
static PANICS: Once = Once::new();

/// The terminal, until it goes.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<File>>>,
    area: Rect,
    /// Whether keys can be read: standard input is the terminal.
    has_keys: bool,
    keys: Keys,
    /// Whether what stands there is no longer what was drawn.
    is_stale: bool,
    stop: Arc<AtomicBool>,
    resumed: Arc<AtomicBool>,
}

/// What happens at the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// A key.
    Key(KeyEvent),
    /// It has to be drawn: the window got another size, or the terminal is back.
    Draw,
    /// The terminal is gone for ever.
    Gone,
}

impl Screen {
    /// Takes the terminal; `None` where standard output is none. In the background it is taken when it comes to the fore.
    pub fn open(shell: &Shell) -> Option<Self> {
        if !io::stdout().is_terminal() {
            return None;
        }
        let out = File::from(io::stdout().as_fd().try_clone_to_owned().ok()?);
        force_color_output(shell.has_color());
        let area = area();
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let terminal = Terminal::with_options(CrosstermBackend::new(BufWriter::new(out)), options).ok()?;
        let (stop, resumed): (Arc<AtomicBool>, Arc<AtomicBool>) = Default::default();
        signal_hook::flag::register(SIGTSTP, Arc::clone(&stop)).ok()?;
        signal_hook::flag::register(SIGCONT, Arc::clone(&resumed)).ok()?;
        give_back_in_a_panic();
        let has_keys = io::stdin().is_terminal();
        let keys = Keys::default();
        let mut screen = Self { terminal, area, has_keys, keys, is_stale: true, stop, resumed };
        screen.enter();
        Some(screen)
    }

    /// Waits for a key, or what else there is to do, no longer than `limit`. ^C and ^Z are what they are elsewhere: signals
    /// to all that was started in one line.
    pub fn next(&mut self, limit: Duration) -> Input {
        if self.stop.swap(false, Ordering::Relaxed) {
            stop();
        }
        let is_resumed = self.resumed.swap(false, Ordering::Relaxed);
        if !is_in_front() || is_resumed {
            // a shell has the terminal, or has had it, and has set it right by itself
            IS_OPEN.store(false, Ordering::Relaxed);
        }
        if !IS_OPEN.load(Ordering::Relaxed) {
            if self.enter() {
                return Input::Draw;
            }
            std::thread::sleep(limit);
            return Input::Nothing;
        }
        if self.is_stale || area() != self.area {
            self.is_stale = true;
            std::thread::sleep(if is_ready(io::stdout(), PollFlags::POLLOUT) { Duration::ZERO } else { BREATH });
            return Input::Draw;
        }
        self.key(limit)
    }

    fn key(&mut self, limit: Duration) -> Input {
        if !self.has_keys {
            std::thread::sleep(limit);
            return Input::Nothing;
        }
        match self.keys.next(limit) {
            Typed::Gone => Input::Gone,
            Typed::Nothing => Input::Nothing,
            Typed::Key(KeyEvent { code: KeyCode::Char(letter @ ('c' | 'z')), modifiers, .. })
                if modifiers.contains(KeyModifiers::CONTROL) =>
            {
                let signal = if letter == 'c' { Signal::SIGINT } else { Signal::SIGTSTP };
                let _ = kill(Pid::from_raw(0), signal);
                Input::Nothing
            }
            Typed::Key(key) => Input::Key(key),
        }
    }

    /// Draws; false where the terminal takes nothing now, and it has to be tried again.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> bool {
        let _drawing = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
        if !IS_OPEN.load(Ordering::Relaxed) || !is_ready(io::stdout(), PollFlags::POLLOUT) {
            return false;
        }
        let area = area();
        if self.is_stale || area != self.area {
            self.area = area;
            self.is_stale = self.terminal.resize(area).is_err();
        }
        let drawn = self.terminal.draw(render).is_ok();
        self.is_stale |= !drawn;
        drawn
    }

    /// Takes the terminal; false while others have it.
    fn enter(&mut self) -> bool {
        if !is_in_front() || !is_ready(io::stdout(), PollFlags::POLLOUT) {
            return false;
        }
        if self.has_keys {
            // twice: whoever had it meanwhile may have set it otherwise
            let _ = disable_raw_mode().and_then(|()| enable_raw_mode());
        }
        write(ENTER);
        self.is_stale = true;
        IS_OPEN.store(true, Ordering::Relaxed);
        true
    }

    /// Gives the terminal back, whoever holds it: for an end without leave-taking.
    pub fn restore() {
        let _drawing = drawing();
        if IS_OPEN.swap(false, Ordering::Relaxed) {
            let _ = disable_raw_mode();
            if is_ready(io::stdout(), PollFlags::POLLOUT) {
                write(LEAVE);
            }
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
        said.push_back(visible_record(line.trim_end()).into_owned());
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

/// Gives the terminal back and stops, as ^Z has it; here again when it goes on. Where no shell could wake it, it does not
/// stop: a manager that is all that a terminal or a container runs.
fn stop() {
    if getsid(None).is_ok_and(|leader| leader != getpgrp()) {
        Screen::restore();
        let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
    }
}

/// A message of a panic is for the terminal as it was before; one of another thread than those that draw and work is kept
/// for the page, which goes on.
fn give_back_in_a_panic() {
    PANICS.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let ends = matches!(std::thread::current().name(), Some("main" | "board"));
            if ends {
                Screen::restore();
            }
            if ends || !Screen::say(&info.to_string()) {
                before(info);
            }
        }));
    });
}

/// The window as it is now.
fn area() -> Rect {
    let (rows, columns) = Term::stdout().size();
    Rect::new(0, 0, columns.max(1), rows.max(1))
}

/// Whether the terminal is ours and not a shell's or another job's. Where it controls nobody there are no jobs.
fn is_in_front() -> bool {
    tcgetpgrp(io::stdout()).map_or(true, |group| group == getpgrp())
}

fn is_ready(stream: impl AsFd, for_what: PollFlags) -> bool {
    let mut asked = [PollFd::new(stream.as_fd(), for_what)];
    poll(&mut asked, PollTimeout::ZERO).is_ok_and(|count| count > 0)
}

fn drawing() -> Option<MutexGuard<'static, ()>> {
    let began = Instant::now();
    loop {
        match DRAWING.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if began.elapsed() >= DRAWING_LIMIT => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Past the buffer of standard output, whose lock a stuck writer may hold. A terminal that is gone is no reason to stop.
fn write(text: &str) {
    let mut rest = text.as_bytes();
    while let Ok(count @ 1..) = nix::unistd::write(io::stdout(), rest) {
        rest = &rest[count..];
    }
}
