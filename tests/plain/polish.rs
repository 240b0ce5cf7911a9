//! Small promises: modes of files, variables that are no text, what shrinks, and what is refused.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::store::{PASSWORD, Project};
use crate::support::{app, dc, run, stderr, stdout};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn text(project: &Path, sql: &str) -> String {
    let connection = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
    connection.query_row(sql, [], |row| row.get(0)).expect("a text")
}

#[test]
fn a_variable_that_is_no_text_is_named_and_no_other_database_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    app(folder.path(), "a/b/c", "true", "");
    let odd = OsStr::from_bytes(b"postgres://me:pass\xffword@h/db");
    for arguments in [&["run", "c"][..], &["logs"], &["doctor"]] {
        let output = dc(folder.path()).args(arguments).env("DC_DB_MAIN_URL", odd).output().expect("dc starts");
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains("DC_DB_MAIN_URL") && told.contains("UTF-8") && !told.contains("word@h"), "{told}");
    }
    assert!(!folder.path().join(".dc").exists());
    // a folder may have any name
    let home = folder.path().join(OsStr::from_bytes(b"h\xe9"));
    fs::create_dir(&home).expect("a folder");
    let output = dc(folder.path()).args(["run", "c"]).env_remove("XDG_CONFIG_HOME").env("HOME", &home).output();
    assert_eq!(output.expect("dc starts").status.code(), Some(0));
}

#[test]
fn a_new_database_is_its_owners_alone_with_all_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    app(project, "a/b/c", "true", "");
    fs::write(project.join("rows.ndjson"), "{\"a\":1}\n").expect("a file");
    let program = env!("CARGO_BIN_EXE_dc");
    for (database, line) in [
        (".dc/dc.db", "run c"),
        ("other.db", "merge t rows.ndjson --create --database other"),
        ("alone/.dc/dc.db", "-C alone merge t rows.ndjson --create"),
    ] {
        fs::create_dir_all(project.join("alone")).expect("a folder");
        fs::write(project.join("alone/dc.toml"), "").expect("a file");
        let mut shell = dc(project);
        let mut loose =
            crate::support::same_by("sh".as_ref(), &["-c", &format!("umask 0; exec {program} {line}")], &shell);
        let output = loose.env("DC_DB_OTHER_URL", "sqlite:other.db").output().expect("sh starts");
        assert!(output.status.success(), "{line}: {}", stderr(&output));
        assert_eq!(mode(&project.join(database)), 0o600, "{database}");
        // while somebody reads, the log and its index are there
        let reader = rusqlite::Connection::open(project.join(database)).expect("a database");
        reader.execute_batch("PRAGMA journal_mode = WAL; BEGIN; SELECT * FROM sqlite_master").expect("a read");
        for end in ["-wal", "-shm"] {
            let beside = project.join(format!("{database}{end}"));
            assert_eq!(mode(&beside), 0o600, "{}", beside.display());
        }
        shell.env_clear();
    }
    // one that somebody has opened to a group stays so
    fs::set_permissions(project.join(".dc/dc.db"), PermissionsExt::from_mode(0o660)).expect("a mode");
    assert_eq!(run(project, &["run", "c"]).status.code(), Some(0));
    assert_eq!(mode(&project.join(".dc/dc.db")), 0o660);
}

/// Writes many long lines.
const TALKS: &str = "awk 'BEGIN { for (n = 0; n < 6000; n++) printf \"%d %0500d\\n\", n, 0 }'";

#[test]
fn pruning_makes_the_file_smaller_and_takes_nothing_that_is_to_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    app(project, "a/b/c", TALKS, "");
    assert_eq!(run(project, &["run", "c"]).status.code(), Some(0));
    for command in [["logs", "prune"], ["manager", "prune"]] {
        for moment in ["2099-01-01", "2099-01-01T00:00:00Z"] {
            let output = run(project, &[&command[..], &["--older-than", moment]].concat());
            assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
            assert!(stderr(&output).contains("in the future"), "{}", stderr(&output));
        }
    }
    let size = || fs::metadata(project.join(".dc/dc.db")).expect("a file").len();
    let before = size();
    assert!(before > 3 << 20, "{before}");
    let output = run(project, &["logs", "prune", "--older-than", "0s", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((report["records"].as_i64(), report["free_bytes"].as_i64()), (Some(6_000), Some(0)), "{report}");
    assert!(size() < before / 4, "{before} -> {}", size());
}

#[test]
fn a_file_of_an_older_dc_is_rewritten_where_somebody_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    fs::create_dir(project.join(".dc")).expect("a folder");
    let older = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
    older.execute_batch("CREATE TABLE older (a TEXT); INSERT INTO older VALUES ('stays')").expect("a table");
    drop(older);
    app(project, "a/b/c", TALKS, "");
    assert_eq!(run(project, &["run", "c"]).status.code(), Some(0));
    let size = || fs::metadata(project.join(".dc/dc.db")).expect("a file").len();
    let pruned = stdout(&run(project, &["logs", "prune", "--older-than", "0s"]));
    assert!(pruned.contains("--rewrite"), "{pruned}");
    let before = size();
    let rewritten = stdout(&run(project, &["logs", "prune", "--older-than", "0s", "--rewrite"]));
    assert!(!rewritten.contains("--rewrite") && size() < before / 4, "{rewritten}: {before} -> {}", size());
    assert_eq!(text(project, "SELECT a FROM older"), "stays");
    assert_eq!(run(project, &["run", "c"]).status.code(), Some(0));
    let again = stdout(&run(project, &["logs", "prune", "--older-than", "0s"]));
    assert!(!again.contains("--rewrite") && size() < before / 4, "it goes on by itself: {again}");
}

#[test]
fn counts_and_times_below_0_are_refused_and_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    let times = |calls: i64, total: f64| {
        serde_json::json!({"dc": "functions", "functions": [{"module": "m", "name": "f", "calls": calls, "solved": 1,
            "failed": 0, "success": true, "total_ms": total, "mean_ms": 1.0, "median_ms": 1.0, "min_ms": 1.0, "max_ms": 1.0}]})
    };
    let lines = [times(-5, 1.0), times(3, -1.0), times(3, 9.0), times(i64::MAX, 1.0)];
    let lines: Vec<String> = lines.iter().map(|line| format!("echo '{line}'")).collect();
    app(
        project,
        "a/b/c",
        &format!("{}\necho '{{\"dc\":\"requests\",\"count\":1,\"total_ms\":-1}}'", lines.join("\n")),
        "",
    );
    assert_eq!(run(project, &["run", "c"]).status.code(), Some(0));
    let shown = stdout(&run(project, &["logs"]));
    assert!(shown.contains("`calls` of `f` takes a number from 0 on"), "{shown}");
    assert_eq!(shown.matches("takes a number from 0 on").count(), 3, "{shown}");
    assert_eq!(text(project, "SELECT CAST(calls AS TEXT) FROM function_log"), i64::MAX.to_string());
}

#[test]
fn arguments_are_given_to_the_app_and_stored_without_secrets() {
    let project = Project::with("API_KEY=s3cr3t-value-of-the-store\n");
    app(project.path(), "a/b/c", "printf '%s' \"$DC_ARGS\" >given", "");
    let arguments = r#"{"key": "s3cr3t-value-of-the-store", "year": 2026, "password": "other"}"#;
    let output = project.run(&["run", "c", "--args", arguments]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(project.path().join("apps/a/b/c/given")).expect("a file"), arguments);
    let stored = text(project.path(), "SELECT args FROM runtime");
    assert_eq!(stored, r#"{"key": "***", "year": 2026, "password": "***"}"#);
}

#[test]
fn a_link_to_no_store_is_an_error_and_stays() {
    let project = Project::with("A=1\n");
    let elsewhere = project.path().join("elsewhere.zip");
    fs::rename(project.store(), &elsewhere).expect("it moves");
    symlink("elsewhere.zip", project.store()).expect("a link");
    assert_eq!(project.told(&["secrets", "get", "A"]), "1\n");
    assert!(project.fed(&["secrets", "set", "B"], "2").status.success());
    assert!(project.store().is_symlink() && elsewhere.is_file(), "what the link stands for is replaced");
    fs::remove_file(&elsewhere).expect("it goes");
    for arguments in [&["secrets", "set", "C"][..], &["secrets", "list"], &["secrets", "encrypt", "-", "--replace"]] {
        let output = project.fed(arguments, "C=3");
        assert_eq!(output.status.code(), Some(5), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("link to elsewhere.zip"), "{}", stderr(&output));
        assert!(project.store().is_symlink() && !elsewhere.exists());
    }
}

#[test]
fn a_mark_in_a_password_file_is_refused_and_an_older_store_opens_all_the_same() {
    let project = Project::with("A=1\n");
    let file = project.path().join("password");
    for bytes in [format!("\u{feff}{PASSWORD}\n").into_bytes(), b"\xff\xfep\0w\0".to_vec()] {
        fs::write(&file, bytes).expect("a file");
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("a mode");
        let (status, told) = project.refused(&["secrets", "list", "--password-file", "password"]);
        assert!(status == 4 && told.contains("byte order mark"), "{told}");
    }
}

#[test]
fn what_other_programs_read_otherwise_is_told() {
    let project = Project::new();
    let output = project.fed(&["secrets", "encrypt", "-"], "A=#value\nB=`id`\nC=http://${HOST}/x\nD='${HOST}'\n");
    let told = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    for part in ["line 1, A: `#` right behind", "line 2, B: no command", "line 3, C: nothing is put in"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("line 4") && !told.contains("value\n"), "{told}");
    assert_eq!(project.told(&["secrets", "get", "A"]), "#value\n");
    let checked = stdout(&project.run(&["secrets", "check"]));
    assert!(checked.contains("line 2, B"), "{checked}");
}
