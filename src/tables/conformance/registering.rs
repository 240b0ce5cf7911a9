//! Registering apps, and reading them back.

use super::*;
use crate::error::ErrorKind;
use crate::tables::{Progress, RunStatus, StartRun};

fn names(store: &mut Store) -> Vec<String> {
    store.apps().all().expect("apps").into_iter().map(|app| app.name.to_string()).collect()
}

#[test]
fn registering_twice_changes_nothing() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let apps = [app("hr/findata/companies", "{}"), app("hr/findata/People", "{}"), app("at/wko/members", "{}")];
        let would = store.apps().register(&apps, true).expect("a dry run");
        assert_eq!((would.added.len(), names(&mut store).len()), (3, 0));
        assert_eq!(store.apps().register(&apps, false).expect("registered"), would);
        assert_eq!(names(&mut store), ["at/wko/members", "hr/findata/People", "hr/findata/companies"]);
        let again = store.apps().register(&apps, false).expect("registered");
        assert_eq!((again.unchanged.len(), again.added.len() + again.changed.len() + again.archived.len()), (3, 0));
    });
}

#[test]
fn a_changed_app_keeps_its_row_and_a_gone_one_comes_back_anew() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let (kept, gone) = (app("a/b/kept", "{}"), app("x/y/gone", "{}"));
        store.apps().register(&[kept.clone(), gone.clone()], false).expect("registered");
        let before = store.apps().all().expect("apps");
        let due = before[0].next_run;
        assert!(matches!(store.runs().start(&run_of(before[0].id)).expect("a start"), StartRun::Started));

        let mut changed = app("a/b/kept", "{\"timeout\":\"5m\"}");
        let report = store.apps().register(std::slice::from_ref(&changed), false).expect("registered");
        assert_eq!((report.changed, report.archived), (vec!["a/b/kept".to_owned()], vec!["x/y/gone".to_owned()]));
        let after = store.apps().all().expect("apps");
        assert_eq!((after.len(), after[0].id, after[0].status), (1, before[0].id, RunStatus::Running));
        assert_eq!((after[0].next_run, after[0].definition.as_str()), (due, "{\"timeout\":\"5m\"}"));

        // the hash of records takes no notice of case and white space
        let report = store.apps().register(std::slice::from_ref(&changed), false).expect("registered");
        assert_eq!((report.changed.len(), report.unchanged.len()), (0, 1));
        changed.definition = "{\"timeout\":\"5M\"}".to_owned();
        let report = store.apps().register(std::slice::from_ref(&changed), false).expect("registered");
        assert_eq!(report.changed, ["a/b/kept"]);
        assert_eq!(store.apps().all().expect("apps")[0].definition, changed.definition);

        changed = AppRegistration { schedule: None, next_run: None, sha: [7; 32], ..changed };
        let report = store.apps().register(&[changed, gone], false).expect("registered");
        assert_eq!((report.changed.len(), report.added.len()), (1, 1));
        let apps = store.apps().all().expect("apps");
        assert_eq!(apps[0].next_run, None);
        assert!(apps[1].id > before[1].id);
        let archived = store.apps().by_id(before[1].id).expect("an app").expect("the old row");
        assert!(archived.archive.is_some() && archived.name.group == "x");
    });
}

#[test]
fn one_name_twice_is_refused() {
    let house = House::sqlite();
    let error = house.ready().apps().register(&[app("a/b/c", "{}"), app("a/b/c", "{ }")], false).expect_err("twice");
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn registering_at_once_adds_each_app_once() {
    on_every_backend(|house| {
        let apps: Vec<_> = (0..20).map(|number| app(&format!("a/b{}/c{number}", number % 3), "{}")).collect();
        drop(house.ready());
        let added: Vec<usize> = std::thread::scope(|scope| {
            let register = || house.open().apps().register(&apps, false).expect("registered").added.len();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(register)).collect();
            threads.into_iter().map(|it| it.join().expect("a thread")).collect()
        });
        assert_eq!(added.iter().sum::<usize>(), 20, "{added:?}");
    });
}

#[test]
fn progress_and_next_run_come_back_to_the_microsecond() {
    on_every_backend(|house| {
        let mut store = house.ready();
        store.apps().register(&[app("a/b/c", "{}")], false).expect("registered");
        let app_id = store.apps().all().expect("apps")[0].id;
        let run = run_of(app_id);
        store.runs().start(&run).expect("a start");
        let started_at = clock::now() - chrono::TimeDelta::seconds(10);
        let progress = Progress { task_size: Some(100), solved: 40, failed: 10, started_at };
        store.apps().set_progress(&run.runtime, &progress).expect("progress");
        let at = clock::now();
        store.apps().set_next_run(&run.runtime, Some(at)).expect("a moment");
        let row = store.apps().by_id(app_id).expect("an app").expect("a row");
        assert_eq!((row.progress, row.solved, row.failed), (Some(50.0), 40, 10));
        assert!(row.eta.is_some_and(|eta| eta > at));
        assert_eq!(row.next_run, Some(at));
        store.apps().set_next_run(&run.runtime, None).expect("no moment");
        assert_eq!(store.apps().by_id(app_id).expect("an app").expect("a row").next_run, None);
        assert!(store.apps().by_id(app_id + 1).expect("a query").is_none());
        let json = serde_json::to_value(&row).expect("json");
        assert_eq!((json["name"].as_str(), json["app_type"].as_str()), (Some("a/b/c"), Some("CRON")));
        assert!(json["next_run"].as_str().is_some_and(|text| text.ends_with('Z') && text.len() == 27));
    });
}
