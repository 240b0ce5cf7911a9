//! What fuzzers call: for each parser of what comes from outside one function of bytes, which panics where a promise is
//! broken. The tests of the library run them on the files of fuzz/corpus and on mutations of these (`check`); libFuzzer
//! runs them through the programs of one line in fuzz/fuzz_targets.
//!
//! A target of what a room keeps to itself is a module of that room, and stands in this folder all the same.

mod db;
mod documents;
mod formats;
mod merge;
mod record;
mod redact;
mod secrets;
mod settings;

#[cfg(test)]
mod check;
#[cfg(test)]
mod mutate;

pub use crate::apps::fuzzing::{app_toml, cron, line, message};
pub use crate::broker::fuzzing::broker_url;
pub use crate::db::fuzzing::statement;
pub use crate::dramatiq::fuzzing::actor_message;
pub use crate::fields::fuzzing::{field_value, fields};
pub use crate::http::fuzzing::{body, cassette, cookies};
pub use crate::json_schema::fuzzing::json_schema;
pub use crate::logs::fuzzing::{backlog, log_line};
pub use crate::manager::fuzzing::note;
pub use crate::notify::fuzzing::notifier_url;
pub use crate::soap::fuzzing::{soap_answer, wsdl, xml};
pub use db::database_url;
pub use documents::{pdf, picture};
pub use formats::{archive, fixed_width, html_table, json_records, workbook, xml_records};
pub use merge::{csv, json_array, ndjson};
pub use record::{canonical, json};
pub use redact::redact;
pub use secrets::{dotenv, store};
pub use settings::{settings, times};

use tempfile::TempDir;

use crate::context::Context;
use crate::settings::{Environment, Settings, Source};
use crate::shell::{Shell, ShellOptions};

/// What stands between two parts of an input that has several.
const BETWEEN: &str = "\n%%\n";

/// The text before the mark and the one behind it; an input without one is all first part.
pub(crate) fn halves(data: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(data).ok()?;
    Some(text.split_once(BETWEEN).unwrap_or((text, "")))
}

/// A context over a new folder, which goes with the handle.
pub(crate) fn context(pairs: &[(&str, &str)]) -> (TempDir, Context) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("dc.toml"), "").expect("a file");
    let source = Source { folder: None, config: Some(folder.path().join("dc.toml")) };
    let settings = Settings::load(&source, Environment::of(pairs.iter().copied())).expect("settings");
    (folder, Context::new(settings, Shell::new(ShellOptions::default(), true)))
}
