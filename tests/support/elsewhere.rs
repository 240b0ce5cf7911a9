//! Another place for processes, as containers and other machines are: a PID namespace of its own, and perhaps a host name.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::support::manager::wait_for;
use crate::support::needs::has_program;
use crate::support::{clean, same_by, signal};

/// A `dc` in a PID namespace, where it is process 1. It goes with this value, with all that it started.
pub(crate) struct Elsewhere(Option<Child>);

/// Whether namespaces can be made here.
pub(crate) fn can_be() -> bool {
    let mut command = clean("unshare");
    has_program("namespaces", command.args(["--uts", "--pid", "--fork", "--mount-proc", "true"]))
}

impl Elsewhere {
    /// Starts a dc command there; with a `host`, its machine has that name.
    pub(crate) fn start(host: Option<&str>, command: &Command) -> Self {
        Self::start_by("exec", host, command)
    }

    /// The same, where dc is not process 1: that one cannot kill itself.
    pub(crate) fn start_second(host: Option<&str>, command: &Command) -> Self {
        Self::start_by("", host, command)
    }

    fn start_by(exec: &str, host: Option<&str>, command: &Command) -> Self {
        let mut before = vec!["--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"];
        let script = match host {
            Some(host) => format!("hostname {host}; {exec} \"$0\" \"$@\"; exit $?"),
            None => format!("{exec} \"$0\" \"$@\"; exit $?"),
        };
        before.extend([script.as_str(), env!("CARGO_BIN_EXE_dc")]);
        let mut command = same_by(Path::new("unshare"), &before, command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().expect("unshare starts")))
    }

    /// Sends dc there a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.first().parse().expect("one process"));
    }

    /// The number of its process 1, as it is seen from here.
    fn first(&self) -> String {
        let unshare = self.0.as_ref().expect("it runs").id();
        let children = || std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).expect("/proc");
        wait_for("a process there", 20, || !children().trim().is_empty());
        children().trim().to_owned()
    }

    /// Gives its process 1 a child whose parent has ended, and that has ended itself.
    pub(crate) fn adopt(&self) {
        let entered = ["--target", &self.first(), "--pid", "--mount", "sh", "-c", "(sleep 0.2 &)"];
        assert!(clean("nsenter").args(entered).status().expect("nsenter starts").success());
        wait_for("the orphan's end", 20, || self.orphans() == 1);
    }

    /// How many children of its process 1 have ended, and nobody has taken their ends.
    pub(crate) fn orphans(&self) -> usize {
        let first = self.first();
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).expect("/proc");
        let is_zombie = |pid: &&str| {
            std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains("(sleep) Z "))
        };
        children.split_whitespace().filter(is_zombie).count()
    }

    /// The whole place is gone from one moment to the next.
    pub(crate) fn vanish(mut self) {
        let mut unshare = self.0.take().expect("it runs");
        unshare.kill().expect("a kill");
        unshare.wait().expect("its end");
    }

    /// Waits for its own end.
    pub(crate) fn end(mut self) -> Output {
        self.0.take().expect("it runs").wait_with_output().expect("its end")
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.as_mut().expect("it runs").try_wait().expect("its state").is_none()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Some(unshare) = &mut self.0 {
            let _ = unshare.kill();
            let _ = unshare.wait();
        }
    }
}
