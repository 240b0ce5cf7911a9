//! HTTPS to a server with a certificate of its own.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::certificate::Certificate;
use crate::support::{clean, context};
use data_collector::http::{Request, RequestOptions, Retries};

#[test]
fn a_server_must_be_who_it_says_unless_a_setting_for_it_says_otherwise() {
    let Some(own) = Certificate::make("DNS:localhost") else { return };
    let certificate = &own.certificate;
    let mut server = clean("openssl")
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

#[test]
fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let (Some(own), Some(ours)) = (Certificate::make("DNS:localhost"), Certificate::make("DNS:client")) else { return };
    let path = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let mut server = clean("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-Verify", "1", "-verify_return_error", "-cert"])
        .arg(&own.certificate)
        .arg("-key")
        .arg(&own.key)
        .arg("-CAfile")
        .arg(&ours.certificate)
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
    // what it says later is of no interest, and must not fill the pipe
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    let (trusted, ours_at, key_at) = (path(&own.certificate), path(&ours.certificate), path(&ours.key));
    let pem = std::fs::read_to_string(&ours.key).expect("a key");
    let get = |pairs: &[(&str, &str)]| {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path(), &[&[("DC_HTTP_CERTIFICATES", trusted.as_str())], pairs].concat());
        let mut options = RequestOptions::of(context.settings())?;
        options.retries = Retries::none();
        Request::with(&context, options)?
            .get(&format!("https://localhost:{port}/"))
            .send()
            .map(|answer| answer.status())
    };
    assert!(get(&[]).is_err(), "nobody in particular");
    let certificate = ("DC_HTTP_CLIENT_CERTIFICATE", ours_at.as_str());
    assert_eq!(get(&[certificate, ("DC_HTTP_CLIENT_KEY", &key_at)]).expect("known"), 200);
    assert_eq!(get(&[certificate, ("DC_HTTP_CLIENT_KEY_PEM", &pem)]).expect("known"), 200);
    let of_host =
        [("DC_HOST_LOCALHOST_CLIENT_CERTIFICATE", ours_at.as_str()), ("DC_HOST_LOCALHOST_CLIENT_KEY", &key_at)];
    assert_eq!(get(&of_host).expect("known"), 200);
    // what is no PEM, or locked, or half of it, is told with the way out
    for (pairs, expected) in [
        (vec![certificate], "has no private key"),
        (vec![("DC_HTTP_CLIENT_KEY", key_at.as_str())], "no client_certificate"),
        (vec![certificate, ("DC_HTTP_CLIENT_KEY", &key_at), ("DC_HTTP_CLIENT_KEY_PEM", &pem)], "two keys"),
        (vec![("DC_HTTP_CLIENT_CERTIFICATE", key_at.as_str())], "no certificate in PEM"),
    ] {
        let error = get(&pairs).expect_err("it cannot be used");
        assert!(error.to_string().contains(expected) && error.hint_text().is_some(), "{error:?}");
        assert!(!format!("{error:?}").contains("PRIVATE KEY-----"), "{error:?}");
    }
    let _ = server.kill();
    let _ = server.wait();
}
