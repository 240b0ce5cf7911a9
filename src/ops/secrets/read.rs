//! `dc secrets decrypt`, `list` and `get`: what a store holds.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{no_store, opened, unknown_name};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::secrets::{Sealed, Unlocked};
use crate::settings::Secret;

/// What `dc secrets decrypt` is asked for.
#[derive(Debug, Clone, Default)]
pub struct DecryptOptions {
    /// Another file than the store of the project.
    pub file: Option<PathBuf>,
    /// Whether a terminal may show it.
    pub show: bool,
}

/// The plain text: as it is, or as one JSON object of names and values.
pub struct SecretText(Arc<Unlocked>);

impl fmt::Display for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.document.text())
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = &self.0.document;
        let mut map = serializer.serialize_map(None)?;
        for name in document.names() {
            map.serialize_entry(name, document.get(name).map_or("", Secret::reveal))?;
        }
        map.end()
    }
}

/// The names of a store.
#[derive(Debug, Clone, Serialize)]
pub struct SecretNames {
    /// The store.
    pub path: PathBuf,
    /// The names, in their order.
    pub names: Vec<String>,
}

impl fmt::Display for SecretNames {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.names.join("\n"))
    }
}

/// One value.
#[derive(Serialize)]
pub struct SecretValue {
    name: String,
    #[serde(serialize_with = "revealed")]
    value: Secret,
}

fn revealed<S: Serializer>(value: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.reveal())
}

impl fmt::Display for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.value.reveal())
    }
}

/// Decrypts a store of today's or the older form.
///
/// # Errors
/// Refused (exit 6) on a terminal without `show`; permission (exit 4) for a wrong password or a damaged file.
pub fn decrypt(context: &Context, options: &DecryptOptions) -> Result<SecretText> {
    if context.shell().out_is_terminal() && !options.show {
        return Err(Error::new(ErrorKind::Refused, "decrypt to a terminal, where everybody behind you reads along")
            .hint("`dc secrets decrypt --show`, or `dc secrets decrypt | less`, or only `dc secrets get NAME`"));
    }
    let secrets = context.secrets();
    let Some(file) = &options.file else { return opened(secrets).map(SecretText) };
    let sealed = Sealed::read(file)?.ok_or_else(|| no_store(file))?;
    secrets.unlock(&sealed, file).map(Arc::new).map(SecretText)
}

/// The names, without their values.
///
/// # Errors
/// As [`decrypt`]; not found (exit 5) without a store.
pub fn list_secrets(context: &Context) -> Result<SecretNames> {
    let unlocked = opened(context.secrets())?;
    let names = unlocked.document.names().into_iter().map(str::to_owned).collect();
    Ok(SecretNames { path: context.secrets().path().to_owned(), names })
}

/// One value.
///
/// # Errors
/// Not found (exit 5), with the name that was likely meant.
pub fn get_secret(context: &Context, name: &str) -> Result<SecretValue> {
    let unlocked = opened(context.secrets())?;
    let value = unlocked.document.get(name).cloned();
    let value = value.ok_or_else(|| unknown_name(context, &unlocked.document, name))?;
    Ok(SecretValue { name: name.to_owned(), value })
}
