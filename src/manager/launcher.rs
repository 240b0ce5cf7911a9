//! Starts `dc run`, in a session of its own and with nothing that ties it to us: it goes on when the manager ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::desk::{BY_SCHEDULE, Failed, Starter};
use super::owner::ask_to_end;
use crate::apps::{AppDefinition, detach, is_app};
use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::ident::AppName;
use crate::secrets::{KEY_VARIABLE, NEW_PASSWORD_VARIABLE, PASSWORD_VARIABLE, Secrets};
use crate::settings::Project;
use crate::tables::{Claim, RunRow};

/// What a `dc run` said last: so much of it is kept.
const SAID_BYTES_MAX: u64 = 2_000;

/// So many commands are known by which runs were asked to end; those before have had their time.
const ASKED_MAX: usize = 1_000;

/// The `dc run`s that were started and have not ended, as far as this process knows.
pub(super) struct Launcher {
    dc: PathBuf,
    project: Project,
    secrets: Secrets,
    children: Vec<Started>,
    /// Apps whose run has to give way.
    replaced: Vec<i64>,
    /// Starts by command that have ended before they began a run.
    failed_commands: Vec<FailedCommand>,
    /// The commands by which runs were asked to end.
    asked: BTreeSet<i64>,
    /// Apps that have no folder of their own here and were fetched, with the definition that they have.
    pub(super) fetched: BTreeMap<AppName, String>,
}

/// A start by command that ended badly.
#[derive(Debug, Clone)]
pub(super) struct FailedCommand {
    /// The command.
    pub(super) command: i64,
    /// The exit status of `dc run`.
    pub(super) status: i32,
    /// Its last words.
    pub(super) said: String,
}

enum Purpose {
    Occurrence(Claim),
    Command(i64),
    /// It works a pipeline off.
    Serve(AppName),
}

struct Started {
    child: Child,
    purpose: Purpose,
    /// A file in memory: a `dc run` that outlives us can write to it without waiting for a reader, and a disk has no work
    /// with it.
    said: File,
}

impl Launcher {
    pub(super) fn new(context: &Context) -> Result<Self> {
        let dc = std::env::current_exe().or_fail(|| "find the path of dc itself".to_owned())?;
        let (children, replaced, failed_commands) = (Vec::new(), Vec::new(), Vec::new());
        let (project, secrets) = (context.settings().project.clone(), context.secrets().clone());
        let (asked, fetched) = (BTreeSet::new(), BTreeMap::new());
        Ok(Self { dc, project, secrets, children, replaced, failed_commands, asked, fetched })
    }

    /// Starts an app because a person said so.
    pub(super) fn start_by_command(&mut self, command: i64, app: &AppName, args: Option<&str>, by: &str) -> Result<()> {
        let mut words = vec!["--started-by".to_owned(), by.to_owned()];
        words.extend(args.iter().flat_map(|args| ["--args".to_owned(), (*args).to_owned()]));
        self.spawn(app, &words, Purpose::Command(command))
    }

    /// Asks a run to end, once for each command: who is asked again hurries, and leaves its app no grace. False when its
    /// `dc run` is gone.
    pub(super) fn ask(&mut self, command: i64, run: &RunRow) -> bool {
        if self.asked.contains(&command) {
            return true;
        }
        let is_asked = ask_to_end(run);
        if is_asked {
            self.asked.insert(command);
        }
        if self.asked.len() > ASKED_MAX {
            self.asked.pop_first();
        }
        is_asked
    }

    /// Starts the workers of a pipeline on this machine.
    pub(super) fn serve(&mut self, app: &AppName) -> Result<()> {
        let words = ["--stay", "--started-by", BY_SCHEDULE].map(str::to_owned);
        self.spawn(app, &words, Purpose::Serve(app.clone()))
    }

    /// Whether the workers of a pipeline were started from here, and have not ended.
    pub(super) fn is_serving(&self, app: &AppName) -> bool {
        self.children.iter().any(|started| matches!(&started.purpose, Purpose::Serve(name) if name == app))
    }

    /// Whether the start by this command is still under way.
    pub(super) fn is_starting(&self, command: i64) -> bool {
        self.children.iter().any(|started| matches!(started.purpose, Purpose::Command(id) if id == command))
    }

    /// The starts by command that have ended badly.
    pub(super) fn failed_commands(&mut self) -> Vec<FailedCommand> {
        std::mem::take(&mut self.failed_commands)
    }

    /// The apps whose run has to give way to the next one.
    pub(super) fn replaced(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.replaced)
    }

    fn spawn(&mut self, app: &AppName, words: &[String], purpose: Purpose) -> Result<()> {
        let said = memfd_create("said", MFdFlags::MFD_CLOEXEC).map(File::from).map_err(io::Error::from);
        let said = said.map_err(|cause| file_error("make a file in memory", cause))?;
        let stderr = said.try_clone().map_err(|cause| file_error("make a file in memory", cause))?;
        let mut command = Command::new(&self.dc);
        match self.project.config.is_file() {
            true => command.arg("--config").arg(&self.project.config),
            false => command.arg("--project").arg(&self.project.root),
        };
        command.arg("run").arg(app.to_string()).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).current_dir(&self.project.root);
        let inherited = self.hand_over(&mut command).unwrap_or_else(|error| {
            // an app that needs no secrets runs all the same, and `dc run` tells of one that does
            log::warn!("the key of the secrets is not handed to the run of {app}: {error}");
            None
        });
        detach(&mut command, inherited);
        let child = command.spawn().map_err(|cause| {
            Error::new(ErrorKind::Busy, format!("start {} for {app}", self.dc.display())).because(cause)
        })?;
        self.children.push(Started { child, purpose, said });
        Ok(())
    }

    /// The key of the secrets goes to the child by a pipe, so that it derives nothing; then it needs no password.
    fn hand_over(&self, command: &mut Command) -> Result<Option<OwnedFd>> {
        let pipe = self.secrets.hand_over()?.map(OwnedFd::from);
        if let Some(pipe) = &pipe {
            command.env(KEY_VARIABLE, pipe.as_raw_fd().to_string());
            command.env_remove(PASSWORD_VARIABLE).env_remove(NEW_PASSWORD_VARIABLE);
        }
        Ok(pipe)
    }

    /// Takes the ends of those that have ended.
    fn reap(&mut self) -> Vec<Failed> {
        let mut failed = Vec::new();
        for mut started in std::mem::take(&mut self.children) {
            match started.child.try_wait() {
                Ok(None) => self.children.push(started),
                Ok(Some(status)) if status.success() => {}
                Ok(Some(status)) => {
                    let (status, said) = (code(status), last_words(&mut started.said));
                    match started.purpose {
                        Purpose::Occurrence(claim) => failed.push(Failed { claim, status, said }),
                        Purpose::Serve(app) => {
                            log::warn!("the workers of {app} ended with status {status}: {said}");
                        }
                        Purpose::Command(command) => {
                            self.failed_commands.push(FailedCommand { command, status, said });
                        }
                    }
                }
                Err(error) => log::warn!("the end of a `dc run` was not seen: {error}"),
            }
        }
        failed
    }
}

impl Starter for Launcher {
    fn start(&mut self, claim: &Claim) -> Result<()> {
        let words = ["--occurrence", &format!("{}:{}", claim.occurrence, claim.fence), "--started-by", BY_SCHEDULE];
        self.spawn(&claim.app, &words.map(str::to_owned), Purpose::Occurrence(claim.clone()))
    }

    fn follows(&self, occurrence: i64, fence: i64) -> bool {
        let is_of = |claim: &Claim| (claim.occurrence, claim.fence) == (occurrence, fence);
        self.children.iter().any(|started| matches!(&started.purpose, Purpose::Occurrence(claim) if is_of(claim)))
    }

    fn has(&self, app: &AppName) -> bool {
        is_app(&self.project.apps().join(app.to_string())) || self.fetched.contains_key(app)
    }

    fn has_as(&self, app: &AppName, definition: &str) -> bool {
        let folder = self.project.apps().join(app.to_string());
        match is_app(&folder) {
            true => AppDefinition::read(&folder).is_ok_and(|here| here.to_json() == definition),
            false => self.fetched.get(app).is_some_and(|fetched| fetched == definition),
        }
    }

    fn failed(&mut self) -> Vec<Failed> {
        self.reap()
    }

    fn replace(&mut self, app_id: i64) -> Result<()> {
        if !self.replaced.contains(&app_id) {
            self.replaced.push(app_id);
        }
        Ok(())
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// The end of what it wrote, on one line.
fn last_words(said: &mut File) -> String {
    let length = said.metadata().map(|data| data.len()).unwrap_or_default();
    let mut bytes = Vec::new();
    let start = SeekFrom::Start(length.saturating_sub(SAID_BYTES_MAX));
    // words that cannot be read are no words
    let _ = said.seek(start).and_then(|_| said.take(SAID_BYTES_MAX).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
