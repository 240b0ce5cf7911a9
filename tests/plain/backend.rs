//! A program that embeds the library registers a backend of its own.

use data_collector::context::Context;
use data_collector::db::{self, BACKENDS, Database, Entry};
use data_collector::error::{ErrorKind, Result};
use data_collector::merge::Merge;
use data_collector::ops;
use data_collector::settings::{DatabaseSettings, Target};
use serde_json::json;

use crate::support::context;

/// Keeps its tables in an SQLite file, whatever its URL says.
fn open(context: &Context, settings: &DatabaseSettings) -> Result<Box<dyn Database>> {
    let sqlite = BACKENDS.iter().find(|entry| entry.name == "sqlite").expect("a backend");
    let path = context.settings().project.root.join("own.db");
    (sqlite.open)(context, &DatabaseSettings { target: Target::Sqlite { path }, ..settings.clone() })
}

#[test]
fn a_backend_of_the_program_is_merged_into() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[("DC_DB_MINE_URL", "mine://somewhere/else")]);
    let error = ops::connect(&context, "mine").err().expect("nobody knows it yet");
    assert!(error.to_string().contains("unknown backend `mine`"), "{error}");
    let sqlite = BACKENDS.iter().find(|entry| entry.name == "sqlite").expect("a backend");
    let dialect = sqlite.dialect;
    db::register(Entry { name: "mine", dialect, open }).expect("a backend");
    let mut database = ops::connect(&context, "mine").expect("a connection");
    let report = Merge::into("t").create(true).run(&mut database, [json!({"a": 1})]).expect("a merge");
    assert_eq!(report.counts.new, 1);
    assert!(folder.path().join("own.db").is_file());
    for name in ["mine", "postgres", "My Own", ""] {
        let error = db::register(Entry { name, dialect, open }).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
}
