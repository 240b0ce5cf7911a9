//! `dc secrets`: one operation each.

mod begun;
mod change;
mod check;
mod edit;
mod encrypt;
mod exec;
mod export;
mod login_shell;
mod profile;
mod read;
mod rekey;

pub use crate::secrets::{Hide, NEW_PASSWORD_VARIABLE, Parameters, PasswordSources};
pub use change::{SetSecretOptions, set_secret, unset_secrets};
pub use check::check_secrets;
pub(super) use check::store_findings;
pub use edit::edit_secrets;
pub use encrypt::{EncryptOptions, encrypt};
pub(super) use exec::given as given_names;
pub use exec::{ExecOptions, exec};
pub use export::{ExportOptions, export_secrets};
pub use login_shell::LoginShell;
pub use profile::{InstallOptions, InstallReport, install_secrets, uninstall_secrets};
pub use read::{DecryptOptions, SecretNames, SecretText, SecretValue, decrypt, get_secret, list_secrets};
pub use rekey::{RekeyOptions, rekey, upgrade};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::secrets::{BadLine, Document, GIVEN_VARIABLE, Header, Key, Secrets, Unlocked, WITHHELD_VARIABLE};

/// What dc gives an app, or takes from its environment, itself.
pub(super) const RESERVED: [&str; 11] = [
    "DC_APP",
    "DC_APP_ID",
    "DC_ARGS",
    "DC_BIN",
    "DC_CONFIG",
    "DC_RUNTIME",
    crate::secrets::KEY_VARIABLE,
    NEW_PASSWORD_VARIABLE,
    crate::secrets::PASSWORD_VARIABLE,
    GIVEN_VARIABLE,
    WITHHELD_VARIABLE,
];

/// What was done to a store.
#[derive(Debug, Clone, Serialize)]
pub struct StoreReport {
    /// The store.
    pub path: PathBuf,
    /// What was done.
    pub done: String,
    /// How many secrets it holds.
    pub secrets: usize,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

impl StoreReport {
    fn new(path: &Path, done: impl Into<String>, document: &Document) -> Self {
        Self { path: path.to_owned(), done: done.into(), secrets: document.names().len(), notes: Vec::new() }
    }

    /// What other programs would read otherwise: `dc secrets --help` has the rules.
    fn cautions(mut self, document: &Document) -> Self {
        self.notes.extend(document.cautions());
        self
    }

    fn note(mut self, note: Option<String>) -> Self {
        self.notes.extend(note);
        self
    }
}

impl fmt::Display for StoreReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {} holds {} secrets", self.done, self.path.display(), self.secrets)?;
        self.notes.iter().try_for_each(|note| write!(formatter, "\n{note}"))
    }
}

/// The store, opened; an error where there is none.
fn opened(secrets: &Secrets) -> Result<Arc<Unlocked>> {
    secrets.open()?.ok_or_else(|| no_store(secrets.path()))
}

fn no_store(path: &Path) -> Error {
    Error::new(ErrorKind::NotFound, format!("find the secrets in {}: there is no such file", path.display()))
        .hint("`dc secrets set NAME` begins a store, `dc secrets encrypt FILE` makes one of a dotenv file")
}

/// The key of a store in today's form, which alone is written.
fn key_of(unlocked: &Unlocked, path: &Path) -> Result<(Header, Key)> {
    unlocked.key.clone().ok_or_else(|| {
        let message =
            format!("change the secrets in {}: they are in the older form, which is only read", path.display());
        Error::new(ErrorKind::Refused, message).hint("`dc secrets upgrade` rewrites them in today's form")
    })
}

/// Names that dc itself gives, or takes from every environment, are none for a secret.
fn check_names(document: &Document) -> Result<()> {
    match document.names().iter().find(|name| RESERVED.contains(name)) {
        Some(name) => Err(Error::new(ErrorKind::Usage, format!("keep `{name}` as a secret: dc itself uses that name"))),
        None => Ok(()),
    }
}

fn bad_line(what: &str, bad: BadLine) -> Error {
    Error::new(ErrorKind::Usage, format!("read {what} as a dotenv file: {bad}"))
        .hint("a line is NAME=value, or begins with #; a value with spaces stands in '..' or \"..\"")
}

fn unknown_name(context: &Context, document: &Document, name: &str) -> Error {
    let path = context.secrets().path().display();
    let near = document.names().into_iter().min_by_key(|known| strsim::osa_distance(known, name));
    let error = Error::new(ErrorKind::NotFound, format!("find the secret `{name}` in {path}"));
    match near.filter(|near| strsim::osa_distance(near, name) <= 2) {
        Some(near) => error.hint(format!("did you mean `{near}`? `dc secrets list` shows all names")),
        None => error.hint("`dc secrets list` shows all names"),
    }
}

fn stdin_is_taken() -> Error {
    Error::new(ErrorKind::Usage, "read standard input: the password comes from there already")
        .hint("give the password on another descriptor: `--password-fd 3 3<FILE`")
}
