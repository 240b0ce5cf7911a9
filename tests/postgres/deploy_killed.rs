//! `dc deploy`, killed while it makes the tables where no transaction takes them back.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::support::{Backend, dc, stderr};

/// What a database consists of.
const SHAPE: [&str; 3] = [
    "SELECT table_name, column_name, column_type, is_nullable, column_default, generation_expression \
     FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
    "SELECT table_name, index_name, non_unique, seq_in_index, column_name, sub_part \
     FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index",
    "SELECT slot FROM log_writers ORDER BY slot",
];

fn deploy(backend: &Backend) -> Command {
    let mut command = dc(backend.folder.path());
    command.arg("deploy").env("DC_DB_MAIN_URL", &backend.url);
    command
}

#[test]
fn a_deploy_that_is_killed_at_any_step_goes_on_there() {
    let (Some(killed), Some(whole)) = (Backend::mariadb(), Backend::mariadb()) else { return };
    let mut kills = 0;
    loop {
        // by turns before a statement and behind it; the first one of each time is that which was cut off before
        let point = ["tables.step-begun", "tables.step-done"][kills % 2];
        let output = deploy(&killed).env("DC_FAILPOINT", format!("{point}=kill@2")).output().expect("dc starts");
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.signal(), Some(9), "{}", stderr(&output));
        kills += 1;
    }
    assert!(kills > 40, "{kills}");
    let output = deploy(&whole).output().expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
    for sql in SHAPE {
        let shape = |backend: &Backend| backend.connect().query(sql, &[]).expect("rows").rows;
        let (one, other) = (shape(&killed), shape(&whole));
        assert!(one == other && !one.is_empty(), "{sql}");
    }
}
