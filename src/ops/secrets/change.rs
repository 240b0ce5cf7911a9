//! `dc secrets set` and `unset`: one value comes or goes, everything else stays as it was.

use std::io::IsTerminal;

use zeroize::Zeroizing;

use super::begun::Begun;
use super::encrypt::read_all;
use super::{StoreReport, check_names, key_of, no_store, unknown_name};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::secrets::{Hide, Sealed, is_name};

/// What `dc secrets set` is asked for. The value is no argument: every user of the machine can read those.
#[derive(Debug, Clone)]
pub struct SetSecretOptions {
    /// The name.
    pub name: String,
    /// How the value is marked; `None` leaves that as it is.
    pub hide: Option<Hide>,
    /// Whether standard input is taken already, by the password.
    pub stdin_is_taken: bool,
}

/// Gives a name a value, which comes from standard input or is asked for. Makes the store where there is none.
///
/// # Errors
/// Usage (exit 2) for a bad name or an empty value; permission (exit 4) for the password.
pub fn set_secret(context: &Context, options: &SetSecretOptions) -> Result<StoreReport> {
    let name = &options.name;
    if !is_name(name) {
        let message = format!("keep a secret as `{name}`: a name has letters, digits and `_`, and no digit first");
        let is_assignment = name.split_once('=').is_some_and(|(name, _)| is_name(name));
        let hint = "the value is no argument, which everybody can read: `dc secrets set NAME <FILE`, or type it unseen";
        let error =
            Error::new(ErrorKind::Usage, if is_assignment { "take a value from the command line" } else { &message });
        return Err(error.hint(hint));
    }
    let secrets = context.secrets();
    let path = secrets.path();
    let value = value_of(context, options)?;
    let writer = secrets.writer(path)?;
    let Begun { mut document, header, key, note } = Begun::of(secrets)?;
    let was_there = document.get(name).is_some();
    document
        .set(name, &value)
        .map_err(|bad| Error::new(ErrorKind::Usage, format!("keep the value of `{name}`: {}", bad.reason)))?;
    if let Some(hide) = options.hide {
        document
            .mark(name, hide)
            .map_err(|bad| Error::new(ErrorKind::Usage, format!("mark the value of `{name}`: {}", bad.reason)))?;
    }
    check_names(&document)?;
    writer.write(&key, &header, &document)?;
    let done = if was_there { format!("{name} has a new value") } else { format!("{name} was added") };
    Ok(StoreReport::new(path, done, &document).note(note))
}

/// Takes names out.
///
/// # Errors
/// Not found (exit 5), when one of them is not there: then none is taken out.
pub fn unset_secrets(context: &Context, names: &[String]) -> Result<StoreReport> {
    let secrets = context.secrets();
    let path = secrets.path();
    let writer = secrets.writer(path)?;
    let sealed = Sealed::read(path)?.ok_or_else(|| no_store(path))?;
    let unlocked = secrets.unlock(&sealed, path)?;
    let (header, key) = key_of(&unlocked, path)?;
    let mut document = unlocked.document;
    for name in names {
        match document.unset(name) {
            Ok(true) => {}
            Ok(false) => return Err(unknown_name(context, &document, name)),
            Err(bad) => return Err(Error::failed(format!("take out `{name}`: {bad}"))),
        }
    }
    writer.write(&key, &header, &document)?;
    Ok(StoreReport::new(path, format!("{} taken out", names.join(", ")), &document))
}

fn value_of(context: &Context, options: &SetSecretOptions) -> Result<Zeroizing<String>> {
    let name = &options.name;
    let is_typed = std::io::stdin().is_terminal();
    if is_typed && context.shell().can_ask() {
        return context.shell().ask_unseen(&format!("Value of {name}: ")).and_then(|value| not_empty(name, value));
    }
    if options.stdin_is_taken {
        return Err(super::stdin_is_taken());
    }
    let mut bytes =
        read_all(std::io::stdin().lock()).map_err(|cause| file_error("read the value from standard input", cause))?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::new(ErrorKind::Usage, format!("keep the value of `{name}`: it is no UTF-8")))?;
    not_empty(name, Zeroizing::new(text.to_owned()))
}

fn not_empty(name: &str, value: Zeroizing<String>) -> Result<Zeroizing<String>> {
    match value.is_empty() {
        true => Err(Error::new(ErrorKind::Usage, format!("keep the value of `{name}`: nothing was given"))
            .hint(format!("`dc secrets set {name} <FILE`; an empty value can be written with `dc secrets edit`"))),
        false => Ok(value),
    }
}
