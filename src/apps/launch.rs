//! Starting a program, and telling a person what is wrong with one that does not start.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::libc;

use super::control_group::ControlGroup;
use super::definition::is_executable;
use super::limits::Limits;
use super::system_call::{in_own_session, in_own_session_and_group};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Secret;

/// How often a program that is still being written is tried again.
const BUSY_TRIES_MAX: u32 = 100;
/// The pause before such a try.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// The bytes of a program that show what it is; the system reads 256 for the interpreter.
const HEAD_BYTES: u64 = 512;

/// The variable that marks the processes of a run.
pub const RUNTIME_VARIABLE: &str = "DC_RUNTIME";

/// A program to be started and kept in bounds.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program: a path, taken from `folder` where it is relative, or a bare word that is found on PATH.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its working folder.
    pub folder: PathBuf,
    /// Variables for its environment, which is ours besides. Where the one that marks its processes is missing, it is
    /// made up.
    pub environment: Vec<(String, OsString)>,
    /// Variables of ours that it does not get; `environment` comes after.
    pub environment_removed: Vec<String>,
    /// Secrets for its environment; `environment` comes after.
    pub secrets: Vec<(String, Secret)>,
    /// How long it may run; `None` for ever.
    pub timeout: Option<Duration>,
    /// The time between TERM and KILL.
    pub grace: Duration,
    /// What it may take of the machine, and whose it is.
    pub limits: Limits,
    /// Whether this process supervises nothing else meanwhile, as `dc run` does: then no process of the app escapes.
    pub alone: bool,
    /// The variable that marks its processes, and must be its own: [`RUNTIME_VARIABLE`] for a run.
    pub mark: &'static str,
}

impl Launch {
    /// Starts the program in its own session, with nothing to read and its output in pipes.
    ///
    /// # Errors
    /// Not found (exit 5) for a program, interpreter or folder that is missing; permission (exit 4) for what cannot be
    /// executed; busy (exit 75) when the system has no room for a process.
    pub(super) fn start(&self, marker: &OsString, group: Option<&ControlGroup>) -> Result<Child> {
        self.check_first_line()?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder);
        self.environment_removed.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.envs(self.secrets.iter().map(|(name, value)| (name, value.reveal())));
        command.envs(self.limits.environment());
        command.env(self.mark, marker);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let bounds = self.limits.bounds(group.map(ControlGroup::folder))?;
        match group.and_then(ControlGroup::door) {
            Some(door) => in_own_session_and_group(&mut command, door, move || bounds.set()),
            None => in_own_session(&mut command, move || bounds.set()),
        }
        let mut tries = 0;
        loop {
            match command.spawn() {
                Ok(child) => return Ok(child),
                // somebody still writes it, or a process forked just now has not closed it yet
                Err(cause) if cause.raw_os_error() == Some(libc::ETXTBSY) && tries < BUSY_TRIES_MAX => {
                    tries += 1;
                    thread::sleep(BUSY_PAUSE);
                }
                Err(cause) => return Err(self.explain(cause)),
            }
        }
    }

    /// The program's file, where its place is known.
    fn file(&self) -> Option<PathBuf> {
        self.program.as_os_str().as_bytes().contains(&b'/').then(|| self.folder.join(&self.program))
    }

    /// The C library gives a text without an interpreter to /bin/sh, which makes strange shell of Python.
    fn check_first_line(&self) -> Result<()> {
        let Some(file) = self.file().filter(|file| is_executable(file)) else { return Ok(()) };
        let Some(head) = head(&file) else { return Ok(()) };
        if head.starts_with(b"#!") || head.contains(&0) {
            return Ok(());
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            let message = format!("start {}: it begins with a byte order mark, as Windows writes", file.display());
            return Err(Error::new(ErrorKind::Permission, message)
                .hint(format!("take the mark away: `sed -i '1s/^\\xef\\xbb\\xbf//' {}`", file.display())));
        }
        Err(self.no_format(&file))
    }

    fn no_format(&self, file: &Path) -> Error {
        let message = format!("start {}: it is a text without a first line that names its interpreter", file.display());
        Error::new(ErrorKind::Permission, message)
            .hint("begin it with a line such as `#!/usr/bin/env python3`, or name the interpreter in `command`")
    }

    fn explain(&self, cause: io::Error) -> Error {
        let program = self.file().unwrap_or_else(|| self.program.clone());
        let error = |kind, reason: &str| Error::new(kind, format!("start {}{reason}", program.display()));
        match cause.raw_os_error() {
            Some(libc::ENOENT) => self.explain_missing(),
            Some(libc::ENOTDIR) => error(ErrorKind::NotFound, "").because(cause),
            Some(libc::EACCES | libc::EPERM) => self.explain_refused(cause),
            Some(libc::ENOEXEC) if head(&program).is_some_and(|head| !head.contains(&0)) => self.no_format(&program),
            Some(libc::ENOEXEC) => error(ErrorKind::Permission, ": it was built for another kind of machine")
                .because(cause)
                .hint(format!("`file {}` shows for which", program.display())),
            Some(libc::E2BIG) => error(ErrorKind::Failed, ": its arguments and environment are too long")
                .because(cause)
                .hint("hand over long input in a file, not in --args"),
            Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
                error(ErrorKind::Busy, "").because(cause)
            }
            _ => error(ErrorKind::Failed, "").because(cause),
        }
    }

    fn explain_missing(&self) -> Error {
        let missing = |message: String| Error::new(ErrorKind::NotFound, message);
        if !self.folder.is_dir() {
            return missing(format!(
                "start {} in {}: that folder is not there",
                self.program.display(),
                self.folder.display()
            ));
        }
        let Some(file) = self.file() else {
            let program = self.program.display();
            return missing(format!("find the program `{program}` on PATH")).hint(format!(
                "install `{program}`, or name a program of the app's folder with a slash: `./{program}`"
            ));
        };
        if !file.exists() {
            return missing(format!("find the program {}", file.display()))
                .hint("name the program that is there in app.toml: command = [\"./NAME\"]");
        }
        match interpreter(&file) {
            Some(interpreter) if interpreter.ends_with('\r') => {
                missing(format!("start {}: its first line ends in a carriage return, as on Windows", file.display()))
                    .hint(format!("`sed -i 's/\\r$//' {}`", file.display()))
            }
            Some(interpreter) => missing(format!(
                "start {}: the interpreter `{interpreter}` of its first line is not there",
                file.display()
            ))
            .hint(format!(
                "install `{interpreter}`, or name another in the first line, such as `#!/usr/bin/env python3`"
            )),
            None => missing(format!("start {}: the loader that it was linked for is not there", file.display()))
                .hint(format!("`file {}` shows the loader; build the program for this system", file.display())),
        }
    }

    fn explain_refused(&self, cause: io::Error) -> Error {
        let file = self.file().unwrap_or_else(|| self.program.clone());
        let refused = |reason: &str| Error::new(ErrorKind::Permission, format!("start {}{reason}", file.display()));
        if file.is_dir() {
            return refused(": it is a folder").hint("name a program in app.toml: command = [\"./NAME\"]");
        }
        if file.is_file() && !is_executable(&file) {
            return refused(": it is not executable").hint(format!("`chmod +x {}`", file.display()));
        }
        match interpreter(&file) {
            Some(interpreter) if !is_executable(Path::new(&interpreter)) => {
                refused(&format!(": the interpreter `{interpreter}` of its first line is not executable"))
                    .hint("name the interpreter in the first line, such as `#!/usr/bin/env python3`")
            }
            _ => refused("").because(cause).hint(format!(
                "`namei -l {}` shows the permissions on its way; a file system may also forbid programs (noexec)",
                file.display()
            )),
        }
    }
}

fn head(file: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    fs::File::open(file).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(head)
}

/// The interpreter that the first line names; with the carriage return that makes it another name.
fn interpreter(file: &Path) -> Option<String> {
    let head = head(file)?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    line.trim_start_matches([' ', '\t']).split([' ', '\t']).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn start(content: Option<&str>, mode: u32, program: &str) -> Error {
        let folder = tempfile::tempdir().expect("a folder");
        if let Some(content) = content {
            let file = folder.path().join(program);
            fs::write(&file, content).expect("a file");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
        }
        let launch = Launch {
            program: program.into(),
            arguments: Vec::new(),
            folder: folder.path().to_owned(),
            environment: Vec::new(),
            environment_removed: Vec::new(),
            secrets: Vec::new(),
            timeout: None,
            grace: Duration::ZERO,
            limits: Limits::default(),
            alone: false,
            mark: RUNTIME_VARIABLE,
        };
        launch.start(&"test".into(), None).expect_err("no start")
    }

    #[test]
    fn what_does_not_start_says_why_and_what_to_do() {
        let cases = [
            (None, 0, "./main", ErrorKind::NotFound, "find the program", "app.toml"),
            (None, 0, "no-such-program-dc", ErrorKind::NotFound, "on PATH", "install"),
            (Some("#!/bin/sh\n"), 0o644, "./main", ErrorKind::Permission, "not executable", "chmod +x"),
            (Some("print(1)\n"), 0o755, "./main", ErrorKind::Permission, "first line", "#!/usr/bin/env"),
            (Some(""), 0o755, "./main", ErrorKind::Permission, "first line", "#!/usr/bin/env"),
            (Some("#!/no/such/python -u\n"), 0o755, "./main", ErrorKind::NotFound, "`/no/such/python`", "install"),
            (Some("#!/bin/sh\r\necho\r\n"), 0o755, "./main", ErrorKind::NotFound, "carriage return", "sed -i"),
            (Some("#!/etc/passwd\n"), 0o755, "./main", ErrorKind::Permission, "`/etc/passwd`", "first line"),
            (None, 0, "./", ErrorKind::Permission, "a folder", "command"),
        ];
        for (content, mode, program, kind, expected, hint) in cases {
            let error = start(content, mode, program);
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(error.to_string().contains(expected), "{expected}: {error:?}");
            assert!(error.hint_text().is_some_and(|text| text.contains(hint)), "{hint}: {error:?}");
        }
    }
}
