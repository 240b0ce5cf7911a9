//! `dc secrets` with real files, shells, editors and OpenSSL: what it keeps, what it refuses, and that it tells nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use crate::support::store::{PASSWORD, Project, fed, refused};
use crate::support::terminal::typed;
use crate::support::{Stopped, clean, killed_at, stderr, stdout};
use data_collector::secrets::archive;

const TEXT: &str = "# the keys\nAPI_KEY=abc-123-def\n\nDB_PASSWORD='two words' # note\n";

#[test]
fn a_store_holds_what_it_was_given_and_is_private() {
    let project = Project::with(TEXT);
    assert_eq!(project.told(&["secrets", "decrypt"]), TEXT);
    assert_eq!(project.told(&["secrets", "list"]), "API_KEY\nDB_PASSWORD\n");
    assert_eq!(project.told(&["secrets", "get", "DB_PASSWORD"]), "two words\n");
    let json: serde_json::Value = serde_json::from_str(&project.told(&["secrets", "decrypt", "--json"])).expect("JSON");
    assert_eq!(json, serde_json::json!({"API_KEY": "abc-123-def", "DB_PASSWORD": "two words"}));
    assert_eq!(fs::metadata(project.store()).expect("a store").mode() & 0o777, 0o600);
    let bytes = fs::read(project.store()).expect("a store");
    assert!(!String::from_utf8_lossy(&bytes).contains("API_KEY"));
    let (status, told) = project.refused(&["secrets", "get", "API_KEI"]);
    assert!(status == 5 && told.contains("did you mean `API_KEY`"), "{told}");
    // a second one does not take its place by mistake
    let output = project.fed(&["secrets", "encrypt", "-"], "A=1\n");
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    assert_eq!(project.told(&["secrets", "decrypt"]), TEXT);
}

#[test]
fn a_change_keeps_comments_and_order() {
    let project = Project::with(TEXT);
    let output = project.fed(&["secrets", "set", "API_KEY"], "it's new\n");
    assert!(output.status.success(), "{}", stderr(&output));
    project.fed(&["secrets", "set", "LAST"], "line one\nline two");
    project.told(&["secrets", "unset", "DB_PASSWORD"]);
    assert_eq!(
        project.told(&["secrets", "decrypt"]),
        "# the keys\nAPI_KEY=\"it's new\"\n\nLAST='line one\nline two'\n"
    );
    assert_eq!(project.told(&["secrets", "get", "API_KEY"]), "it's new\n");
    let (status, told) = project.refused(&["secrets", "set", "X=secret-value"]);
    assert!(status == 2 && !told.contains("secret-value") && told.contains("everybody can read"), "{told}");
    let (status, _) = project.refused(&["secrets", "set", "EMPTY"]);
    assert_eq!(status, 2, "nothing on standard input is no value");
    let output = project.fed(&["secrets", "set", "DC_SECRET_PASSWORD"], "x");
    assert_eq!(output.status.code(), Some(2), "dc's own names are none for secrets");
}

#[test]
fn the_first_value_makes_the_store() {
    let project = Project::new();
    let output = project.fed(&["secrets", "set", "API_KEY"], "abc");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(project.told(&["secrets", "decrypt"]), "API_KEY=abc\n");
    let (status, told) = refused(project.dc(&["secrets", "list"]).env("DC_SECRETS_PATH", "elsewhere.zip"));
    assert!(status == 5 && told.contains("elsewhere.zip"), "{told}");
}

#[test]
fn a_password_comes_by_every_way_but_an_argument() {
    let project = Project::with("A=1\n");
    let without = |arguments: &[&str]| {
        let mut command = project.dc(arguments);
        command.env_remove("DC_SECRET_PASSWORD");
        command
    };
    let (status, told) = refused(&mut without(&["secrets", "list"]));
    assert!(status == 4 && told.contains("no password is given"), "{told}");
    let file = project.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("a file");
    let path = file.to_str().expect("a path");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("a mode");
    let (status, told) = refused(&mut without(&["secrets", "list", "--password-file", path]));
    assert!(status == 4 && told.contains("others can read it") && told.contains("chmod 600"), "{told}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    let opens = |command: &mut Command| {
        let output = command.output().expect("dc starts");
        assert_eq!(stdout(&output), "A\n", "{}", stderr(&output));
    };
    opens(&mut without(&["secrets", "list", "--password-file", path]));
    fs::write(project.path().join("dc.toml"), "[secrets]\npassword_file = \"password\"\n").expect("settings");
    opens(&mut without(&["secrets", "list"]));
    fs::remove_file(project.path().join("dc.toml")).expect("settings");
    let script = format!("{} secrets list --password-fd 3 3<password", env!("CARGO_BIN_EXE_dc"));
    opens(clean("sh").args(["-c", &script]).current_dir(project.path()).env_remove("DC_SECRET_PASSWORD"));
    assert_eq!(stdout(&fed(&mut without(&["secrets", "list", "--password-fd", "0"]), PASSWORD)), "A\n");
    for number in ["7", "1", "-1"] {
        let (status, told) = refused(&mut without(&["secrets", "list", &format!("--password-fd={number}")]));
        assert_eq!(status, 2, "{told}");
    }
    let (status, told) = refused(without(&["secrets", "list"]).env("DC_SECRET_PASSWORD", "wrong"));
    assert!(status == 4 && told.contains("the password is wrong") && !told.contains("damaged"), "{told}");
}

#[test]
fn a_credential_of_systemd_may_be_open_to_its_group() {
    let project = Project::with("A=1\n");
    let folder = project.path().join("credentials");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("password"), PASSWORD).expect("a file");
    fs::set_permissions(folder.join("password"), fs::Permissions::from_mode(0o440)).expect("a mode");
    fs::write(project.path().join("dc.toml"), "[secrets]\npassword_file = \"credentials/password\"\n")
        .expect("settings");
    let mut list = project.dc(&["secrets", "list"]);
    list.env_remove("DC_SECRET_PASSWORD");
    let (status, told) = refused(&mut list);
    assert!(status == 4 && told.contains("others can read it"), "{told}");
    let output = list.env("CREDENTIALS_DIRECTORY", &folder).output().expect("dc starts");
    assert_eq!(stdout(&output), "A\n", "{}", stderr(&output));
}

#[test]
fn a_person_is_asked_unseen_and_once_more_after_a_slip() {
    let project = Project::with("A=1\n");
    let dc = env!("CARGO_BIN_EXE_dc");
    let asked = "Password of";
    let list = format!("unset DC_SECRET_PASSWORD; {dc} secrets list");
    let (status, shown) = typed(project.path(), &list, &[(asked, "a slip"), (asked, PASSWORD)]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("the password is wrong") && shown.trim_end().ends_with('A'), "{shown}");
    assert!(!shown.contains("a slip") && !shown.contains(PASSWORD), "{shown}");
    // a password that stands somewhere is not corrected at the terminal
    let given = format!("DC_SECRET_PASSWORD=wrong {dc} secrets list");
    let (status, shown) = typed(project.path(), &given, &[]);
    assert!(status == Some(4) && !shown.contains(asked), "{shown}");
    let rekey = format!("DC_SECRET_PASSWORD='{PASSWORD}' {dc} secrets rekey");
    let (new, again) = ("New password for", "The same again");
    let answers =
        [(new, "another battery"), (again, "another batery"), (new, "the third one"), (again, "the third one")];
    let (status, shown) = typed(project.path(), &rekey, &answers);
    assert!(status == Some(0) && shown.contains("the two differ"), "{shown}");
    let output =
        project.dc(&["secrets", "list"]).env("DC_SECRET_PASSWORD", "the third one").output().expect("dc starts");
    assert_eq!(stdout(&output), "A\n", "{}", stderr(&output));
}

#[test]
fn damage_is_told_apart_from_a_wrong_password_and_nothing_is_shown() {
    let project = Project::with(TEXT);
    let whole = fs::read(project.store()).expect("a store");
    for bit in (0..whole.len() * 8).step_by(97) {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(project.store(), changed).expect("a file");
        let (status, told) = project.refused(&["secrets", "decrypt"]);
        assert!(status == 4 && !told.contains("password is wrong") && !told.contains("API_KEY"), "bit {bit}: {told}");
    }
    for length in (0..whole.len()).step_by(31) {
        fs::write(project.store(), &whole[..length]).expect("a file");
        let (status, told) = project.refused(&["secrets", "decrypt"]);
        assert!(status == 4 && !told.contains("password is wrong"), "length {length}: {told}");
    }
    // a change with a mended checksum
    let mut member = archive::unpack(&whole).expect("a member").bytes;
    let last = member.len() - 1;
    member[last] ^= 1;
    fs::write(project.store(), archive::pack(&member)).expect("a file");
    let (status, told) = project.refused(&["secrets", "decrypt"]);
    assert!(status == 4 && told.contains("password is right") && told.contains("changed or damaged"), "{told}");
    // parameters that ask for 100 GiB
    let mut member = archive::unpack(&whole).expect("a member").bytes;
    member[12..16].copy_from_slice(&(100_u32 << 20).to_le_bytes());
    fs::write(project.store(), archive::pack(&member)).expect("a file");
    let (status, told) = project.refused(&["secrets", "decrypt"]);
    assert!(status == 4 && told.contains("more memory or time"), "{told}");
}

#[test]
fn an_editor_gets_the_text_and_a_bad_line_comes_back() {
    let project = Project::with(TEXT);
    let output = project.edit("echo EDITED=1 >>\"$1\"; echo \"$1\" >seen; test -z \"$DC_SECRET_PASSWORD\"");
    assert!(output.status.success(), "{}", stderr(&output));
    let seen = fs::read_to_string(project.path().join("seen")).expect("a path");
    let folder = std::path::Path::new(seen.trim()).parent().expect("a folder").to_owned();
    assert!(folder.to_string_lossy().contains("/dc-edit-") && !folder.exists(), "{}", folder.display());
    assert_eq!(project.told(&["secrets", "decrypt"]), format!("{TEXT}EDITED=1\n"));
    // one that saves by renaming
    let output = project.dc(&["secrets", "edit"]).env("EDITOR", "sed -i s/EDITED/RENAMED/").output().expect("dc");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(project.told(&["secrets", "get", "RENAMED"]), "1\n");
    // the first time a bad line, the second time the text is still there and is mended
    let script = "if grep -q 'not a line' \"$1\"; then sed -i 's/not a line/GOOD=2/' \"$1\"; \
                  else echo 'not a line' >>\"$1\"; fi";
    let output = project.edit(script);
    assert!(output.status.success() && stderr(&output).contains("opens again"), "{}", stderr(&output));
    assert_eq!(project.told(&["secrets", "decrypt"]), format!("{TEXT}RENAMED=1\nGOOD=2\n"));
    // who closes it with the bad line, or with an error, has given up
    for script in ["grep -q '^bad' \"$1\" || echo bad >>\"$1\"", "echo X=1 >>\"$1\"; exit 1"] {
        let output = project.edit(script);
        assert!(!output.status.success() && stderr(&output).contains("nothing was changed"), "{}", stderr(&output));
    }
    assert_eq!(project.told(&["secrets", "decrypt"]), format!("{TEXT}RENAMED=1\nGOOD=2\n"));
    let output = project.edit("true");
    assert!(stdout(&output).contains("nothing was changed"));
}

#[test]
fn rekey_changes_password_and_parameters() {
    let project = Project::with(TEXT);
    let before = fs::read(project.store()).expect("a store");
    let (status, told) = project.refused(&["secrets", "rekey"]);
    assert!(status == 4 && told.contains("no new password"), "{told}");
    let (status, _) = project.refused(&["secrets", "rekey", "--keep-password", "--memory", "32"]);
    assert_eq!(status, 2, "weaker than the default");
    let (status, _) = project.refused(&["secrets", "rekey", "--keep-password", "--memory", "4096"]);
    assert_eq!(status, 2, "more than a file may ask for");
    assert_eq!(fs::read(project.store()).expect("a store"), before);
    let output = project
        .dc(&["secrets", "rekey", "--passes", "4"])
        .env("DC_SECRET_PASSWORD_NEW", "another battery")
        .output()
        .expect("dc starts");
    assert!(output.status.success() && stdout(&output).contains("4 passes"), "{}", stderr(&output));
    assert_eq!(project.refused(&["secrets", "list"]).0, 4);
    let output =
        project.dc(&["secrets", "decrypt"]).env("DC_SECRET_PASSWORD", "another battery").output().expect("dc starts");
    assert_eq!(stdout(&output), TEXT);
}

#[test]
fn a_link_to_a_store_stays_one_and_two_changes_at_once_both_count() {
    let project = Project::with("A=1\n");
    fs::create_dir(project.path().join("real")).expect("a folder");
    let real = project.path().join("real/store.zip");
    fs::rename(project.store(), &real).expect("a move");
    symlink(&real, project.store()).expect("a link");
    let changes: Vec<_> = (0..6)
        .map(|number| {
            let mut command = project.dc(&["secrets", "set", &format!("N{number}")]);
            std::thread::spawn(move || fed(&mut command, "value"))
        })
        .collect();
    for change in changes {
        let output = change.join().expect("an end");
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(project.told(&["secrets", "list"]).lines().count(), 7);
    assert!(fs::symlink_metadata(project.store()).expect("a link").is_symlink());
    assert_eq!(fs::read_dir(project.path().join("real")).expect("a folder").count(), 1, "nothing is left over");
}

#[test]
fn who_waits_for_a_change_has_its_key_already() {
    let project = Project::with("A=1\n");
    // it has the right to change the store, and does not come on
    let _other = Stopped::at("secrets.made", &mut project.dc(&["secrets", "unset", "A"]));
    let mut late = project.dc(&["secrets", "rekey"]);
    let (status, said) = refused(late.env("DC_SECRET_PASSWORD", "another").env("DC_SECRET_PASSWORD_NEW", "battery"));
    assert_eq!(status, 4, "the password is tried first: {said}");
    let (status, said) = project.refused(&["secrets", "unset", "A"]);
    assert_eq!(status, 75, "and then the right is waited for: {said}");
}

#[test]
fn a_kill_at_any_step_leaves_the_old_or_the_new_store() {
    let points = [("made", false), ("written", false), ("synced", false), ("proved", false), ("renamed", true)];
    for (point, is_new) in points {
        let project = Project::with(TEXT);
        let point = format!("secrets.{point}");
        killed_at(&point, project.dc(&["secrets", "rekey"]).env("DC_SECRET_PASSWORD_NEW", "another battery"));
        let with = |password: &str, arguments: &[&str]| {
            project.dc(arguments).env("DC_SECRET_PASSWORD", password).output().expect("dc starts")
        };
        let (good, bad) = if is_new { ("another battery", PASSWORD) } else { (PASSWORD, "another battery") };
        assert_eq!(stdout(&with(good, &["secrets", "decrypt"])), TEXT, "{point}");
        assert_eq!(with(bad, &["secrets", "decrypt"]).status.code(), Some(4), "{point}");
        // who comes next takes away what was left
        assert!(with(good, &["secrets", "unset", "API_KEY"]).status.success(), "{point}");
        assert_eq!(fs::read_dir(project.path()).expect("a folder").count(), 1, "{point}");
    }
}

#[test]
fn exec_gives_a_command_the_secrets_and_not_the_password() {
    let project = Project::with(TEXT);
    let script = "echo \"$API_KEY|$DB_PASSWORD|${DC_SECRET_PASSWORD-none}|$DC_SECRETS_GIVEN\"; ulimit -c";
    let told = project.told(&["secrets", "exec", "--", "sh", "-c", script]);
    assert_eq!(told, "abc-123-def|two words|none|API_KEY,DB_PASSWORD\n0\n");
    let told = project.told(&["secrets", "exec", "--only", "API_KEY", "--", "sh", "-c", "echo $API_KEY $DB_PASSWORD"]);
    assert_eq!(told, "abc-123-def\n");
    let mut command = project.dc(&["secrets", "exec", "--", "sh", "-c", "echo $API_KEY"]);
    assert_eq!(stdout(&command.env("API_KEY", "mine").output().expect("dc starts")), "mine\n", "a variable wins");
    let output = project.run(&["secrets", "exec", "--", "sh", "-c", "exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    let (status, told) = project.refused(&["secrets", "exec", "--", "no-such-program-dc"]);
    assert!(status == 5 && told.contains("no-such-program-dc"), "{told}");
    assert_eq!(project.refused(&["secrets", "exec", "--only", "NONE", "--", "true"]).0, 5);
}

#[test]
fn install_adds_one_line_that_works_and_uninstall_takes_it_out() {
    let project = Project::with(TEXT);
    let profile = project.path().join(".profile");
    let before = "# mine\nexport X=1\n";
    fs::write(&profile, before).expect("a profile");
    fs::set_permissions(&profile, fs::Permissions::from_mode(0o640)).expect("a mode");
    for _ in 0..2 {
        project.told(&["secrets", "install", "--shell", "sh"]);
    }
    let text = fs::read_to_string(&profile).expect("a profile");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.starts_with(before) && !text.contains("abc-123-def") && !text.contains(PASSWORD), "{text}");
    assert_eq!(fs::metadata(&profile).expect("a profile").mode() & 0o777, 0o640);
    let login = |password: &str| {
        let mut shell = clean("sh");
        shell.args(["-c", ". ./.profile; echo \"$X|$API_KEY|$DB_PASSWORD\""]).current_dir(project.path());
        shell.env("DC_SECRET_PASSWORD", password).env_remove("DC_SECRETS_GIVEN").output().expect("a shell")
    };
    assert_eq!(stdout(&login(PASSWORD)), "1|abc-123-def|two words\n");
    assert_eq!(stdout(&login("")), "1||\n", "a log-in with nobody to ask goes on");
    assert_eq!(stderr(&login("")), "");
    project.told(&["secrets", "uninstall", "--shell", "sh"]);
    assert_eq!(fs::read_to_string(&profile).expect("a profile"), before);
    let (status, _) = project.refused(&["secrets", "install", "--profile", "/etc/profile"]);
    assert_eq!(status, 6);
}

#[test]
fn check_finds_what_is_weak_and_shows_no_value() {
    let project = Project::with("DB_PASSWORD=hunter2\nA=1\nA=2\n");
    fs::write(project.path().join(".env"), "A=1\n").expect("a file");
    fs::set_permissions(project.store(), fs::Permissions::from_mode(0o644)).expect("a mode");
    let output = project.run(&["secrets", "check"]);
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for expected in ["others can reach it", "chmod 600", "DB_PASSWORD: shorter", "A stands more than once", ".env"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    fs::set_permissions(project.store(), fs::Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(project.run(&["secrets", "check"]).status.code(), Some(0));
    let output = project.dc(&["secrets", "check"]).env_remove("DC_SECRET_PASSWORD").output().expect("dc starts");
    assert!(stdout(&output).contains("not looked at"), "{}", stdout(&output));
}
