//! A MariaDB of the test's own that speaks TLS: what each `sslmode` asks of its certificate.

use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::manager::wait_for;
use crate::support::needs::skipped;
use crate::support::{clean, dc, stderr, stdout};

/// The server and its folder, which go with the test.
struct Server(Child, tempfile::TempDir, u16);

impl Server {
    /// `None`, said aloud, where a server cannot be started.
    fn start() -> Option<Self> {
        let is_there = |program: &str| clean(program).arg("--version").output().is_ok();
        if ![("mariadbd"), ("mariadb-install-db"), ("openssl")].into_iter().all(is_there) {
            skipped("a MariaDB that can be started");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        certificates(root);
        let mut user = Vec::new();
        if nix::unistd::Uid::effective().is_root() {
            user.push("--user=mysql".to_owned());
            let given = clean("chown").args(["-R", "mysql"]).arg(root).status().expect("chown starts");
            assert!(given.success(), "the server runs as mysql");
        }
        let data = format!("--datadir={}", root.join("data").display());
        let mut install = clean("mariadb-install-db");
        install.args(["--no-defaults", &data, "--auth-root-authentication-method=normal", "--skip-test-db"]);
        let output = install.args(&user).output().expect("it starts");
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let file = |option: &str, name: &str| format!("--{option}={}", root.join(name).display());
        let mut server = clean("mariadbd");
        server.args(["--no-defaults", &data, "--bind-address=127.0.0.1", &format!("--port={port}")]);
        server.args([file("socket", "socket"), file("pid-file", "pid"), file("ssl-cert", "server.pem")]);
        server.args([file("ssl-key", "server.key"), file("ssl-ca", "ca.pem")]).args(&user);
        let child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a server");
        let started = Self(child, folder, port);
        wait_for("the server", 60, || started.ask("127.0.0.1", "sslmode=require").0);
        Some(started)
    }

    /// Whether it was asked, and over which cipher, or why not.
    fn ask(&self, host: &str, options: &str) -> (bool, String) {
        let url = format!("mysql://root@{host}:{}/mysql?{options}", self.2);
        let mut query = dc(self.1.path());
        query.args(["query", "--database", "w", "SHOW STATUS LIKE 'Ssl_cipher'", "--format", "csv"]);
        let output = query.env("DC_DB_W_URL", url).output().expect("dc starts");
        (output.status.success(), format!("{}{}", stdout(&output), stderr(&output)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An authority, a server's certificate for `localhost`, and another authority.
fn certificates(folder: &Path) {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").expect("a file");
    let script = "for a in ca other; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $a.key -out $a.pem -subj /CN=$a -days 2
        done
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.req -subj /CN=localhost
        openssl x509 -req -in server.req -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names";
    let output = clean("sh").args(["-ec", script]).current_dir(folder).output().expect("sh starts");
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn the_modes_of_tls_ask_for_what_they_say() {
    let Some(server) = Server::start() else { return };
    let root = |name: &str| server.1.path().join(name).display().to_string();
    let (ca, other) = (root("ca.pem"), root("other.pem"));
    for (host, options, expected) in [
        ("localhost", "sslmode=require".to_owned(), Ok("TLS_")),
        ("localhost", String::new(), Ok("TLS_")),
        ("localhost", "sslmode=disable".to_owned(), Ok("Ssl_cipher,\"\"\n")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={ca}"), Ok("TLS_")),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), Err("a name that its certificate has")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}"), Ok("TLS_")),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={ca}"), Ok("TLS_")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={other}"), Err("check sslmode and sslrootcert")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}"), Err("check sslmode and sslrootcert")),
        ("localhost", "sslmode=verify-full".to_owned(), Err("check sslmode and sslrootcert")),
    ] {
        let (is_asked, said) = server.ask(host, &options);
        let words = expected.unwrap_or_else(|words| words);
        assert!(is_asked == expected.is_ok() && said.contains(words), "{host} {options}: {said}");
    }
}
