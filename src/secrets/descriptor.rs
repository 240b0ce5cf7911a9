//! Descriptors that somebody has opened for us: read once, and kept from every program that we start.

use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::stat::{SFlag, fstat};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// The most bytes that are read.
const BYTES_MAX: usize = 64 << 10;

/// Everything behind a descriptor, by its number. 0 is standard input; no other program of ours sees the rest.
///
/// # Errors
/// Usage (exit 2), when nothing is open there or it cannot be read.
pub(super) fn read(number: i32) -> Result<Zeroizing<Vec<u8>>> {
    let wrong = |reason: &str| Error::new(ErrorKind::Usage, format!("read descriptor {number}: {reason}"));
    if number == 0 {
        return limited(std::io::stdin().lock(), wrong);
    }
    if number < 3 {
        return Err(wrong("that is where dc writes").hint("0 is standard input; `3<FILE` opens another one"));
    }
    close_on_exec(number).map_err(|_| wrong("it is not open").hint("open it for dc: `dc .. 3<FILE`"))?;
    let opened = File::open(format!("/proc/self/fd/{number}")).map_err(|cause| wrong("it is no input").because(cause));
    limited(opened?, wrong)
}

/// Whether a pipe stands behind a number.
pub(super) fn is_pipe(number: i32) -> bool {
    number > 2 && borrowed(number).is_some_and(|descriptor| is_fifo(descriptor))
}

fn is_fifo(descriptor: BorrowedFd<'_>) -> bool {
    fstat(descriptor).is_ok_and(|data| data.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFIFO.bits())
}

fn limited(source: impl Read, wrong: impl Fn(&str) -> Error) -> Result<Zeroizing<Vec<u8>>> {
    // one buffer that never grows, so that nothing is left behind in a smaller one
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX + 1));
    let read = source.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|cause| wrong("it cannot be read").because(cause))?;
    if bytes.len() > BYTES_MAX {
        return Err(wrong("it holds more than 64 KiB"));
    }
    Ok(bytes)
}

fn close_on_exec(number: i32) -> nix::Result<()> {
    let descriptor = borrowed(number).ok_or(nix::errno::Errno::EBADF)?;
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map(|_| ())
}

fn borrowed(number: i32) -> Option<BorrowedFd<'static>> {
    if number < 0 {
        return None;
    }
    #[expect(unsafe_code, reason = "a number that a person or a parent process names is all that we have of it")]
    // SAFETY: it is borrowed for one system call that only looks or sets close-on-exec; on a number that is not open the
    // call fails, and close-on-exec is what every descriptor of ours has in any case
    Some(unsafe { BorrowedFd::borrow_raw(number) })
}
