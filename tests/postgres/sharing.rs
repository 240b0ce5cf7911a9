//! A rate that machines share: the moments come from the database that all of them have.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::manager::number;
use crate::support::unruly::Unruly;
use crate::support::{Backend, Engine, context, has_run, ignored_test};
use data_collector::http::{Politeness, Request, RequestOptions};
use data_collector::tables::{Missing, Store, share_hosts};

#[test]
fn two_processes_of_one_server_take_their_moments_from_it() {
    for backend in Backend::all().into_iter().filter(|backend| backend.engine != Engine::Sqlite) {
        Store::open(&backend.context(), Missing::Create).expect("a store").migrate().expect("tables");
        let server = Unruly::start();
        let began = Instant::now();
        let processes: Vec<_> = (0..2)
            .map(|_| {
                let mut process = ignored_test("sharing::ask_ten_times_at_twenty_a_second");
                process.env("DC_TEST_URL", &server.url).env("DC_TEST_MAIN", &backend.url);
                process.stdout(Stdio::piped()).spawn().expect("a process")
            })
            .collect();
        for process in processes {
            assert!(has_run(&process.wait_with_output().expect("an end")));
        }
        assert_eq!(server.seen().len(), 20);
        // each by itself would need half of it; what one had taken and did not use is lost
        assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
        assert_eq!(number(&mut backend.connect(), "SELECT count(*) FROM host_limits"), 1);
    }
}

#[test]
#[ignore = "a process of another test"]
fn ask_ten_times_at_twenty_a_second() {
    share_hosts();
    let folder = tempfile::tempdir().expect("a folder");
    let main = std::env::var("DC_TEST_MAIN").expect("a database");
    let context = context(folder.path(), &[("DC_DB_MAIN_URL", &main)]);
    let politeness = Politeness { rate: Some(20.0), concurrency: None };
    let request =
        Request::with(&context, RequestOptions { politeness, ..RequestOptions::default() }).expect("a session");
    let url = format!("{}/echo", std::env::var("DC_TEST_URL").expect("a server"));
    let answers = request.fetch_all(vec![url; 10], 10).expect("answers");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}
