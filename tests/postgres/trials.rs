//! `dc run --show` on every database: no table is made, no column is added, no row is touched.

use std::process::Command;

use crate::support::{Backend, Engine, app, dc, stderr, stdout};

fn shown(backend: &Backend, words: &[&str]) -> Command {
    let mut command = dc(backend.folder.path());
    command.args(words).env("DC_DB_MAIN_URL", &backend.url);
    command
}

fn done(mut command: Command) -> String {
    let output = command.output().expect("dc starts");
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// The tables of a database, and the columns of `t`.
fn names(backend: &Backend) -> String {
    let schema = backend.of(["", "'public'", "database()", ""]);
    let sql = match backend.engine {
        Engine::Sqlite => {
            "SELECT m.name AS t, p.name AS c FROM sqlite_master m, pragma_table_info(m.name) p ORDER BY 1, 2".to_owned()
        }
        _ => format!(
            "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = {schema} ORDER BY 1, 2"
        ),
    };
    done(shown(backend, &["query", &sql, "--json"]))
}

#[test]
fn a_shown_run_makes_no_table_adds_no_column_and_touches_no_row() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        let collects = |lines: &str| {
            app(project, "a/b/c", &format!("printf '{lines}' | \"$DC_BIN\" merge t - --create --evolve --key n"), "");
        };
        collects("{\"n\":1}\\n{\"n\":2}\\n");
        let text = done(shown(&backend, &["run", "c", "--show"]));
        assert!(text.contains("0 -> 2") && text.contains("{\"n\": 2}"), "{text}");
        match backend.engine {
            Engine::Sqlite => assert!(!project.join("test.db").exists()),
            _ => assert_eq!(names(&backend), ""),
        }
        std::fs::write(project.join("in.ndjson"), "{\"n\":1}\n{\"n\":3}\n").expect("a file");
        done(shown(&backend, &["merge", "t", "in.ndjson", "--create", "--key", "n"]));
        let (before, rows) = (names(&backend), "SELECT n FROM t WHERE archive IS NULL ORDER BY n");
        collects("{\"n\":1,\"more\":\"x\"}\\n{\"n\":2,\"more\":\"y\"}\\n");
        let text = done(shown(&backend, &["run", "c", "--show"]));
        assert!(text.contains("columns added: more") && text.contains(" more "), "{text}");
        assert_eq!(names(&backend), before, "{:?}", backend.engine);
        assert_eq!(done(shown(&backend, &["query", rows, "--json"])), "{\"n\":1}\n{\"n\":3}\n");
    }
}
