//! Ends that wait, are delivered, or stay.

use super::*;
use crate::clock;
use crate::context::Context;
use crate::settings::{Environment, Source};
use crate::shell::{Shell, ShellOptions};
use crate::tables::{AppRegistration, AppType, Missing, NewRun, RunEnd, RunOutcome, RunRow};

/// A project with one app that runs.
struct Scene {
    context: Context,
    store: Store,
    run: RuntimeId,
    app_id: i64,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Source { folder: Some(folder.path().to_owned()), config: None };
        let settings = Settings::load(&source, Environment::of([])).expect("settings");
        let context = Context::new(settings, Shell::new(ShellOptions::default(), true));
        let mut store = Store::open(&context, Missing::Create).expect("a store");
        store.migrate().expect("tables");
        let app = AppRegistration {
            name: "a/b/c".parse().expect("a name"),
            app_type: AppType::Manual,
            definition: "{}".to_owned(),
            schedule: None,
            interval_ms: None,
            timezone: "UTC".to_owned(),
            next_run: None,
            labels: Vec::new(),
            sha: [1; 32],
        };
        store.apps().register(&[app], false).expect("registered");
        let app_id = store.apps().all().expect("apps")[0].id;
        let run = RuntimeId::new();
        let new = NewRun {
            runtime: run.clone(),
            app_id,
            started_at: clock::now(),
            args: None,
            started_by: "test".to_owned(),
            host: "here".to_owned(),
            boot_id: None,
            pid_namespace: None,
            lease: std::time::Duration::from_secs(60),
            pid: None,
            pid_started: None,
            occurrence: None,
            serves: false,
        };
        store.runs().start(&new).expect("a start");
        Self { context, store, run, app_id, folder }
    }

    fn ends(&self) -> Ends {
        Ends::of(self.context.settings())
    }

    fn row(&mut self) -> RunRow {
        let filter = RunFilter { app_ids: None, runtime: Some(self.run.to_string()), limit: 1 };
        self.store.runs().list(&filter).expect("runs").remove(0)
    }

    fn kept(&mut self, reason: &str) -> KeptEnd {
        let row = self.row();
        let end =
            RunEnd { is_guess: false, ..RunEnd::guess(&row, clock::now(), RunOutcome::Failed, reason.to_owned()) };
        let database = self.store.label().to_owned();
        KeptEnd { database, runtime: self.run.to_string(), app_id: self.app_id, end, functions: Vec::new() }
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join(FOLDER)).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

#[test]
fn an_end_waits_until_its_database_has_it_and_then_goes() {
    let mut scene = Scene::new();
    let ends = scene.ends();
    assert_eq!(ends.deliver(&mut scene.store).expect("nothing"), 0, "there is no folder yet");
    let mut room = ends.take_room(&scene.run).expect("room");
    assert!(fs::metadata(room.path()).expect("a file").len() >= 4096);
    assert!(!ends.deliver_one(scene.run.as_str(), &mut scene.store).expect("nothing"), "no end is in it");
    let kept = scene.kept("failed with exit status 3");
    let path = room.keep(&kept).expect("kept").to_owned();
    assert_eq!(KeptEnd::read(&path).expect("an end"), Some(kept.clone()));
    drop(room);
    assert_eq!(ends.deliver(&mut scene.store).expect("delivered"), 1);
    let row = scene.row();
    assert_eq!((row.code, row.ended_at, row.is_guess), (RunOutcome::Failed, Some(kept.end.ended_at), false));
    assert_eq!(scene.files(), [""; 0]);
}

#[test]
fn what_is_no_end_of_this_database_stays() {
    let mut scene = Scene::new();
    let ends = scene.ends();
    let other = RuntimeId::new();
    let kept = KeptEnd { database: "another".to_owned(), runtime: other.to_string(), ..scene.kept("") };
    ends.take_room(&other).expect("room").keep(&kept).expect("kept");
    let damaged = scene.folder.path().join(FOLDER).join(format!("{}{KEPT}", RuntimeId::new()));
    fs::write(&damaged, "{\"database\":\n").expect("a file");
    fs::write(scene.folder.path().join(FOLDER).join("notes.end"), "mine").expect("a file");
    assert_eq!(ends.deliver(&mut scene.store).expect("nothing"), 0);
    assert_eq!(scene.files().len(), 3);
    // the row was deleted: nobody will ever want this one
    let gone = RuntimeId::new();
    let kept = KeptEnd { runtime: gone.to_string(), ..scene.kept("") };
    ends.take_room(&gone).expect("room").keep(&kept).expect("kept");
    assert_eq!(ends.deliver(&mut scene.store).expect("one"), 1);
    assert_eq!(scene.files().len(), 3);
}

#[test]
fn the_room_of_a_run_that_is_closed_is_given_back() {
    let mut scene = Scene::new();
    let ends = scene.ends();
    drop(ends.take_room(&scene.run).expect("room"));
    ends.sweep(&mut scene.store).expect("a look");
    assert_eq!(scene.files().len(), 1, "it goes on");
    let row = scene.row();
    scene.store.runs().end(&scene.run, &RunEnd::orphan(&row, clock::now())).expect("an end");
    ends.sweep(&mut scene.store).expect("a look");
    assert_eq!(scene.files(), [""; 0]);
}
