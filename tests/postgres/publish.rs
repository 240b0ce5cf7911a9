//! `[deploy] publish = true`: a machine without an app's folder runs it as it was deployed, whatever happens on the way.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use data_collector::context::Context;
use data_collector::publish::{fetch, wanted};
use data_collector::storage::Storage;

use crate::manager::{number, rows};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, Stopped, app, context, dc, killed_at, stderr, stdout};

/// Two machines, as far as dc can tell: two projects with one database and one store of files.
struct Machines {
    backend: Backend,
    other: tempfile::TempDir,
    store: tempfile::TempDir,
}

impl Machines {
    fn new(backend: Backend) -> Self {
        let folder = || tempfile::tempdir().expect("a folder");
        let machines = Self { backend, other: folder(), store: folder() };
        machines.set(&machines.settings(""));
        machines
    }

    fn all() -> impl Iterator<Item = Self> {
        Backend::all().into_iter().map(Self::new)
    }

    /// The settings of both, with more of `[deploy]`.
    fn settings(&self, more: &str) -> String {
        let store = self.store.path().display();
        format!(
            "[deploy]\npublish = true\n{more}\n[storage]\nstore = \"shared\"\n[storage.stores.shared]\npath = \"{store}\"\n"
        )
    }

    fn set(&self, settings: &str) {
        for project in [self.here(), self.there()] {
            fs::write(project.join("dc.toml"), settings).expect("settings");
        }
    }

    /// The machine with the folders.
    fn here(&self) -> &Path {
        self.backend.folder.path()
    }

    /// The one without.
    fn there(&self) -> &Path {
        self.other.path()
    }

    fn dc(&self, project: &Path, arguments: &[&str]) -> Command {
        let mut command = dc(project);
        command.args(arguments).env("DC_DB_MAIN_URL", &self.backend.url);
        command
    }

    fn output(&self, project: &Path, arguments: &[&str]) -> Output {
        self.dc(project, arguments).output().expect("dc starts")
    }

    /// What it prints; it has to succeed.
    fn told(&self, project: &Path, arguments: &[&str]) -> String {
        let output = self.output(project, arguments);
        assert!(output.status.success(), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    fn deploy(&self) -> String {
        self.told(self.here(), &["deploy"])
    }

    /// What the app says on the machine without its folder.
    fn runs(&self, app: &str) -> String {
        self.told(self.there(), &["run", app, "-v"])
    }

    fn context(&self, project: &Path) -> Context {
        context(project, &[("DC_DB_MAIN_URL", &self.backend.url), ("DC_STORAGE_MIN_FREE", "0")])
    }

    /// The folders that were fetched of an app, whole or in parts.
    fn fetched(&self, app: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.there().join(".dc/fetched").join(app)).into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        folders
    }

    /// Where the bytes of published files are, by their text.
    fn stored(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.store.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if String::from_utf8_lossy(&fs::read(&path).expect("a file")).contains(text) {
                    found.push(path);
                }
            }
        }
        found
    }

    fn manager(&self, project: &Path) -> Manager {
        Manager::start(project, &self.backend.url, &[])
    }
}

fn write(path: &Path, content: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, content).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn tree(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("inside").to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_app_runs_where_it_has_no_folder_as_it_was_deployed() {
    for machines in Machines::all() {
        let folder = machines.here().join("apps/hr/court/cases");
        app(machines.here(), "hr/court/cases", "echo one; lib/tool; cat data.txt; cat common", "");
        write(&folder.join("lib/tool"), "#!/bin/sh\necho tool\n", 0o755);
        write(&folder.join("data.txt"), "data\n", 0o644);
        write(&machines.here().join("shared/common"), "common\n", 0o644);
        symlink("../../../../shared/common", folder.join("common")).expect("a link");
        // what stays
        for (path, content) in [
            (".env", "TOKEN=xyzzy-1"),
            ("prod.env", "TOKEN=xyzzy-2"),
            ("server.pem", "-----BEGIN PRIVATE KEY-----\nxyzzy-3\n"),
            (".git/config", "xyzzy-4"),
            ("__pycache__/a.pyc", "xyzzy-5"),
            ("build/CACHEDIR.TAG", "xyzzy-6"),
            ("out/rows.csv", "xyzzy-7"),
        ] {
            write(&folder.join(path), content, 0o644);
        }
        machines.set(&machines.settings("ignore = [\"*.csv\"]"));
        let deployed = machines.deploy();
        assert!(deployed.contains("published  hr/court/cases: 4 files"), "{deployed}");
        for private in [".env", "prod.env", "server.pem"] {
            assert!(deployed.contains(&format!("left out   hr/court/cases: `{private}`")), "{deployed}");
        }
        assert!(machines.stored("xyzzy").is_empty(), "{:?}", machines.stored("xyzzy"));
        assert!(deployed.contains("a disk of this machine"), "{deployed}");
        assert_eq!(machines.runs("cases"), "one\ntool\ndata\ncommon\n");
        let [first] = &machines.fetched("hr/court/cases")[..] else { panic!("one folder") };
        assert_eq!(tree(first), ["common", "data.txt", "lib/tool", "main"]);
        let mode = |path: &str| fs::metadata(first.join(path)).expect("a file").permissions().mode() & 0o100;
        assert_eq!((mode("lib/tool"), mode("data.txt")), (0o100, 0));
        assert!(fs::metadata(first).expect("a folder").permissions().mode() & 0o055 != 0, "others may run it");
        let again = machines.deploy();
        assert!(again.contains("nothing to do") && !again.contains("published  "), "{again}");
        let log = machines.told(machines.there(), &["logs", "cases"]);
        assert!(log.contains("fetched from storage as deployed at"), "{log}");
        // what is deployed anew is what runs, and a folder of its own comes first
        write(&folder.join("data.txt"), "new data\n", 0o644);
        fs::remove_file(folder.join("common")).expect("removed");
        let dry = machines.told(machines.here(), &["deploy", "--dry-run"]);
        assert!(dry.contains("would be published  hr/court/cases: 3 files"), "{dry}");
        assert_eq!(machines.runs("cases"), "one\ntool\ndata\ncommon\n");
        assert!(machines.deploy().contains("published  hr/court/cases: 3 files"));
        let output = machines.output(machines.there(), &["run", "cases", "-v"]);
        assert!(stdout(&output).starts_with("one\ntool\nnew data\n"), "{}", stdout(&output));
        let why = machines.told(machines.there(), &["manager", "why", "cases"]);
        assert!(
            why.contains("its folder is published as deployed at") && why.contains("fetched from storage at"),
            "{why}"
        );
        app(machines.there(), "hr/court/cases", "echo mine", "");
        assert_eq!(machines.runs("cases"), "mine\n");
    }
}

#[test]
fn what_was_damaged_or_lost_is_refused_and_a_deploy_mends_it() {
    for machines in Machines::all() {
        app(machines.here(), "a/b/c", "echo fine", "");
        write(&machines.here().join("apps/a/b/c/data"), "precious", 0o644);
        machines.deploy();
        let [stored] = &machines.stored("precious")[..] else { panic!("one file") };
        type Harm = fn(&Path);
        let harms: [(Harm, &str); 2] = [
            (|path| write(path, "preciouS", 0o644), "its bytes are not those that were kept"),
            (|path| fs::remove_file(path).expect("removed"), "`data`"),
        ];
        for (harm, said) in harms {
            let [stored] = &machines.stored("precious")[..] else { panic!("one file") };
            harm(stored);
            let refused = machines.output(machines.there(), &["run", "c"]);
            let complaint = stderr(&refused);
            assert!(
                !refused.status.success() && complaint.contains(said) && complaint.contains("`data`"),
                "{complaint}"
            );
            assert!(complaint.contains("`dc deploy` on ") && complaint.contains("has its folder"), "{complaint}");
            assert!(machines.fetched("a/b/c").is_empty());
            let why = machines.told(machines.there(), &["manager", "why", "c"]);
            assert!(why.contains("could not fetch a/b/c from storage"), "{why}");
            machines.deploy();
        }
        assert!(!stored.exists() || machines.stored("precious").len() == 1);
        assert_eq!(machines.runs("c"), "fine\n");
    }
}

#[test]
#[cfg(debug_assertions)]
fn a_kill_in_the_middle_leaves_nothing_half() {
    for machines in Machines::all() {
        app(machines.here(), "a/b/c", "echo one", "");
        machines.deploy();
        killed_at("publish.fetched", &mut machines.dc(machines.there(), &["run", "c"]));
        let [part] = &machines.fetched("a/b/c")[..] else { panic!("a part") };
        assert!(part.to_string_lossy().ends_with(".part"), "{part:?}");
        assert_eq!(machines.runs("c"), "one\n");
        assert!(!part.exists() && machines.fetched("a/b/c").len() == 1);
        // a deploy that is killed has published nothing
        app(machines.here(), "a/b/c", "echo two", "");
        killed_at("publish.stored", &mut machines.dc(machines.here(), &["deploy"]));
        assert_eq!(machines.runs("c"), "one\n");
        machines.deploy();
        assert_eq!(machines.runs("c"), "two\n");
    }
}

#[test]
#[cfg(debug_assertions)]
fn of_many_that_fetch_at_once_one_does_the_work() {
    for machines in Machines::all() {
        app(machines.here(), "a/b/c", "echo one", "");
        machines.deploy();
        let first = Stopped::at("publish.fetched", &mut machines.dc(machines.there(), &["run", "c"]));
        std::thread::scope(|scope| {
            let one = || {
                let context = machines.context(machines.there());
                let mut storage = Storage::open(&context).expect("the storage");
                let wanted = wanted(context.settings(), storage.tables(), &[]).expect("what is published");
                fetch(&context, &mut storage, &wanted[0]).expect("fetched");
            };
            let others: Vec<_> = (0..3).map(|_| scope.spawn(one)).collect();
            assert!(others.iter().all(|other| !other.is_finished()));
            let (status, said) = first.go_on();
            assert!(status.success(), "{said}");
            others.into_iter().for_each(|other| other.join().expect("fetched"));
        });
        assert_eq!(machines.fetched("a/b/c").len(), 1);
        let mut database = machines.backend.connect();
        assert_eq!(number(&mut database, "SELECT count(*) FROM publication_fetches WHERE error IS NULL"), 1);
    }
}

#[test]
fn a_manager_fetches_before_an_app_is_due_and_after_each_deploy() {
    for machines in Machines::all() {
        app(machines.here(), "a/b/c", "echo one", "interval = \"1s\"");
        machines.deploy();
        let manager = machines.manager(machines.there());
        let mut database = machines.backend.connect();
        let mut said = |text: &str| {
            let sql = format!("SELECT count(*) FROM logs WHERE message = '{text}'");
            wait_for(text, 60, || number(&mut database, &sql) > 1);
        };
        said("one");
        // other programs
        app(machines.here(), "a/b/c", "echo two", "interval = \"1s\"");
        machines.deploy();
        said("two");
        // and another definition
        app(machines.here(), "a/b/c", "echo three", "interval = \"1s\"\ntimeout = \"1m\"");
        machines.deploy();
        said("three");
        manager.end();
        let mut database = machines.backend.connect();
        let failures = format!("SELECT {} FROM apps", machines.backend.as_text("sum(failures)"));
        assert_eq!(rows(&mut database, &failures), [["0"]]);
    }
}

/// A machine that cannot fetch leaves the app to those that have it.
#[test]
fn an_app_that_cannot_be_fetched_is_left_to_machines_that_have_it() {
    for machines in Machines::all() {
        app(machines.here(), "a/b/c", "echo fine", "interval = \"1s\"");
        machines.deploy();
        let [stored] = &machines.stored("echo fine")[..] else { panic!("one file") };
        write(stored, "#!/bin/sh\necho evil\n", 0o755);
        let there = machines.manager(machines.there());
        let mut database = machines.backend.connect();
        let refused = "SELECT count(*) FROM publication_fetches WHERE error LIKE '%`main`%'";
        wait_for("a refusal", 60, || number(&mut database, refused) == 1);
        let here = machines.manager(machines.here());
        let fine = "SELECT count(*) FROM logs WHERE message = 'fine'";
        wait_for("runs", 60, || number(&mut database, fine) >= 3);
        here.end();
        let said = there.end();
        assert!(said.contains("could not fetch a/b/c from storage") && said.contains("`dc deploy` on "), "{said}");
        assert_eq!(number(&mut database, "SELECT count(*) FROM logs WHERE message = 'evil'"), 0);
        assert_eq!(number(&mut database, "SELECT count(*) FROM apps WHERE failures > 0"), 0);
    }
}

#[test]
fn a_pipeline_is_worked_off_where_it_has_no_folder() {
    for machines in Machines::all() {
        let folder = machines.here().join("apps/hr/scans/letters");
        let definition = "[pipeline]\nwatch = [\"inbox\"]\n[[stage]]\nname = \"say\"\ncommand = [\"./say\"]\n";
        write(&folder.join("app.toml"), definition, 0o644);
        write(&folder.join("say"), "#!/bin/sh\ncat word > \"$DC_OUTPUT\"\n", 0o755);
        write(&folder.join("word"), "\"first\"", 0o644);
        write(&folder.join("inbox/a.txt"), "no part of the app", 0o644);
        let deployed = machines.deploy();
        assert!(deployed.contains("published  hr/scans/letters: 3 files"), "{deployed}");
        let manager = machines.manager(machines.there());
        let mut database = machines.backend.connect();
        let mut given = |word: &str, name: &str| {
            write(&machines.here().join(name), name, 0o644);
            machines.told(machines.here(), &["tasks", "add", "letters", name]);
            let sql = format!("SELECT count(*) FROM pipeline_attempts WHERE output LIKE '%{word}%'");
            wait_for(word, 60, || number(&mut database, &sql) == 1);
        };
        given("first", "one.txt");
        // its workers start anew with what is deployed
        write(&folder.join("word"), "\"second\"", 0o644);
        machines.deploy();
        let mut other = machines.backend.connect();
        let workers = "SELECT count(*) FROM runtime WHERE code <> 10";
        wait_for("the end of the first worker", 60, || number(&mut other, workers) >= 1);
        given("second", "two.txt");
        manager.end();
        assert!(folder.join("inbox/a.txt").is_file(), "the inbox is where the app is");
        machines.told(machines.here(), &["manager", "send", "disable", "letters"]);
        let open = "SELECT count(*) FROM runtime WHERE ended_at IS NULL";
        let closing = machines.manager(machines.there());
        wait_for("the end of the second worker", 60, || number(&mut other, open) == 0);
        closing.end();
    }
}

#[test]
fn what_is_published_stays_and_what_was_replaced_goes() {
    for machines in Machines::all() {
        app(machines.here(), "a/b/c", "cat data", "");
        let data = machines.here().join("apps/a/b/c/data");
        write(&data, "first edition", 0o644);
        machines.deploy();
        write(&data, "second edition", 0o644);
        machines.deploy();
        let mut database = machines.backend.connect();
        let mut sql = |text: &str| {
            database.execute(text, &[]).expect(text);
        };
        sql("UPDATE stored_files SET kept_until = '2020-01-01 00:00:00'");
        let prune = || machines.told(machines.here(), &["files", "prune"]);
        prune();
        // a machine may be about to fetch what was replaced a moment ago
        assert_eq!((machines.stored("first edition").len(), machines.stored("second edition").len()), (1, 1));
        sql("UPDATE publications SET replaced_at = '2020-01-01 00:00:00' WHERE replaced_at IS NOT NULL");
        prune();
        assert_eq!((machines.stored("first edition").len(), machines.stored("second edition").len()), (0, 1));
        assert_eq!(machines.runs("c"), "second edition\n");
        // an app that is taken out needs nothing
        fs::remove_dir_all(machines.here().join("apps/a")).expect("removed");
        app(machines.here(), "a/b/other", "true", "");
        machines.deploy();
        sql("UPDATE apps SET archive = '2020-01-01 00:00:00' WHERE archive IS NOT NULL");
        prune();
        assert!(machines.stored("second edition").is_empty());
    }
}

#[test]
fn what_cannot_be_published_is_named_and_holds_up_no_other() {
    let machines = Machines::new(Backend::sqlite());
    app(machines.here(), "a/b/fine", "echo fine", "");
    app(machines.here(), "a/b/large", "true", "");
    let folder = |name: &str| machines.here().join("apps/a/b").join(name);
    write(&folder("large").join("data/big.bin"), &"x".repeat(70_000), 0o644);
    app(machines.here(), "a/b/linked", "true", "");
    symlink("/etc/hostname", folder("linked").join("host")).expect("a link");
    app(machines.here(), "a/b/hidden", "true", "");
    write(&folder("hidden").join(".env"), "TOKEN=xyzzy", 0o644);
    symlink(".env", folder("hidden").join("settings")).expect("a link");
    app(machines.here(), "a/b/circle", "true", "");
    symlink("..", folder("circle").join("above")).expect("a link");
    app(machines.here(), "a/b/outside", "true", "command = [\"../fine/main\"]");
    app(machines.here(), "a/b/venv", "true", "command = [\"venv/bin/python\"]");
    write(&folder("venv").join("venv/pyvenv.cfg"), "", 0o644);
    fs::create_dir_all(folder("venv").join("venv/bin")).expect("a folder");
    symlink("/bin/sh", folder("venv").join("venv/bin/python")).expect("a link");
    machines.set(&machines.settings("size_max = \"64KiB\""));
    let output = machines.output(machines.here(), &["deploy"]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for expected in [
        "published  a/b/fine: 1 file",
        "a/b/large: its folder has 0.1 MiB, and 0.1 MiB are the most; the largest file is `data/big.bin`",
        "[deploy] ignore = [\"data/big.bin\"]",
        "a/b/linked: `host` is a link to /etc/hostname, outside of the project",
        "a/b/hidden: `settings` is a link to ",
        "a/b/circle: `above",
        "a/b/outside: app.toml names the program `../fine/main`, outside",
        "a/b/venv: `venv/bin/python` is a link to ",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(machines.stored("xyzzy").is_empty());
    assert_eq!(machines.runs("fine"), "fine\n");
    let refused = machines.output(machines.there(), &["run", "large"]);
    assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("it is not published"), "{}", stderr(&refused));
    machines.set(&machines.settings("size_max = \"64KiB\"\nignore = [\"data\", \"host\", \"settings\", \"above\"]"));
    let said = stdout(&machines.output(machines.here(), &["deploy"]));
    for mended in ["large", "linked", "hidden", "circle"] {
        assert!(said.contains(&format!("published  a/b/{mended}: 1 file")), "{said}");
    }
}

/// A store that cannot be used is told, and the apps are registered all the same; a wrong setting changes nothing.
#[test]
fn a_store_that_is_away_leaves_the_apps_registered() {
    let machines = Machines::new(Backend::sqlite());
    app(machines.here(), "a/b/c", "echo one", "");
    let settings = machines.settings("");
    machines.set(&settings.replace("store = \"shared\"", "store = \"nowhere\""));
    let refused = machines.output(machines.here(), &["deploy"]);
    assert!(refused.status.code() == Some(3) && stderr(&refused).contains("`nowhere`"), "{}", stderr(&refused));
    assert!(!machines.here().join("test.db").exists());
    machines.set(&settings.replace(&machines.store.path().display().to_string(), "/dev/null"));
    let output = machines.output(machines.here(), &["deploy"]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("added      a/b/c") && said.contains("files     failed     could not use the store"),
        "{said}"
    );
    machines.set(&settings);
    assert!(machines.deploy().contains("published  a/b/c"));
}

/// A program that was built in a folder of caches goes with the app.
#[test]
fn a_program_that_app_toml_names_is_published_wherever_it_was_built() {
    let machines = Machines::new(Backend::sqlite());
    let folder = machines.here().join("apps/a/b/c");
    app(machines.here(), "a/b/c", "true", "command = [\"./target/release/collect\"]");
    write(&folder.join("target/CACHEDIR.TAG"), "", 0o644);
    write(&folder.join("target/release/other"), "", 0o755);
    write(&folder.join("target/release/collect"), "#!/bin/sh\necho built\n", 0o755);
    machines.deploy();
    assert_eq!(machines.runs("c"), "built\n");
    assert_eq!(tree(&machines.fetched("a/b/c")[0]), ["app.toml", "main", "target/release/collect"]);
}

#[test]
fn nothing_is_fetched_where_nobody_said_so_and_a_deploy_without_it_takes_it_back() {
    for machines in Machines::all() {
        app(machines.here(), "a/b/c", "echo one", "");
        machines.deploy();
        let settings = machines.settings("");
        let without = settings.replace("publish = true", "publish = false");
        machines.set(&without);
        let refused = machines.output(machines.there(), &["run", "c"]);
        assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
        assert!(machines.fetched("a/b/c").is_empty());
        let deployed = machines.deploy();
        assert!(deployed.contains("taken back 1 app"), "{deployed}");
        assert!(machines.deploy().contains("nothing to do"));
        machines.set(&settings);
        let refused = machines.output(machines.there(), &["run", "c"]);
        assert!(stderr(&refused).contains("it is not published"), "{}", stderr(&refused));
        let typo = machines.output(machines.there(), &["run", "d"]);
        assert!(typo.status.code() == Some(5) && stderr(&typo).contains("find the app `d`"), "{}", stderr(&typo));
        // a machine without any app takes nothing out
        machines.deploy();
        let there = machines.told(machines.there(), &["deploy"]);
        assert!(there.contains("left       1 that other machines have published"), "{there}");
        assert_eq!(machines.runs("c"), "one\n");
        let doctor = stdout(&machines.output(machines.here(), &["doctor"]));
        assert!(doctor.contains("1 app is published") && doctor.contains("on a disk of this machine"), "{doctor}");
        app(machines.here(), "a/b/c", "echo two", "");
        let doctor = stdout(&machines.output(machines.here(), &["doctor"]));
        assert!(doctor.contains("not published as they stand: 1, such as `a/b/c`"), "{doctor}");
        // a change of case alone is a change
        app(machines.here(), "a/b/c", "echo $1", "command = [\"./main\", \"Word\"]");
        machines.deploy();
        app(machines.here(), "a/b/c", "echo $1", "command = [\"./main\", \"word\"]");
        let deployed = machines.deploy();
        assert!(deployed.contains("changed    a/b/c"), "{deployed}");
        assert_eq!(machines.runs("c"), "word\n");
        // registered and not published yet
        app(machines.here(), "a/b/c", "echo two", "timeout = \"1m\"");
        machines.set(&without);
        let mut database = machines.backend.connect();
        machines.set(&settings);
        database.execute("UPDATE apps SET definition = '{\"command\":[\"true\"]}'", &[]).expect("another definition");
        let refused = machines.output(machines.there(), &["run", "c"]);
        assert!(stderr(&refused).contains("published before it was registered"), "{}", stderr(&refused));
        machines.set(&settings.replace("publish = true", "publsh = true"));
        let refused = machines.output(machines.there(), &["run", "c"]);
        assert_eq!(refused.status.code(), Some(3));
        assert!(stderr(&refused).contains("deploy.publsh"), "{}", stderr(&refused));
    }
}

/// What a manager registers by itself it publishes.
#[test]
fn a_manager_that_deploys_publishes_too() {
    let machines = Machines::new(Backend::sqlite());
    app(machines.here(), "a/b/first", "true", "");
    machines.deploy();
    app(machines.here(), "a/b/c", "echo one", "");
    let manager = Manager::start_with(machines.here(), &machines.backend.url, &[], |command| {
        command.env("DC_MANAGER_DEPLOY", "auto")
    });
    let mut database = machines.backend.connect();
    wait_for("two publications", 60, || number(&mut database, "SELECT count(*) FROM publications") == 2);
    manager.end();
    assert_eq!(machines.runs("c"), "one\n");
}
