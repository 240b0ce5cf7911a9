//! What an actor is asked: one argument that tells of the document, as a program is told of it that serves many.

use serde::Serialize;
use serde_json::value::RawValue;

use super::ticket::Ticket;
use crate::dramatiq::Message;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::storage::Storage;
use crate::tables::{CallRow, ClaimedTask, FileRow, NewCall, StageOutput, hex_text};

/// What stages before gave travels in the message up to so many bytes; what is longer by its number in the storage.
const INPUT_BYTES_MAX: i64 = 1 << 20;

/// The one argument.
#[derive(Serialize)]
struct Document<'a> {
    task: i64,
    pipeline: &'a str,
    stage: &'a str,
    attempt: i64,
    name: &'a str,
    sha256: String,
    /// The path of the original; `None` where it is in no folder.
    document: Option<String>,
    /// Its number in the storage.
    stored: i64,
    input: Box<RawValue>,
}

/// An input that does not travel in the message.
#[derive(Serialize)]
struct StoredInput {
    /// Its path; `None` where it is in no folder.
    file: Option<String>,
    /// Its number in the storage.
    stored: i64,
}

/// The message that asks for a document, and brings the answer into the queue `replies`.
///
/// # Errors
/// What the storage says.
pub(super) fn question(
    storage: &mut Storage,
    pipeline: &str,
    replies: &str,
    (claimed, call): (&ClaimedTask, &NewCall),
) -> Result<Message> {
    let task = &claimed.task;
    let CallRow { queue, actor, message_id, .. } = &call.row;
    let document = Document {
        task: task.id,
        pipeline,
        stage: &task.stage,
        attempt: task.attempts,
        name: &task.name,
        sha256: hex_text(&task.sha256),
        document: path(storage, &claimed.original)?,
        stored: task.file_id,
        input: input(storage, claimed.input.as_ref())?,
    };
    let reply = Ticket::of(&call.row).reply(replies)?;
    // whoever comes too late to be heard does not begin
    let max_age_ms = u64::try_from(call.timeout.as_millis()).unwrap_or(u64::MAX);
    let message = Message::new(queue, actor).argument(&document)?.option("max_age", &max_age_ms)?;
    Ok(Message { message_id: message_id.clone(), ..message.pipe(&reply).or_else(&reply) })
}

fn input(storage: &mut Storage, given: Option<&StageOutput>) -> Result<Box<RawValue>> {
    let raw = |text: String| RawValue::from_string(text).or_fail(|| "read what a stage before gave".to_owned());
    match given {
        Some(StageOutput { text: Some(text), .. }) => raw(text.clone()),
        Some(StageOutput { file_id: Some(id), .. }) => {
            let row = storage.tables().files().by_id(*id)?;
            let row = row.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("find the stored file {id}")))?;
            if row.extension == "json" && row.bytes <= INPUT_BYTES_MAX {
                let mut bytes = Vec::new();
                storage.read(&row, &mut bytes)?;
                return raw(String::from_utf8(bytes).or_fail(|| format!("read the stored file {id}"))?);
            }
            let file = path(storage, &row)?;
            serde_json::value::to_raw_value(&StoredInput { file, stored: *id })
                .or_fail(|| "tell an actor of a file".to_owned())
        }
        _ => raw("null".to_owned()),
    }
}

/// Where a stored file is, if it is in a folder.
fn path(storage: &mut Storage, row: &FileRow) -> Result<Option<String>> {
    let path = storage.local(row)?.map(|path| std::path::absolute(&path).unwrap_or(path));
    Ok(path.map(|path| path.to_string_lossy().into_owned()))
}
