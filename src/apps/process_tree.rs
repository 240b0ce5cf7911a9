//! All processes that descend from an app, wherever they hide: found, signalled, killed and reaped.
//!
//! A process group misses a child that calls setsid, and the chain of parents breaks at a double fork. So this process
//! becomes a child subreaper: whoever loses its parent becomes our child. An orphan of ours belongs to the tree when
//!
//! 1. it was seen as a member before (number and start time), which holds though it clears its environment later; or
//! 2. its session is one that a member was seen in, which holds for other users' processes too; or
//! 3. its environment holds the run's marker, which holds though nobody saw it before; or
//! 4. this process is there for this app alone, and the orphan is not in our session: only what an app left can be there,
//!    for nobody can enter a session, and the children that we start ourselves stay in ours.
//!
//! Where control groups may be made, the tree has one, and whatever is in it belongs to it, too.
//!
//! Orphans of other runs in this process have none of the first three, and are left alone. Without the fourth, a process
//! escapes that clears its environment, leaves the session and loses its parent, all between two looks.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getsid, gettid};

use super::control_group::ControlGroup;
use super::process::ProcessStat;
use super::system_call::{Usage, reap};
use crate::error::{OrFail, Result};

/// How long a killed tree may take to vanish; a process that waits for a dead disk cannot be killed.
const KILL_WAIT_MAX: Duration = Duration::from_secs(5);
/// The pause between two sweeps of a kill.
const KILL_PAUSE: Duration = Duration::from_millis(10);
/// How often the tree is searched for processes that were forked before their parent was stopped.
const STOP_ROUNDS_MAX: usize = 50;

/// How often a look is repeated while our children change.
const LOOKS_MAX: usize = 20;

/// Makes this process the one that descendants without a parent become children of.
///
/// # Errors
/// When the system refuses, which Linux does not since 3.4.
pub(super) fn become_subreaper() -> Result<()> {
    nix::sys::prctl::set_child_subreaper(true).or_fail(|| "become the subreaper of orphaned processes".to_owned())
}

/// The processes of one app: its main process and all that descend from it.
///
/// The main process is not reaped here, so that its number cannot be given to another process meanwhile.
pub(super) struct ProcessTree {
    own: i32,
    /// Whether all children that matter here are those of one thread: the process's first one started the app, and
    /// orphans come to that one.
    on_first_thread: bool,
    main: i32,
    marker: Vec<u8>,
    alone: bool,
    members: BTreeMap<i32, ProcessStat>,
    sessions: BTreeSet<i32>,
    usage: Usage,
    /// Where control groups may be made, one that nothing of the tree is outside of.
    group: Option<ControlGroup>,
}

impl ProcessTree {
    /// The tree of our child `main`, a session's leader; `marker` is the `NAME=value` that its environment holds, and
    /// `alone` says that no other app has a tree in this process.
    pub(super) fn of(main: i32, marker: Vec<u8>, alone: bool, group: Option<ControlGroup>) -> Self {
        let members = ProcessStat::of(main).map(|stat| (main, stat)).into_iter().collect();
        Self {
            own: getpid().as_raw(),
            on_first_thread: alone && gettid() == getpid(),
            main,
            marker,
            alone,
            members,
            sessions: BTreeSet::from([main]),
            usage: Usage::default(),
            group,
        }
    }

    /// Looks for new members along the kernel's lists of children: cheap enough to do often.
    pub(super) fn refresh(&mut self) {
        let Some(own) = self.own_children() else { return self.sweep() };
        let pid = self.own;
        self.claim(&|parent| match parent == pid {
            true => own.clone(),
            false => ProcessStat::children(parent).unwrap_or_default(),
        });
    }

    /// Looks for new members among all processes.
    pub(super) fn sweep(&mut self) {
        let mut families: BTreeMap<i32, Vec<ProcessStat>> = BTreeMap::new();
        for stat in ProcessStat::all().unwrap_or_default() {
            families.entry(stat.parent).or_default().push(stat);
        }
        self.claim(&|parent| families.get(&parent).cloned().unwrap_or_default());
    }

    /// How many members run besides the main process.
    pub(super) fn others_running(&mut self) -> usize {
        if self.is_surely_over() {
            return 0;
        }
        self.look();
        self.running().filter(|stat| stat.pid != self.main).count()
    }

    /// Looks until a member is seen running, or none can be: a process that hands on to its child and ends at once may
    /// be missed by one look, but then our children have changed.
    fn look(&mut self) {
        for _ in 0..LOOKS_MAX {
            let before = self.own_children();
            self.refresh();
            if self.running().next().is_some() {
                return;
            }
            if self.own_children() == before {
                break;
            }
        }
        self.sweep();
    }

    /// Whether the main process has ended and is our only child: then nothing descends from it any more. Whoever does
    /// would have an ancestor that lives and is our child, since orphans come to us before their parent is a zombie.
    ///
    /// The kernel's list is safe for this: nobody but us takes a child out of it, and new ones come to its end. So a
    /// machine full of processes is not searched at the end of each run.
    fn is_surely_over(&self) -> bool {
        let has_ended = |pid| ProcessStat::of(pid).is_some_and(|stat| !stat.is_running());
        self.on_first_thread
            && has_ended(self.main)
            && ProcessStat::children_of_first_thread(self.own).is_some_and(|children| children == [self.main])
            && self.group.as_ref().is_none_or(|group| group.pids().into_iter().all(|pid| pid == self.main))
    }

    fn own_children(&self) -> Option<Vec<ProcessStat>> {
        if !self.on_first_thread {
            return ProcessStat::children(self.own);
        }
        let children = ProcessStat::children_of_first_thread(self.own)?;
        Some(children.into_iter().filter_map(ProcessStat::of).collect())
    }

    /// Asks every member to end; one that stands still is woken, so that it hears it.
    pub(super) fn terminate(&mut self) {
        self.sweep();
        for stat in self.running() {
            send(stat, Signal::SIGTERM);
            if stat.is_stopped() {
                send(stat, Signal::SIGCONT);
            }
        }
    }

    /// Kills every member; returns how many could not be killed.
    pub(super) fn kill(&mut self) -> usize {
        let deadline = Instant::now() + KILL_WAIT_MAX;
        loop {
            self.stop();
            let count = self.running().count();
            if count == 0 || Instant::now() > deadline {
                return count;
            }
            if let Some(group) = &self.group {
                group.kill();
            }
            self.running().for_each(|stat| send(stat, Signal::SIGKILL));
            thread::sleep(KILL_PAUSE);
        }
    }

    /// What the members that were reaped have used.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Stops members until no new one turns up: what stands still cannot fork faster than it is killed.
    fn stop(&mut self) {
        let mut stopped: BTreeSet<(i32, u64)> = BTreeSet::new();
        for _ in 0..STOP_ROUNDS_MAX {
            self.look();
            let new = self.running().filter(|stat| stopped.insert((stat.pid, stat.start_ticks)));
            if new.map(|stat| send(stat, Signal::SIGSTOP)).count() == 0 {
                return;
            }
        }
    }

    fn running(&self) -> impl Iterator<Item = &ProcessStat> {
        self.members.values().filter(|stat| stat.is_running())
    }

    /// Finds the members of now: those of before, orphans of ours that belong to them, and all their descendants.
    fn claim(&mut self, children_of: &dyn Fn(i32) -> Vec<ProcessStat>) {
        let same = |old: &ProcessStat| ProcessStat::of(old.pid).filter(|now| now.start_ticks == old.start_ticks);
        let mut waiting: Vec<ProcessStat> = self.members.values().filter_map(same).collect();
        waiting.extend(children_of(self.own).into_iter().filter(|orphan| self.owns(orphan)));
        waiting.extend(self.group.iter().flat_map(ControlGroup::pids).filter_map(ProcessStat::of));
        let mut members = BTreeMap::new();
        while let Some(stat) = waiting.pop() {
            if stat.pid != self.own && members.insert(stat.pid, stat).is_none() {
                waiting.extend(children_of(stat.pid));
            }
        }
        self.members = members;
        self.sessions = self.members.values().map(|stat| stat.session).chain([self.main]).collect();
        self.reap();
    }

    fn owns(&self, orphan: &ProcessStat) -> bool {
        self.sessions.contains(&orphan.session)
            || orphan.has_variable(&self.marker)
            || (self.alone && getsid(None).is_ok_and(|own| own.as_raw() != orphan.session))
    }

    /// Takes the ends of members that became our children. Children that others started are never touched.
    fn reap(&mut self) {
        let (own, main) = (self.own, self.main);
        let ended = |stat: &ProcessStat| !stat.is_running() && stat.parent == own && stat.pid != main;
        let ended: Vec<i32> = self.members.values().filter(|stat| ended(stat)).map(|stat| stat.pid).collect();
        for pid in ended {
            if let Ok(Some((_, usage))) = reap(pid, false) {
                self.usage.add(usage);
                self.members.remove(&pid);
            }
        }
    }
}

/// Signals a process, unless its number means another one by now. One that has ended, or is not ours to signal, is left.
fn send(stat: &ProcessStat, signal: Signal) {
    if ProcessStat::of(stat.pid).is_some_and(|now| now.start_ticks == stat.start_ticks) {
        let _ = kill(Pid::from_raw(stat.pid), signal);
    }
}
