//! The fields of an app.toml, read one by one, so that each error names the file, the field and what it takes.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::{Table, Value};

use super::actors::ActorQueues;
use super::flaw::{Source, settings_error};
use super::known::{APP, RETRIES_MAX};
use super::stages;
use super::{AppDefinition, CatchUp, DEFAULT_PROGRAM, Overlap, Tell};
use crate::apps::limits::Limits;
use crate::apps::schedule::{AT_BOOT, CronPattern, Schedule};
use crate::clock;
use crate::error::{Error, Result};
use crate::secrets::is_name;
use crate::settings::{bytes, is_label};
use crate::zone::Zone;

/// The sections, which stand in the place of fields.
const SECTIONS: &[&str] = &["env", "pipeline", "stage", "dramatiq"];
/// The variables that dc itself gives an app; a definition cannot set them.
const RESERVED: &[&str] =
    &["DC_APP", "DC_APP_ID", "DC_RUNTIME", "DC_ARGS", "DC_BIN", "DC_CONFIG", "DC_SECRETS_GIVEN", "DC_SECRETS_WITHHELD"];
/// The longest interval, timeout or grace, so that a moment with it added can still be told: ten years.
const LENGTH_MAX: Duration = Duration::from_secs(3_653 * 24 * 60 * 60);

/// The fields of one definition and the place that they come from.
pub(in crate::apps) struct Fields<'a> {
    place: &'a str,
    /// The text itself, where there is one.
    text: &'a str,
    table: Table,
}

impl<'a> Fields<'a> {
    /// The fields in the text of an app.toml at `place`.
    pub(in crate::apps) fn from_toml(place: &'a str, text: &'a str) -> Result<Self> {
        let table = toml::from_str(text).map_err(|cause| {
            // the crate's own message shows the line, which may hold a secret: place and reason are enough
            let line = cause.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            settings_error(format!("read {place} line {line}: {}", cause.message()))
        })?;
        Self::of(place, text, table)
    }

    /// The fields in the stored JSON form.
    pub(super) fn from_json(place: &'a str, text: &str) -> Result<Self> {
        let table =
            serde_json::from_str(text).map_err(|cause| settings_error(format!("read {place}")).because(cause))?;
        Self::of(place, "", table)
    }

    fn of(place: &'a str, text: &'a str, table: Table) -> Result<Self> {
        let known: Vec<&str> = APP.iter().map(|field| field.name).chain(SECTIONS.iter().copied()).collect();
        match table.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(settings_error(format!("read {place}: there is no field `{name}`"))
                .hint(format!("known here: {}; app.toml(5) describes them", known.join(", ")))),
            None => Ok(Self { place, text, table }),
        }
    }

    /// Whether the field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// All fields, read and checked.
    pub(in crate::apps) fn definition(&self) -> Result<AppDefinition> {
        Ok(AppDefinition {
            command: self.command()?,
            schedule: self.schedule()?,
            timezone: self.timezone()?,
            jitter: self.length("jitter", Duration::ZERO)?,
            timeout: self.length("timeout", Duration::from_millis(1))?,
            grace: self.length("grace", Duration::ZERO)?,
            overlap: self.choice(
                "overlap",
                &[("skip", Overlap::Skip), ("queue", Overlap::Queue), ("replace", Overlap::Replace)],
            )?,
            catch_up: self
                .choice("catch_up", &[("last", CatchUp::Last), ("all", CatchUp::All), ("none", CatchUp::None)])?,
            max_failures: self.max_failures()?,
            on: self.on()?,
            after: self.after()?,
            keep: self.keep()?,
            healthy_after: self.length("healthy_after", Duration::ZERO)?,
            notify: self
                .choice("notify", &[("fatal", Tell::Fatal), ("failure", Tell::Failure), ("never", Tell::Never)])?,
            expect: self.length("expect", Duration::from_secs(1))?,
            retries: self.retries()?,
            retry_after: self.length("retry_after", Duration::ZERO)?,
            limits: self.limits()?,
            env: self.env()?,
            secrets: self.secrets()?,
            pipeline: stages::pipeline(Source { place: self.place, text: self.text }, &self.table)?,
            dramatiq: self.dramatiq()?,
        })
    }

    fn command(&self) -> Result<Vec<String>> {
        let takes = "a list of texts such as [\"python3\", \"main.py\"], or the name of one program";
        let command = match self.table.get("command") {
            None => vec![format!("./{DEFAULT_PROGRAM}")],
            Some(Value::String(program)) => vec![program.clone()],
            Some(Value::Array(parts)) => parts
                .iter()
                .map(|part| part.as_str().map(str::to_owned).ok_or_else(|| self.wrong("command", takes)))
                .collect::<Result<_>>()?,
            Some(_) => return Err(self.wrong("command", takes)),
        };
        let has_program = command.first().is_some_and(|program| !program.trim().is_empty());
        if !has_program || command.iter().any(|part| part.contains('\0')) {
            return Err(self.wrong("command", takes));
        }
        // one text with arguments in it is the mistake everybody makes
        match command.as_slice() {
            [line] if self.table.get("command").is_some_and(Value::is_str) && line.contains(' ') => {
                let list: Vec<String> = line.split_whitespace().map(|part| format!("\"{part}\"")).collect();
                Err(self.wrong("command", takes).hint(format!("command = [{}]", list.join(", "))))
            }
            _ => Ok(command),
        }
    }

    fn schedule(&self) -> Result<Schedule> {
        let interval = self.length("interval", Duration::from_secs(1))?;
        match (self.text("schedule")?, interval) {
            (Some(_), Some(_)) => Err(settings_error(format!(
                "read {}: it has both `schedule` and `interval`, and an app has one of them",
                self.place
            ))
            .hint("leave one of them out; neither means that the app runs only by hand")),
            (None, None) => Ok(Schedule::ByHand),
            (None, Some(interval)) => Ok(Schedule::Every(interval)),
            (Some(pattern), None) if pattern.trim().eq_ignore_ascii_case(AT_BOOT) => Ok(Schedule::AtBoot),
            (Some(pattern), None) => CronPattern::read(pattern).map(Schedule::Cron).map_err(|reason| {
                settings_error(format!("read {}: `schedule` is `{pattern}`: {reason}", self.place))
                    .hint("minute hour day month weekday, such as \"*/15 6-22 * * mon-fri\", or \"@daily\"")
            }),
        }
    }

    fn timezone(&self) -> Result<Zone> {
        let Some(name) = self.text("timezone")? else { return Ok(Zone::UTC) };
        Zone::named(name).ok_or_else(|| self.wrong("timezone", "the name of a time zone such as \"Europe/Zagreb\""))
    }

    fn max_failures(&self) -> Result<Option<u32>> {
        match self.table.get("max_failures") {
            None => Ok(None),
            Some(value) => match value.as_integer().map(u32::try_from) {
                Some(Ok(number)) if number > 0 => Ok(Some(number)),
                _ => Err(self.wrong("max_failures", "a whole number from 1 on")),
            },
        }
    }

    /// An app starts by one thing: by time, after others, or whenever it has ended.
    fn by_time(&self) -> Option<&'static str> {
        ["schedule", "interval"].into_iter().find(|name| self.has(name))
    }

    fn on(&self) -> Result<Vec<String>> {
        let takes = "a list of labels such as [\"ocr\"], of letters, digits, `_`, `-` and `.`";
        let Some(value) = self.table.get("on") else { return Ok(Vec::new()) };
        let labels = value.as_array().ok_or_else(|| self.wrong("on", takes))?;
        let label = |label: &Value| label.as_str().filter(|label| is_label(label)).map(str::to_owned);
        let mut labels: Vec<String> =
            labels.iter().map(label).collect::<Option<_>>().ok_or_else(|| self.wrong("on", takes))?;
        labels.sort();
        labels.dedup();
        Ok(labels)
    }

    fn after(&self) -> Result<Vec<String>> {
        let takes = "a list of apps such as [\"findata/companies\"]";
        let Some(value) = self.table.get("after") else { return Ok(Vec::new()) };
        let names = value.as_array().ok_or_else(|| self.wrong("after", takes))?;
        let name = |name: &Value| name.as_str().filter(|name| !name.trim().is_empty()).map(str::to_owned);
        let names: Vec<String> =
            names.iter().map(name).collect::<Option<_>>().ok_or_else(|| self.wrong("after", takes))?;
        match self.by_time() {
            Some(other) if !names.is_empty() => Err(self.both(other, "after")),
            _ => Ok(names),
        }
    }

    fn keep(&self) -> Result<bool> {
        let keep = match self.table.get("keep") {
            None => false,
            Some(Value::Boolean(keep)) => *keep,
            Some(_) => return Err(self.wrong("keep", "true or false")),
        };
        let other = self.by_time().or(self.has("after").then_some("after"));
        match (keep, other) {
            (true, Some(other)) => Err(self.both(other, "keep")),
            (false, _) if self.has("healthy_after") => {
                Err(settings_error(format!("read {}: `healthy_after` is for an app with `keep = true`", self.place)))
            }
            _ => Ok(keep),
        }
    }

    fn both(&self, one: &str, other: &str) -> Error {
        settings_error(format!("read {}: it has both `{one}` and `{other}`", self.place))
            .hint("an app starts by its schedule, after others, or whenever it has ended: leave one of them out")
    }

    fn limits(&self) -> Result<Limits> {
        let nice = match self.table.get("nice") {
            None => None,
            Some(value) => match value.as_integer().and_then(|nice| i8::try_from(nice).ok()) {
                Some(nice) if (-20..=19).contains(&nice) => Some(nice),
                _ => return Err(self.wrong("nice", "a whole number from -20 to 19")),
            },
        };
        let memory_max = match self.text("memory_max")? {
            None => None,
            Some(text) => match bytes(text) {
                Some(bytes) if bytes > 0 => Some(bytes),
                _ => return Err(self.wrong("memory_max", "a size such as \"512MiB\" or \"2GiB\"")),
            },
        };
        let takes = "a number of processors such as 0.5 or 2";
        let cpu_max = match self.table.get("cpu_max") {
            None => None,
            Some(value) => {
                let share = value.as_float().or_else(|| value.as_integer().map(|number| number as f64));
                let share = share.filter(|share| (0.01..=1_024.0).contains(share));
                Some((share.ok_or_else(|| self.wrong("cpu_max", takes))? * 100.0).round() as u32)
            }
        };
        let user = self.text("user")?.map(str::to_owned);
        if user.as_deref().is_some_and(|user| user.trim().is_empty() || user.contains('\0')) {
            return Err(self.wrong("user", "the name of a user"));
        }
        Ok(Limits { user, nice, memory_max, cpu_max })
    }

    fn retries(&self) -> Result<u32> {
        let retries = match self.table.get("retries") {
            None => 0,
            Some(value) => match value.as_integer().map(u32::try_from) {
                Some(Ok(number)) if number <= RETRIES_MAX => number,
                _ => return Err(self.wrong("retries", &format!("a whole number up to {RETRIES_MAX}"))),
            },
        };
        match (retries, self.has("retry_after")) {
            (0, true) => Err(settings_error(format!("read {}: `retry_after` without `retries`", self.place))
                .hint("say how often: retries = 3")),
            _ => Ok(retries),
        }
    }

    fn env(&self) -> Result<BTreeMap<String, String>> {
        let variables = match self.table.get("env") {
            None => return Ok(BTreeMap::new()),
            Some(Value::Table(variables)) => variables,
            Some(_) => return Err(self.wrong("env", "a section, `[env]`, with a line for each variable")),
        };
        let mut env = BTreeMap::new();
        for (name, value) in variables {
            let field = format!("env.{name}");
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(self.wrong(&field, "a name without `=`"));
            }
            if RESERVED.contains(&name.as_str()) {
                return Err(settings_error(format!("read {}: `{field}` is given by dc itself", self.place)));
            }
            let text = match value {
                Value::String(text) if !text.contains('\0') => text.clone(),
                Value::Integer(number) => number.to_string(),
                Value::Boolean(flag) => flag.to_string(),
                _ => return Err(self.wrong(&field, "a text, a whole number, true or false")),
            };
            env.insert(name.clone(), text);
        }
        Ok(env)
    }

    fn secrets(&self) -> Result<Option<Vec<String>>> {
        let takes = "a list of names such as [\"API_KEY\"], `[]` for none; without it an app is given all secrets";
        let Some(value) = self.table.get("secrets") else { return Ok(None) };
        let names = value.as_array().ok_or_else(|| self.wrong("secrets", takes))?;
        let name = |name: &Value| name.as_str().filter(|name| is_name(name)).map(str::to_owned);
        let names = names.iter().map(name).collect::<Option<_>>().ok_or_else(|| self.wrong("secrets", takes))?;
        Ok(Some(names))
    }

    fn dramatiq(&self) -> Result<Option<ActorQueues>> {
        let Some(value) = self.table.get("dramatiq") else { return Ok(None) };
        ActorQueues::read(value).map(Some).map_err(|(field, takes)| self.wrong(field, takes))
    }

    fn length(&self, name: &str, min: Duration) -> Result<Option<Duration>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match clock::duration(text) {
            Ok(length) if length >= min && length <= LENGTH_MAX => Ok(Some(length)),
            Ok(length) if length < min => Err(self.wrong(name, &format!("a length of time from {min:?} on"))),
            _ => Err(self.wrong(name, "a length of time such as \"30s\" or \"1h30m\", up to ten years")),
        }
    }

    fn choice<T: Copy + Default>(&self, name: &str, choices: &[(&str, T)]) -> Result<T> {
        let Some(text) = self.text(name)? else { return Ok(T::default()) };
        choices.iter().find(|(choice, _)| *choice == text).map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
            self.wrong(name, &names.join(" or "))
        })
    }

    fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.table.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => {
                Err(self.wrong(name, &format!("a text in quotes, not a value of type {}", other.type_str())))
            }
        }
    }

    /// The value is left out where it could be a secret, so it is left out everywhere.
    fn wrong(&self, field: &str, takes: &str) -> Error {
        settings_error(format!("read {}: `{field}` takes {takes}", self.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn error(text: &str) -> Error {
        Fields::from_toml("app.toml", text).and_then(|fields| fields.definition()).expect_err(text)
    }

    #[test]
    fn an_unknown_field_is_named_with_the_known_ones() {
        let error = error("shedule = \"@daily\"");
        assert_eq!(error.kind(), ErrorKind::Settings);
        assert!(error.to_string().contains("app.toml: there is no field `shedule`"), "{error}");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("schedule, interval")), "{error:?}");
    }

    #[test]
    fn secrets_are_a_list_of_names() {
        for text in ["secrets = \"API_KEY\"", "secrets = [\"API KEY\"]", "secrets = [1]", "secrets = true"] {
            let error = error(text).to_string();
            assert!(error.contains("`secrets` takes a list"), "{text}: {error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_field() {
        for (text, expected) in [
            ("schedule = \"@daily\"\ninterval = \"5m\"", "both `schedule` and `interval`"),
            ("schedule = \"0 0 31 2 *\"", "no date ever matches"),
            ("schedule = 5", "`schedule` takes a text"),
            ("interval = \"0s\"", "`interval` takes"),
            ("interval = \"soon\"", "`interval` takes"),
            ("timeout = 30", "`timeout` takes"),
            ("timeout = \"99999d\"", "`timeout` takes"),
            ("timezone = \"Zagreb\"", "`timezone` takes"),
            ("overlap = \"maybe\"", "skip or queue or replace"),
            ("max_failures = 0", "`max_failures` takes"),
            ("notify = \"always\"", "fatal or failure or never"),
            ("after = \"x\"", "`after` takes a list"),
            ("after = [\"x\"]\ninterval = \"5m\"", "both `interval` and `after`"),
            ("keep = true\nafter = [\"x\"]", "both `after` and `keep`"),
            ("healthy_after = \"5m\"", "`keep = true`"),
            ("retries = -1", "`retries` takes"),
            ("nice = 20", "`nice` takes"),
            ("memory_max = \"2 parsec\"", "`memory_max` takes"),
            ("memory_max = 5", "`memory_max` takes"),
            ("cpu_max = 0", "`cpu_max` takes"),
            ("user = \"\"", "`user` takes"),
            ("retry_after = \"1m\"", "without `retries`"),
            ("[dramatiq]", "`dramatiq.queues` takes"),
            ("[dramatiq]\nqueues = [\"a.DQ\"]", "`dramatiq.queues` takes"),
            ("[dramatiq]\nqueues = [\"a\"]\nworkers = 0", "`dramatiq.workers` takes"),
            ("[dramatiq]\nqueues = [\"a\"]\nworker = 1", "`dramatiq` takes the fields"),
            ("[dramatiq]\nqueues = [\"a\"]\ntime_limit = \"soon\"", "`dramatiq.time_limit` takes"),
            ("command = []", "`command` takes"),
            ("command = [\"\"]", "`command` takes"),
            ("command = \"python3 main.py\"", "`command` takes"),
            ("[env]\nDC_RUNTIME = \"x\"", "env.DC_RUNTIME"),
            ("[env]\nA = []", "env.A"),
            ("grace = \"1s\"\n\ncommand = [\"secret\"", "line 3"),
        ] {
            let error = error(text).to_string();
            assert!(error.contains(expected) && error.contains("app.toml"), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
