//! What is known only while building: the migrations, which are embedded, and the commit that `dc --version` names.

use std::process::Command;

fn main() {
    // a new folder under `schema/` must be noticed
    println!("cargo:rerun-if-changed=schema");
    println!("cargo:rerun-if-env-changed=DC_COMMIT");
    // a debug build would be built anew after each commit, for a line that nobody reads there
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // whoever builds from an archive says it: DC_COMMIT="87821b7 2026-11-29"
    let commit = std::env::var("DC_COMMIT").ok().or_else(|| is_release.then(commit).flatten());
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo:rustc-env=DC_VERSION={version}{}", commit.map(|commit| format!(" ({commit})")).unwrap_or_default());
}

/// The commit of the checkout and its date; `None` outside of a checkout or without git.
fn commit() -> Option<String> {
    // it changes with every commit and every checkout
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo:rerun-if-changed={log}");
    git(&["log", "-1", "--format=%h %cs"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let done = Command::new("git").args(arguments).output().ok().filter(|done| done.status.success())?;
    String::from_utf8(done.stdout).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
