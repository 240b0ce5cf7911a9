//! HTTPS to a server with a certificate of its own.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::certificate::Certificate;
use crate::support::context;
use data_collector::http::{Request, RequestOptions, Retries};

#[test]
fn a_server_must_be_who_it_says_unless_a_setting_for_it_says_otherwise() {
    let Some(own) = Certificate::make("DNS:localhost") else { return };
    let certificate = &own.certificate;
    let mut server = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert"])
        .arg(certificate)
        .arg("-key")
        .arg(&own.key)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a server");
    let mut said = BufReader::new(server.stdout.take().expect("its output"));
    let mut line = String::new();
    while !line.starts_with("ACCEPT") {
        line.clear();
        assert!(said.read_line(&mut line).expect("a line") > 0, "the server has ended");
    }
    let port = line.trim().rsplit(':').next().expect("a port").to_owned();
    let status = |pairs: &[(&str, &str)], host: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path(), pairs);
        let options = RequestOptions { retries: Retries::none(), ..RequestOptions::default() };
        let request = Request::with(&context, options).expect("a session");
        request.get(&format!("https://{host}:{port}/")).send().map(|answer| answer.status())
    };
    let error = status(&[], "localhost").expect_err("a stranger");
    assert!(!error.is_temporary() && error.hint_text().expect("a hint").contains("certificates"), "{error:?}");
    let trusted = [("DC_HOST_LOCALHOST_CERTIFICATES", certificate.to_str().expect("a path"))];
    assert_eq!(status(&trusted, "localhost").expect("known"), 200);
    assert_eq!(status(&[("DC_HOST_LOCALHOST_VERIFY", "false")], "localhost").expect("anybody"), 200);
    let all = [("DC_HTTP_CERTIFICATES", certificate.to_str().expect("a path"))];
    assert!(status(&all, "127.0.0.1").is_err(), "another name than in the certificate");
    let _ = server.kill();
    let _ = server.wait();
}
