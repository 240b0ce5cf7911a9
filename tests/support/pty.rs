//! A terminal that a test makes: with a size, keys that are pressed one by one, and a picture that can be looked at.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::unistd::ttyname;

use crate::support::clean;
use crate::support::picture::Picture;

/// The terminal, and the program that it belongs to.
pub(crate) struct Pty {
    keys: File,
    /// Kept open, so that what the program left can be looked at.
    inside: File,
    name: PathBuf,
    child: Child,
    picture: Arc<Mutex<Picture>>,
    /// Rings when something was drawn.
    drawn: Arc<Condvar>,
    /// While it is locked nobody reads what the program writes, as if somebody had pressed ^S.
    reading: Arc<Mutex<()>>,
}

impl Pty {
    /// Starts a program as the leader of the terminal.
    pub(crate) fn start(command: &Command, rows: u16, columns: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).expect("a terminal");
        let (outside, inside) = (File::from(pair.master), File::from(pair.slave));
        let name = ttyname(&inside).expect("its name");
        // of util-linux, as `script`: it makes the terminal that of a session of its own
        let program = command.get_program().to_str().expect("a path").to_owned();
        let mut leader = crate::support::same_by("setsid".as_ref(), &["--ctty", "--wait", &program], command);
        leader.env("TERM", "xterm-256color").stdin(inside.try_clone().expect("it"));
        leader.stdout(inside.try_clone().expect("it")).stderr(inside.try_clone().expect("it"));
        let child = leader.spawn().expect("setsid starts");
        let picture = Arc::new(Mutex::new(Picture::new(rows.into(), columns.into())));
        let (drawn, reading) = (Arc::new(Condvar::new()), Arc::new(Mutex::new(())));
        let (mut screen, shown) = (outside.try_clone().expect("it"), Arc::clone(&picture));
        let (bell, may_read) = (Arc::clone(&drawn), Arc::clone(&reading));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                drop(may_read.lock());
                match screen.read(&mut bytes) {
                    Ok(count @ 1..) => {
                        // a test that has failed looks no more
                        let Ok(mut picture) = shown.lock() else { return };
                        picture.feed(&bytes[..count]);
                        drop(picture);
                        bell.notify_all();
                    }
                    _ => return,
                }
            }
        });
        Self { keys: outside, inside, name, child, picture, drawn, reading }
    }

    pub(crate) fn press(&self, keys: &str) {
        (&self.keys).write_all(keys.as_bytes()).expect("keys");
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.picture.lock().expect("a picture").resize(rows.into(), columns.into());
        let (rows, columns) = (rows.to_string(), columns.to_string());
        let mut stty = clean("stty");
        stty.arg("-F").arg(&self.name).args(["rows", &rows, "columns", &columns]);
        assert!(stty.status().expect("stty runs").success());
    }

    /// The modes of the terminal, as `stty` writes them.
    pub(crate) fn modes(&self) -> String {
        let modes = clean("stty").arg("-F").arg(&self.name).arg("-g").output().expect("stty runs");
        String::from_utf8(modes.stdout).expect("modes")
    }

    pub(crate) fn text(&self) -> String {
        self.picture.lock().expect("a picture").text()
    }

    /// Waits until the picture is as it should be; fails with the picture.
    pub(crate) fn wait_for(&self, what: &str, is_there: impl Fn(&Picture) -> bool) {
        let picture = self.picture.lock().expect("a picture");
        let is_missing = |picture: &mut Picture| !is_there(picture);
        let patience = Duration::from_secs(60);
        let (picture, waited) = self.drawn.wait_timeout_while(picture, patience, is_missing).expect("a picture");
        assert!(!waited.timed_out(), "waited 60 s in vain: {what}\n{}", picture.text());
    }

    pub(crate) fn wait_for_text(&self, text: &str) {
        self.wait_for(text, |picture| picture.text().contains(text));
    }

    /// Whether the page and the cursor are the shell's again.
    pub(crate) fn is_in_order(&self) -> bool {
        let picture = self.picture.lock().expect("a picture");
        !picture.is_other_page() && picture.has_cursor()
    }

    pub(crate) fn colors(&self) -> usize {
        self.picture.lock().expect("a picture").colors
    }

    /// As long as this is held, nobody reads what is written to the terminal.
    pub(crate) fn stopped(&self) -> std::sync::MutexGuard<'_, ()> {
        self.reading.lock().expect("the reader")
    }

    /// Whether whoever writes now has to wait.
    pub(crate) fn is_full(&self) -> bool {
        let mut asked = [PollFd::new(self.inside.as_fd(), PollFlags::POLLOUT)];
        poll(&mut asked, PollTimeout::ZERO).expect("an answer") == 0
    }

    /// Whether nothing is left that was typed and that nobody has read.
    pub(crate) fn is_read(&self) -> bool {
        let mut asked = [PollFd::new(self.inside.as_fd(), PollFlags::POLLIN)];
        poll(&mut asked, PollTimeout::ZERO).expect("an answer") == 0
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The end of its program.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let mut code = None;
        crate::support::manager::wait_for("the end of the program", 60, || {
            code = self.child.try_wait().expect("its state");
            code.is_some()
        });
        code.and_then(|status| status.code())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
