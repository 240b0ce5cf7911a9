//! The names of the framework's own tables.

/// All tables, those that others refer to first: in this order their rows can be copied.
pub const TABLES: [&str; 46] = [
    "c_run_status",
    "c_fatal_flags",
    "c_cmd_list",
    "c_cmd_flags",
    "c_runtime_codes",
    "c_log_level",
    "c_app_type",
    "c_file_retention",
    "app_groups",
    "app_parents",
    "apps",
    "app_labels",
    "occurrences",
    "runtime",
    "log_streams",
    "logs",
    "app_functions",
    "function_log",
    "app_db_objects",
    "command_log",
    "example_table",
    "managers",
    "incidents",
    "alarms",
    "pauses",
    "outbox",
    "channels",
    "deliveries",
    "stored_files",
    "actor_workers",
    "actor_messages",
    "parked_messages",
    "pipeline_tasks",
    "pipeline_attempts",
    "pipeline_duplicates",
    "pipeline_counts",
    "pipeline_blocks",
    "pipeline_workers",
    "pipeline_folders",
    "pipeline_calls",
    "publications",
    "publication_files",
    "publication_fetches",
    "host_limits",
    "proxy_health",
    "proxy_rests",
];

/// The key of a table that has none of its own, on backends where each table needs one; nothing refers to it.
pub const ROW_KEY: &str = "row_id";

/// Whether a table is a codebook, which every `dc deploy` fills.
pub fn is_codebook(table: &str) -> bool {
    table.starts_with("c_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::context::Context;
    use crate::db;
    use crate::record::Value;
    use crate::settings::{Environment, MAIN, Settings, Source};
    use crate::shell::{Shell, ShellOptions};
    use crate::tables::{Missing, Store};

    #[test]
    fn no_table_is_forgotten_and_none_comes_before_what_it_refers_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Source { folder: Some(folder.path().to_owned()), config: None };
        let settings = Settings::load(&source, Environment::of([])).expect("settings");
        let context = Context::new(settings, Shell::new(ShellOptions::default(), true));
        Store::open(&context, Missing::Create).expect("a store").migrate().expect("migrations");
        let main = context.settings().database(MAIN).expect("main");
        let mut database = db::open(&context, &main).expect("a database");
        let mut texts = |sql: &str| -> Vec<Vec<String>> {
            let text = |value: Value<'_>| db::text(&value).into_owned();
            let rows = database.query(sql, &[]).expect(sql).rows;
            rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
        };
        let made = texts(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
        );
        let made: BTreeSet<String> = made.into_iter().flatten().collect();
        let named: BTreeSet<String> = TABLES.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(made, named);
        let place = |name: &str| TABLES.iter().position(|known| *known == name).expect("a table");
        for pair in texts(
            "SELECT m.name, f.\"table\" FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'",
        ) {
            assert!(place(&pair[1]) < place(&pair[0]), "{} refers to {}", pair[0], pair[1]);
        }
    }
}
