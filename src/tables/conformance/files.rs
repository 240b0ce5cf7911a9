//! Stored files: one place for the same bytes, and an end that is written down first.

use diesel::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::tables::file_end::FileNeed;
use crate::tables::schema::stored_files;
use crate::tables::{Ended, FileFilter, FilePlace, FileRow, Kept, NewFile, Offer, Relocated};

fn new(name: &str, content: u8) -> NewFile {
    NewFile {
        app_id: None,
        runtime: None,
        sha256: vec![content; 32],
        name: name.to_owned(),
        extension: "pdf".to_owned(),
        bytes: 7,
        retention: 3,
        days: Some(365),
    }
}

fn place(path: &str) -> FilePlace {
    FilePlace { store: "local".to_owned(), path: path.to_owned() }
}

fn keep(store: &mut Store, file: &NewFile, path: &str) -> (FileRow, bool) {
    match store.files().keep(file, &Offer::Placed(place(path))).expect("kept") {
        Kept::As { row, is_new } => (*row, is_new),
        other => panic!("{other:?}"),
    }
}

fn expire(store: &mut Store, filter: &str) {
    sql(store, &format!("UPDATE stored_files SET kept_until = '2020-01-01 00:00:00' WHERE {filter}"));
}

fn ids_of(ended: &Ended) -> Vec<i64> {
    ended.rows.iter().map(|row| row.id).collect()
}

#[test]
fn the_same_bytes_of_an_app_are_one_file_with_several_names() {
    on_every_backend(|house| {
        let mut store = house.ready();
        store.apps().register(&[app("a/b/c", "{}")], false).expect("registered");
        let app_id = store.apps().all().expect("apps")[0].id;
        let (first, is_new) = keep(&mut store, &new("a.pdf", 1), "x/1");
        assert!(is_new && first.place() == place("x/1"));
        let (second, is_new) = keep(&mut store, &new("b.pdf", 1), "x/2");
        assert!(is_new && second.place() == place("x/1") && second.id > first.id);
        // the same name again lasts longer, and never shorter
        let longer = NewFile { retention: 8, days: Some(9_125), ..new("a.pdf", 1) };
        let (again, is_new) = keep(&mut store, &longer, "x/3");
        assert!(!is_new && again.id == first.id && again.kept_until > first.kept_until && again.retention == 8);
        assert_eq!(keep(&mut store, &new("a.pdf", 1), "x/3").0, again);
        let for_ever = NewFile { retention: 9, days: None, ..new("a.pdf", 1) };
        assert_eq!(keep(&mut store, &for_ever, "x/3").0.kept_until, None);
        // another app has its own
        let other = NewFile { app_id: Some(app_id), ..new("a.pdf", 1) };
        assert_eq!(keep(&mut store, &other, "y/1").0.place(), place("y/1"));
        let found = |store: &mut Store, filter: FileFilter| store.files().list(&filter, 10).expect("files").len();
        let sha256 = Some((vec![1; 32], vec![1; 32]));
        assert_eq!(found(&mut store, FileFilter { sha256, ..FileFilter::default() }), 3);
        assert_eq!(found(&mut store, FileFilter { app_ids: Some(vec![app_id]), ..FileFilter::default() }), 1);
        assert_eq!(found(&mut store, FileFilter { name: Some("b.pdf".to_owned()), ..FileFilter::default() }), 1);
        assert_eq!(store.files().whereabouts(Some(app_id), &[1; 32]).expect("a place"), Some((place("y/1"), false)));
        let to_check = store.files().to_check("local", "", 10).expect("files");
        assert_eq!(to_check.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["x/1", "y/1"]);
    });
}

#[test]
fn many_that_keep_the_same_bytes_at_once_agree_on_a_place() {
    on_every_backend(|house| {
        drop(house.ready());
        let places: Vec<FilePlace> = std::thread::scope(|scope| {
            let keep = |number: usize| {
                let mut store = house.open();
                keep(&mut store, &new(&format!("{number}.pdf"), 1), &format!("x/{number}")).0.place()
            };
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || keep(number))).collect();
            threads.into_iter().map(|it| it.join().expect("a thread")).collect()
        });
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
        assert_eq!(house.open().files().list(&FileFilter::default(), 100).expect("files").len(), 8);
    });
}

#[test]
fn what_is_over_its_time_ends_unless_it_is_held_or_needed() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let rows: Vec<FileRow> =
            (1..=5).map(|number| keep(&mut store, &new("a.pdf", number), &format!("x/{number}")).0).collect();
        let shared = keep(&mut store, &new("b.pdf", 1), "x/9").0;
        expire(&mut store, &format!("id <> {}", rows[4].id));
        assert_eq!(store.files().hold(&[rows[1].id, rows[1].id], "me", "audit").expect("held"), 1);
        assert_eq!(store.files().hold(&[rows[1].id], "you", "other").expect("held before"), 0);
        let held = store.files().by_id(rows[1].id).expect("a row").expect("it is there");
        assert_eq!((held.held.as_deref(), held.held_by.as_deref()), (Some("audit"), Some("me")));
        // a question as that of a table of tasks
        let need: FileNeed = |connection, ids| {
            let needed = stored_files::table.filter(stored_files::id.eq_any(ids).and(stored_files::path.eq("x/3")));
            needed.select(stored_files::id).load(connection)
        };
        let dry = store.files().end_but("local", (0, 100), &[need], true).expect("a dry run");
        assert_eq!((ids_of(&dry), dry.needed), (vec![rows[0].id, rows[3].id, shared.id], 1));
        let some = store.files().end_but("local", (0, 1), &[need], false).expect("the first");
        // its other name still has the file
        assert_eq!((ids_of(&some), some.places.len(), some.last), (vec![rows[0].id], 0, Some(rows[0].id)));
        let rest = store.files().end_but("local", (rows[0].id, 100), &[need], false).expect("the others");
        assert_eq!(ids_of(&rest), [rows[3].id, shared.id]);
        assert_eq!(rest.places, [place("x/1"), place("x/4")]);
        let last = rest.last.expect("a last one");
        assert_eq!(store.files().end_but("local", (last, 100), &[need], false).expect("nothing").last, None);
        assert!(store.files().end("elsewhere", 0, 100, false).expect("nothing").rows.is_empty());
        assert_eq!(store.files().release(&[rows[1].id]).expect("released"), 1);
        assert_eq!(ids_of(&store.files().end("local", 0, 100, false).expect("the rest")), [rows[1].id, rows[2].id]);
        let all = FileFilter { deleted: true, ..FileFilter::default() };
        assert_eq!(store.files().list(&all, 100).expect("rows outlive their files").len(), 6);
        assert_eq!(store.files().list(&FileFilter::default(), 100).expect("files").len(), 1);
    });
}

#[test]
fn a_place_that_a_deleted_file_had_is_not_used_again() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let first = keep(&mut store, &new("a.pdf", 1), "x/1").0;
        let found = Offer::Found(place("x/1"));
        assert!(matches!(store.files().keep(&new("b.pdf", 1), &found).expect("kept"), Kept::As { .. }));
        assert_eq!(store.files().keep(&new("c.pdf", 1), &Offer::Found(place("x/0"))).expect("seen"), Kept::Moved);
        expire(&mut store, "1 = 1");
        assert_eq!(store.files().end("local", 0, 100, false).expect("ended").places, [place("x/1")]);
        assert!(store.files().is_used(&place("x/1")).expect("an answer"));
        let offer = Offer::Placed(place("x/1"));
        assert_eq!(store.files().keep(&new("a.pdf", 1), &offer).expect("seen"), Kept::Taken);
        assert_eq!(store.files().keep(&new("a.pdf", 1), &found).expect("seen"), Kept::Moved);
        let second = keep(&mut store, &new("a.pdf", 1), "x/2").0;
        assert!(second.id > first.id);
        // what nobody knows is written down before it goes, and what somebody knows is not
        assert!(store.files().bury(&place("x/3"), &[1; 32], 7).expect("buried"));
        assert!(store.files().bury(&place("x/3"), &[1; 32], 7).expect("buried before"));
        assert!(!store.files().bury(&place("x/2"), &[1; 32], 7).expect("it is known"));
        assert_eq!(
            store.files().keep(&new("b.pdf", 1), &Offer::Placed(place("x/3"))).expect("seen").is_as(),
            Some("x/2")
        );
        assert_eq!(store.files().known("local", &["x/2".into(), "x/3".into()]).expect("paths"), ["x/2"]);
        // nor does a file move there
        let relocate = |store: &mut Store, from: &str, to: &str| {
            store.files().relocate(&[1; 32], &place(from), &place(to)).expect("an answer")
        };
        assert_eq!(relocate(&mut store, "x/2", "x/1"), Relocated::Taken);
        assert_eq!(relocate(&mut store, "x/2", "z/1"), Relocated::Done(2));
        assert_eq!(relocate(&mut store, "x/2", "z/2"), Relocated::Gone);
    });
}

impl Kept {
    fn is_as(&self) -> Option<&str> {
        match self {
            Self::As { row, .. } => Some(&row.path),
            _ => None,
        }
    }
}

#[test]
fn a_check_is_noted_and_a_moved_file_is_unchecked() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let row = keep(&mut store, &new("a.pdf", 1), "x/1").0;
        let found = [("x/1".to_owned(), Some("it is not there".to_owned()))];
        store.files().note_check("local", &found).expect("noted");
        let faulty = FileFilter { faulty: true, ..FileFilter::default() };
        let noted = store.files().list(&faulty, 10).expect("files");
        assert!(noted.len() == 1 && noted[0].checked_at.is_some());
        assert_eq!(store.files().whereabouts(None, &[1; 32]).expect("a place"), Some((place("x/1"), true)));
        store.files().relocate(&[1; 32], &place("x/1"), &place("x/2")).expect("moved");
        assert_eq!(store.files().by_id(row.id).expect("a row").expect("it is there").fault, None);
    });
}

#[test]
fn a_retention_is_found_by_its_name_before_and_after_the_codebook_is_filled() {
    on_every_backend(|house| {
        let mut store = house.ready();
        for name in ["regulatory_7y", "Regulatory-7Y", " REGULATORY_7Y "] {
            assert_eq!(store.retentions().named(name).expect(name).days, Some(2_557), "{name}");
        }
        let error = store.retentions().named("for a while").expect_err("unknown");
        assert!(error.kind() == ErrorKind::Usage && error.hint_text().is_some_and(|hint| hint.contains("standard")));
        let row = "(100, {}, '2026-01-01 00:00:00', 'OWN', 'mine', 10)";
        let sha = if store.has_clock() { "'\\x00'" } else { "x'00'" };
        let columns = "(id, sha, date_created, name, description, days)";
        sql(&mut store, &format!("INSERT INTO c_file_retention {columns} VALUES {}", row.replace("{}", sha)));
        assert_eq!(store.retentions().named("own").expect("ours").id, 100);
        assert_eq!(store.retentions().all().expect("all").len(), 10);
    });
}

#[test]
fn a_document_that_is_not_finished_keeps_its_original_and_its_outputs() {
    on_every_backend(|house| {
        let mut store = house.ready();
        store.apps().register(&[app("a/b/c", "{}")], false).expect("registered");
        let app_id = store.apps().all().expect("apps")[0].id;
        let ids: Vec<i64> = (1..=3).map(|it| keep(&mut store, &new("a", it), &format!("x/{it}")).0.id).collect();
        expire(&mut store, "1 = 1");
        let sha = if store.has_clock() { "'\\x01'" } else { "x'01'" };
        let (at, original, output) = ("'2026-01-01 00:00:00'", ids[0], ids[1]);
        let columns = "(app_id, sha256, file_id, name, state, stage, created_at, changed_at)";
        let task = format!("({app_id}, {sha}, {original}, 'a', 'waiting', 'parse', {at}, {at})");
        sql(&mut store, &format!("INSERT INTO pipeline_tasks {columns} VALUES {task}"));
        let columns = "(task_id, stage, attempt, worker, host, started_at, ended_at, outcome, output_file)";
        let attempt = format!("'extract', 1, 'w', 'h', {at}, {at}, 'done', {output}");
        sql(&mut store, &format!("INSERT INTO pipeline_attempts {columns} SELECT id, {attempt} FROM pipeline_tasks"));
        let ended = store.files().end("local", 0, 100, false).expect("ended");
        assert_eq!((ids_of(&ended), ended.needed), (vec![ids[2]], 2));
        sql(&mut store, "UPDATE pipeline_tasks SET state = 'done'");
        assert_eq!(ids_of(&store.files().end("local", 0, 100, false).expect("ended")), ids[..2]);
    });
}
