//! Asking a person for what must not be seen, on the terminal itself, wherever stdin and stdout lead.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};

use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, OrFail, Result, file_error};

/// The longest line.
const LINE_BYTES_MAX: usize = 4_096;

/// Whether this process has a terminal.
pub(super) fn has_terminal() -> bool {
    terminal().is_ok()
}

/// A line, typed unseen.
pub(super) fn ask_unseen(question: &str) -> Result<Zeroizing<String>> {
    let failed = |cause| file_error("ask on the terminal", cause);
    let terminal = terminal().map_err(failed)?;
    let unseen = Unseen::start(&terminal)?;
    write!(&terminal, "{}", super::visible_line(question)).map_err(failed)?;
    let typed = read_line(&terminal);
    drop(unseen);
    writeln!(&terminal).map_err(failed)?;
    let line = typed?;
    let text = std::str::from_utf8(&line).or_fail(|| "read what was typed".to_owned())?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn terminal() -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// The terminal while it shows nothing; as it was before when this goes.
struct Unseen<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Unseen<'a> {
    fn start(terminal: &'a File) -> Result<Unseen<'a>> {
        let failed = || "keep the terminal from showing what is typed".to_owned();
        let before = tcgetattr(terminal).or_fail(failed)?;
        let mut silent = before.clone();
        // Ctrl-C comes as a letter too: a signal would end us before the terminal shows again what is typed
        silent.local_flags &= !(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        silent.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        silent.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        tcsetattr(terminal, SetArg::TCSAFLUSH, &silent).or_fail(failed)?;
        Ok(Unseen { terminal, before })
    }
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

fn read_line(mut terminal: &File) -> Result<Zeroizing<Vec<u8>>> {
    const CTRL_C: u8 = 3;
    const CTRL_D: u8 = 4;
    const CTRL_U: u8 = 21;
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    let mut byte = [0];
    loop {
        let count = terminal.read(&mut byte).map_err(|cause| file_error("read from the terminal", cause))?;
        match (count, byte[0]) {
            (0, _) | (_, CTRL_C) => return Err(Error::new(ErrorKind::Interrupted, "finish: it was interrupted")),
            (_, b'\n' | b'\r' | CTRL_D) => return Ok(line),
            (_, CTRL_U) => line.clear(),
            // Backspace, and what old terminals send for it: a whole letter, whatever its bytes
            (_, 0x7f | 0x08) => while line.pop().is_some_and(|last| last & 0xc0 == 0x80) {},
            (_, byte) if line.len() < LINE_BYTES_MAX => line.push(byte),
            _ => return Err(Error::new(ErrorKind::Usage, "read what was typed: it is longer than 4096 bytes")),
        }
    }
}
