//! Secrets on their way to apps: who is given what, what the logs show, what a manager hands over, and where the plain
//! text and the password are found while apps run.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::manager::wait_for;
use crate::support::store::{PASSWORD, Project, refused};
use crate::support::stranger::Stranger;
use crate::support::{app, clean, stderr, stdout};

const TEXT: &str =
    "API_KEY=abc-123-def\nOTHER='two words here'\nKEY_FILE='-----BEGIN KEY-----\nMIIEvAIBADANBg\n-----END KEY-----'\n";
/// What of it must not be seen.
const HIDDEN: [&str; 3] = ["abc-123-def", "two words here", "MIIEvAIBADANBg"];

fn logged(project: &Path) -> String {
    let connection = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
    let mut statement = connection.prepare("SELECT message FROM logs ORDER BY id").expect("a query");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|row| row.expect("a row") + "\n").collect()
}

#[test]
fn an_app_is_given_what_it_names_and_its_output_shows_none_of_it() {
    let project = Project::with(TEXT);
    let path = project.path();
    let script = "test \"$API_KEY\" = abc-123-def || exit 3\necho \"${OTHER+other} ${DC_SECRET_PASSWORD+password}|\"\n\
                  echo \"$API_KEY $OTHER $KEY_FILE\"; echo \"$API_KEY\" | base64 >&2";
    app(path, "a/b/all", script, "");
    app(path, "a/b/one", script, "secrets = [\"API_KEY\"]\n");
    app(path, "a/b/none", "test -z \"$API_KEY$OTHER\"", "secrets = []\n");
    app(path, "a/b/missing", "true", "secrets = [\"GONE\"]\n");
    for (name, expected) in [("all", "other |\n"), ("one", " |\n")] {
        let output = project.run(&["run", name, "-v"]);
        assert!(output.status.success(), "{name}: {}{}", stdout(&output), stderr(&output));
        let seen = stdout(&output) + &stderr(&output) + &logged(path);
        assert!(seen.contains(expected) && seen.contains("***"), "{name}: {seen}");
        assert!(HIDDEN.iter().all(|hidden| !seen.contains(hidden)), "{name}: {seen}");
    }
    assert!(project.run(&["run", "none"]).status.success());
    // what is exported by hand is not handed on either, where the app does not name it
    let mut command = project.dc(&["run", "none"]);
    command.env("DC_SECRETS_GIVEN", "API_KEY").env("API_KEY", "abc-123-def").env_remove("DC_SECRET_PASSWORD");
    assert!(command.output().expect("dc starts").status.success());
    let (status, told) = project.refused(&["run", "missing"]);
    assert!(status == 4 && told.contains("`GONE`") && told.contains("dc secrets set GONE"), "{told}");
    let (status, told) = refused(project.dc(&["run", "all"]).env_remove("DC_SECRET_PASSWORD"));
    assert!(status == 4 && told.contains("no password is given"), "{told}");
    let mut exec = project.dc(&["secrets", "exec", "--", env!("CARGO_BIN_EXE_dc"), "run", "all"]);
    assert!(exec.output().expect("dc starts").status.success(), "what exec gave is enough");
}

/// Level, message and context of what was logged.
fn records(project: &Path) -> Vec<(i64, String, String)> {
    let connection = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
    let mut statement =
        connection.prepare("SELECT level, message, coalesce(context, '') FROM logs ORDER BY id").expect("a query");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

#[test]
fn a_line_is_understood_before_its_values_are_hidden() {
    let project = Project::with(
        "LOG_LEVEL=error\nDEBUG=true\nPORT=5432\nREGION=eu-central-1-zone # dc:hide=never\nTEAM=blue # dc:hide=always\n\
         KEY='k7/Qz&9\u{f6}wV3'\nDATABASE_URL=postgres://me:pw%2Fhunter2@db:5432/x\nJSON='{\"client\":{\"secret\":\"j5on-s3cret\"}}'\n",
    );
    let path = project.path();
    let lines = [
        r#"{"level":"error","msg":"port 5432 true","port":5432,"debug":true,"DEBUG":"true"}"#,
        r#"{"dc":"progress","task_size":5432,"solved":5432}"#,
        r#"{"dc":"functions","functions":[{"module":"m","name":"f(k7\/Qz\u00269\u00f6wV3)","calls":1,"solved":1,"failed":0,"success":true,"total_ms":5,"mean_ms":5,"median_ms":5,"min_ms":5,"max_ms":5}]}"#,
        r#"{"level":"info","msg":"php k7\/Qz&9\u00f6wV3","go":{"url":"k7/Qz\u00269öwV3"},"k7/Qz&9öwV3":1}"#,
        r#"{"level":"blue","msg":"team blue, eu-central-1-zone, pw/hunter2 pw%2Fhunter2 j5on-s3cret"}"#,
        r#"{"level":"warn","msg":"team blue, eu-central-1-zone, pw/hunter2 pw%2Fhunter2 j5on-s3cret"}"#,
    ];
    fs::write(path.join("lines.ndjson"), lines.join("\n") + "\n").expect("a file");
    // an error with a page, and a line of 5 MB with a secret across every border of 64 KiB and of 4 MiB
    let page = "<p>page</p>".repeat(9_000);
    let big = format!(r#"{{"level":"error","msg":"{page}k7\/Qz\u00269\u00f6wV3{page}","n":1.10}}"#);
    let long: String = (0..350_000).map(|_| "k7/Qz&9\u{f6}wV3 ").collect();
    fs::write(path.join("big"), big + "\n" + &long + "\n").expect("a file");
    app(path, "a/b/all", "cat ../../../../lines.ndjson ../../../../big", "");
    let output = project.run(&["run", "all", "-v"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let records = records(path);
    let first = (40, "port 5432 true".to_owned(), r#"{"port":5432,"debug":true,"DEBUG":"true"}"#.to_owned());
    assert_eq!(records[0], first);
    assert_eq!(records[1], (20, "php ***".to_owned(), r#"{"go":{"url":"***"},"***":1}"#.to_owned()));
    let told = "team ***, eu-central-1-zone, *** *** ***";
    assert_eq!(records[2].0, 20, "no level of any logger: text");
    assert_eq!((records[3].0, records[3].1.as_str()), (30, told));
    let error: Vec<_> = records[4..].iter().take_while(|record| record.0 == 40).collect();
    let text: String = error.iter().map(|record| record.1.as_str()).collect();
    assert_eq!(text, format!("{page}***{page}"));
    assert!(error[0].2.contains(r#""n":1.10"#) && error[0].2.contains(r#""part":0"#), "{}", error[0].2);
    let text: String = records[4 + error.len()..].iter().map(|record| record.1.as_str()).collect();
    assert_eq!(text, "*** ".repeat(350_000));
    let connection = rusqlite::Connection::open(path.join(".dc/dc.db")).expect("a database");
    let name: String =
        connection.query_row("SELECT name FROM app_functions", [], |row| row.get(0)).expect("a function");
    assert_eq!(name, "f(***)");
    let run = "SELECT task_size, solved, exceptions FROM runtime";
    let counts = connection.query_row(run, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    assert_eq!(counts, Ok((5432, 5432, 2)));
    let seen = stdout(&output) + &stderr(&output);
    assert!(!seen.contains("hunter2") && !seen.contains("wV3") && seen.contains(r#"{"level":"error","msg":"port"#));
}

#[test]
fn a_value_is_marked_when_it_is_set() {
    let project = Project::with("A=1\n");
    let set = |arguments: &[&str], value: &str| {
        let mut command = project.dc(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("dc starts");
        std::io::Write::write_all(child.stdin.as_mut().expect("a pipe"), value.as_bytes()).expect("a value");
        drop(child.stdin.take());
        assert!(child.wait().expect("an end").success());
    };
    set(&["secrets", "set", "WORD", "--hide", "always"], "secretly");
    set(&["secrets", "set", "HOST", "--hide=never"], "db-17.example.com:5432");
    // a new value keeps the mark
    set(&["secrets", "set", "WORD"], "quietly");
    app(project.path(), "a/b/c", "echo \"$WORD $HOST\"", "");
    assert!(project.run(&["run", "c"]).status.success());
    assert_eq!(logged(project.path()), "*** db-17.example.com:5432\n");
}

#[test]
fn settings_come_from_the_store_and_a_variable_wins() {
    let project = Project::with("DC_DB_MAIN_URL=sqlite:stored.db\nAPI_KEY=abc-123-def\n");
    let path = project.path();
    app(path, "a/b/loads", r#"printf '{"n":1}\n' | "$DC_BIN" merge things - --create"#, "");
    app(path, "a/b/apart", r#"printf '{"n":1}\n' | "$DC_BIN" merge things - --create"#, "secrets = [\"API_KEY\"]\n");
    project.told(&["deploy"]);
    assert!(path.join("stored.db").exists() && !path.join(".dc/dc.db").exists());
    let output = project.run(&["run", "loads"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let (status, told) = project.refused(&["run", "apart"]);
    assert!(status == 4 && told.contains("is not given it") && told.contains("app.toml"), "{told}");
    // locked, nothing works on another database by mistake
    let (status, told) = refused(project.dc(&["logs"]).env_remove("DC_SECRET_PASSWORD"));
    assert!(status == 4 && told.contains("locked") && told.contains("DC_SECRET_PASSWORD"), "{told}");
    assert!(!path.join(".dc/dc.db").exists());
    let mut command = project.dc(&["deploy"]);
    let output = command.env_remove("DC_SECRET_PASSWORD").env("DC_DB_MAIN_URL", "sqlite:mine.db").output();
    assert!(output.expect("dc starts").status.success() && path.join("mine.db").exists());
    // a store without settings of dc locks nothing
    let plain = Project::with("API_KEY=abc-123-def\n");
    let output = plain.dc(&["deploy"]).env_remove("DC_SECRET_PASSWORD").output().expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_manager_derives_the_key_for_all_its_apps() {
    let project = Project::with(TEXT);
    let path = project.path();
    // the parent has the secrets and not the password: it cannot have derived anything
    let script = "test \"$API_KEY\" = abc-123-def || exit 3\n\
                  tr '\\0' '\\n' </proc/$PPID/environ | grep -q '^DC_SECRET_PASSWORD' && exit 4\n\
                  test -z \"$DC_SECRET_KEY_FD\" || exit 5\n\
                  ls -l /proc/self/fd | grep -q 'pipe.*r-x' && exit 6\nexit 0";
    for number in 0..8 {
        app(path, &format!("a/b/n{number}"), script, "interval = \"1h\"\nmax_failures = 1\n");
    }
    project.told(&["deploy"]);
    for number in 0..8 {
        project.told(&["manager", "send", "start", &format!("n{number}")]);
    }
    let log = path.join("manager.log");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    let mut command = project.dc(&["manager", "start", "-vv"]);
    let file = fs::File::create(&log).expect("a file");
    command.stdout(Stdio::null()).stderr(file);
    let mut manager = Ending(command.spawn().expect("dc starts"));
    let ended = || {
        let connection = rusqlite::Connection::open(path.join(".dc/dc.db")).expect("a database");
        connection.query_row("SELECT count(*) FROM runtime WHERE ended_at IS NOT NULL", [], |row| row.get::<_, i64>(0))
    };
    wait_for("eight runs", 120, || ended() == Ok(8));
    manager.0.kill().expect("a kill");
    let connection = rusqlite::Connection::open(path.join(".dc/dc.db")).expect("a database");
    let statuses: String = connection
        .query_row("SELECT group_concat(DISTINCT exit_code) FROM runtime", [], |row| row.get(0))
        .expect("statuses");
    assert_eq!(statuses, "0", "{}", said());
    assert_eq!(said().matches("a key was derived").count(), 1, "{}", said());
}

#[test]
fn what_is_secret_is_found_only_in_the_environment_that_it_is_meant_for() {
    let project = Project::with("API_KEY=plain-text-of-one-4711\nOTHER=plain-text-of-two-4712\n");
    let path = project.path();
    let temporary = path.join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    let script = "echo started; echo $$ >pid; exec sleep 60";
    app(path, "a/b/one", script, "secrets = [\"API_KEY\"]\n");
    app(path, "a/b/two", script, "secrets = [\"OTHER\"]\n");
    project.told(&["deploy"]);
    let user = Stranger::with(path);
    let start = |name: &str| {
        let mut command = user.command(&project.dc(&["run", name]));
        command.env("TMPDIR", &temporary).stdout(Stdio::null()).stderr(Stdio::null());
        Ending(command.spawn().expect("dc starts"))
    };
    let (one, two) = (start("one"), start("two"));
    let pid = |name: &str| fs::read_to_string(path.join(format!("apps/a/b/{name}/pid"))).unwrap_or_default();
    wait_for("both apps", 60, || pid("one").ends_with('\n') && pid("two").ends_with('\n'));
    let (pid_one, pid_two) = (pid("one").trim().to_owned(), pid("two").trim().to_owned());
    wait_for("sleep", 10, || fs::read(format!("/proc/{pid_two}/comm")).is_ok_and(|name| name == b"sleep\n"));
    let environ = |pid: &str| fs::read(format!("/proc/{pid}/environ")).expect("an environment");
    let (key, other) = ("plain-text-of-one-4711", "plain-text-of-two-4712");
    assert!(holds(&environ(&pid_one), key) && holds(&environ(&pid_two), other));
    for (pid, foreign) in [(&pid_one, other), (&pid_two, key)] {
        assert!(!holds(&environ(pid), foreign));
        assert!(memory_holds(pid, if *pid == pid_one { key } else { other }), "what it was given is found");
        for forbidden in [foreign, PASSWORD] {
            assert!(!memory_holds(pid, forbidden), "{forbidden} in the memory of {pid}");
        }
    }
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        assert!([key, other, PASSWORD].iter().all(|text| !holds(&line, text)), "{:?}", entry.path());
    }
    let files = files(path);
    assert!(files.iter().any(|file| file.ends_with(".dc/dc.db")) && files.contains(&project.store()), "{files:?}");
    for file in files {
        let bytes = fs::read(&file).expect("a file");
        assert!([key, other, PASSWORD].iter().all(|text| !holds(&bytes, text)), "{}", file.display());
    }
    // neither dumped nor looked into by others: of a process that is not protected the files in /proc are its user's
    let owner = |pid: &str| fs::metadata(format!("/proc/{pid}/environ")).expect("a process").uid();
    assert_eq!((owner(&pid_one), owner(&pid_two)), (user.id, user.id), "the apps are not protected");
    for run in [&one, &two] {
        assert_eq!(owner(&run.0.id().to_string()), 0, "its files in /proc are root's alone");
        let limits = fs::read_to_string(format!("/proc/{}/limits", run.0.id())).expect("limits");
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    }
}

/// A process that ends with the test.
struct Ending(std::process::Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = clean("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}

/// Looks through all that a process has mapped and that can be read.
fn memory_holds(pid: &str, text: &str) -> bool {
    use std::os::unix::fs::FileExt;
    let memory = fs::File::open(format!("/proc/{pid}/mem")).expect("its memory");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("its map");
    maps.lines().any(|line| {
        let Some((start, end)) = line.split(' ').next().and_then(|range| range.split_once('-')) else { return false };
        let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else { return false };
        let mut bytes = vec![0; usize::try_from(end - start).expect("a size").min(64 << 20)];
        memory.read_at(&mut bytes, start).is_ok_and(|count| holds(&bytes[..count], text))
    })
}
