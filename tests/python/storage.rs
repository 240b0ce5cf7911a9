//! Stores in buckets, against moto's server of S3, which checks every signature.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::needs::python_with;
use crate::support::{app, clean, dc, run, stderr, stdout};

/// More than a page of a list.
const MANY: usize = 1_003;

/// The server; it ends with the test.
struct Server {
    process: Child,
    said: Value,
    python: String,
}

impl Server {
    fn start(many: usize) -> Option<Self> {
        // older ones refuse good signatures of keys with `+` or letters beyond ASCII, boto3's as well
        let check = "import boto3, moto.server; assert tuple(map(int, moto.__version__.split(\".\"))) >= (5, 2, 4)";
        let python = python_with("s3", check)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/s3_server.py");
        let mut command = clean(&python);
        command.arg(script).arg(many.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the server");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        Some(Self { process, said: serde_json::from_str(&line).expect("JSON"), python })
    }

    fn said(&self, name: &str) -> &str {
        self.said[name].as_str().expect("a text")
    }

    /// A project with a store in each of two buckets, and in more that are not there.
    fn project(&self, more: &[&str]) -> tempfile::TempDir {
        let project = tempfile::tempdir().expect("a folder");
        let (url, access, secret) = (self.said("url"), self.said("access_key"), self.said("secret_key"));
        let store = |name: &str, bucket: &str, more: &str| {
            format!(
                "[storage.stores.{name}]\ntype = \"s3\"\nendpoint = \"{url}\"\nregion = \"eu-central-1\"\n\
                 bucket = \"{bucket}\"\naccess_key = \"{access}\"\nsecret_key = \"{secret}\"\n{more}\n"
            )
        };
        let mut settings = store("s3", "files", "prefix = \"a b/\u{10d}+\"") + &store("many", "many", "");
        more.iter().for_each(|name| settings.push_str(&store(name, name, "")));
        std::fs::write(project.path().join("dc.toml"), settings).expect("settings");
        project
    }

    /// Does something to each object of the bucket `files`, past dc.
    fn each_object(&self, what: &str) {
        let script = format!(
            "import boto3\ns3 = boto3.client('s3', endpoint_url='{}', region_name='eu-central-1', \
             aws_access_key_id='{}', aws_secret_access_key='{}')\n\
             for key in [it['Key'] for it in s3.list_objects_v2(Bucket='files')['Contents']]: s3.{what}",
            self.said("url"),
            self.said("access_key"),
            self.said("secret_key")
        );
        let done = clean(&self.python).args(["-c", &script]).output().expect("Python starts");
        assert!(done.status.success(), "{}", stderr(&done));
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

#[test]
fn files_go_into_a_bucket_and_come_back() {
    let Some(server) = Server::start(0) else { return };
    let project = server.project(&[]);
    let project = project.path();
    std::fs::write(project.join("a.txt"), "a").expect("a file");
    std::fs::write(project.join("empty"), "").expect("a file");
    let kept = json(project, &["files", "keep", "a.txt", "empty", "--store", "s3"]);
    assert!(kept["files"][0]["file"].is_null() && kept["files"][1]["store"] == "s3");
    assert_eq!(json(project, &["files", "keep", "a.txt", "--store", "s3"])["files"][0]["is_new"], false);
    assert_eq!(stdout(&run(project, &["files", "get", "1"])), "a");
    assert_eq!(stdout(&run(project, &["files", "get", "2"])), "");
    let checked = json(project, &["files", "check", "--store", "s3"]);
    assert_eq!((&checked["files"], &checked["strays"]), (&2.into(), &0.into()));
    // there and back again
    assert_eq!(json(project, &["files", "move", "1", "--to", "local"])["files"], 1);
    assert_eq!(stdout(&run(project, &["files", "get", "1"])), "a");
    assert_eq!(json(project, &["files", "check"])["strays"], 0);
    assert_eq!(json(project, &["files", "move", "1", "--to", "s3"])["files"], 1);
    let connection = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
    connection.execute_batch("UPDATE stored_files SET kept_until = '2020-01-01 00:00:00'").expect("expired");
    let pruned = json(project, &["files", "prune"]);
    assert_eq!((&pruned["files"], &pruned["left"]), (&2.into(), &0.into()));
    let checked = json(project, &["files", "check", "--store", "s3"]);
    assert_eq!((&checked["files"], &checked["strays"]), (&0.into(), &0.into()));
    assert!(std::fs::read_dir(project.join(".dc/files/.spool")).expect("a folder").next().is_none());
}

/// Two machines that share a bucket and a database; what the server has lost is told and mended.
#[test]
fn an_app_is_fetched_out_of_a_bucket() {
    let Some(server) = Server::start(0) else { return };
    let machines = [server.project(&[]), server.project(&[])];
    let database = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", database.path().join("shared.db").display());
    for machine in &machines {
        let path = machine.path().join("dc.toml");
        let settings = std::fs::read_to_string(&path).expect("settings");
        std::fs::write(path, format!("[deploy]\npublish = true\n[storage]\nstore = \"s3\"\n{settings}"))
            .expect("settings");
    }
    let on = |machine: usize, arguments: &[&str]| {
        let mut command = dc(machines[machine].path());
        command.args(arguments).env("DC_DB_MAIN_URL", &url).output().expect("dc starts")
    };
    app(machines[0].path(), "a/b/c", "echo out of a bucket", "");
    let deployed = on(0, &["deploy"]);
    assert!(deployed.status.success(), "{}", stderr(&deployed));
    assert!(!stdout(&deployed).contains("a disk of this machine"), "{}", stdout(&deployed));
    let ran = on(1, &["run", "c", "-v"]);
    assert_eq!(stdout(&ran), "out of a bucket\n", "{}", stderr(&ran));
    // the next edition is overwritten, and lost then
    for (number, harm) in
        ["put_object(Bucket='files', Key=key, Body=b'other')", "delete_object(Bucket='files', Key=key)"]
            .into_iter()
            .enumerate()
    {
        app(machines[0].path(), "a/b/c", &format!("echo edition {number}"), "");
        assert!(on(0, &["deploy"]).status.success());
        server.each_object(harm);
        let refused = on(1, &["run", "c"]);
        let said = stderr(&refused);
        assert!(!refused.status.success() && said.contains("`main`") && said.contains("`dc deploy` on "), "{said}");
        assert!(on(0, &["deploy"]).status.success());
        assert_eq!(stdout(&on(1, &["run", "c", "-v"])), format!("edition {number}\n"));
    }
}

#[test]
fn a_large_file_goes_in_parts_and_needs_no_memory() {
    let Some(server) = Server::start(0) else { return };
    let project = server.project(&[]);
    let project = project.path();
    let mut make = clean("sh");
    make.args(["-c", "head -c 140000001 /dev/urandom >big.bin && sha256sum big.bin"]).current_dir(project);
    let sum = stdout(&make.output().expect("a large file"));
    let mut command = dc(project);
    command.args(["files", "keep", "big.bin", "--store", "s3", "--json"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("dc starts");
    let (pid, mut peak) = (child.id(), 0);
    while child.try_wait().expect("its state").is_none() {
        peak = peak_kib(pid).unwrap_or_default().max(peak);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("its words");
    let kept: Value = serde_json::from_str(&text).expect("JSON");
    assert!(sum.starts_with(kept["files"][0]["sha256"].as_str().expect("a sum")), "{text}");
    assert!(peak > 0 && peak < 80 << 10, "{peak} KiB");
    let taken = run(project, &["files", "get", "1", "--output", "copy"]);
    assert!(taken.status.success(), "{}", stderr(&taken));
    let same = clean("cmp").args(["big.bin", "copy"]).current_dir(project).status();
    assert!(same.expect("cmp").success());
}

fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn a_list_of_many_pages_is_read_to_its_end() {
    let Some(server) = Server::start(MANY) else { return };
    let project = server.project(&[]);
    let found = json(project.path(), &["files", "check", "--store", "many"]);
    assert_eq!((found["strays"].as_u64(), &found["missing"]), (Some(MANY as u64), &0.into()));
    assert!(found["unknown"].to_string().contains("some folder/\u{10d}+"), "{}", found["unknown"]);
    // nothing of it is ours
    assert_eq!(json(project.path(), &["files", "prune"])["strays"], 0);
}

#[test]
fn what_a_server_refuses_is_told_with_what_to_do() {
    let Some(mut server) = Server::start(0) else { return };
    let project = server.project(&["nowhere"]);
    let project = project.path();
    std::fs::write(project.join("a.txt"), "a").expect("a file");
    json(project, &["files", "keep", "a.txt", "--store", "s3"]);
    let absent = run(project, &["files", "keep", "a.txt", "--name", "b", "--store", "nowhere"]);
    let said = stderr(&absent);
    assert!(
        absent.status.code() == Some(5) && said.contains("NoSuchBucket") && said.contains("make the bucket"),
        "{said}"
    );
    let mut wrong = dc(project);
    wrong.args(["files", "get", "1"]).env("DC_STORAGE_STORES_S3_SECRET_KEY", "not-the-secret-key");
    let wrong = wrong.output().expect("dc starts");
    let said = stderr(&wrong);
    assert!(wrong.status.code() == Some(4) && said.contains("SignatureDoesNotMatch"), "{said}");
    assert!(said.contains("secret_key") && !said.contains("not-the-secret-key"), "{said}");
    server.end();
    let mut away = dc(project);
    away.args(["files", "check", "--store", "s3", "--json"]);
    let away = away.output().expect("dc starts");
    let report: Value = serde_json::from_str(&stdout(&away)).expect("JSON");
    assert_eq!((away.status.code(), &report["missing"], &report["away"][0][0]), (Some(1), &0.into(), &"s3".into()));
}
