//! The pipe that an app writes to, read until all writers have gone, or until reading is called off.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::event::{Event, Stream};
use super::line::LineReader;

/// The most bytes that are still read after reading was called off: more than a pipe holds, so what an app wrote before
/// is not lost, and a process that escaped cannot keep us reading.
const DRAIN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One of an app's pipes; its end comes with the last writer, or when `quit` hangs up and the pipe is empty.
pub(super) struct Output<'a> {
    pipe: File,
    quit: &'a PipeReader,
    drained: usize,
}

impl<'a> Output<'a> {
    /// The output behind `pipe`; the other end of `quit` is closed to call reading off.
    pub(super) fn new(pipe: OwnedFd, quit: &'a PipeReader) -> Self {
        Self { pipe: File::from(pipe), quit, drained: 0 }
    }

    /// Tells every line, as long as somebody writes.
    pub(super) fn tell(self, stream: Stream, events: &dyn Fn(Event)) {
        for piece in LineReader::new(self) {
            events(match piece {
                Ok(piece) => Event::Line { stream, piece },
                Err(cause) => Event::Unreadable { stream, cause },
            });
        }
    }

    /// Waits for bytes or the end; says whether the pipe has one of them, and whether reading is called off.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let mut watched =
            [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN), PollFd::new(self.quit.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut watched, PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                Err(cause) => return Err(cause.into()),
                Ok(_) => return Ok((watched[0].any().unwrap_or(true), watched[1].any().unwrap_or(true))),
            }
        }
    }
}

impl Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (ready, called_off) = self.wait()?;
        if called_off && (!ready || self.drained >= DRAIN_BYTES_MAX) {
            return Ok(0);
        }
        let count = self.pipe.read(buffer)?;
        if called_off {
            self.drained += count;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Mutex;
    use std::thread;

    #[test]
    fn a_writer_that_never_closes_does_not_keep_us_but_what_it_wrote_is_read() {
        let (pipe, mut writer) = io::pipe().expect("a pipe");
        let (quit, call_off) = io::pipe().expect("a pipe");
        let lines = Mutex::new(Vec::new());
        let events = |event: Event| {
            if let Event::Line { piece, .. } = event {
                lines.lock().expect("lines").push(piece.text);
            }
        };
        thread::scope(|scope| {
            writer.write_all(b"one\ntwo\nno end").expect("room");
            let (events, output) = (&events, Output::new(pipe.into(), &quit));
            scope.spawn(move || output.tell(Stream::Stdout, events));
            drop(call_off);
        });
        drop(writer);
        assert_eq!(lines.into_inner().expect("lines"), ["one", "two", "no end"]);
    }
}
