//! What a run logs of the password of its database.

use crate::support::{Backend, app, dc, stderr, stdout};

#[test]
fn credentials_are_never_logged() {
    let Some(backend) = Backend::postgres() else { return };
    let folder = backend.folder.path();
    // the server trusts everybody: any password will do
    let url = backend.url.replacen("postgres@", "postgres:s3cr%26t%20word@", 1);
    let script = r#"printf '%s\n' 'login with s3cr&t word' "$DC_DB_MAIN_URL" 'Authorization: Bearer eyJabc' 's3cr%26t+word' >&2
printf 'me:s3cr&t word' | base64
printf '\377 s3cr&t word\n'
exit 3"#;
    app(folder, "a/b/leaky", script, "");
    let dc = |arguments: &[&str]| dc(folder).env("DC_DB_MAIN_URL", &url).args(arguments).output().expect("dc runs");
    assert_eq!(dc(&["deploy"]).status.code(), Some(0));
    let told = dc(&["run", "leaky"]);
    assert_eq!(told.status.code(), Some(3), "{}", stderr(&told));
    let kept = dc(&["logs", "--json"]);
    assert_eq!(stdout(&kept).lines().count(), 7, "{}", stdout(&kept));
    for text in [stderr(&told), stdout(&kept)] {
        assert!(text.contains("***"), "{text}");
        for leak in ["s3cr", "eyJabc", "czNjc", "word"] {
            assert!(!text.contains(leak), "{leak} in {text}");
        }
    }
}
