//! What comes to the board from threads of their own: what the database holds, and what became of commands. So keys are
//! answered while a database is silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::ops::{AppCommand, Glance, SendOptions, Watcher, send_command};

/// How often the database is read.
const READ_EVERY: Duration = Duration::from_secs(1);
/// How long the result of a command is waited for, where managers work.
const RESULT_LIMIT: Duration = Duration::from_secs(10);
/// No app.
const NONE: i64 = i64::MIN;

/// What was read, and of which app the log was asked for.
pub(super) type Read = (Option<i64>, Result<Glance>);

/// The threads and what they brought.
pub(super) struct Feed {
    context: Context,
    reads: Receiver<Read>,
    told: (Sender<String>, Receiver<String>),
    /// The app whose log is read as well.
    app: Arc<AtomicI64>,
    /// Commands on their way.
    sending: Arc<AtomicUsize>,
}

impl Feed {
    /// Begins to read.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn start(context: &Context) -> Result<Self> {
        let (sender, reads) = sync_channel(1);
        let app = Arc::new(AtomicI64::new(NONE));
        let (watcher, asked) = (Watcher::new(context), Arc::clone(&app));
        let thread = Builder::new().name("board-reads".to_owned());
        thread.spawn(move || read(watcher, &asked, &sender)).or_fail(|| "start a thread for the board".to_owned())?;
        Ok(Self { context: context.clone(), reads, told: channel(), app, sending: Arc::default() })
    }

    /// From now on the log of this app is read as well.
    pub(super) fn open(&self, app_id: Option<i64>) {
        self.app.store(app_id.unwrap_or(NONE), Ordering::Relaxed);
    }

    /// What was read since.
    pub(super) fn read(&self) -> Option<Read> {
        match self.reads.try_recv() {
            Ok(read) => Some(read),
            Err(TryRecvError::Empty) => None,
            // it has panicked, which the log tells
            Err(TryRecvError::Disconnected) => Some((None, Err(Error::failed("read the board any longer")))),
        }
    }

    /// What became of a command.
    pub(super) fn told(&self) -> Option<String> {
        self.told.1.try_recv().ok()
    }

    /// Whether commands are on their way.
    pub(super) fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Acquire) > 0
    }

    /// Sends an app a command; its result comes with a later look at the feed.
    pub(super) fn send(&self, command: AppCommand, app: String, has_managers: bool) {
        let (context, told, sending) = (self.context.clone(), self.told.0.clone(), Arc::clone(&self.sending));
        sending.fetch_add(1, Ordering::AcqRel);
        let thread = Builder::new().name("board-sends".to_owned()).spawn(move || {
            let wait = has_managers.then_some(RESULT_LIMIT);
            let options = SendOptions { command, app, args: None, wait, force: false, expires: None };
            let text = match send_command(&context, &options) {
                Ok(report) => report.to_string(),
                // it is written down, and goes on without us
                Err(error) if error.kind() == ErrorKind::Timeout => error.message().to_owned(),
                Err(error) => format!("could not {error}"),
            };
            sending.fetch_sub(1, Ordering::AcqRel);
            let _ = told.send(text);
        });
        if let Err(cause) = thread {
            self.sending.fetch_sub(1, Ordering::AcqRel);
            let _ = self.told.0.send(format!("could not start a thread for the command: {cause}"));
        }
    }
}

/// Reads until nobody listens any more; nothing is read while nobody takes what was read before.
fn read(mut watcher: Watcher, asked: &AtomicI64, reads: &SyncSender<Read>) {
    loop {
        let app_id = Some(asked.load(Ordering::Relaxed)).filter(|app_id| *app_id != NONE);
        let glance = watcher.read(app_id);
        if reads.send((app_id, glance)).is_err() {
            return;
        }
        std::thread::sleep(READ_EVERY);
    }
}
