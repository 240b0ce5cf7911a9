//! `dc secrets export`: the secrets as assignments for a shell, which asks for them at log-in.

use std::fmt;

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::exec::given;
use super::login_shell::{LoginShell, quote};
use super::{RESERVED, opened};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::secrets::GIVEN_VARIABLE;
use crate::settings::Secret;

/// What `dc secrets export` is asked for.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// Whose words to use; those of POSIX shells where `None`.
    pub shell: Option<LoginShell>,
    /// Whether it is asked at log-in: then a store that is gone, or locked with nobody to ask, is no error.
    pub at_login: bool,
}

/// Assignments for a shell.
pub struct Assignments(Zeroizing<String>);

impl Serialize for Assignments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Assignments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The assignments of all secrets.
///
/// # Errors
/// Refused (exit 6) on a terminal; as for every use of the store.
pub fn export_secrets(context: &Context, options: &ExportOptions) -> Result<Assignments> {
    if context.shell().out_is_terminal() {
        return Err(Error::new(ErrorKind::Refused, "write the secrets to a terminal").hint(
            "`eval \"$(dc secrets export)\"` sets them in this shell; `dc secrets install` does so at each log-in",
        ));
    }
    let secrets = context.secrets();
    if options.at_login && (!secrets.exists() || !secrets.can_open()) {
        return Ok(Assignments(Zeroizing::default()));
    }
    let unlocked = opened(secrets)?;
    let document = &unlocked.document;
    let names: Vec<&str> = document.names().into_iter().filter(|name| !RESERVED.contains(name)).collect();
    let shell = options.shell.unwrap_or(LoginShell::Sh);
    let mut text = Zeroizing::new(String::with_capacity(4 * document.text().len() + 64 * names.len() + 256));
    for name in &names {
        assign(&mut text, shell, name, document.get(name).map_or("", Secret::reveal));
    }
    assign(&mut text, shell, GIVEN_VARIABLE, &given(&names));
    Ok(Assignments(text))
}

fn assign(text: &mut String, shell: LoginShell, name: &str, value: &str) {
    text.push_str(if shell == LoginShell::Fish { "set -gx " } else { "export " });
    text.push_str(name);
    text.push(if shell == LoginShell::Fish { ' ' } else { '=' });
    quote(text, shell, value);
    text.push_str(if shell == LoginShell::Fish { "\n" } else { ";\n" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_shell_reads_what_was_meant() {
        for value in ["plain", "it's", "a\nb", "$HOME `id` \\ \"", "'", "\\'", "\u{e9}", ""] {
            let mut text = String::new();
            assign(&mut text, LoginShell::Sh, "X", value);
            let output = Command::new("sh").args(["-c", &format!("{text}printf %s \"$X\"")]).output().expect("sh");
            assert_eq!(String::from_utf8_lossy(&output.stdout), value);
        }
    }
}
