//! Managers that work in the background, and go with the test.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{dc, is_stopped, signal};

/// A `dc manager start`.
pub(crate) struct Manager {
    child: Child,
    log: std::path::PathBuf,
}

impl Manager {
    pub(crate) fn start(project: &Path, url: &str, more: &[&str]) -> Self {
        Self::start_with(project, url, more, |command| command)
    }

    pub(crate) fn start_with(
        project: &Path,
        url: &str,
        more: &[&str],
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let log = project.join(format!("manager-{}.log", uuid::Uuid::now_v7().simple()));
        let file = std::fs::File::create(&log).expect("a file");
        let mut command = dc(project);
        command.args(["manager", "start"]).args(more).env("DC_DB_MAIN_URL", url).stdin(Stdio::null());
        command.stdout(file.try_clone().expect("a file")).stderr(file);
        let child = change(&mut command).spawn().expect("dc starts");
        Self { child, log }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Ends it in order; what it said.
    pub(crate) fn end(mut self) -> String {
        self.signal("TERM");
        let status = self.child.wait().expect("its end");
        let said = self.said();
        assert!(status.success(), "{said}");
        said
    }

    /// Waits until a failpoint has killed it; fails when it ended otherwise.
    pub(crate) fn killed(mut self) {
        wait_for("the failpoint's kill", 90, || !self.is_running());
        let status = self.child.wait().expect("its end");
        assert_eq!(status.signal(), Some(9), "{}", self.said());
    }

    /// Whether it was stopped, as by SIGSTOP.
    pub(crate) fn is_stopped(&self) -> bool {
        is_stopped(self.child.id())
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a kill");
        self.child.wait().expect("its end");
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).expect("its words")
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something to become true; says what, if it does not.
pub(crate) fn wait_for(what: &str, seconds: u64, mut is_true: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < Duration::from_secs(seconds), "waited {seconds} s in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
