//! Answers that `http` keeps here: `[http] save = "storage"`.

use super::keep::KeepOptions;
use super::storage::Storage;
use crate::context::Context;
use crate::error::Result;
use crate::http::{AnswerKeeper, set_answer_keeper};

/// The storage, for the answers of the app and the run around us.
struct Answers {
    storage: Storage,
    options: KeepOptions,
}

/// Lets the sessions of this process keep their answers in storage, where `[http] save` says so.
pub fn keep_answers() {
    set_answer_keeper(open);
}

fn open(context: &Context, retention: Option<&str>) -> Result<Box<dyn AnswerKeeper>> {
    let options = KeepOptions { retention: retention.map(str::to_owned), ..KeepOptions::of(context) };
    Ok(Box::new(Answers { storage: Storage::open(context)?, options }))
}

impl AnswerKeeper for Answers {
    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<i64> {
        self.options.name = Some(name.into());
        Ok(self.storage.keep_reader(&mut &*bytes, &self.options)?.row.id)
    }
}
