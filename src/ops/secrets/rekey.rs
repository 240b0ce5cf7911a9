//! `dc secrets rekey` and `upgrade`: the same secrets under another password, more work, or today's form.

use std::path::Path;

use super::encrypt::{unix_seconds, weak_note};
use super::{StoreReport, no_store};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::secrets::seal::new_key;
use crate::secrets::{Form, Header, Parameters, Password, PasswordSources, Sealed, ask_twice};
use crate::settings::Secret;

/// What `dc secrets rekey` is asked for.
#[derive(Debug, Clone, Default)]
pub struct RekeyOptions {
    /// Whether the password stays, and only the parameters or the salt change.
    pub keep_password: bool,
    /// Where the new password comes from, besides `DC_SECRET_PASSWORD_NEW` and a person.
    pub new_password: PasswordSources,
    /// Argon2id's memory, in MiB; as before where `None`.
    pub memory_mib: Option<u32>,
    /// Its passes.
    pub passes: Option<u32>,
    /// Its lanes.
    pub lanes: Option<u32>,
}

/// Writes the store anew, with a new salt, and with a new password or other parameters.
///
/// # Errors
/// Permission (exit 4) for either password; usage (exit 2) for parameters out of bounds, or weaker than the default.
pub fn rekey(context: &Context, options: &RekeyOptions) -> Result<StoreReport> {
    let secrets = context.secrets();
    let path = secrets.path();
    let writer = secrets.writer(path)?;
    let sealed = Sealed::read(path)?.ok_or_else(|| no_store(path))?;
    let before = match sealed.form() {
        Form::Today(header) => header.parameters,
        Form::Older => {
            return Err(Error::new(ErrorKind::Refused, format!("rekey {}: it is in the older form", path.display()))
                .hint("`dc secrets upgrade` rewrites it in today's form"));
        }
    };
    let parameters = parameters(before, options)?;
    let unlocked = secrets.unlock(&sealed, path)?;
    let (password, is_new) = match options.keep_password {
        true => (secrets.password()?, false),
        false => (new_password(context, options, path)?, true),
    };
    let old_set = match sealed.form() {
        Form::Today(Header { password_set, .. }) => password_set,
        Form::Older => 0,
    };
    let set = if is_new { unix_seconds() } else { old_set };
    let (key, header) = new_key(password.reveal(), parameters, set).map_err(|flaw| flaw.at(path))?;
    writer.write(&key, &header, &unlocked.document)?;
    let Parameters { memory_kib, passes, lanes } = parameters;
    let what = if is_new { "a new password" } else { "the same password" };
    let done = format!("rekeyed with {what}: Argon2id over {} MiB, {passes} passes, {lanes} lanes", memory_kib >> 10);
    Ok(StoreReport::new(path, done, &unlocked.document).note(if is_new { weak_note(&password) } else { None }))
}

/// Rewrites a file of the older form, or one that another tool has packed, as today's store. It is replaced only when
/// the new one is on disk and opens.
///
/// # Errors
/// As [`rekey`].
pub fn upgrade(context: &Context, file: Option<&Path>) -> Result<StoreReport> {
    let secrets = context.secrets();
    let path = file.unwrap_or(secrets.path());
    let writer = secrets.writer(path)?;
    let sealed = Sealed::read(path)?.ok_or_else(|| no_store(path))?;
    let unlocked = secrets.unlock(&sealed, path)?;
    if let (Form::Today(_), true) = (sealed.form(), sealed.is_packed()) {
        return Ok(StoreReport::new(path, "nothing to do: it is in today's form", &unlocked.document));
    }
    let (key, header, note) = match unlocked.key {
        Some((header, key)) => (key, header, None),
        None => {
            let password = secrets.password()?;
            let made = new_key(password.reveal(), Parameters::default(), unix_seconds());
            let (key, header) = made.map_err(|flaw| flaw.at(path))?;
            (key, header, weak_note(&password))
        }
    };
    writer.write(&key, &header, &unlocked.document)?;
    let elsewhere = (path != secrets.path()).then(|| {
        format!(
            "dc takes its secrets from {}: `mv {} {}`",
            secrets.path().display(),
            path.display(),
            secrets.path().display()
        )
    });
    Ok(StoreReport::new(path, "rewritten in today's form", &unlocked.document).note(note).note(elsewhere))
}

fn parameters(before: Parameters, options: &RekeyOptions) -> Result<Parameters> {
    let parameters = Parameters {
        memory_kib: options.memory_mib.map_or(before.memory_kib, |memory_mib| memory_mib.saturating_mul(1 << 10)),
        passes: options.passes.unwrap_or(before.passes),
        lanes: options.lanes.unwrap_or(before.lanes),
    };
    let refused = |message: &str| {
        let hint = "from 64 MiB and 3 passes up to 1024 MiB and 64 passes, and memory times passes at most 16 GiB";
        Error::new(ErrorKind::Usage, format!("rekey with these parameters: {message}")).hint(hint)
    };
    let parameters = parameters.check().map_err(|_| refused("they are out of bounds"))?;
    let is_asked = options.memory_mib.is_some() || options.passes.is_some();
    match parameters.is_weak() && is_asked {
        true => Err(refused("they are weaker than the default")),
        // what another tool has made weaker is raised
        false if parameters.is_weak() => Ok(Parameters::default()),
        false => Ok(parameters),
    }
}

fn new_password(context: &Context, options: &RekeyOptions, path: &Path) -> Result<Password> {
    let variable = context.settings().variable(crate::secrets::NEW_PASSWORD_VARIABLE).map(Secret::new);
    let sources = PasswordSources { variable, ..options.new_password.clone() };
    match sources.read()? {
        Some(password) => Ok(password),
        None if context.shell().can_ask() => ask_twice(context.shell(), path),
        None => Err(Error::new(ErrorKind::Permission, "rekey: no new password is given").hint(
            "set DC_SECRET_PASSWORD_NEW, or give `--new-password-file FILE` or `--new-password-fd 4`, or `--keep-password`",
        )),
    }
}
