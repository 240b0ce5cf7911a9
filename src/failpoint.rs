//! Named points where a debug build can be made to fail: a test that kills there knows that the kill has landed.
//! `DC_FAILPOINT=merge.inserted=kill` ends the process the first time it comes by, as `kill -9` does; `stop` stops it until
//! somebody sends it SIGCONT; `err` is an error there. `kill@3` is the third time. A release build holds none of this.

#[cfg(debug_assertions)]
pub(crate) use armed::{VARIABLE, arm, point};

/// A release build goes on.
///
/// # Errors
/// Never.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn point(_name: &'static str) -> crate::error::Result<()> {
    Ok(())
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use crate::error::{Error, ErrorKind, Result};

    /// Names the point that is armed.
    pub(crate) const VARIABLE: &str = "DC_FAILPOINT";

    static ARMED: OnceLock<Result<Armed, String>> = OnceLock::new();

    #[derive(Debug)]
    struct Armed {
        name: String,
        action: Action,
        /// At which time it acts.
        time: u32,
        passed: AtomicU32,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Action {
        Kill,
        Stop,
        Err,
    }

    /// Arms the point that a text names. The first text of a process counts.
    pub(crate) fn arm(text: Option<&str>) {
        if let Some(text) = text {
            ARMED.get_or_init(|| Armed::read(text).ok_or_else(|| text.to_owned()));
        }
    }

    /// Comes by a point, which acts if it is armed.
    ///
    /// # Errors
    /// Failed, when the point is armed with `err`; usage, when what armed it cannot be read.
    pub(crate) fn point(name: &'static str) -> Result<()> {
        match ARMED.get() {
            None => Ok(()),
            Some(Ok(armed)) if armed.acts_at(name) => armed.act(),
            Some(Ok(_)) => Ok(()),
            Some(Err(text)) => {
                let message = format!("read {VARIABLE}=`{text}`");
                Err(Error::new(ErrorKind::Usage, message)
                    .hint("NAME=kill, NAME=stop or NAME=err, with @TIME behind it"))
            }
        }
    }

    impl Armed {
        fn read(text: &str) -> Option<Self> {
            let (name, action) = text.split_once('=')?;
            let (action, time) = action.split_once('@').unwrap_or((action, "1"));
            let action = match action {
                "kill" => Action::Kill,
                "stop" => Action::Stop,
                "err" => Action::Err,
                _ => return None,
            };
            let time = time.parse().ok().filter(|time| *time > 0)?;
            Some(Self { name: name.to_owned(), action, time, passed: AtomicU32::new(0) })
        }

        fn acts_at(&self, name: &str) -> bool {
            self.name == name && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.time
        }

        fn act(&self) -> Result<()> {
            let send = |signal| {
                kill(Pid::this(), signal).map_err(|cause| Error::failed("send ourselves a signal").because(cause))
            };
            match self.action {
                Action::Err => Err(Error::failed(format!("pass the failpoint {}: it is armed", self.name))),
                Action::Stop => send(Signal::SIGSTOP),
                Action::Kill => {
                    send(Signal::SIGKILL)?;
                    // not one step further
                    loop {
                        std::thread::park();
                    }
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_acts_once_at_its_time() {
            let armed = Armed::read("a.b=err@2").expect("a failpoint");
            let acts: Vec<bool> = ["a.b", "a.c", "a.b", "a.b"].iter().map(|name| armed.acts_at(name)).collect();
            assert_eq!(acts, [false, false, true, false]);
            assert!(armed.act().expect_err("armed").to_string().contains("a.b"));
            assert_eq!(Armed::read("a=kill").map(|armed| (armed.action, armed.time)), Some((Action::Kill, 1)));
            for wrong in ["a", "a=", "a=die", "a=kill@", "a=kill@0", "a=kill@x"] {
                assert!(Armed::read(wrong).is_none(), "{wrong}");
            }
        }
    }
}
