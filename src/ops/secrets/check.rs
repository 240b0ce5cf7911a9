//! `dc secrets check`: who can read the store, how old it is, what it costs to try passwords, and what is weak in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::Uid;

use super::encrypt::unix_seconds;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ops::diagnosis::{Diagnosis, Finding, Health};
use crate::secrets::{Document, Form, Parameters, Sealed, is_password, weakness};
use crate::settings::Secret;

/// From this age on a password should be changed.
const PASSWORD_DAYS_MAX: u64 = 365;
const DAY_SECONDS: u64 = 86_400;
/// Where people leave the plain text.
const PLAIN_NAMES: [&str; 4] = [".env", "secrets.env", "secrets.txt", ".env.local"];

/// Looks at the store from outside and, where the password is given, at what is in it. No value is part of a finding.
///
/// # Errors
/// None of what it finds is an error of its own.
pub fn check_secrets(context: &Context) -> Result<Diagnosis> {
    let mut findings = store_findings(context);
    let secrets = context.secrets();
    let is_usable =
        secrets.exists() && findings.iter().all(|finding| finding.what != "store" || finding.health == Health::Ok);
    if is_usable {
        match secrets.can_open() {
            true => findings.extend(content_findings(context)),
            false => findings.push(warning(
                "content",
                "not looked at: no password is given",
                "DC_SECRET_PASSWORD or --password-file",
            )),
        }
    }
    Ok(Diagnosis { findings })
}

/// What can be seen without the password.
pub(in crate::ops) fn store_findings(context: &Context) -> Vec<Finding> {
    let secrets = context.secrets();
    let path = secrets.path();
    let sealed = match Sealed::read(path) {
        Ok(Some(sealed)) => sealed,
        Ok(None) => {
            let found = format!("none at {}", path.display());
            return [ok("store", found)].into_iter().chain(plain_beside(context)).collect();
        }
        Err(error) => return vec![failed("store", &error)],
    };
    let mut findings = vec![form(path, sealed.form())];
    findings.extend(permissions(path));
    if let Form::Today(header) = sealed.form() {
        findings.push(work(header.parameters));
        findings.push(age(header.password_set));
    }
    findings.extend(context.settings().secrets.password_file.as_deref().and_then(password_file));
    findings.extend(plain_beside(context));
    findings
}

fn content_findings(context: &Context) -> Vec<Finding> {
    let unlocked = match context.secrets().open() {
        Ok(Some(unlocked)) => unlocked,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![failed("content", &error)],
    };
    let document = &unlocked.document;
    let mut findings = vec![ok("content", format!("{} secrets; it opens", document.names().len()))];
    if let Ok(password) = context.secrets().password()
        && let Some(weak) = weakness(&String::from_utf8_lossy(password.reveal()))
    {
        findings.push(warning("password", format!("of the store: {weak}"), "dc secrets rekey"));
    }
    findings.extend(weak_values(document));
    findings.extend(document.cautions().into_iter().map(|caution| warning("content", caution, "dc secrets edit")));
    for name in document.names() {
        if document.entries().iter().filter(|entry| entry.name == name).count() > 1 {
            findings.push(warning(
                "content",
                format!("{name} stands more than once; the last counts"),
                "dc secrets edit",
            ));
        }
    }
    findings
}

fn weak_values(document: &Document) -> Vec<Finding> {
    let names = document.names().into_iter().filter(|name| is_password(name));
    let weak = names.filter_map(|name| Some((name, weakness(document.get(name).map_or("", Secret::reveal))?)));
    weak.map(|(name, weak)| warning("weak", format!("{name}: {weak}"), &format!("dc secrets set {name}"))).collect()
}

fn form(path: &Path, form: Form) -> Finding {
    match form {
        Form::Today(_) => ok("store", format!("{}, Argon2id and AES-256-GCM", path.display())),
        Form::Older => warning(
            "form",
            format!("{} is in the older form: a change of it would not be noticed", path.display()),
            "dc secrets upgrade",
        ),
    }
}

fn permissions(path: &Path) -> Vec<Finding> {
    let Ok(data) = fs::metadata(path) else { return Vec::new() };
    let mut findings = Vec::new();
    match data.mode() & 0o777 {
        mode if mode & 0o077 != 0 => findings.push(broken(
            "permissions",
            format!("others can reach it (mode {mode:o}), and try passwords on a copy"),
            &format!("chmod 600 {}", path.display()),
        )),
        mode => findings.push(ok("permissions", format!("mode {mode:o}"))),
    }
    let own = Uid::effective();
    if data.uid() != own.as_raw() && !own.is_root() {
        findings.push(warning("permissions", "it belongs to another user", &format!("ls -l {}", path.display())));
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let is_open = fs::metadata(folder).is_ok_and(|data| data.mode() & 0o002 != 0 && data.mode() & 0o1000 == 0);
    if is_open {
        let found = format!("everybody can replace it: {} can be written by all", folder.display());
        findings.push(broken("permissions", found, &format!("chmod o-w {}", folder.display())));
    }
    findings
}

fn work(parameters: Parameters) -> Finding {
    let Parameters { memory_kib, passes, lanes } = parameters;
    let found = format!("a try of a password takes {} MiB, {passes} passes, {lanes} lanes", memory_kib >> 10);
    match parameters.is_weak() {
        true => {
            warning("parameters", format!("{found}: less than today's default"), "dc secrets rekey --keep-password")
        }
        false => ok("parameters", found),
    }
}

fn age(password_set: u64) -> Finding {
    let days = unix_seconds().saturating_sub(password_set) / DAY_SECONDS;
    let found = format!("the password was set {days} days ago");
    match days > PASSWORD_DAYS_MAX {
        true => warning("age", found, "dc secrets rekey"),
        false => ok("age", found),
    }
}

fn password_file(path: &Path) -> Option<Finding> {
    let data = match fs::metadata(path) {
        Ok(data) => data,
        Err(cause) => {
            return Some(broken(
                "password file",
                format!("{}: {cause}", path.display()),
                "dc.toml: [secrets] password_file",
            ));
        }
    };
    let mode = data.mode() & 0o777;
    Some(match mode & 0o077 {
        0 => ok("password file", format!("{}, mode {mode:o}", path.display())),
        _ => broken(
            "password file",
            format!("others can read {}", path.display()),
            &format!("chmod 600 {}", path.display()),
        ),
    })
}

fn plain_beside(context: &Context) -> Vec<Finding> {
    let root = &context.settings().project.root;
    let files = PLAIN_NAMES.map(|name| root.join(name)).into_iter().filter(|file| file.is_file());
    files
        .map(|file| {
            let place = file.display();
            warning(
                "plain text",
                format!("{place} may hold secrets as plain text"),
                &format!("dc secrets encrypt {place} && shred -u {place}"),
            )
        })
        .collect()
}

fn ok(what: &'static str, found: impl Into<String>) -> Finding {
    Finding { what, health: Health::Ok, found: found.into(), mend: None }
}

fn warning(what: &'static str, found: impl Into<String>, mend: &str) -> Finding {
    Finding { what, health: Health::Warning, found: found.into(), mend: Some(mend.to_owned()) }
}

fn broken(what: &'static str, found: impl Into<String>, mend: &str) -> Finding {
    Finding { what, health: Health::Failed, found: found.into(), mend: Some(mend.to_owned()) }
}

fn failed(what: &'static str, error: &Error) -> Finding {
    Finding { what, health: Health::Failed, found: error.to_string(), mend: error.hint_text().map(str::to_owned) }
}
