//! The sections `[pipeline]` and `[[stage]]` of an app.toml.

use std::time::Duration;

use toml::{Table, Value};

use super::flaw::Source;
use super::known::{ATTEMPTS_MAX, PIPELINE, WORKERS_MAX};
use crate::apps::pipeline::{Complete, PipelineDefinition, StageDefinition, StageWork};
use crate::clock;
use crate::error::{Error, Result};
use crate::settings::is_label;

/// The fields that any stage may have; one with `use` has those of what it uses besides.
const STAGE: &[&str] = &["name", "on", "timeout", "attempts", "retry_after", "workers"];
/// What does the work of a stage: one of these.
const WORK: &[&str] = &["use", "command", "worker", "actor"];
/// How long nobody may have written before a file is complete.
const QUIET: Duration = Duration::from_secs(2);
/// How long an attempt of a stage may take.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How often a stage is tried.
const ATTEMPTS: u32 = 5;
/// How long it is waited before the second attempt.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// A stage's name has at most so many bytes.
const WORD_BYTES_MAX: usize = 64;
/// The name of an actor has at most so many bytes.
const ACTOR_BYTES_MAX: usize = 255;
/// So many stages a pipeline may have.
const STAGES_MAX: usize = 50;

/// Reads what a definition says about a pipeline; `None` where it says nothing.
pub(super) fn pipeline(source: Source<'_>, whole: &Table) -> Result<Option<PipelineDefinition>> {
    let stages = match whole.get("stage") {
        None => Vec::new(),
        Some(Value::Array(stages)) => stages.iter().collect(),
        Some(_) => return Err(source.wrong_at(&["stage"], "takes sections, `[[stage]]`, one for each stage")),
    };
    let table = match whole.get("pipeline") {
        None if stages.is_empty() => return Ok(None),
        None => return Err(source.wrong_at(&["stage", "0"], "stands in an app without a section `[pipeline]`")),
        Some(Value::Table(table)) => table,
        Some(_) => return Err(source.wrong_at(&["pipeline"], "takes a section, `[pipeline]`")),
    };
    for other in ["command", "keep", "after", "dramatiq"] {
        if whole.contains_key(other) {
            return Err(source.wrong_at(&[other], "is not for a pipeline: its stages say what is done"));
        }
    }
    let section = Section { source, at: vec!["pipeline".to_owned()], table };
    section.check_known(&PIPELINE.iter().map(|field| field.name).collect::<Vec<_>>())?;
    if stages.is_empty() {
        return Err(source.wrong_at(&["pipeline"], "has no stage").hint("add one: [[stage]] with name and command"));
    }
    if stages.len() > STAGES_MAX {
        return Err(source.wrong_at(&["pipeline"], &format!("has more than {STAGES_MAX} stages")));
    }
    let mut read: Vec<StageDefinition> = Vec::with_capacity(stages.len());
    for (place, value) in stages.into_iter().enumerate() {
        let at = vec!["stage".to_owned(), place.to_string()];
        let Value::Table(table) = value else {
            return Err(source.wrong_at(&["stage"], "takes sections, `[[stage]]`, one for each stage"));
        };
        let section = Section { source, at, table };
        let stage = stage(&section)?;
        if read.iter().any(|known| known.name == stage.name) {
            return Err(section.wrong("name", &format!("is `{}`, as that of a stage before", stage.name)));
        }
        read.push(stage);
    }
    let dotless = |end: String| end.trim_start_matches('.').to_lowercase();
    Ok(Some(PipelineDefinition {
        watch: section.texts("watch")?,
        extensions: section.texts("extensions")?.into_iter().map(dotless).collect(),
        complete: complete(&section)?,
        copy: section.flag("copy")?,
        recursive: section.flag("recursive")?,
        retention: section.text("retention")?,
        workers: section.number("workers", WORKERS_MAX)?,
        stages: read,
    }))
}

fn complete(section: &Section<'_>) -> Result<Complete> {
    let Some(text) = section.text("complete")? else { return Ok(Complete::Quiet(QUIET)) };
    let (word, rest) = text.split_once(' ').map_or((text.as_str(), ""), |(word, rest)| (word, rest.trim()));
    let complete = match (word, rest) {
        ("quiet", length) => clock::duration(length).ok().map(Complete::Quiet),
        ("rename", "") => Some(Complete::Rename),
        ("lease", "") => Some(Complete::Lease),
        ("marker", end) if end.len() > 1 && end.starts_with('.') && !end.contains('/') => {
            Some(Complete::Marker(end.to_owned()))
        }
        _ => None,
    };
    complete.ok_or_else(|| section.wrong("complete", "takes \"quiet 10s\", \"rename\", \"marker .ok\" or \"lease\""))
}

fn stage(section: &Section<'_>) -> Result<StageDefinition> {
    let takes = "takes a word of letters, digits, `_` and `-`";
    let name = section.text("name")?.ok_or_else(|| section.wrong_here("has no `name`"))?;
    if !is_word(&name) {
        return Err(section.wrong("name", takes));
    }
    let given: Vec<&str> = WORK.iter().copied().filter(|work| section.table.contains_key(*work)).collect();
    let [kind] = given[..] else {
        let reason = match given.as_slice() {
            [] => "says nothing of what does its work".to_owned(),
            [one, other, ..] => format!("has both `{one}` and `{other}`"),
            [_] => String::new(),
        };
        return Err(section.wrong_here(&reason).hint("a stage has one of: use, command, worker, actor"));
    };
    let more: &[&str] = match kind {
        "command" => &["command", "serve"],
        "actor" => &["actor", "queue"],
        kind => &[kind],
    };
    if kind != "use" {
        section.check_known(&[STAGE, more].concat())?;
    }
    let work = match kind {
        "command" => StageWork::Command { command: section.command()?, serve: section.flag("serve")? },
        "worker" => StageWork::Worker(section.text("worker")?.unwrap_or_default()),
        "actor" => StageWork::Actor {
            actor: section.actor()?,
            queue: section.text("queue")?.unwrap_or_else(|| "default".to_owned()),
        },
        _ => StageWork::BuiltIn { name: section.text("use")?.unwrap_or_default(), options: section.options() },
    };
    Ok(StageDefinition {
        work,
        on: section.labels()?,
        timeout: section.length("timeout")?.unwrap_or(TIMEOUT),
        attempts: section.number("attempts", ATTEMPTS_MAX)?.unwrap_or(ATTEMPTS),
        retry_after: section.length("retry_after")?.unwrap_or(RETRY_AFTER),
        workers: section.number("workers", WORKERS_MAX)?,
        name,
    })
}

/// A section of the definition, and where it stands.
struct Section<'a> {
    source: Source<'a>,
    at: Vec<String>,
    table: &'a Table,
}

impl Section<'_> {
    fn check_known(&self, known: &[&str]) -> Result<()> {
        match self.table.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(self.wrong(name, "is not known here").hint(format!("known here: {}", known.join(", ")))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        match self.table.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() && !text.contains('\0') => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(name, "takes a text in quotes")),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<String>> {
        let takes = "takes a list of texts";
        let Some(value) = self.table.get(name) else { return Ok(Vec::new()) };
        let values = value.as_array().ok_or_else(|| self.wrong(name, takes))?;
        let text = |value: &Value| value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
        values.iter().map(text).collect::<Option<_>>().ok_or_else(|| self.wrong(name, takes))
    }

    fn command(&self) -> Result<Vec<String>> {
        match self.table.get("command") {
            Some(Value::String(program)) if !program.contains(' ') => Ok(vec![program.clone()]),
            _ => match self.texts("command")? {
                command if command.is_empty() => Err(self.wrong("command", "takes a program and its arguments")),
                command => Ok(command),
            },
        }
    }

    /// The name of an actor, as Dramatiq takes it.
    fn actor(&self) -> Result<String> {
        let name = self.text("actor")?.unwrap_or_default();
        match name.len() > ACTOR_BYTES_MAX || name.chars().any(char::is_control) {
            true => Err(self.wrong("actor", "takes the name of an actor")),
            false => Ok(name),
        }
    }

    fn labels(&self) -> Result<Vec<String>> {
        let mut labels = self.texts("on")?;
        if let Some(wrong) = labels.iter().find(|label| !is_label(label)) {
            return Err(self.wrong("on", &format!("holds `{wrong}`, which is no label")));
        }
        labels.sort();
        labels.dedup();
        Ok(labels)
    }

    fn flag(&self, name: &str) -> Result<bool> {
        match self.table.get(name) {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(name, "takes true or false")),
        }
    }

    fn number(&self, name: &str, max: u32) -> Result<Option<u32>> {
        let Some(value) = self.table.get(name) else { return Ok(None) };
        let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=max).contains(number));
        number.map(Some).ok_or_else(|| self.wrong(name, &format!("takes a whole number from 1 to {max}")))
    }

    fn length(&self, name: &str) -> Result<Option<Duration>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let wrong = || self.wrong(name, "takes a length of time such as \"30s\" or \"1h30m\"");
        clock::duration(&text).map(Some).map_err(|_| wrong())
    }

    /// What is there besides the fields that any stage may have.
    fn options(&self) -> serde_json::Map<String, serde_json::Value> {
        let others = self.table.iter().filter(|(name, _)| !STAGE.contains(&name.as_str()) && *name != "use");
        let json = |value: &Value| serde_json::to_value(value).unwrap_or_default();
        others.map(|(name, value)| (name.clone(), json(value))).collect()
    }

    fn wrong(&self, name: &str, reason: &str) -> Error {
        let mut at: Vec<&str> = self.at.iter().map(String::as_str).collect();
        at.push(name);
        self.source.wrong_at(&at, reason)
    }

    fn wrong_here(&self, reason: &str) -> Error {
        let at: Vec<&str> = self.at.iter().map(String::as_str).collect();
        self.source.wrong_at(&at, reason)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= WORD_BYTES_MAX
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::super::AppDefinition;

    const INVOICES: &str = r#"
[pipeline]
watch = ["inbox"]
extensions = [".PDF", "png"]
complete = "marker .ok"
retention = "regulatory_7y"
workers = 2

[[stage]]
name = "extract"
use = "ocr"
language = "hrv"

[[stage]]
name = "parse"
command = ["python3", "parse.py"]
serve = true
timeout = "2m"
attempts = 3
on = ["ocr"]

[[stage]]
name = "ner"
actor = "find_names"
queue = "ner"
"#;

    #[test]
    fn a_pipeline_survives_its_json() {
        let read = AppDefinition::from_toml(INVOICES).expect("a definition");
        let json = read.to_json();
        assert!(json.contains(r#""extensions":["pdf","png"],"complete":"marker .ok""#), "{json}");
        assert!(json.contains(r#"{"name":"extract","use":"ocr","language":"hrv","timeout":"10m""#), "{json}");
        assert!(!json.contains(r#""command":["./main"]"#), "{json}");
        assert_eq!(AppDefinition::from_json(&json).expect("the same"), read);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            (INVOICES.replace("workers = 2", "wrokers = 2"), "line 7: `pipeline.wrokers` is not known here"),
            (INVOICES.replace("marker .ok", "soon"), "line 5: `pipeline.complete` takes"),
            (INVOICES.replace("serve = true", "srve = true"), "line 17: stage 2, `srve` is not known here"),
            (INVOICES.replace("attempts = 3", "attempts = 0"), "line 19: stage 2, `attempts` takes a whole number"),
            (INVOICES.replace("\"ner\"\nactor", "\"parse\"\nactor"), "line 23: stage 3, `name` is `parse`, as that"),
            (INVOICES.replace("use = \"ocr\"", ""), "stage 1 says nothing of what does its work"),
            (INVOICES.replace("use = \"ocr\"", "use = \"ocr\"\nactor = \"x\""), "stage 1 has both `use` and `actor`"),
            ("[[stage]]\nname = \"x\"\ncommand = \"x\"\n".to_owned(), "line 1: stage 1 stands in an app without"),
            (format!("keep = true\n{INVOICES}"), "line 1: `keep` is not for a pipeline"),
            ("[pipeline]\n".to_owned(), "line 1: `pipeline` has no stage"),
        ];
        for (text, expected) in cases {
            let error = AppDefinition::from_toml(&text).expect_err(&text);
            assert!(error.to_string().contains(expected), "{expected}: {error}");
        }
    }
}
