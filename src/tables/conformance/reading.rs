//! Reading alone: what a store for readers sees, and that it can change nothing.

use std::time::Duration;

use super::*;
use crate::tables::{AppCommand, MergePage, NewCommand, RunPage};

const LIMIT: Duration = Duration::from_secs(5);

fn one_app(store: &mut Store) -> i64 {
    store.apps().register(&[app("a/b/c", "{}")], false).expect("registered");
    store.apps().all().expect("apps")[0].id
}

#[test]
fn a_store_for_reading_changes_nothing() {
    on_every_backend(|house| {
        let mut writer = house.ready();
        let app_id = one_app(&mut writer);
        let mut reader = Store::reading(&house.context, LIMIT).expect("a reader");
        assert_eq!(reader.apps().all().expect("apps").len(), 1);
        let refused = reader.commands().request(&start(app_id, "a viewer"));
        assert!(refused.is_err(), "a reader wrote");
        assert!(reader.check_writable().is_err(), "a reader may write");
        // and it goes on reading
        assert_eq!(reader.apps().all().expect("apps").len(), 1);
    });
}

#[test]
fn what_has_changed_is_seen() {
    on_every_backend(|house| {
        let mut writer = house.ready();
        let app_id = one_app(&mut writer);
        let mut reader = Store::reading(&house.context, LIMIT).expect("a reader");
        let before = reader.changes().expect("changes");
        assert_eq!(reader.changes().expect("changes"), before);
        writer.commands().request(&start(app_id, "somebody")).expect("a command");
        let after = reader.changes().expect("changes");
        assert!(after.runs != before.runs && after.logs == before.logs && after.documents == before.documents);
    });
}

#[test]
fn runs_are_read_page_by_page_and_merges_where_there_are_any() {
    on_every_backend(|house| {
        let mut writer = house.ready();
        let app_id = one_app(&mut writer);
        let began = clock::now();
        for _ in 0..3 {
            let (id, at) = (RuntimeId::new(), clock::text(clock::now()));
            let values = format!("'{id}', {app_id}, 2, '{at}', '{at}', 'test', 'here'");
            let columns = "runtime, app_id, code, started_at, ended_at, started_by, host";
            sql(&mut writer, &format!("INSERT INTO runtime ({columns}) VALUES ({values})"));
        }
        let mut reader = Store::reading(&house.context, LIMIT).expect("a reader");
        let page = RunPage { app_ids: Some(vec![app_id]), count: 2, ..RunPage::default() };
        let newest = reader.runs().marks(&page).expect("runs");
        assert!(newest.len() == 2 && newest[0].runtime > newest[1].runtime);
        let before = Some(newest[1].runtime.clone());
        let rest = reader.runs().marks(&RunPage { before, ..page.clone() }).expect("runs");
        assert_eq!(rest.len(), 1);
        let since = RunPage { app_ids: None, since: Some(began - chrono::TimeDelta::hours(1)), count: 9, before: None };
        assert_eq!(reader.runs().marks(&since).expect("runs").len(), 3);
        let later = RunPage { since: Some(began + chrono::TimeDelta::hours(1)), ..since };
        assert!(reader.runs().marks(&later).expect("runs").is_empty());
        // nobody has merged here yet
        let (since, until) = (began, clock::now());
        let page = MergePage { schema_name: "", name: "numbers", since, until, count: 5 };
        assert!(reader.merges().of_table(&page).expect("merges").is_empty());
    });
}

fn start(app_id: i64, by: &str) -> NewCommand<'_> {
    NewCommand { app_id, command: AppCommand::Start, args: None, by, expires: None }
}
