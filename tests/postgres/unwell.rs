//! A database that is unwell, beside one that is right about a record: what waits, what is refused, and how it comes
//! back.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use crate::manager::{number, on};
use crate::support::manager::wait_for;
use crate::support::{Backend, Engine, app, killed_at, stderr, stdout};
use data_collector::context::Context;
use data_collector::logs::Pipeline;
use data_collector::ops;

fn pipeline(context: &Context) -> Pipeline {
    let pipeline = Pipeline::start(&context.settings().log).expect("a pipeline");
    pipeline.open_sinks(context, ["database"]).expect("sinks");
    pipeline
}

fn write(pipeline: &Pipeline, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| pipeline.note(&number.to_string()));
}

fn deployed(backend: &Backend) -> Context {
    let context = backend.context();
    ops::deploy(&context, &Default::default()).expect("tables");
    context
}

/// Whether records wait on disk.
fn is_waiting(backend: &Backend) -> bool {
    let files = std::fs::read_dir(backend.folder.path().join(".dc/log")).into_iter().flatten().flatten();
    let mut names = files.filter_map(|file| file.file_name().into_string().ok());
    names.any(|name| name.contains(".database.") && name.ends_with(".ndjson"))
}

/// The locks of those whose records wait on disk.
fn locks(project: &Path) -> Vec<File> {
    let files = std::fs::read_dir(project.join(".dc/log")).into_iter().flatten().flatten();
    let locks = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "lock"));
    locks.filter_map(|path| File::open(path).ok()).collect()
}

fn refused(project: &Path) -> String {
    std::fs::read_to_string(project.join(".dc/log/refused.ndjson")).unwrap_or_default()
}

/// What is wrong with a database, or with its records; and how it is mended.
struct Illness {
    name: &'static str,
    make: String,
    mend: String,
}

#[test]
fn a_database_that_is_unwell_is_waited_for_and_blames_no_record() {
    for backend in Backend::all() {
        let context = deployed(&backend);
        let mut database = backend.connect();
        let mut illnesses = vec![Illness {
            name: "no table",
            make: "ALTER TABLE logs RENAME TO logs_away".to_owned(),
            mend: "ALTER TABLE logs_away RENAME TO logs".to_owned(),
        }];
        if backend.engine == Engine::Postgres {
            let function = "CREATE FUNCTION unwell() RETURNS trigger LANGUAGE plpgsql AS \
                $$BEGIN RAISE EXCEPTION 'in den Worten des Servers' USING ERRCODE = TG_ARGV[0]; END$$";
            database.execute(function, &[]).expect("a function");
            for code in [
                "57014", "53100", "53200", "53400", "40001", "40P01", "55P03", "57P01", "57P03", "58030", "XX000",
                "XX001", "42501", "42P01", "08006", "25006", "54000", "P0001",
            ] {
                illnesses.push(Illness {
                    name: code,
                    make: format!(
                        "CREATE TRIGGER unwell BEFORE INSERT ON logs FOR EACH ROW EXECUTE FUNCTION unwell('{code}')"
                    ),
                    mend: "DROP TRIGGER unwell ON logs".to_owned(),
                });
            }
        }
        if backend.engine == Engine::Mariadb {
            for code in ["1021", "1040", "1053", "1142", "1205", "1213", "1290", "1317", "1644"] {
                illnesses.push(Illness {
                    name: code,
                    make: format!(
                        "CREATE TRIGGER unwell BEFORE INSERT ON logs FOR EACH ROW SIGNAL SQLSTATE '45000' \
                         SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'in den Worten des Servers'"
                    ),
                    mend: "DROP TRIGGER unwell".to_owned(),
                });
            }
        }
        let pipeline = pipeline(&context);
        let mut count = 0;
        for Illness { name, make, mend } in illnesses {
            database.execute(&make, &[]).expect(name);
            write(&pipeline, count..count + 40);
            count += 40;
            wait_for(name, 60, || is_waiting(&backend));
            database.execute(&mend, &[]).expect(name);
            wait_for(name, 60, || number(&mut database, "SELECT count(*) FROM logs") >= count as i64);
            wait_for(name, 60, || !is_waiting(&backend));
        }
        let report = pipeline.finish(Duration::from_secs(20)).remove(0);
        assert_eq!((report.delivered, report.refused, report.waiting_bytes), (count, 0, 0), "{report:?}");
        assert_eq!(refused(backend.folder.path()), "");
        let stored = number(&mut database, "SELECT count(*) FROM logs WHERE message NOT LIKE '%sink%'");
        assert_eq!(
            stored,
            number(&mut database, "SELECT count(DISTINCT message) FROM logs WHERE message NOT LIKE '%sink%'")
        );
        assert_eq!(stored, count as i64);
    }
}

/// Has the table refuse the record `poison`, and what takes that back.
fn poisoned(backend: &Backend) -> [&'static [&'static str]; 2] {
    match backend.engine {
        Engine::Sqlite => [
            &[
                "CREATE TRIGGER no_poison BEFORE INSERT ON logs WHEN NEW.message = 'poison' BEGIN SELECT RAISE(ABORT, 'no poison here'); END",
            ],
            &["DROP TRIGGER no_poison"],
        ],
        Engine::Mariadb => [
            &["CREATE TRIGGER no_poison BEFORE INSERT ON logs FOR EACH ROW IF NEW.message = 'poison' THEN \
                 SIGNAL SQLSTATE '22023' SET MYSQL_ERRNO = 1366, MESSAGE_TEXT = 'kein Gift hier'; END IF"],
            &["DROP TRIGGER no_poison"],
        ],
        // a class that the driver of the log does not name, in words that nobody knows
        Engine::Postgres => [
            &[
                "CREATE FUNCTION no_poison() RETURNS trigger LANGUAGE plpgsql AS \
                 $$BEGIN RAISE EXCEPTION 'kein Gift hier' USING ERRCODE = '22023'; END$$",
                "CREATE TRIGGER no_poison BEFORE INSERT ON logs FOR EACH ROW WHEN (NEW.message = 'poison') \
                 EXECUTE FUNCTION no_poison()",
            ],
            &["DROP TRIGGER no_poison ON logs"],
        ],
        Engine::Mssql => unreachable!("the log is not kept there"),
    }
}

#[test]
fn what_is_refused_is_sent_again_on_request_and_stored_once() {
    for backend in Backend::all() {
        let context = deployed(&backend);
        let [make, mend] = poisoned(&backend);
        let mut database = backend.connect();
        make.iter().for_each(|sql| assert!(database.execute(sql, &[]).is_ok(), "{sql}"));
        let pipeline = pipeline(&context);
        write(&pipeline, 0..200);
        pipeline.note("poison");
        write(&pipeline, 200..300);
        pipeline.note("poison");
        let report = pipeline.finish(Duration::from_secs(20)).remove(0);
        assert_eq!((report.delivered, report.refused, report.waiting_bytes), (300, 2, 0), "{report:?}");
        let resend =
            |more: &[&str]| on(&backend, &[&["logs", "resend", "--json"], more].concat()).output().expect("dc");
        let told = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        let counted = resend(&["--dry-run"]);
        assert_eq!(told(&stdout(&counted))["sinks"][0]["records"], 2, "{}", stderr(&counted));
        let again = resend(&[]);
        assert_eq!(again.status.code(), Some(1), "{}", stderr(&again));
        assert_eq!(told(&stdout(&again))["sinks"][0]["refused"], 2);
        assert_eq!(refused(backend.folder.path()).lines().count(), 2);
        mend.iter().for_each(|sql| assert!(database.execute(sql, &[]).is_ok(), "{sql}"));
        let at_last = resend(&[]);
        assert_eq!(at_last.status.code(), Some(0), "{}", stderr(&at_last));
        assert_eq!(told(&stdout(&at_last))["sinks"][0]["delivered"], 2);
        assert_eq!(told(&stdout(&resend(&[])))["sinks"], serde_json::json!([]));
        assert_eq!(number(&mut database, "SELECT count(*) FROM logs WHERE message = 'poison'"), 2);
        assert_eq!(number(&mut database, "SELECT count(*) FROM logs"), 302);
    }
}

#[test]
fn what_is_sent_again_to_a_database_that_is_away_waits_for_the_next_run() {
    let Some(backend) = Backend::postgres() else { return };
    let context = deployed(&backend);
    let [make, mend] = poisoned(&backend);
    let mut database = backend.connect();
    make.iter().for_each(|sql| assert!(database.execute(sql, &[]).is_ok(), "{sql}"));
    let pipeline = self::pipeline(&context);
    pipeline.note("poison");
    assert_eq!(pipeline.finish(Duration::from_secs(20))[0].refused, 1);
    mend.iter().for_each(|sql| assert!(database.execute(sql, &[]).is_ok(), "{sql}"));
    database.execute("ALTER TABLE logs RENAME TO logs_away", &[]).expect("no table");
    let away = on(&backend, &["logs", "resend"]).output().expect("dc starts");
    assert_eq!(away.status.code(), Some(75), "{}", stderr(&away));
    assert!(stderr(&away).contains("logs") && stdout(&away).contains("1 waiting"), "{}", stdout(&away));
    database.execute("ALTER TABLE logs_away RENAME TO logs", &[]).expect("a table");
    let next = self::pipeline(&context);
    wait_for("the record", 60, || number(&mut database, "SELECT count(*) FROM logs WHERE message = 'poison'") == 1);
    next.finish(Duration::from_secs(20));
    assert_eq!(number(&mut database, "SELECT count(*) FROM logs"), 1);
}

#[test]
#[cfg(debug_assertions)]
fn a_process_that_is_killed_between_a_commit_and_its_note_doubles_nothing() {
    for backend in Backend::all() {
        let folder = backend.folder.path();
        app(folder, "a/b/many", "seq 1 12000 | sed 's/^/line /'", "");
        (1..=3).for_each(|number| app(folder, &format!("a/b/k{number}"), "echo begun", ""));
        let context = deployed(&backend);
        let mut database = backend.connect();
        database.execute("ALTER TABLE logs RENAME TO logs_away", &[]).expect("no table");
        assert_eq!(on(&backend, &["run", "many"]).output().expect("dc runs").status.code(), Some(0));
        assert!(is_waiting(&backend));
        database.execute("ALTER TABLE logs_away RENAME TO logs", &[]).expect("a table");
        let lines = "FROM logs WHERE message LIKE 'line %'";
        let mut before = 0;
        for number in 1..=3 {
            // the batch is stored, and nobody has noted it
            killed_at("logs.stored", &mut on(&backend, &["run", &format!("k{number}")]));
            let stored = self::number(&mut database, &format!("SELECT count(*) {lines}"));
            assert!(stored >= before, "{stored} after {before}");
            before = stored;
        }
        assert!(before > 0, "no kill has hit the lines that waited");
        // a program that it was just starting holds the files of a killed run for a moment longer
        wait_for("files that nobody holds", 60, || locks(folder).iter().all(|lock| lock.try_lock().is_ok()));
        let next = pipeline(&context);
        wait_for("all lines", 120, || {
            self::number(&mut database, &format!("SELECT count(DISTINCT message) {lines}")) == 12_000
        });
        next.finish(Duration::from_secs(20));
        assert_eq!(self::number(&mut database, &format!("SELECT count(*) {lines}")), 12_000);
    }
}
