//! The board while its database is away, or silent.

use crate::support::pty::Pty;
use crate::support::{Backend, app, dc};

#[test]
fn the_board_waits_for_its_database_and_goes_on() {
    let Some(backend) = Backend::postgres() else { return };
    let (proxy, url) = backend.by_proxy();
    let url = format!("{url}&answer_timeout=2");
    app(backend.folder.path(), "group/parent/one", "true", "");
    let dc = |arguments: &[&str]| {
        let mut command = dc(backend.folder.path());
        command.env("DC_DB_MAIN_URL", &url).args(arguments);
        command
    };
    assert!(dc(&["deploy"]).output().expect("dc runs").status.success());
    let mut board = Pty::start(&dc(&["manager", "status", "--watch"]), 24, 80);
    board.wait_for_text("group/parent/one");

    let is_back = |status: i64, state: &str| {
        let sql = format!("UPDATE apps SET status = {status}");
        backend.connect().execute(&sql, &[]).expect("an update");
        board.wait_for("the app as it is now", |picture| {
            picture.text().contains(state) && !picture.text().contains("waiting:")
        });
    };
    proxy.cut();
    board.wait_for_text("waiting: ");
    assert!(board.text().contains("group/parent/one"), "{}", board.text());
    proxy.mend();
    is_back(2, "1 running");

    proxy.fall_silent();
    // keys are answered meanwhile
    board.press("?");
    board.wait_for_text("any key goes back");
    board.press(" ");
    board.wait_for_text("waiting: ");
    proxy.speak();
    is_back(3, "1 failed");
    board.press("q");
    assert_eq!(board.end(), Some(0));
}
