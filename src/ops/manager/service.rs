//! `dc manager service`: a systemd unit that is right for this machine and project.

use std::fmt;

use serde::Serialize;

use crate::context::Context;
use crate::error::{OrFail, Result};

/// A unit file.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceUnit {
    /// Its text.
    pub unit: String,
}

impl fmt::Display for ServiceUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.unit)
    }
}

/// Writes the unit for the project, this user and this dc.
///
/// # Errors
/// When the path of dc itself cannot be found.
pub fn service_unit(context: &Context) -> Result<ServiceUnit> {
    let settings = context.settings();
    let dc = std::env::current_exe().or_fail(|| "find the path of dc itself".to_owned())?;
    let (dc, root) = (quoted(&dc.display().to_string()), settings.project.root.display().to_string());
    let quoted_root = quoted(&root);
    let root = plain(&root);
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::current()).ok().flatten();
    let user = user.map_or_else(|| settings.user.clone(), |user| user.name);
    let after = settings.database(crate::settings::MAIN)?.target.unit();
    let after = after.map(|unit| format!(" {unit}")).unwrap_or_default();
    Ok(ServiceUnit {
        unit: format!(
            "# Put this into /etc/systemd/system/dc-manager.service, then:\n\
             #   systemctl daemon-reload && systemctl enable --now dc-manager\n\
             [Unit]\n\
             Description=Data Collector, manager of {root}\n\
             After=network-online.target{after}\n\
             Wants=network-online.target\n\
             \n\
             [Service]\n\
             Type=exec\n\
             User={user}\n\
             WorkingDirectory={root}\n\
             ExecStart={dc} --project {quoted_root} manager start\n\
             # variables such as DC_DB_MAIN_PASSWORD, readable by root alone\n\
             EnvironmentFile=-/etc/dc/manager.env\n\
             # the password of the secrets, where there are any, from a file that root alone can read\n\
             #LoadCredential=password:/etc/dc/password\n\
             #Environment=DC_SECRETS_PASSWORD_FILE=%d/password\n\
             Restart=always\n\
             RestartSec=5\n\
             # apps that run go on when the manager is stopped or upgraded\n\
             KillMode=process\n\
             # their processes may be moved into control groups of their own, and ended as one\n\
             Delegate=yes\n\
             \n\
             [Install]\n\
             WantedBy=multi-user.target\n",
        ),
    })
}

/// A text as systemd takes it: of itself it would put other things in place of `%n`.
fn plain(text: &str) -> String {
    text.replace('%', "%%")
}

/// A word of a command as systemd takes it: `$NAME` would be a variable there, too.
fn quoted(word: &str) -> String {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte));
    if is_plain {
        return word.to_owned();
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$");
    format!("\"{}\"", plain(&escaped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_would_replace_is_doubled() {
        assert_eq!(quoted("/srv/a"), "/srv/a");
        assert_eq!(quoted("/srv/100% $HOME \"x\""), "\"/srv/100%% $$HOME \\\"x\\\"\"");
        assert_eq!(plain("/srv/50%n"), "/srv/50%%n");
    }
}
