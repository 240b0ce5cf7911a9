//! Signals while an editor is open: Ctrl-C is the editor's; what ends us takes the file along first.

use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::private;
use crate::error::{OrFail, Result};

/// What is edited now.
static EDITING: Mutex<Option<Editing>> = Mutex::new(None);
static WATCH: Once = Once::new();

/// An editor, and the folder that goes with us.
pub(super) struct Editing {
    pub(super) folder: PathBuf,
    pub(super) editor: Option<u32>,
}

/// As long as this is there, signals know of the file.
pub(super) struct Guard;

impl Guard {
    /// From now on. The thread that waits for signals stays, and does what they do elsewhere while nothing is edited.
    pub(super) fn of(folder: PathBuf) -> Result<Self> {
        let mut watching = Ok(());
        WATCH.call_once(|| watching = watch());
        watching?;
        set(Some(Editing { folder, editor: None }));
        Ok(Self)
    }

    /// The editor is there.
    pub(super) fn started(&self, editor: u32) {
        if let Some(editing) = EDITING.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            editing.editor = Some(editor);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        set(None);
    }
}

fn set(editing: Option<Editing>) {
    *EDITING.lock().unwrap_or_else(PoisonError::into_inner) = editing;
}

fn watch() -> Result<()> {
    let failed = || "watch for signals while the editor is open".to_owned();
    let mut arriving = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP]).or_fail(failed)?;
    let watching = std::thread::Builder::new().name("editor".to_owned()).spawn(move || {
        for signal in arriving.forever() {
            // held on to: nobody makes a file any more
            let editing = EDITING.lock().unwrap_or_else(PoisonError::into_inner);
            match &*editing {
                // the terminal has sent it to the editor too, where it means something else
                Some(_) if matches!(signal, SIGINT | SIGQUIT) => continue,
                Some(Editing { folder, editor }) => {
                    let editor = editor.and_then(|editor| i32::try_from(editor).ok());
                    if let (Some(editor), Ok(signal)) = (editor, Signal::try_from(signal)) {
                        let _ = kill(Pid::from_raw(editor), signal);
                    }
                    private::remove(folder);
                }
                None => {}
            }
            let _ = emulate_default_handler(signal);
        }
    });
    watching.map(drop).or_fail(failed)
}
