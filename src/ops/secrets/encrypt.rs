//! `dc secrets encrypt`: a store out of a dotenv file.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::{StoreReport, bad_line, check_names};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::secrets::seal::{TEXT_BYTES_MAX, new_key};
use crate::secrets::{Document, MAGICS, Parameters, Password, Writer, weakness};

/// What `dc secrets encrypt` is asked for.
#[derive(Debug, Clone)]
pub struct EncryptOptions {
    /// The dotenv file; `-` for standard input.
    pub input: PathBuf,
    /// Whether a store that is there may be replaced.
    pub replace: bool,
    /// Whether standard input is taken already, by the password.
    pub stdin_is_taken: bool,
}

/// Makes the store of the project out of a dotenv file.
///
/// # Errors
/// Refused (exit 6), when there is a store; usage (exit 2) for a bad line; permission (exit 4) without a password.
pub fn encrypt(context: &Context, options: &EncryptOptions) -> Result<StoreReport> {
    let secrets = context.secrets();
    let path = secrets.path();
    let refuse_present = || match secrets.exists() && !options.replace {
        true => {
            Err(Error::new(ErrorKind::Refused, format!("write the secrets to {}: a store is there", path.display()))
                .hint("`dc secrets edit` changes it; `--replace` takes the new one instead"))
        }
        false => Ok(()),
    };
    refuse_present()?;
    let is_stdin = options.input.as_os_str() == "-";
    if is_stdin && options.stdin_is_taken {
        return Err(super::stdin_is_taken());
    }
    let document = read_document(&options.input, is_stdin)?;
    check_names(&document)?;
    let password = secrets.new_password()?;
    let (key, header) =
        new_key(password.reveal(), Parameters::default(), unix_seconds()).map_err(|flaw| flaw.at(path))?;
    let writer = Writer::of(path)?;
    refuse_present()?;
    writer.write(&key, &header, &document)?;
    let input = options.input.display();
    let plain = (!is_stdin).then(|| {
        let others = std::fs::metadata(&options.input).is_ok_and(|data| data.mode() & 0o077 != 0);
        let who = if others { ", and others can read it" } else { "" };
        format!("{input} still holds them as plain text{who}: `shred -u {input}` takes it away")
    });
    let report = StoreReport::new(path, "encrypted", &document).note(weak_note(&password)).note(plain);
    Ok(report.cautions(&document))
}

/// What to say of a password that others would find.
pub(super) fn weak_note(password: &Password) -> Option<String> {
    let weak = weakness(&String::from_utf8_lossy(password.reveal()))?;
    Some(format!("the password is weak: {weak}. `dc secrets rekey` sets another one"))
}

pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn read_document(input: &Path, is_stdin: bool) -> Result<Document> {
    let place = if is_stdin { "standard input".to_owned() } else { input.display().to_string() };
    let failed = |cause| file_error(format!("read {place}"), cause);
    let bytes = match is_stdin {
        true => read_all(std::io::stdin().lock()),
        false => File::open(input).and_then(read_all),
    };
    let bytes = bytes.map_err(failed)?;
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(Error::new(ErrorKind::Usage, format!("read {place}: a store holds at most 16 MiB")));
    }
    if MAGICS.iter().any(|magic| bytes.starts_with(*magic)) || bytes.starts_with(b"PK\x03\x04") {
        return Err(Error::new(ErrorKind::Usage, format!("read {place} as a dotenv file: it is encrypted already"))
            .hint(format!(
                "`dc secrets decrypt {place}` shows what it holds; `dc secrets upgrade {place}` rewrites it"
            )));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::new(ErrorKind::Usage, format!("read {place} as a dotenv file: it is no UTF-8")))?;
    Document::parse(text).map_err(|bad| bad_line(&place, bad))
}

/// Everything, up to a byte more than a store holds, in one buffer where that is known to be enough.
pub(super) fn read_all(source: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    source.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
