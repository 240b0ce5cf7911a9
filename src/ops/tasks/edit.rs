//! `dc tasks edit`: the JSON that a stage was given, in a person's editor; then the stage is tried again.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::editor::{Edited, Editor};
use super::bytes::has_output;
use super::pick::unknown_task;
use super::pipelines::{Pipeline, Pipelines};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::host;
use crate::shell::visible_line;
use crate::storage::{KeepOptions, Storage};
use crate::tables::{AttemptEnd, AttemptRow, EditedInput, StageOutput, TaskRow, TaskState};

/// What stands as the worker of an edit, before the name of who made it.
pub(super) const EDITED_BY: &str = "edited by ";
/// How often a text with an error comes back.
const EDITS_MAX: usize = 20;
/// An input of more bytes is not for an editor.
const INPUT_BYTES_MAX: i64 = 8 << 20;
/// An input of more bytes is not for a form.
const FORM_BYTES_MAX: usize = 64 << 10;

/// What came of an edit.
#[derive(Debug, Clone, Serialize)]
pub struct EditedTask {
    /// The task.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The stage whose output was edited.
    pub edited: String,
    /// The stage that is tried again.
    pub stage: String,
    /// Whether anything was changed: else the task stays as it is.
    pub changed: bool,
}

impl fmt::Display for EditedTask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, edited, stage, changed } = self;
        let name = visible_line(name);
        match changed {
            true => write!(formatter, "task {id}, {name}: the output of {edited} was edited; {stage} tries it again"),
            false => write!(formatter, "task {id}, {name}: nothing was changed"),
        }
    }
}

/// Opens what the stage of a task was given in the editor, stores what comes back, and has the stage tried again.
///
/// # Errors
/// Not found; refused for a task that has not come to its end, or whose stage was given no JSON; usage for what is no JSON;
/// busy for a task that has moved on meanwhile. Nothing is changed then.
pub fn edit_task(context: &Context, id: i64) -> Result<EditedTask> {
    edit(context, id, None, &mut |before| edited(context, before))
}

/// Stores what a form gives in the place of what the stage of a task was given, and has the stage tried again. `fence` is what
/// the form was made of: a task that has moved on since is left alone.
///
/// # Errors
/// As [`edit_task`].
pub fn edit_task_in_form(context: &Context, id: i64, fence: i64, text: &str) -> Result<EditedTask> {
    // a form has line ends of its own
    let text = text.replace("\r\n", "\n");
    edit(context, id, Some(fence), &mut |before| {
        if text == spread(before) {
            return Ok(before.to_owned());
        }
        match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            Ok(_) => Ok(text.trim().to_owned()),
            Err(cause) => Err(no_json(&cause.to_string())),
        }
    })
}

/// What the stage of a task was given, for a form that changes it.
#[derive(Debug, Clone)]
pub struct TaskInput {
    /// The stage that gave it.
    pub stage: String,
    /// The JSON, on several lines.
    pub text: String,
    /// Where the task stood.
    pub fence: i64,
}

impl TaskInput {
    /// That of a task which has come to a bad end; `None` where there is none, or where it is too long for a form.
    pub(super) fn of(pipelines: &Pipelines, task: &TaskRow, attempts: &[AttemptRow]) -> Option<Self> {
        check_state(task).ok()?;
        let given = given(pipelines.registered(task.app_id).ok()?, task, attempts).ok()?;
        let text = given.output.filter(|text| text.len() <= FORM_BYTES_MAX)?;
        serde_json::from_str::<serde::de::IgnoredAny>(&text).ok()?;
        Some(Self { stage: given.stage, text: spread(&text), fence: task.fence })
    }
}

fn edit(
    context: &Context,
    id: i64,
    fence: Option<i64>,
    change: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<EditedTask> {
    let mut storage = Storage::open(context)?;
    let task = storage.tables().tasks().one(id)?.ok_or_else(|| unknown_task(id))?;
    let moved_on = || {
        Error::new(ErrorKind::Busy, format!("edit task {id}: it has moved on meanwhile"))
            .hint(format!("dc tasks why {id}"))
    };
    if fence.is_some_and(|fence| fence != task.fence) {
        return Err(moved_on());
    }
    let pipelines = Pipelines::read(storage.tables())?;
    let pipeline = pipelines.registered(task.app_id)?;
    check_state(&task)?;
    let attempts = storage.tables().tasks().attempts(id)?;
    let given = given(pipeline, &task, &attempts)?;
    let before = text_of(&mut storage, &task, &given)?;
    let began = clock::now();
    let after = change(&before)?;
    let report = |changed| EditedTask {
        id,
        name: task.name.clone(),
        edited: given.stage.clone(),
        stage: task.stage.clone(),
        changed,
    };
    if after == before {
        return Ok(report(false));
    }
    let attempt = AttemptEnd {
        stage: given.stage.clone(),
        attempt: given.attempt,
        worker: format!("{EDITED_BY}{}", context.settings().user),
        host: host(),
        runtime: None,
        started_at: began,
        ended_at: clock::now(),
        cpu_ms: None,
        memory_peak_kib: None,
        exit_code: None,
        signal: None,
        outcome: "done",
        error: None,
        input_sha256: given.output_sha256.clone(),
        output: Some(kept(&mut storage, &task, after)?),
    };
    let edit = EditedInput { id, fence: task.fence, stage: task.stage.clone(), attempt };
    match storage.tables().tasks().edit(&edit)? {
        true => Ok(report(true)),
        false => Err(moved_on()),
    }
}

fn check_state(task: &TaskRow) -> Result<()> {
    let hint = match task.state {
        TaskState::Waiting | TaskState::Running => format!("dc tasks cancel {}", task.id),
        TaskState::Done => format!("dc tasks retry {} --from STAGE", task.id),
        _ => return Ok(()),
    };
    let message = format!("edit task {}: it is {}", task.id, task.state.name());
    Err(Error::new(ErrorKind::Refused, message).hint(hint))
}

/// The attempt whose output the stage of a task was given: the latest of the last stage before it that gave anything.
fn given(pipeline: &Pipeline, task: &TaskRow, attempts: &[AttemptRow]) -> Result<AttemptRow> {
    let (id, stage) = (task.id, &task.stage);
    let Some(end) = pipeline.place(stage) else {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("edit task {id}: app.toml has no stage `{stage}` any more"),
        )
        .hint(format!("dc tasks retry {id} --from {}", pipeline.stages().join(" | "))));
    };
    let attempts = attempts.iter().filter(|row| has_output(row));
    let placed = attempts.filter_map(|row| Some((pipeline.place(&row.stage).filter(|place| *place < end)?, row)));
    placed.max_by_key(|(place, row)| (*place, row.id)).map(|(_, row)| row.clone()).ok_or_else(|| {
        let message = format!("edit task {id}: `{stage}` was given the document alone, and no JSON");
        Error::new(ErrorKind::Refused, message).hint(format!("dc tasks document {id} >FILE"))
    })
}

fn text_of(storage: &mut Storage, task: &TaskRow, given: &AttemptRow) -> Result<String> {
    if let Some(text) = &given.output {
        return Ok(text.clone());
    }
    let no_json = |reason: &str| {
        let message = format!("edit task {}: what `{}` gave is {reason}", task.id, given.stage);
        Error::new(ErrorKind::Refused, message)
            .hint(format!("dc tasks output {} --stage {} >FILE", task.id, given.stage))
    };
    let file = match given.output_file {
        Some(id) => storage.tables().files().by_id(id)?,
        None => None,
    };
    let file = file.filter(|file| file.extension == "json").ok_or_else(|| no_json("no JSON"))?;
    if file.bytes > INPUT_BYTES_MAX {
        return Err(no_json(&format!("JSON of {} bytes, more than an editor is given", file.bytes)));
    }
    let mut bytes = Vec::new();
    storage.read(&file, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| no_json("no UTF-8"))
}

/// What a person makes of a text, which must be JSON.
fn edited(context: &Context, before: &str) -> Result<String> {
    let edited = Edited { name: "input.json", what: "the input of the stage", command: "dc tasks edit ID" };
    let editor = Editor::of(context.settings(), edited)?;
    let mut shown = spread(before);
    let first = shown.clone();
    for _ in 0..EDITS_MAX {
        let came_back = editor.edit(&shown)?;
        if *came_back == first {
            return Ok(before.to_owned());
        }
        let reason = match serde_json::from_str::<serde::de::IgnoredAny>(&came_back) {
            Ok(_) => return Ok(came_back.trim().to_owned()),
            Err(cause) => cause.to_string(),
        };
        // whoever closes the editor without a change has given up
        if *came_back == shown {
            return Err(no_json(&reason));
        }
        context.shell().tell(&format!("it is no JSON: {reason}; the editor opens again"));
        if context.shell().can_ask() {
            context.shell().wait_for_enter("Enter opens the editor again, Ctrl-C gives up: ")?;
        }
        came_back.as_str().clone_into(&mut shown);
    }
    Err(no_json("it came back with an error too often"))
}

fn no_json(reason: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("take what was edited as JSON: {reason}; nothing was changed"))
}

/// JSON on several lines, without touching a digit or a name: a parser would write numbers anew.
fn spread(text: &str) -> String {
    if text.trim().contains('\n') {
        return text.to_owned();
    }
    let (mut out, mut depth, mut is_text, mut is_escaped) =
        (String::with_capacity(2 * text.len()), 0_usize, false, false);
    let mut letters = text.trim().chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(letter) = letters.next() {
        if is_text {
            out.push(letter);
            is_text = is_escaped || letter != '"';
            is_escaped = letter == '\\' && !is_escaped;
            continue;
        }
        match letter {
            ' ' | '\t' | '\r' => {}
            '"' => {
                is_text = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(|next| matches!(next, ' ' | '\t' | '\r')).is_some() {}
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push(letter),
        }
    }
    out.push('\n');
    out
}

fn kept(storage: &mut Storage, task: &TaskRow, text: String) -> Result<StageOutput> {
    if text.len() <= crate::pipeline::INLINE_BYTES_MAX {
        let sha256 = Some(Sha256::digest(text.as_bytes()).to_vec());
        return Ok(StageOutput { text: Some(text), file_id: None, sha256 });
    }
    let options = KeepOptions {
        app_id: Some(task.app_id),
        name: Some(format!("{}.edited.json", task.id).into()),
        ..KeepOptions::default()
    };
    let kept = storage.keep_reader(&mut text.as_bytes(), &options)?;
    Ok(StageOutput { text: None, file_id: Some(kept.row.id), sha256: Some(kept.row.sha256) })
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn json_is_spread_without_a_change_of_its_values() {
        let text = r#"{"a" :1.50,"b":[ ],"c":[1,{"d":"x, \"y\": {z}\\"}],"e":{}}"#;
        let expected = "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": [\n    1,\n    {\n      \"d\": \"x, \\\"y\\\": {z}\\\\\"\n    }\n  ],\n  \"e\": {}\n}\n";
        assert_eq!(spread(text), expected);
        assert_eq!(spread("{\n\"a\":1}"), "{\n\"a\":1}");
        assert_eq!(spread("17"), "17\n");
    }
}
