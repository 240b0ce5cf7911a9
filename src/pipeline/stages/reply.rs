//! What a program or an actor says of a document beside its log: that it failed, and how.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::stage::{Failure, FailureKind, Output};

/// `{"dc":"fail","kind":"permanent","msg":".."}`.
#[derive(Deserialize)]
struct Fail {
    dc: String,
    kind: String,
    #[serde(default, alias = "message")]
    msg: String,
}

/// A line of JSON of a program that serves many documents.
#[derive(Deserialize)]
struct Line {
    task: i64,
    output: Option<Box<RawValue>>,
    fail: Option<String>,
    #[serde(default, alias = "message")]
    msg: String,
}

/// Exit statuses of sysexits.h that say what kind of failure it is.
const EX_DATAERR: i32 = 65;
const EX_UNAVAILABLE: i32 = 69;

/// The failure that a line tells of; `None` for any other line.
pub(in super::super) fn failure(line: &str) -> Option<Failure> {
    if !line.starts_with('{') || !line.contains("\"fail\"") {
        return None;
    }
    let Fail { dc, kind, msg } = serde_json::from_str(line).ok()?;
    (dc == "fail").then(|| Failure { kind: kind_of(&kind), message: words(msg) })
}

/// What a program answers.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// About the document.
    Of(Result<Output, Failure>),
    /// Something that is no answer about it: nobody knows what the program is at.
    Confused(String),
}

/// What a line answers about a document; `None` for one that is no answer.
pub(super) fn answer(line: &str, task: i64) -> Option<Answer> {
    // null is an output: nothing of its own
    let has_output = line.contains("\"output\"");
    if !line.starts_with('{') || !line.contains("\"task\"") || !(has_output || line.contains("\"fail\"")) {
        return None;
    }
    let answer: Line = match serde_json::from_str(line) {
        Ok(answer) => answer,
        Err(cause) if cause.is_data() => return None,
        Err(cause) => return Some(Answer::Confused(format!("the answer of its program is no JSON: {cause}"))),
    };
    if answer.output.is_none() && answer.fail.is_none() && !has_output {
        return None;
    }
    if answer.task != task {
        return Some(Answer::Confused(format!("its program answered about task {}, not {task}", answer.task)));
    }
    Some(Answer::Of(match (answer.fail, answer.output) {
        (Some(kind), _) => Err(Failure { kind: kind_of(&kind), message: words(answer.msg) }),
        (None, Some(output)) => Ok(Output::Json(output.get().to_owned())),
        (None, None) => Ok(Output::Same),
    }))
}

/// What an exit status says, and what was said last.
pub(super) fn of_status(status: i32, said: Option<&str>) -> Failure {
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    let kind = match status {
        EX_DATAERR => FailureKind::Permanent,
        EX_UNAVAILABLE => FailureKind::Blocked,
        _ => FailureKind::Passing,
    };
    Failure { kind, message: format!("its program ended with status {status}{said}") }
}

fn kind_of(word: &str) -> FailureKind {
    match word {
        "permanent" => FailureKind::Permanent,
        "blocked" => FailureKind::Blocked,
        // a kind that is not known may pass: nothing is given up for a typing error
        _ => FailureKind::Passing,
    }
}

fn words(message: String) -> String {
    if message.is_empty() { "it says no more".to_owned() } else { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_told_from_its_log() {
        let fail = failure(r#"{"dc":"fail","kind":"permanent","msg":"no date"}"#).expect("a failure");
        assert_eq!(fail, Failure::permanent("no date"));
        for line in ["", "{", r#"{"level":"info","msg":"fail"}"#, r#"{"dc":"progress","fail":1}"#] {
            assert_eq!(failure(line), None, "{line}");
        }
        let output = |text: &str| Some(Answer::Of(Ok(Output::Json(text.to_owned()))));
        assert_eq!(answer(r#"{"task":7,"output":{"a":1.10}}"#, 7), output(r#"{"a":1.10}"#));
        assert_eq!(answer(r#"{"task":7,"output":null}"#, 7), Some(Answer::Of(Ok(Output::Same))));
        let blocked = Some(Answer::Of(Err(Failure::blocked("x"))));
        assert_eq!(answer(r#"{"task":7,"fail":"blocked","msg":"x"}"#, 7), blocked);
        for line in
            [r#"{"task":"a","output":1}"#, r#"{"task":7}"#, "plain", r#"{"level":"info","msg":"\"task\" \"fail\""}"#]
        {
            assert_eq!(answer(line, 7), None, "{line}");
        }
        for line in [r#"{"task":8,"output":1}"#, r#"{"task":7,"output":'a'}"#, r#"{"task":7,"output":"#] {
            assert!(matches!(answer(line, 7), Some(Answer::Confused(_))), "{line}");
        }
        assert_eq!(of_status(65, None).kind, FailureKind::Permanent);
        assert_eq!(of_status(69, None).kind, FailureKind::Blocked);
        assert_eq!(of_status(75, Some("x")), Failure::passing("its program ended with status 75: x"));
    }
}
