//! Opening, migrating, and what a person is told when it does not work.

use std::thread;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::tables::{SchemaState, Turn, take_turn};

fn embedded() -> Vec<String> {
    crate::tables::embedded_names()
}

#[test]
fn the_schema_goes_from_missing_to_current_and_stays() {
    on_every_backend(|house| {
        let mut store = house.open();
        assert_eq!(store.schema_state().expect("a state"), SchemaState::Missing);
        let error = Store::ready(&house.context).err().expect("no tables yet");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.hint_text().is_some_and(|hint| hint.contains("dc deploy")), "{error:?}");
        assert_eq!(store.migrate().expect("migrations"), embedded());
        assert_eq!(store.schema_state().expect("a state"), SchemaState::Current);
        assert!(store.migrate().expect("migrations").is_empty());
        assert!(Store::ready(&house.context).is_ok());
    });
}

#[test]
fn two_that_migrate_at_once_do_not_collide() {
    on_every_backend(|house| {
        let both: Vec<usize> = thread::scope(|scope| {
            let migrate = || house.open().migrate().expect("migrations").len();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(migrate)).collect();
            threads.into_iter().map(|it| it.join().expect("a thread")).collect()
        });
        assert_eq!(both.iter().sum::<usize>(), embedded().len(), "{both:?}");
    });
}

#[test]
fn a_newer_database_is_refused_with_both_versions() {
    on_every_backend(|house| {
        let mut store = house.ready();
        super::sql(&mut store, "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
        for error in [Store::ready(&house.context).err().expect("newer"), store.migrate().expect_err("newer")] {
            assert_eq!(error.kind(), ErrorKind::Refused);
            let text = error.to_string();
            let newest: String = embedded().last().expect("one").chars().filter(char::is_ascii_digit).collect();
            assert!(text.contains("20991231000000") && text.contains(&newest), "{text}");
        }
    });
}

#[test]
fn a_failed_migration_leaves_nothing_behind() {
    on_every_backend(|house| {
        let mut store = house.open();
        // the last table of the migration is there already
        super::sql(&mut store, "CREATE TABLE example_table (x BIGINT)");
        let error = store.migrate().expect_err("a table in the way");
        assert!(error.to_string().contains("example_table"), "{error}");
        assert_eq!(store.schema_state().expect("a state"), SchemaState::Missing);
        super::sql(&mut store, "DROP TABLE example_table");
        assert_eq!(store.migrate().expect("migrations"), embedded());
    });
}

#[test]
fn the_embedded_default_makes_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::ready(&context(&folder, &[])).expect("a store");
    assert_eq!((store.backend(), store.apps().all().expect("apps").len()), ("sqlite", 0));
    assert!(folder.path().join(".dc/dc.db").is_file());
}

#[test]
fn a_missing_file_is_not_made_unless_asked() {
    let house = House::sqlite();
    let error = Store::open(&house.context, Missing::Fail).err().expect("no file");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!house.folder.path().join("house.db").exists());
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let in_the_way = folder.path().join("file");
    std::fs::write(&in_the_way, "").expect("a file");
    for path in [in_the_way.join("a/house.db"), folder.path().to_owned()] {
        let url = format!("sqlite:{}", path.display());
        let error = failure(&url, Missing::Create);
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    }
    let text = folder.path().join("text.db");
    std::fs::write(&text, "no database at all, but long enough to look like one: ".repeat(40)).expect("a file");
    let error = failure(&format!("sqlite:{}", text.display()), Missing::Fail);
    assert!(error.to_string().contains("text.db"), "{error}");
}

#[test]
fn a_server_that_does_not_answer_is_busy_and_keeps_its_password() {
    let error = failure("postgres://me:s3cret@127.0.0.1:1/house", Missing::Fail);
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Busy, true));
    let text = format!("{error:?}");
    assert!(text.contains("127.0.0.1:1/house") && !text.contains("s3cret"), "{text}");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let error = failure(&format!("postgres://me@127.0.0.1:{port}/house?connect_timeout=1"), Missing::Fail);
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
}

#[test]
fn a_missing_database_comes_with_the_command_that_makes_it() {
    let Some(house) = House::postgres() else { return };
    let error = failure(&house.url().replace("dc_test_", "dc_none_"), Missing::Create);
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("createdb dc_none_")), "{error:?}");
}

#[test]
fn a_server_lets_nobody_hold_a_transaction_open_for_long() {
    let Some(house) = House::postgres() else { return };
    let setting = |store: &mut Store, name: &str| match &mut store.connection {
        Link::Sqlite(_) | Link::Mysql(_) => panic!("PostgreSQL"),
        Link::Postgres(server) => {
            let shown = diesel::select(sql::<Text>(&format!("current_setting('{name}')")));
            shown.get_result::<String>(server).expect(name)
        }
    };
    let mut store = house.ready();
    assert_eq!(setting(&mut store, "idle_in_transaction_session_timeout"), "10s");
    let url = format!("{}&options=-c%20idle_in_transaction_session_timeout%3D500ms", house.url());
    let short = context(&house.folder, &[("DC_DB_MAIN_URL", &url)]);
    let mut idle = Store::open(&short, Missing::Fail).expect("a store");
    assert_eq!(setting(&mut idle, "idle_in_transaction_session_timeout"), "500ms", "the URL wins");
    // whoever comes back finds its transaction ended, and goes on
    idle.connection.begin_write().expect("a transaction");
    take_turn(&mut idle.connection, Turn::Claim).expect("the turn");
    store.write("take a turn", |connection| take_turn(connection, Turn::Claim)).expect("the turn of another");
    let error = idle.apps().all().expect_err("its transaction was ended");
    assert!(error.is_temporary(), "{error}");
    assert_eq!(idle.apps().all().expect("apps").len(), 0);
}

#[test]
fn a_store_moves_between_threads() {
    fn needs_send<T: Send>(_value: T) {}
    needs_send(House::sqlite().ready());
}

fn failure(url: &str, missing: Missing) -> Error {
    let folder = tempfile::tempdir().expect("a folder");
    Store::open(&context(&folder, &[("DC_DB_MAIN_URL", url)]), missing).err().expect("an error")
}
