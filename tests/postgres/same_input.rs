//! An input that comes again is known by a digest, in whatever order its records stand. That may save time, and must never
//! change an outcome.

use crate::support::{Backend, Engine};
use data_collector::context::Cancellation;
use data_collector::db::{Connection, Gone};
use data_collector::error::{ErrorKind, Result};
use data_collector::merge::{Counts, Input, MaxGone, Merge, MergeReport, undo};
use data_collector::record::Value;
use serde_json::{Value as Json, json};

/// Runs a test on each backend, with a table `t` that was made of [`companies`].
fn on_all(test: impl Fn(&Backend, &mut Connection)) {
    for backend in Backend::all_of_users() {
        let mut database = backend.connect();
        let first = merged(&mut database, &Merge::into("t").create(true), &companies());
        assert_eq!((first.counts.new, first.counts.duplicate, first.same_input), (300, 100, false));
        test(&backend, &mut database);
    }
}

/// 400 records, of which 100 come twice.
fn companies() -> Vec<Json> {
    (0..400)
        .map(|n| json!({"country": if n % 2 == 0 { "hr" } else { "si" }, "vat": n % 300, "name": format!("Firm {}", n % 300)}))
        .collect()
}

fn merged(database: &mut Connection, merge: &Merge, records: &[Json]) -> MergeReport {
    merge.run(database, records).expect("a merge")
}

/// Merges a file of this text; its name tells the form.
fn load(backend: &Backend, database: &mut Connection, name: &str, merge: &Merge, text: &str) -> Result<MergeReport> {
    let file = backend.folder.path().join(name);
    std::fs::write(&file, text).expect("a file");
    merge.run_inputs(database, &[Input::File(file)])
}

fn execute(database: &mut Connection, sql: &str) {
    database.execute(sql, &[]).expect("a statement");
}

#[test]
fn what_comes_again_is_counted_as_if_it_were_read() {
    on_all(|_, database| {
        let same = merged(database, &Merge::into("t"), &companies());
        assert!(same.same_input && same.merge.is_none() && same.to_string().contains("merged before"), "{same}");
        // a space makes it another input with the same records
        let other: Vec<Json> = companies()
            .into_iter()
            .map(|mut record| {
                record["name"] = format!(" {}", record["name"].as_str().expect("a name")).into();
                record
            })
            .collect();
        let read = merged(database, &Merge::into("t"), &other);
        assert!(!read.same_input && read.to_string().contains("no change;"), "{read}");
        assert_eq!(read.counts, same.counts);
        let expected = Counts { read: 400, unchanged: 300, duplicate: 100, ..Counts::default() };
        assert_eq!(same.counts, Counts { active_before: 300, active_after: 300, ..expected });
    });
}

#[test]
fn the_order_of_the_records_makes_no_difference() {
    on_all(|_, database| {
        let mut turned = companies();
        turned.reverse();
        let same = merged(database, &Merge::into("t"), &turned);
        let expected = Counts { read: 400, unchanged: 300, duplicate: 100, ..Counts::default() };
        assert!(same.same_input);
        assert_eq!(same.counts, Counts { active_before: 300, active_after: 300, ..expected });
        turned.rotate_left(123);
        assert!(merged(database, &Merge::into("t").key(["vat"]).dry_run(true), &turned).counts.unchanged == 300);
        assert!(merged(database, &Merge::into("t").dry_run(true), &turned).same_input);
    });
}

/// All the same values, and all the same bytes; yet other records. A sum of values or of bytes would not see it.
#[test]
fn records_that_swap_a_value_are_other_records() {
    on_all(|_, database| {
        let mut swapped = companies();
        let (one, other) = (swapped[301]["name"].clone(), swapped[202]["name"].clone());
        (swapped[301]["name"], swapped[202]["name"]) = (other, one);
        let report = merged(database, &Merge::into("t"), &swapped);
        // number 301 is one of those that come twice, so its record of before is there too
        assert_eq!((report.same_input, report.counts.new, report.counts.gone), (false, 2, 1));
    });
}

/// As many records of the same length, of which one stands there once more instead of another.
#[test]
fn one_record_twice_does_not_stand_for_another() {
    on_all(|_, database| {
        let records = |numbers: &[u32]| -> Vec<Json> { numbers.iter().map(|n| json!({ "n": n })).collect() };
        let merge = Merge::into("d").create(true);
        assert_eq!(merged(database, &merge, &records(&[1, 2, 3, 3])).counts.new, 3);
        let other = merged(database, &merge, &records(&[3, 2, 2, 1]));
        assert_eq!((other.same_input, other.counts.unchanged, other.counts.duplicate), (false, 3, 1));
        let fewer = merged(database, &merge, &records(&[1, 1, 3, 3]));
        assert_eq!((fewer.same_input, fewer.counts.gone, fewer.counts.duplicate), (false, 1, 2));
        let same = merged(database, &merge, &records(&[3, 1, 3, 1]));
        assert_eq!((same.same_input, same.counts.unchanged, same.counts.duplicate), (true, 2, 2));
    });
}

#[test]
fn records_may_move_between_files_of_one_form_alone() {
    on_all(|backend, database| {
        let merge = Merge::into("c").create(true);
        let mut load = |one: &str, other: &str| {
            let files = [("one.csv", one), ("other.csv", other)].map(|(name, text)| {
                let file = backend.folder.path().join(name);
                std::fs::write(&file, text).expect("a file");
                Input::File(file)
            });
            merge.run_inputs(database, &files).expect("a merge")
        };
        assert_eq!(load("a,b\n1,2\n3,4\n", "a,b\n5,6\n").counts.new, 3);
        assert!(load("a,b\n5,6\n", "a,b\n3,4\n1,2\n").same_input);
        // the other header gives the same bytes another meaning, as soon as they stand under it
        let turned = load("a,b\n1,2\n3,4\n", "b,a\n5,6\n");
        assert_eq!((turned.same_input, turned.counts.new, turned.counts.gone), (false, 1, 1));
        assert!(load("b,a\n5,6\n", "a,b\n3,4\n1,2\n").same_input);
        let moved = load("a,b\n1,2\n5,6\n", "b,a\n3,4\n");
        assert_eq!((moved.same_input, moved.counts.new, moved.counts.gone), (false, 2, 2));
    });
}

#[test]
fn a_table_that_was_touched_is_compared_again() {
    on_all(|_, database| {
        execute(database, "DELETE FROM t WHERE vat = 7");
        let report = merged(database, &Merge::into("t"), &companies());
        assert_eq!((report.same_input, report.counts.new, report.counts.active_after), (false, 1, 300));
        execute(database, "UPDATE t SET archive = date_created WHERE vat < 3");
        let report = merged(database, &Merge::into("t"), &companies());
        assert_eq!((report.same_input, report.counts.new, report.counts.active_after), (false, 3, 300));
        assert!(merged(database, &Merge::into("t"), &companies()).same_input);
        execute(database, "ALTER TABLE t ADD COLUMN note text");
        let report = merged(database, &Merge::into("t"), &companies());
        assert_eq!((report.same_input, report.counts.unchanged), (false, 300));
    });
}

/// The sum of the hashes sees what a count would not, and a count what adds nothing to the sum.
#[test]
fn a_row_in_the_place_of_another_is_seen_and_one_without_a_hash_too() {
    on_all(|backend, database| {
        let hash = backend.of([
            "zeroblob(32)",
            "decode(repeat('00', 32), 'hex')",
            "UNHEX(REPEAT('00', 32))",
            "CAST(0x AS BINARY(32))",
        ]);
        execute(
            database,
            &format!(
                "INSERT INTO t (sha, date_created, vat) SELECT {hash}, date_created, 7 FROM t WHERE id = (SELECT min(id) FROM t)"
            ),
        );
        let report = merged(database, &Merge::into("t"), &companies());
        assert_eq!((report.same_input, report.counts.new, report.counts.gone), (false, 0, 1));
        execute(database, "DELETE FROM t WHERE vat = 7");
        execute(
            database,
            &format!(
                "INSERT INTO t (sha, date_created, vat) SELECT {hash}, date_created, 7 FROM t WHERE id = (SELECT min(id) FROM t)"
            ),
        );
        let report = merged(database, &Merge::into("t"), &companies());
        assert_eq!((report.same_input, report.counts.new, report.counts.gone), (false, 1, 1));
        assert!(merged(database, &Merge::into("t"), &companies()).same_input);
        if backend.engine == Engine::Mariadb {
            // which fills the bytes up again
            return;
        }
        // the bytes that are added up are still there
        execute(database, "UPDATE t SET sha = substr(sha, 1, 31) WHERE vat = 8");
        let error = Merge::into("t").run(database, companies()).expect_err("a hash that is none");
        assert!(error.to_string().contains("hash"), "{error}");
    });
}

/// Hashes in hex are read row by row.
#[test]
fn hashes_that_are_text_are_added_up_as_well() {
    on_all(|backend, database| {
        let id = backend.of([
            "id INTEGER PRIMARY KEY",
            "id bigserial",
            "id BIGINT AUTO_INCREMENT PRIMARY KEY",
            "id BIGINT IDENTITY(1,1) NOT NULL PRIMARY KEY",
        ]);
        let moment = backend.of(["timestamp", "timestamp", "datetime(6)", "datetime2(6)"]);
        let own = format!("sha text, archive {moment}, date_created {moment}, date_modified {moment}");
        execute(database, &format!("CREATE TABLE h ({id}, {own}, country text, vat bigint, name text)"));
        assert_eq!(merged(database, &Merge::into("h"), &companies()).counts.new, 300);
        let mut turned = companies();
        turned.reverse();
        assert!(merged(database, &Merge::into("h"), &turned).same_input);
        execute(database, "DELETE FROM h WHERE vat = 3");
        let report = merged(database, &Merge::into("h"), &turned);
        assert_eq!((report.same_input, report.counts.new), (false, 1));
    });
}

/// What is known stands in the history alone.
#[test]
fn without_its_history_a_table_is_compared() {
    on_all(|_, database| {
        execute(database, "DELETE FROM dc_merges");
        let report = merged(database, &Merge::into("t"), &companies());
        assert_eq!((report.same_input, report.counts.unchanged), (false, 300));
    });
}

/// Only the last merge tells: what an earlier one left may have the same sum and be something else.
#[test]
fn a_merge_that_cannot_be_known_ends_what_is_known() {
    on_all(|backend, database| {
        let rejects = backend.folder.path().join("rejects.ndjson");
        let merge = Merge::into("t").key(["vat"]);
        assert_eq!(merged(database, &merge, &companies()[..299]).counts.gone, 1);
        let mut mixed = companies();
        mixed[3]["vat"] = "no number".into();
        let report = merged(database, &Merge::into("t").rejects(&rejects), &mixed);
        assert_eq!((report.counts.rejected, report.counts.new), (1, 1));
        assert!(!merged(database, &Merge::into("t"), &companies()).same_input);
    });
}

#[test]
fn a_column_that_came_with_the_records_is_known_with_them() {
    on_all(|_, database| {
        let more: Vec<Json> = (0..300).map(|n| json!({"vat": n, "note": format!("note {n:03}")})).collect();
        let merge = Merge::into("t").evolve(true).max_gone(MaxGone::Rows(300));
        let report = merged(database, &merge, &more);
        assert_eq!((report.same_input, report.counts.new, report.added_columns), (false, 300, vec!["note".to_owned()]));
        let turned: Vec<Json> = more.into_iter().rev().collect();
        assert!(merged(database, &merge, &turned).same_input);
    });
}

#[test]
fn the_editions_of_a_source_may_come_and_go() {
    on_all(|_, database| {
        let merge = Merge::into("t").key(["vat"]);
        let fewer = &companies()[..290];
        assert_eq!(merged(database, &merge, fewer).counts.gone, 10);
        assert!(merged(database, &merge, fewer).same_input);
        let back = merged(database, &merge, &companies());
        assert_eq!((back.same_input, back.counts.new), (false, 10), "the table no longer holds what it left");
        assert!(merged(database, &merge, &companies()).same_input);
        let run = back.merge.expect("an identity");
        undo(database, &run, false, &Cancellation::default()).expect("an undo");
        let again = merged(database, &merge, &companies());
        assert_eq!((again.same_input, again.counts.new), (false, 10));
        // one letter, the same length
        let mut other = companies();
        other[5]["name"] = "Farm 5".into();
        let changed = merged(database, &merge, &other);
        assert_eq!((changed.same_input, changed.counts.new), (false, 1));
    });
}

#[test]
fn another_way_to_read_it_makes_it_another_input() {
    on_all(|_, database| {
        let is_same = |database: &mut Connection, merge: &Merge| merged(database, merge, &companies()).same_input;
        assert!(is_same(database, &Merge::into("t").threads(1)));
        let tried = || Merge::into("t").dry_run(true).max_gone(MaxGone::Rows(300));
        assert!(is_same(database, &tried()));
        assert!(!is_same(database, &tried().hash_except(["name"])));
        assert!(!is_same(database, &tried().exact(true)));
        assert!(!is_same(database, &tried().ignore(["name"])));
        assert!(!is_same(database, &tried().rename("name", "country").ignore(["country"])));
        let error = Merge::into("t").scope("country", "hr").run(database, companies()).expect_err("outside the scope");
        assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    });
}

#[test]
fn each_scope_knows_its_own_inputs() {
    on_all(|_, database| {
        let of = |country: &str| -> Vec<Json> {
            companies().into_iter().filter(|record| record["country"] == country).take(120).collect()
        };
        let merge = |country: &str| Merge::into("t").scope("country", country);
        assert_eq!(merged(database, &merge("hr"), &of("hr")).counts.gone, 30);
        assert_eq!(merged(database, &merge("si"), &of("si")).counts.gone, 30);
        assert!(merged(database, &merge("hr"), &of("hr")).same_input, "the other scope is not its concern");
        execute(database, "DELETE FROM t WHERE country = 'hr' AND vat = 0");
        assert!(merged(database, &merge("si"), &of("si")).same_input);
        assert_eq!(merged(database, &merge("hr"), &of("hr")).counts.new, 1);
    });
}

#[test]
fn what_has_to_be_told_is_told_each_time() {
    on_all(|backend, database| {
        let rejects = backend.folder.path().join("rejects.ndjson");
        let file = backend.folder.path().join("input.ndjson");
        std::fs::write(&file, "{\"country\":\"hr\",\"vat\":1,\"name\":\"A\"}\nbroken\n").expect("a file");
        let merge = Merge::into("u").create(true).rejects(&rejects);
        for _ in 0..2 {
            let report = merge.run_inputs(database, &[Input::File(file.clone())]).expect("a merge");
            assert_eq!((report.same_input, report.counts.rejected), (false, 1));
        }
        let own = [json!({"id": 4, "name": "B"})];
        for _ in 0..2 {
            let report = merged(database, &Merge::into("v").create(true), &own);
            assert_eq!((report.same_input, report.reserved_columns), (false, vec!["id".to_owned()]));
        }
        let none = Merge::into("t").allow_empty(true).max_gone(MaxGone::Rows(300));
        assert_eq!(merged(database, &none, &[]).counts.gone, 300);
        let error = Merge::into("t").run(database, Vec::<Json>::new()).expect_err("an empty input");
        assert_eq!(error.kind(), ErrorKind::Refused);
    });
}

/// The names of CSV columns stand before the records.
#[test]
fn the_header_of_a_csv_file_counts() {
    on_all(|backend, database| {
        let merge = Merge::into("c").create(true).evolve(true);
        let mut load = |text: &str| load(backend, database, "input.csv", &merge, text).expect("a merge");
        assert_eq!(load("a,b\n1,2\n3,4\n").counts.new, 2);
        assert!(load("a,b\n1,2\n3,4\n").same_input);
        let swapped = load("b,a\n1,2\n3,4\n");
        assert_eq!((swapped.same_input, swapped.counts.new), (false, 2));
    });
}

/// What a delta feed brought is no full edition, though the bytes are the same.
#[test]
fn an_input_that_kept_rows_is_read_again_when_they_may_go() {
    on_all(|_, database| {
        let feed = [json!({"country": "hr", "vat": 900, "name": "New"})];
        let keep = Merge::into("t").gone(Gone::Keep);
        assert_eq!(merged(database, &keep, &feed).counts.active_after, 301);
        assert!(merged(database, &keep, &feed).same_input);
        Merge::into("t").run(database, &feed).expect_err("the guard");
        let full = merged(database, &Merge::into("t").max_gone(MaxGone::Rows(300)), &feed);
        assert_eq!((full.same_input, full.counts.gone, full.counts.active_after), (false, 300, 1));
    });
}

#[test]
fn what_follows_the_end_of_an_array_is_seen() {
    on_all(|backend, database| {
        let mut load = |text: &str| load(backend, database, "input.json", &Merge::into("a").create(true), text);
        let (good, bad) = ("[{\"k\":1},{\"k\":2}]      \n", "[{\"k\":1},{\"k\":2}]{junk \n");
        assert_eq!(good.len(), bad.len(), "a digest is asked only where the length is the same");
        assert_eq!(load(good).expect("a merge").counts.new, 2);
        assert!(load(bad).is_err());
    });
}

/// Numbers of more than 64 bits are numbers each time, whatever the database makes of them.
#[test]
fn numbers_of_any_length_are_hashed_alike_each_time() {
    on_all(|backend, database| {
        let merge = Merge::into("n").create(true);
        let mut load = |text: &str| load(backend, database, "input.csv", &merge, text).expect("a merge").counts;
        assert_eq!(load("a,b\n123456789012345678901234567890,x\n5.0,y\n").new, 2);
        assert_eq!(load("a,b\n5.0,y\n123456789012345678901234567890,x\n").unchanged, 2);
        let found = database
            .query(&format!("SELECT {} FROM n WHERE b = 'x'", backend.digits_of("a")), &[])
            .expect("a query")
            .rows;
        assert_eq!(found, [[Value::from("123456789012345678901234567890")]]);
    });
}

/// A history that was begun before inputs were known goes on.
#[test]
fn an_older_history_goes_on_without_inputs() {
    on_all(|_, database| {
        for column in ["input_bytes", "input_digest", "records", "duplicates"] {
            execute(database, &format!("ALTER TABLE dc_merges DROP COLUMN {column}"));
        }
        assert!(!merged(database, &Merge::into("t"), &companies()).same_input);
        assert_eq!(merged(database, &Merge::into("t"), &companies()[..299]).counts.gone, 1);
        assert!(!merged(database, &Merge::into("t"), &companies()[..299]).same_input);
        let kept = database.query("SELECT count(*) FROM dc_merges", &[]).expect("a query").rows;
        assert_eq!(kept, [[Value::Integer(2)]]);
    });
}

/// Tests that take longer than some seconds.
mod slow {
    use super::*;

    #[test]
    fn one_letter_anywhere_makes_it_another_input() {
        for backend in Backend::all_of_users() {
            let mut database = backend.connect();
            let merge = Merge::into("l").create(true);
            // long enough that most of it is in no sample
            let text: String = (0..20_000).map(|n| format!("{{\"n\":{n},\"letter\":\"a\"}}\n")).collect();
            load(&backend, &mut database, "l.ndjson", &merge, &text).expect("a merge");
            let mut active = text.clone();
            let letters: Vec<usize> = text.match_indices("\"a\"").map(|(at, _)| at + 1).collect();
            for at in letters.iter().step_by(2_111) {
                active.replace_range(at..=at, "b");
                let report = load(&backend, &mut database, "l.ndjson", &merge, &active).expect("a merge");
                assert_eq!((report.same_input, report.counts.new, report.counts.gone), (false, 1, 1));
                let again = load(&backend, &mut database, "l.ndjson", &merge, &active).expect("a merge");
                assert!(again.same_input);
            }
        }
    }
}
