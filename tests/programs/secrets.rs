//! What OpenSSL has sealed, and what becomes of it.

use std::fs;

use crate::support::clean;
use crate::support::needs::has_program;
use crate::support::store::{PASSWORD, Project, fed, refused};
use data_collector::secrets::{Password, Sealed, archive};

const TEXT: &str = "# the keys\nAPI_KEY=abc-123-def\n\nDB_PASSWORD='two words' # note\n";

#[test]
fn what_openssl_writes_is_read_and_rewritten() {
    if !has_program("openssl", clean("openssl").arg("version")) {
        return;
    }
    let project = Project::new();
    let old = project.path().join("old.enc");
    let path = old.to_str().expect("a path");
    let arguments = ["enc", "-aes-256-cbc", "-pbkdf2", "-iter", "100000", "-md", "sha256", "-pass"];
    let mut openssl = clean("openssl");
    openssl.args(arguments).args(["env:DC_SECRET_PASSWORD", "-out", path]).env("DC_SECRET_PASSWORD", PASSWORD);
    assert!(fed(&mut openssl, TEXT).status.success());
    let bare = fs::read(&old).expect("a file");
    assert_eq!(project.told(&["secrets", "decrypt", path]), TEXT);
    let (status, told) = refused(project.dc(&["secrets", "decrypt", path]).env("DC_SECRET_PASSWORD", "wrong"));
    assert!(status == 4 && told.contains("wrong, or the file is damaged"), "{told}");
    fs::write(project.store(), archive::pack(&bare)).expect("a store");
    assert_eq!(project.told(&["secrets", "list"]), "API_KEY\nDB_PASSWORD\n");
    let (status, told) = project.refused(&["secrets", "unset", "API_KEY"]);
    assert!(status == 6 && told.contains("dc secrets upgrade"), "{told}");
    let password = Password::new(PASSWORD.as_bytes().to_vec().into(), "of a test").expect("a password");
    for length in 0..bare.len() {
        let opened = Sealed::from_bytes(&bare[..length]).and_then(|sealed| sealed.open_older(&password));
        assert!(opened.is_err(), "length {length}");
    }
    project.told(&["secrets", "upgrade"]);
    assert_eq!(project.told(&["secrets", "decrypt"]), TEXT);
    assert!(!fs::read(project.store()).expect("a store").windows(8).any(|window| window == b"Salted__"));
    assert!(project.told(&["secrets", "upgrade"]).contains("nothing to do"));
    assert!(project.told(&["secrets", "check"]).contains("Argon2id"));
}
