//! `dc secrets edit` with editors that work elsewhere: servers that open the file later, and what is left when dc is
//! killed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::manager::wait_for;
use crate::support::store::Project;
use crate::support::{clean, signal, stderr};

const TEXT: &str = "# mine\nA=1\nB=2\n";

/// An editor that shows where its file is and stays open.
const STAYS: &str = "echo \"$1\" >seen.new; mv seen.new seen; exec tail -f /dev/null";

/// dc with an editor that is open, and the editor's file.
fn open(project: &Project) -> (Child, PathBuf) {
    let script = project.path().join("stays.sh");
    fs::write(&script, STAYS).expect("a script");
    let mut command = project.dc(&["secrets", "edit"]);
    command.env("EDITOR", format!("exec sh {}", script.display())).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("dc starts");
    let seen = project.path().join("seen");
    wait_for("the editor", 120, || seen.exists());
    let file = PathBuf::from(fs::read_to_string(&seen).expect("a path").trim());
    fs::remove_file(seen).expect("it goes");
    (child, file)
}

#[test]
fn a_server_that_opens_the_file_later_edits_it_and_nothing_of_its_own() {
    let project = Project::with(TEXT);
    let path = |name: &str| project.path().join(name);
    fs::write(path("own"), "the server's own text\n").expect("a file");
    for pipe in ["asked", "answered"] {
        mkfifo(&path(pipe), Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe");
    }
    // it was there before dc, has files of its own open under all small numbers, and opens what it is told to by name
    let numbers: String = (3..10).map(|number| format!(" {number}<>own")).collect();
    let server =
        format!("exec{numbers}; read file <asked; ls -l \"$file\" >listed; echo SERVED=1 >>\"$file\"; echo >answered");
    let mut server = clean("sh").args(["-c", &server]).current_dir(project.path()).spawn().expect("sh starts");
    let output = project.edit("echo \"$1\" >asked; read done <answered");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(server.wait().expect("its end").success());
    assert_eq!(project.told(&["secrets", "decrypt"]), format!("{TEXT}SERVED=1\n"));
    assert_eq!(fs::read_to_string(path("own")).expect("a file"), "the server's own text\n");
    let listed = fs::read_to_string(path("listed")).expect("a list");
    assert!(listed.starts_with("-rw-------"), "{listed}");
}

#[test]
fn a_signal_takes_the_file_along_and_a_kill_leaves_it_to_the_next_edit() {
    let project = Project::with(TEXT);
    let (mut first, left) = open(&project);
    let folder = left.parent().expect("a folder").to_owned();
    assert_eq!(fs::metadata(&folder).expect("a folder").permissions().mode() & 0o777, 0o700);
    first.kill().expect("a kill");
    first.wait().expect("its end");
    assert!(left.exists(), "nobody could remove it");
    // another edit beside it removes it, and leaves alone what is open
    let (mut second, file) = open(&project);
    assert!(!folder.exists() && file.exists());
    signal("INT", second.id());
    signal("TERM", second.id());
    assert_eq!(second.wait().expect("its end").signal(), Some(15), "Ctrl-C is the editor's");
    assert!(!file.exists() && !file.parent().expect("a folder").exists());
    assert_eq!(project.told(&["secrets", "decrypt"]), TEXT);
}

#[test]
fn an_editor_that_leaves_nothing_does_not_empty_the_store() {
    let project = Project::with(TEXT);
    for script in [": >\"$1\"", "echo '# all gone' >\"$1\""] {
        let output = project.edit(script);
        assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
        assert!(stderr(&output).contains("dc secrets unset A B"), "{}", stderr(&output));
    }
    let output = project.edit("rm \"$1\"");
    assert!(!output.status.success() && stderr(&output).contains("No such file"), "{}", stderr(&output));
    assert_eq!(project.told(&["secrets", "decrypt"]), TEXT);
}

#[test]
fn an_editor_that_does_not_wait_and_one_that_is_no_text_are_refused() {
    let project = Project::with(TEXT);
    let output = project.dc(&["secrets", "edit"]).env("EDITOR", "code").output().expect("dc starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("EDITOR='code --wait'"), "{}", stderr(&output));
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"vi\xff");
    let output = project.dc(&["secrets", "edit"]).env("VISUAL", odd).env("EDITOR", "true").output().expect("dc starts");
    assert_eq!(output.status.code(), Some(3), "it does not count as unset: {}", stderr(&output));
}
