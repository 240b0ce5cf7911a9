//! The end of a run on its way into the database: kept on disk first, so that it comes there however long that takes.

use std::time::{Duration, Instant};

use crate::context::Context;
use crate::ends::{Ends, KeptEnd, Room};
use crate::error::Result;
use crate::failpoint;
use crate::ident::RuntimeId;
use crate::tables::Store;

/// How long a database that does not answer is waited for; whoever comes next delivers the end then.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Where the end of one run goes.
pub(super) struct Record<'a> {
    context: &'a Context,
    room: Option<Room>,
}

impl<'a> Record<'a> {
    /// Takes the room for the end now. A run starts without it all the same.
    pub(super) fn new(context: &'a Context, runtime: &RuntimeId) -> Self {
        let room = Ends::of(context.settings()).take_room(runtime);
        let room = room.inspect_err(|error| {
            log::warn!("the end of this run will be lost if the database does not answer then: {error}");
        });
        Self { context, room: room.ok() }
    }

    /// Keeps the end on disk.
    ///
    /// # Errors
    /// When a test has armed the point behind it.
    pub(super) fn keep(&mut self, end: &KeptEnd) -> Result<()> {
        if let Some(Err(error)) = self.room.as_mut().map(|room| room.keep(end)) {
            self.context.shell().note(&format!("warning: {error}"));
        }
        failpoint::point("run.kept")
    }

    /// Writes the end into the database, and gives the room back. Where the database does not answer, that is said.
    pub(super) fn deliver(self, store: Option<Store>, end: &KeptEnd) {
        let shell = self.context.shell();
        let delivered = store.map(|mut store| write(&mut store, end));
        match (delivered, self.room) {
            (Some(Ok(())), room) => {
                if let Some(room) = room {
                    room.leave();
                }
            }
            (failed, room) => {
                let why = match failed {
                    Some(Err(error)) => error.to_string(),
                    _ => "the database does not answer".to_owned(),
                };
                shell.note(&match room {
                    Some(room) => format!(
                        "warning: the end of the run waits in {}, the next `dc run` or manager delivers it: {why}",
                        room.path().display()
                    ),
                    None => format!("warning: the end of the run was not recorded: {why}"),
                });
            }
        }
    }

    /// Gives the room back: the run is no longer ours to record.
    pub(super) fn leave(self) {
        if let Some(room) = self.room {
            room.leave();
        }
    }
}

fn write(store: &mut Store, end: &KeptEnd) -> Result<()> {
    let began = Instant::now();
    loop {
        match end.record(store) {
            Err(error) if error.is_temporary() && began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            outcome => return outcome.map(drop),
        }
    }
}
