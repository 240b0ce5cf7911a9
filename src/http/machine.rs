//! What all processes of a user on this machine know together of a host: when it was asked last, by how many at once, and until
//! when it asks to be left alone. It stands in a small file in memory for each host that has limits. Locks of the kernel order
//! who may look, and end with whoever holds them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::unistd::Uid;

use super::commons::short;
use super::politeness::Politeness;
use crate::die;

/// Where the folder of a user may stand; the first that is there.
const PLACES: [&str; 2] = ["/dev/shm", "/tmp"];
/// A file that nobody has used for so long goes.
const UNUSED: Duration = Duration::from_secs(3_600);
/// Whether it is time to look for such files is asked with each new one; so many times out of this number it is not.
const LOOKS_APART: f64 = 32.0;
/// How long others are waited for who write the moment; they need microseconds, unless they are frozen.
const TURN: Duration = Duration::from_millis(50);
/// The longest pause between two looks for a free place.
const LOOK: Duration = Duration::from_millis(20);
/// A host is not left alone for longer than that by the word of another process: its clock may have been wrong.
const ALONE_MAX: Duration = Duration::from_secs(3_600);
/// The places begin behind what is written down, and are locks alone.
const FIRST_PLACE: i64 = 4_096;
/// Held by those who look for a place, and shared.
const QUEUE: i64 = 1_024;

static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let name = format!("data-collector-{}", Uid::effective());
    let found = PLACES.iter().find_map(|place| private_folder(&Path::new(place).join(&name)));
    if found.is_none() {
        log::debug!("limits of hosts hold for each process alone: there is no folder for what processes share");
    }
    found
});

/// What has leave to go, or how long it has to wait before it asks again.
#[derive(Debug)]
pub(super) enum Turn {
    /// It goes. The place is given back when the file is closed.
    Goes(Option<Place>),
    /// Not yet.
    Waits(Duration),
}

/// A place among those who ask a host at once.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "its lock ends with it")] File);

/// One request on its way to a host. It has a file descriptor of its own, so that locks keep threads apart as they do processes.
pub(super) struct Asker {
    path: PathBuf,
    file: Option<File>,
    has_waited: bool,
}

impl Asker {
    /// For a host by its name and port; `None` where processes share nothing.
    pub(super) fn of(host: &str) -> Option<Self> {
        Some(Self { path: FOLDER.as_ref()?.join(short(host)), file: None, has_waited: false })
    }

    /// Takes a place and the moment, if both are free.
    pub(super) fn take(&mut self, limits: Politeness) -> Turn {
        match self.try_take(limits) {
            Ok(turn) => turn,
            Err(cause) => {
                log::debug!("{} cannot be used, so limits hold for this process alone: {cause}", self.path.display());
                Turn::Goes(None)
            }
        }
    }

    fn try_take(&mut self, limits: Politeness) -> io::Result<Turn> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open(&self.path)?,
        };
        if let Some(max) = limits.concurrency {
            // whoever comes later lets those go first who wait
            let is_pushing = !self.has_waited && is_held(&file, QUEUE);
            if is_pushing || !take_place(&file, max.max(1))? {
                lock(&file, libc::F_RDLCK, QUEUE)?;
                self.has_waited = true;
                self.file = Some(file);
                return Ok(Turn::Waits(LOOK.mul_f64(0.1 + 0.9 * die::share())));
            }
            lock(&file, libc::F_UNLCK, QUEUE)?;
        }
        if let Some(wait) = moment(&file, limits.rate)? {
            // a place is not held meanwhile: others may be allowed more
            return Ok(Turn::Waits(wait));
        }
        // a file that went away meanwhile is not what others look at
        if file.metadata()?.nlink() == 0 {
            return Ok(Turn::Waits(Duration::ZERO));
        }
        Ok(Turn::Goes(limits.concurrency.map(|_| Place(file))))
    }
}

/// Tells the other processes that a host asks to be left alone.
pub(super) fn leave_alone(host: &str, how_long: Duration) {
    let told = Asker::of(host).map(|asker| {
        let file = open(&asker.path)?;
        in_turn(&file, || {
            let mut known = Known::read(&file)?;
            let now = now();
            known.alone_since = now;
            known.alone_until = known.alone_until.max(now + micros(how_long));
            known.write(&file)
        })
    });
    if let Some(Err(cause)) = told {
        log::debug!("{host} asks to be left alone, which other processes are not told: {cause}");
    }
}

/// What stands in the file: microseconds since 1970.
#[derive(Default)]
struct Known {
    asked: i64,
    alone_since: i64,
    alone_until: i64,
}

impl Known {
    fn read(file: &File) -> io::Result<Self> {
        let mut bytes = [0; 24];
        if file.read_at(&mut bytes, 0)? < bytes.len() {
            return Ok(Self::default());
        }
        let number = |at: usize| i64::from_le_bytes(std::array::from_fn(|place| bytes[at + place]));
        Ok(Self { asked: number(0), alone_since: number(8), alone_until: number(16) })
    }

    fn write(&self, file: &File) -> io::Result<()> {
        let numbers = [self.asked, self.alone_since, self.alone_until];
        file.write_all_at(&numbers.map(i64::to_le_bytes).concat(), 0)
    }
}

/// Takes the moment for a request, or tells how long it is until the next one.
fn moment(file: &File, rate: Option<f64>) -> io::Result<Option<Duration>> {
    in_turn(file, || {
        let (known, now) = (Known::read(file)?, now());
        // what lies ahead was written by a clock that was wrong
        let is_alone = known.alone_since <= now && known.alone_until <= known.alone_since + micros(ALONE_MAX);
        let alone_until = if is_alone { known.alone_until } else { 0 };
        let next = match rate {
            Some(rate) if known.asked <= now => known.asked + micros(Politeness::apart(rate)),
            _ => 0,
        };
        let until = next.max(alone_until);
        if until > now {
            return Ok(Some(Duration::from_micros((until - now).unsigned_abs())));
        }
        if rate.is_some() {
            Known { asked: now, ..known }.write(file)?;
        }
        Ok(None)
    })
}

/// Does something while no other process does. One that is frozen in the middle of it is not waited for.
fn in_turn<T>(file: &File, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let began = Instant::now();
    while !lock(file, libc::F_WRLCK, 0)? && began.elapsed() < TURN {
        std::thread::sleep(Duration::from_micros(50));
    }
    let done = work();
    lock(file, libc::F_UNLCK, 0)?;
    done
}

/// Takes one of so many places; false when there is none.
fn take_place(file: &File, max: usize) -> io::Result<bool> {
    for place in 0..max {
        if lock(file, libc::F_WRLCK, FIRST_PLACE + place as i64)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Locks or frees one byte; false when somebody else has it.
fn lock(file: &File, kind: libc::c_int, at: i64) -> io::Result<bool> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&range(kind, at, 1))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(cause) => Err(cause.into()),
    }
}

fn is_held(file: &File, at: i64) -> bool {
    let mut asked = range(libc::F_WRLCK, at, 1);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked)).is_ok() && libc::c_int::from(asked.l_type) != libc::F_UNLCK
}

fn range(kind: libc::c_int, start: i64, length: i64) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}

fn open(path: &Path) -> io::Result<File> {
    let with = |is_new: bool| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(is_new).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)
    };
    match with(false) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    match with(true) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => with(false),
        made => {
            if made.is_ok() && die::share() * LOOKS_APART < 1.0 {
                tidy(path.parent().unwrap_or(path), UNUSED);
            }
            made
        }
    }
}

/// Deletes the files of hosts that nobody asks any more.
fn tidy(folder: &Path, unused: Duration) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in files.map(|entry| entry.path()) {
        let is_old =
            |data: fs::Metadata| data.modified().is_ok_and(|then| then.elapsed().is_ok_and(|elapsed| elapsed > unused));
        let Ok(file) = OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(&path) else { continue };
        let is_free = || fcntl(&file, FcntlArg::F_OFD_SETLK(&range(libc::F_WRLCK, 0, 0))).is_ok();
        if file.metadata().is_ok_and(is_old) && is_free() {
            let _ = fs::remove_file(&path);
        }
    }
}

/// The folder, if it belongs to this user and nobody else may look into it.
fn private_folder(path: &Path) -> Option<PathBuf> {
    let _ = DirBuilder::new().mode(0o700).create(path);
    let data = fs::symlink_metadata(path).ok()?;
    let is_ours = data.is_dir() && data.uid() == Uid::effective().as_raw() && data.mode() & 0o077 == 0;
    is_ours.then(|| path.to_owned())
}

fn now() -> i64 {
    micros(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rate: Option<f64>, concurrency: Option<usize>) -> Politeness {
        Politeness { rate, concurrency }
    }

    fn take(host: &str, limits: Politeness) -> Turn {
        Asker::of(host).expect("a folder").take(limits)
    }

    #[test]
    fn places_are_taken_by_descriptors_and_given_back_with_them() {
        let (host, limits) = (format!("places.test:{}", std::process::id()), limits(None, Some(2)));
        let first = take(&host, limits);
        let second = take(&host, limits);
        assert!(matches!((&first, &second), (Turn::Goes(Some(_)), Turn::Goes(Some(_)))));
        let mut waiting = Asker::of(&host).expect("a folder");
        assert!(matches!(waiting.take(limits), Turn::Waits(_)));
        drop(first);
        // one that comes later does not go before it
        assert!(matches!(take(&host, limits), Turn::Waits(_)));
        assert!(matches!(waiting.take(limits), Turn::Goes(Some(_))));
    }

    #[test]
    fn a_moment_is_given_once_and_a_wrong_clock_stops_nobody() {
        let host = format!("moments.test:{}", std::process::id());
        assert!(matches!(take(&host, limits(Some(1.0), None)), Turn::Goes(None)));
        let Turn::Waits(wait) = take(&host, limits(Some(1.0), None)) else { panic!("not at once") };
        assert!(wait > Duration::from_millis(500) && wait <= Duration::from_secs(1), "{wait:?}");
        // who may ask more often is not held to the rate of another
        std::thread::sleep(Duration::from_millis(2));
        assert!(matches!(take(&host, limits(Some(1_000.0), None)), Turn::Goes(None)));
        leave_alone(&host, Duration::from_secs(60));
        let Turn::Waits(wait) = take(&host, limits(None, Some(9))) else { panic!("it is to be left alone") };
        assert!(wait > Duration::from_secs(50), "{wait:?}");
        let file = open(&Asker::of(&host).expect("a folder").path).expect("a file");
        let ahead = now() + 86_400_000_000;
        Known { asked: ahead, alone_since: ahead, alone_until: ahead + 1_000_000 }.write(&file).expect("written");
        assert!(matches!(take(&host, limits(Some(0.001), None)), Turn::Goes(None)));
    }

    #[test]
    fn what_nobody_uses_goes_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (used, unused) = (folder.path().join("used"), folder.path().join("unused"));
        let (file, _) = (open(&used).expect("a file"), open(&unused).expect("a file"));
        assert!(take_place(&file, 1).expect("a lock"));
        std::thread::sleep(Duration::from_millis(5));
        tidy(folder.path(), Duration::from_millis(1));
        assert_eq!((used.exists(), unused.exists()), (true, false));
    }
}
