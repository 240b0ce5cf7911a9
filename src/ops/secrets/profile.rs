//! `dc secrets install` and `uninstall`: one line in the user's own shell profile, which asks dc for the variables at
//! log-in. Nothing of the secrets stands in it, and no file of the system is touched.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use serde::Serialize;

use super::login_shell::{LoginShell, quote};
use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result, file_error};

/// What `dc secrets install` and `uninstall` are asked for.
#[derive(Debug, Clone, Default)]
pub struct InstallOptions {
    /// The shell; that of `$SHELL` where `None`.
    pub shell: Option<LoginShell>,
    /// Another profile than the shell's own.
    pub profile: Option<PathBuf>,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct InstallReport {
    /// The profile.
    pub profile: PathBuf,
    /// What was done.
    pub done: &'static str,
    /// The line.
    pub line: Option<String>,
}

impl fmt::Display for InstallReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.profile.display(), self.done)?;
        self.line.iter().try_for_each(|line| write!(formatter, "\n  {line}"))
    }
}

/// Adds the line, or brings it up to date.
///
/// # Errors
/// Refused (exit 6), when the profile is not the user's own; what the disk says.
pub fn install_secrets(context: &Context, options: &InstallOptions) -> Result<InstallReport> {
    let (shell, profile) = place(context, options)?;
    let line = line(context, shell)?;
    let before = read(&profile)?;
    let mut lines = without(&before, &mark(context));
    let is_there = before.lines().any(|old| old == line);
    if is_there && lines.len() + line.len() + 1 == before.len() {
        return Ok(InstallReport { profile, done: "the line is there already", line: Some(line) });
    }
    if !lines.is_empty() && !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines.push_str(&line);
    lines.push('\n');
    write(&profile, &lines)?;
    Ok(InstallReport { profile, done: "from the next log-in on, dc is asked for the secrets", line: Some(line) })
}

/// Takes the line of this project out; every other line stays as it is.
///
/// # Errors
/// As [`install_secrets`].
pub fn uninstall_secrets(context: &Context, options: &InstallOptions) -> Result<InstallReport> {
    let (_, profile) = place(context, options)?;
    let before = read(&profile)?;
    let after = without(&before, &mark(context));
    if after == before {
        return Ok(InstallReport { profile, done: "there is no line of this project", line: None });
    }
    write(&profile, &after)?;
    Ok(InstallReport { profile, done: "the line was taken out", line: None })
}

fn place(context: &Context, options: &InstallOptions) -> Result<(LoginShell, PathBuf)> {
    let settings = context.settings();
    let named = settings.foreign_variable("SHELL")?.and_then(|path| path.rsplit('/').next());
    let shell = options.shell.unwrap_or(match named {
        Some("bash") => LoginShell::Bash,
        Some("zsh") => LoginShell::Zsh,
        Some("fish") => LoginShell::Fish,
        _ => LoginShell::Sh,
    });
    if let Some(profile) = &options.profile {
        return own(profile).map(|profile| (shell, profile));
    }
    let home = settings.path_variable("HOME").ok_or_else(|| {
        Error::new(ErrorKind::Settings, "find your home folder: HOME is not set").hint("or name `--profile FILE`")
    })?;
    let folder = |name: &str, default: &str| settings.path_variable(name).unwrap_or_else(|| home.join(default));
    let profile = match shell {
        LoginShell::Sh => home.join(".profile"),
        // bash reads the first of them alone
        LoginShell::Bash => [".bash_profile", ".bash_login", ".profile"]
            .map(|name| home.join(name))
            .into_iter()
            .find(|file| file.exists())
            .unwrap_or_else(|| home.join(".profile")),
        LoginShell::Zsh => folder("ZDOTDIR", "").join(".zprofile"),
        LoginShell::Fish => folder("XDG_CONFIG_HOME", ".config").join("fish/conf.d/dc-secrets.fish"),
    };
    own(&profile).map(|profile| (shell, profile))
}

/// The file behind a profile, which must be the user's: never one of the system, nor of somebody else.
fn own(profile: &Path) -> Result<PathBuf> {
    let profile = profile.canonicalize().unwrap_or_else(|_| profile.to_owned());
    let existing = profile.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let owner = fs::metadata(existing).map_err(|cause| file_error(format!("look at {}", existing.display()), cause))?;
    let is_system = ["/etc", "/usr", "/lib", "/opt", "/var"].iter().any(|folder| profile.starts_with(folder));
    if is_system || owner.uid() != Uid::effective().as_raw() {
        let message = format!("change {}: it is not a profile of your own", profile.display());
        return Err(Error::new(ErrorKind::Refused, message).hint("name one of yours: `--profile FILE`"));
    }
    Ok(profile)
}

/// What the line of a project ends in.
fn mark(context: &Context) -> String {
    format!("# dc secrets of {}", context.settings().project.root.display())
}

fn line(context: &Context, shell: LoginShell) -> Result<String> {
    let dc = std::env::current_exe().or_fail(|| "find the path of dc itself".to_owned())?;
    let project = &context.settings().project;
    let (flag, place) = match project.config.is_file() {
        true => ("--config", &project.config),
        false => ("--project", &project.root),
    };
    let quoted = |path: &Path| {
        let mut word = String::new();
        quote(&mut word, shell, &path.to_string_lossy());
        word
    };
    let (dc, place, mark) = (quoted(&dc), quoted(place), mark(context));
    let line = match shell {
        LoginShell::Fish => {
            format!("test -x {dc}; and {dc} {flag} {place} secrets export --shell fish --at-login | source {mark}")
        }
        _ => format!("[ -x {dc} ] && eval \"$({dc} {flag} {place} secrets export --at-login)\" {mark}"),
    };
    match line.contains('\n') {
        true => {
            Err(Error::new(ErrorKind::Usage, "write one line: a line end stands in the path of the project or of dc"))
        }
        false => Ok(line),
    }
}

fn without(text: &str, mark: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.trim_end_matches(['\n', '\r']).ends_with(mark)).collect()
}

fn read(profile: &Path) -> Result<String> {
    match fs::read_to_string(profile) {
        Ok(text) => Ok(text),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(cause) => Err(file_error(format!("read {}", profile.display()), cause)),
    }
}

/// In one step, with the mode that it had: a profile that is half written locks people out.
fn write(profile: &Path, text: &str) -> Result<()> {
    let failed = |cause| file_error(format!("write {}", profile.display()), cause);
    let folder = profile.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(failed)?;
    let mode = fs::metadata(profile).map(|data| data.permissions());
    let mut file = tempfile::Builder::new().prefix(".dc-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    if let Ok(mode) = mode {
        file.as_file().set_permissions(mode).map_err(failed)?;
    }
    file.as_file().sync_all().map_err(failed)?;
    file.persist(profile).map(|_| ()).map_err(|error| failed(error.error))
}
