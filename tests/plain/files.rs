//! `dc files`: what is kept comes back as it was, whoever is killed on the way, and goes when its time is up.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::manager::{Manager, wait_for};
use crate::support::{app, clean, dc, run, stderr, stdout};

/// Runs dc, which must succeed; what it prints as JSON.
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

fn keep(folder: &Path, name: &str, content: &[u8]) -> Value {
    std::fs::write(folder.join(name), content).expect("a file");
    json(folder, &["files", "keep", name])["files"][0].clone()
}

fn sql(folder: &Path, text: &str) {
    let connection = rusqlite::Connection::open(folder.join(".dc/dc.db")).expect("a database");
    connection.execute_batch(text).expect(text);
}

fn one(folder: &Path, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(folder.join(".dc/dc.db")).expect("a database");
    connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

fn expire(folder: &Path) {
    sql(folder, "UPDATE stored_files SET kept_until = '2020-01-01 00:00:00' WHERE deleted_at IS NULL");
}

/// Everything in the store but its mark.
fn stored(folder: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if entry.file_name() != ".dc-store" {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&folder.join(".dc/files"), &mut found);
    found
}

fn age(path: &Path) {
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3_600);
    let file = std::fs::OpenOptions::new().read(true).open(path).expect("a file");
    file.set_modified(old).expect("a time");
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[test]
fn what_is_kept_comes_back_as_it_was() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(|number| number.to_le_bytes()).collect();
    let kept = keep(project, "big.bin", &content);
    assert_eq!((kept["is_new"].as_bool(), kept["bytes"].as_i64()), (Some(true), Some(12_000_000)));
    let path = text(&kept["path"]);
    let day = chrono::Utc::now().format("%Y/%m/%d").to_string();
    assert_eq!(path, format!("@people/bin/{day}/{}.bin", text(&kept["sha256"])));
    assert_eq!(std::fs::read(text(&kept["file"])).expect("the file itself"), content);
    for which in [kept["id"].to_string(), text(&kept["sha256"]), text(&kept["sha256"])[..12].to_owned()] {
        let output = run(project, &["files", "get", &which]);
        assert!(output.status.success() && output.stdout == content, "{which}: {}", stderr(&output));
    }
    assert!(run(project, &["files", "get", "1", "--output", "copy"]).status.success());
    assert_eq!(std::fs::read(project.join("copy")).expect("a copy"), content);
    let again = run(project, &["files", "get", "1", "--output", "copy"]);
    assert_eq!(again.status.code(), Some(6), "{}", stderr(&again));
    // the same bytes under another name are no second file
    std::fs::rename(project.join("big.bin"), project.join("other.dat")).expect("renamed");
    let other = &json(project, &["files", "keep", "other.dat", "--retention", "Regulatory-7Y"])["files"][0];
    assert_eq!((&other["path"], other["retention"].as_i64()), (&kept["path"], Some(6)));
    assert_eq!(json(project, &["files", "keep", "other.dat"])["files"][0]["is_new"], false);
    assert_eq!((stored(project).len(), one(project, "SELECT count(*) FROM stored_files")), (1, 2));
    let listed = json(project, &["files", "list", "--name", "other.dat"]);
    assert_eq!(listed["files"][0]["retention_name"], "regulatory_7y");
    let checked = json(project, &["files", "check"]);
    assert_eq!((checked["files"].as_i64(), checked["strays"].as_i64()), (Some(1), Some(0)));
    for (which, status) in [("99", 5), ("0123456789abcdef", 5), ("file.pdf", 2)] {
        assert_eq!(run(project, &["files", "show", which]).status.code(), Some(status), "{which}");
    }
}

#[test]
fn an_app_keeps_files_of_its_own() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    let script = "echo invoice > a.pdf; \"$DC_BIN\" files keep a.pdf --retention regulatory_7y --json > kept.json
echo more | \"$DC_BIN\" files keep - --name b.txt >/dev/null";
    app(project, "hr/scans/invoices", script, "");
    let output = run(project, &["run", "invoices"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let kept: Value = serde_json::from_str(
        &std::fs::read_to_string(project.join("apps/hr/scans/invoices/kept.json")).expect("one object"),
    )
    .expect("JSON");
    assert!(text(&kept["files"][0]["path"]).starts_with("hr/scans/invoices/pdf/"), "{kept}");
    let listed = json(project, &["files", "list", "--app", "invoices"]);
    let files = listed["files"].as_array().expect("files");
    assert_eq!(files.len(), 2);
    let runtime = json(project, &["logs", "--runs"]);
    assert!(runtime.to_string().contains(&text(&files[0]["runtime"])), "{runtime}");
    assert_eq!((files[1]["name"].as_str(), files[1]["app"].as_str()), (Some("a.pdf"), Some("hr/scans/invoices")));
    // the same bytes of a person are another file
    std::fs::write(project.join("a.pdf"), "invoice\n").expect("a file");
    let own = &json(project, &["files", "keep", "a.pdf"])["files"][0];
    assert!(own["is_new"] == true && own["app_id"].is_null() && own["sha256"] == kept["files"][0]["sha256"]);
    assert_eq!(stored(project).len(), 3);
}

#[test]
fn names_of_any_bytes_are_kept_and_what_is_no_file_is_told() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    let names: [&[u8]; 4] = [b"a\nb.txt", b"c\xff\xfe.txt", b"back\\slash", "ra\u{10d}un.PDF".as_bytes()];
    for name in names {
        std::fs::write(project.join(OsStr::from_bytes(name)), name).expect("a file");
    }
    std::fs::write(project.join("empty"), "").expect("a file");
    std::fs::create_dir(project.join("folder")).expect("a folder");
    nix::unistd::mkfifo(&project.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    std::os::unix::fs::symlink("empty", project.join("link")).expect("a link");
    std::os::unix::fs::symlink("nowhere", project.join("dangling")).expect("a link");
    let mut command = dc(project);
    command.args(["files", "keep", "--json", "folder", "pipe", "dangling", "absent", "/dev/null"]);
    let output = command.args(names.map(OsStr::from_bytes)).args(["empty", "link"]).output().expect("dc starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let told: Vec<String> = report["failed"].as_array().expect("a list").iter().map(|it| text(&it["error"])).collect();
    for (told, expected) in told.iter().zip(["a folder", "a pipe", "a link to", "No such file", "a device"]) {
        assert!(told.contains(expected), "{told}");
    }
    let kept: Vec<String> = report["files"].as_array().expect("a list").iter().map(|it| text(&it["name"])).collect();
    let expected = ["a\nb.txt", "c\\xff\\xfe.txt", "back\\\\slash", "ra\u{10d}un.PDF", "empty", "link"];
    assert_eq!((told.len(), kept), (5, expected.map(str::to_owned).to_vec()));
    assert_eq!(report["files"][3]["extension"], "pdf");
    let original = data_collector::storage::original("c\\xff\\xfe.txt");
    assert_eq!(original.as_bytes(), names[1]);
    let shown = stdout(&run(project, &["files", "list"]));
    assert!(shown.contains("a␊b.txt"), "{shown}");
    // one alone is its own error
    let alone = run(project, &["files", "keep", "pipe"]);
    assert!(alone.status.code() == Some(2) && stderr(&alone).contains("--name NAME <PIPE"), "{}", stderr(&alone));
    let nameless = dc(project).args(["files", "keep", "-"]).stdin(Stdio::null()).output().expect("dc starts");
    assert_eq!(nameless.status.code(), Some(2), "{}", stderr(&nameless));
}

#[test]
fn what_is_over_its_time_goes_and_a_hold_beats_it() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    let (first, second) = (keep(project, "a", b"first"), keep(project, "b", b"second"));
    let held = json(project, &["files", "hold", &text(&first["sha256"]), "--reason", "audit"]);
    assert_eq!((held["changed"].as_i64(), held["held"].as_bool()), (Some(1), Some(true)));
    assert_eq!(run(project, &["files", "hold", "1", "--reason", " "]).status.code(), Some(2));
    expire(project);
    let dry = json(project, &["files", "prune", "--dry-run"]);
    assert_eq!((dry["names"].as_i64(), &dry["first"][0]["id"]), (Some(1), &second["id"]));
    assert_eq!(stored(project).len(), 2);
    let pruned = json(project, &["files", "prune"]);
    assert_eq!((pruned["names"].as_i64(), pruned["files"].as_i64()), (Some(1), Some(1)));
    assert_eq!(stored(project), [PathBuf::from(text(&first["file"]))]);
    // the row outlives the file
    let gone = run(project, &["files", "get", &second["id"].to_string()]);
    assert!(gone.status.code() == Some(5) && stderr(&gone).contains("it was deleted at"), "{}", stderr(&gone));
    assert_eq!(json(project, &["files", "list", "--deleted"])["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(json(project, &["files", "list", "--held"])["files"].as_array().map(Vec::len), Some(1));
    assert_eq!(json(project, &["files", "release", "1"])["changed"], 1);
    assert_eq!(json(project, &["files", "prune"])["files"], 1);
    assert!(stored(project).is_empty());
    // and kept again it has another place
    let again = keep(project, "b", b"second");
    assert!(again["is_new"] == true && again["path"] != second["path"], "{again}");
    assert_eq!(json(project, &["files", "check"])["files"], 1);
}

#[test]
fn damage_is_found_and_kept_again_a_file_is_whole() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    let (rotten, lost) = (keep(project, "rotten", b"some bytes"), keep(project, "lost", b"other bytes"));
    keep(project, "well", b"well");
    std::fs::remove_file(text(&rotten["file"])).expect("deleted");
    std::fs::write(text(&rotten["file"]), b"sOme bytes").expect("written");
    std::fs::remove_file(text(&lost["file"])).expect("deleted");
    std::fs::write(project.join(".dc/files/README"), "not ours").expect("written");
    let output = run(project, &["files", "check", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let found: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let counts = ["files", "damaged", "missing", "strays"].map(|name| found[name].as_i64().expect("a number"));
    assert_eq!(counts, [2, 1, 1, 1]);
    assert_eq!(json(project, &["files", "list", "--faulty"])["files"].as_array().map(Vec::len), Some(2));
    let taken = run(project, &["files", "get", "1", "--output", "x"]);
    assert!(taken.status.code() == Some(1) && !project.join("x").exists(), "{}", stderr(&taken));
    for (name, content) in [("rotten", &b"some bytes"[..]), ("lost", b"other bytes")] {
        assert_eq!(keep(project, name, content)["is_new"], false);
    }
    let healed = json(project, &["files", "check"]);
    assert_eq!(
        (healed["files"].as_i64(), healed["damaged"].as_i64(), healed["strays"].as_i64()),
        (Some(3), Some(0), Some(2))
    );
    assert_eq!(json(project, &["files", "list", "--faulty"])["files"].as_array().map(Vec::len), Some(0));
    age(Path::new(&text(&rotten["file"])));
    age(&project.join(".dc/files/README"));
    assert_eq!(json(project, &["files", "prune"])["strays"], 1, "what is not ours stays");
}

#[test]
fn a_full_disk_is_refused_and_told_once() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    std::fs::write(project.join("a"), "a").expect("a file");
    for _ in 0..2 {
        let output = dc(project).args(["files", "keep", "a"]).env("DC_STORAGE_MIN_FREE", "100TiB").output();
        let output = output.expect("dc starts");
        assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
        assert!(stderr(&output).contains("`min_free` leaves") && stderr(&output).contains("dc files prune"));
    }
    let told = |kind: &str| one(project, &format!("SELECT count(*) FROM outbox WHERE kind = '{kind}'"));
    assert_eq!((told("disk_full"), told("disk_free")), (1, 0));
    assert!(stored(project).is_empty());
    json(project, &["files", "prune"]);
    json(project, &["files", "prune"]);
    assert_eq!((told("disk_full"), told("disk_free")), (1, 1));
    let wrong =
        dc(project).args(["files", "keep", "a"]).env("DC_STORAGE_MIN_FREE", "much").output().expect("dc starts");
    assert_eq!(wrong.status.code(), Some(3), "{}", stderr(&wrong));
}

#[test]
fn a_store_that_is_away_is_left_out_and_loses_nothing() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    let settings =
        "[storage]\nstore = \"archive\"\ndates = \"flat\"\n[storage.stores.archive]\npath = \"mounted/here\"\n";
    std::fs::write(project.join("dc.toml"), settings).expect("settings");
    let kept = keep(project, "a.txt", b"a");
    assert_eq!(kept["path"], format!("@people/txt/{}.txt", text(&kept["sha256"])));
    let local = &json(project, &["files", "keep", "dc.toml", "--store", "local"])["files"][0];
    assert!(text(&local["file"]).contains(".dc/files/"), "{local}");
    expire(project);
    std::fs::rename(project.join("mounted/here"), project.join("elsewhere")).expect("it is away");
    std::fs::create_dir(project.join("mounted/here")).expect("an empty folder to mount on");
    for arguments in [&["files", "keep", "a.txt"][..], &["files", "get", "1"]] {
        let output = run(project, arguments);
        assert!(output.status.code() == Some(75) && stderr(&output).contains("mount its disk"), "{}", stderr(&output));
    }
    let pruned = run(project, &["files", "prune", "--json"]);
    let report: Value = serde_json::from_str(&stdout(&pruned)).expect("JSON");
    assert_eq!(
        (pruned.status.code(), &report["names"], &report["away"][0][0]),
        (Some(1), &1.into(), &"archive".into())
    );
    let checked: Value = serde_json::from_str(&stdout(&run(project, &["files", "check", "--json"]))).expect("JSON");
    assert_eq!((&checked["missing"], &checked["away"][0][0]), (&0.into(), &"archive".into()));
    std::fs::remove_dir(project.join("mounted/here")).expect("unmounted");
    std::fs::rename(project.join("elsewhere"), project.join("mounted/here")).expect("it is back");
    assert_eq!(stdout(&run(project, &["files", "get", "1"])), "a");
    let unknown = run(project, &["files", "keep", "a.txt", "--store", "tape"]);
    assert!(unknown.status.code() == Some(3) && stderr(&unknown).contains("known: archive, local"));
    // a move takes all names along
    json(project, &["files", "keep", "a.txt", "--name", "b.txt"]);
    let moved = json(project, &["files", "move", "--from", "archive", "--to", "local"]);
    assert_eq!((&moved["files"], &moved["moved"][0]["names"]), (&1.into(), &2.into()));
    assert_eq!(stdout(&run(project, &["files", "get", "1"])), "a");
    assert_eq!(json(project, &["files", "check"])["strays"], 0);
    assert_eq!(run(project, &["files", "move", "--to", "local"]).status.code(), Some(2));
}

#[test]
fn retentions_of_ones_own_stay_when_ours_are_seeded() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    json(project, &["deploy"]);
    let add = ["files", "retention", "contracts", "4000", "--description", "after the end of a contract"];
    assert_eq!(json(project, &add)["retentions"][9]["id"], 100);
    assert_eq!(json(project, &["files", "retention", "CONTRACTS", "5000"])["retentions"][9]["days"], 5_000);
    json(project, &["deploy"]);
    std::fs::write(project.join("a"), "a").expect("a file");
    assert_eq!(json(project, &["files", "keep", "a", "--retention", "contracts"])["files"][0]["retention"], 100);
    for (name, days, status) in [("standard", "9", 6), ("a b", "9", 2), ("x", "0", 2)] {
        assert_eq!(run(project, &["files", "retention", name, days]).status.code(), Some(status), "{name}");
    }
}

#[test]
fn a_manager_has_the_janitor_work() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    keep(project, "a", b"a");
    expire(project);
    let url = format!("sqlite:{}", project.join(".dc/dc.db").display());
    let manager = Manager::start_with(project, &url, &[], |command| command.env("DC_STORAGE_PRUNE_EVERY", "1s"));
    wait_for("the janitor", 60, || stored(project).is_empty());
    manager.end();
    assert_eq!(one(project, "SELECT count(*) FROM stored_files WHERE deleted_at IS NOT NULL"), 1);
}

#[test]
fn a_stream_of_any_length_is_kept() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    let mut command = dc(project);
    command.args(["files", "keep", "-", "--name", "s.bin", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("dc starts");
    let mut input = child.stdin.take().expect("a pipe");
    let block = vec![7; 1 << 20];
    (0..80).for_each(|_| input.write_all(&block).expect("taken"));
    let peak = peak_kib(child.id());
    drop(input);
    let output = child.wait_with_output().expect("its end");
    let kept: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(kept["files"][0]["bytes"], 80 << 20);
    // 80 MiB have gone through
    assert!(peak < 60 << 10, "{peak} KiB");
    let count = clean("sh").args(["-c", "head -c 83886080 /dev/zero | tr '\\0' '\\7' | sha256sum"]).output();
    assert!(stdout(&count.expect("sha256sum")).starts_with(&text(&kept["files"][0]["sha256"])));
}

fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[cfg(debug_assertions)]
mod killed {
    use super::*;
    use crate::support::{Stopped, killed_at};

    fn keeping(project: &Path) -> Command {
        let mut command = dc(project);
        command.args(["files", "keep", "a.txt"]);
        command
    }

    #[test]
    fn what_a_kill_leaves_is_found_and_goes_a_day_later() {
        for point in ["storage.staged", "storage.placed"] {
            let project = tempfile::tempdir().expect("a folder");
            let project = project.path();
            keep(project, "other.txt", b"other");
            std::fs::write(project.join("a.txt"), "a").expect("a file");
            killed_at(point, &mut keeping(project));
            let found = json(project, &["files", "check"]);
            assert_eq!(
                (&found["strays"], &found["missing"], &found["files"]),
                (&1.into(), &0.into(), &1.into()),
                "{point}"
            );
            // it may be on its way
            assert_eq!(json(project, &["files", "prune"])["strays"], 0, "{point}");
            // whoever keeps it again does not care
            let kept = json(project, &["files", "keep", "a.txt"])["files"][0].clone();
            let stray = stored(project)
                .into_iter()
                .find(|path| path.to_str() != kept["file"].as_str() && std::fs::read(path).expect("a file") == b"a");
            age(&stray.expect("the stray"));
            assert_eq!(json(project, &["files", "prune", "--dry-run"])["strays"], 1, "{point}");
            assert_eq!(json(project, &["files", "prune"])["strays"], 1, "{point}");
            let after = json(project, &["files", "check"]);
            assert_eq!(
                (&after["strays"], &after["missing"], &after["files"]),
                (&0.into(), &0.into(), &2.into()),
                "{point}"
            );
        }
    }

    #[test]
    fn a_janitor_that_is_killed_leaves_no_row_without_its_file() {
        let project = tempfile::tempdir().expect("a folder");
        let project = project.path();
        keep(project, "a.txt", b"a");
        expire(project);
        killed_at("storage.ended", dc(project).args(["files", "prune"]));
        let found = json(project, &["files", "check"]);
        assert_eq!((&found["strays"], &found["missing"], &found["files"]), (&1.into(), &0.into(), &0.into()));
        let stray = stored(project).pop().expect("a stray");
        age(&stray);
        killed_at("storage.buried", dc(project).args(["files", "prune"]));
        assert_eq!(json(project, &["files", "prune"])["strays"], 1);
        assert!(stored(project).is_empty());
    }

    #[test]
    fn two_that_keep_the_same_bytes_at_once_keep_one_file() {
        let project = tempfile::tempdir().expect("a folder");
        let project = project.path();
        std::fs::write(project.join("a.txt"), "a").expect("a file");
        json(project, &["deploy"]);
        let stopped = Stopped::at("storage.placed", &mut keeping(project));
        let kept = &json(project, &["files", "keep", "a.txt"])["files"][0];
        let (status, said) = stopped.go_on();
        assert!(status.success(), "{said}");
        assert_eq!(stored(project), [PathBuf::from(text(&kept["file"]))]);
        assert_eq!(one(project, "SELECT count(*) FROM stored_files"), 1);
        assert_eq!(json(project, &["files", "check"])["files"], 1);
    }

    #[test]
    fn what_is_kept_again_while_its_janitor_sleeps_stays() {
        let project = tempfile::tempdir().expect("a folder");
        let project = project.path();
        let before = keep(project, "a.txt", b"a");
        expire(project);
        let stopped = Stopped::at("storage.ended", dc(project).args(["files", "prune"]));
        let after = keep(project, "a.txt", b"a");
        assert!(after["is_new"] == true && after["path"] != before["path"]);
        let (status, said) = stopped.go_on();
        assert!(status.success(), "{said}");
        assert_eq!(stored(project), [PathBuf::from(text(&after["file"]))]);
        assert_eq!(json(project, &["files", "check"])["files"], 1);
    }

    #[test]
    fn a_move_that_is_killed_has_happened_or_has_not() {
        for (point, store) in [("storage.copied", "local"), ("storage.relocated", "archive")] {
            let project = tempfile::tempdir().expect("a folder");
            let project = project.path();
            let settings = "[storage.stores.archive]\ntype = \"folder\"\npath = \"archive\"\n";
            std::fs::write(project.join("dc.toml"), settings).expect("settings");
            keep(project, "a.txt", b"a");
            killed_at(point, dc(project).args(["files", "move", "1", "--to", "archive"]));
            assert_eq!(json(project, &["files", "show", "1"])["files"][0]["store"], store, "{point}");
            assert_eq!(stdout(&run(project, &["files", "get", "1"])), "a", "{point}");
            let found = json(project, &["files", "check"]);
            assert_eq!((&found["files"], &found["strays"]), (&1.into(), &1.into()), "{point}");
            json(project, &["files", "move", "1", "--to", "archive"]);
            assert_eq!(stdout(&run(project, &["files", "get", "1"])), "a", "{point}");
        }
    }
}
