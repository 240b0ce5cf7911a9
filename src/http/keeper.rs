//! Where answers go that are kept in storage. That stands above this room, so it says by itself how it keeps them.

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// Keeps files under names.
pub trait AnswerKeeper: Send {
    /// Keeps a file; its number there.
    ///
    /// # Errors
    /// What the storage says.
    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<i64>;
}

/// Opens the storage, for files that are kept as long as a retention says; as the storage's own settings say with `None`.
pub type OpenKeeper = fn(&Context, Option<&str>) -> Result<Box<dyn AnswerKeeper>>;

/// One for the process.
static OPEN: OnceLock<OpenKeeper> = OnceLock::new();

/// Says how answers are kept in storage. The first one counts; `storage::keep_answers` does it.
pub fn set_answer_keeper(open: OpenKeeper) {
    OPEN.get_or_init(|| open);
}

/// The storage, opened with the first answer.
pub(super) struct Keeper {
    context: Context,
    retention: Option<String>,
    open: OpenKeeper,
    opened: Mutex<Option<Box<dyn AnswerKeeper>>>,
}

impl Keeper {
    /// # Errors
    /// Settings, where nobody has said how answers are kept in storage.
    pub(super) fn of(context: &Context, retention: Option<String>) -> Result<Self> {
        let open = OPEN.get().ok_or_else(|| {
            Error::new(ErrorKind::Settings, "keep answers in storage: this program has not said that it can")
                .hint("call `storage::keep_answers()` once; `App::start` does it. Or name a folder: [http] save = \"answers\"")
        })?;
        Ok(Self { context: context.clone(), retention, open: *open, opened: Mutex::default() })
    }

    /// Keeps a file; its number.
    ///
    /// # Errors
    /// What the storage says.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> Result<i64> {
        let failed = |error: Error| error.within("keep an answer in storage");
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let keeper = match &mut *opened {
            Some(keeper) => keeper,
            None => opened.insert((self.open)(&self.context, self.retention.as_deref()).map_err(failed)?),
        };
        keeper.keep(name, bytes).map_err(failed)
    }
}
