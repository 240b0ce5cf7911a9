//! How a manager hands the derived key to the `dc run`s that it starts: through a pipe, which holds it until it is read
//! once. Not the password, not in arguments, not in the environment, in no file and in no memory that can be swapped.

use std::io::{PipeReader, Write};
use std::sync::OnceLock;

use super::descriptor;
use super::header::{HEADER_BYTES, Header};
use super::key::{KEY_BYTES, Key};
use crate::error::{OrFail, Result};

/// The variable with the number of the pipe's descriptor.
pub const KEY_VARIABLE: &str = "DC_SECRET_KEY_FD";

/// A key that was handed to this process, with the header that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Handed {
    pub(super) header: Header,
    pub(super) key: Key,
}

/// A pipe from which a key can be read once.
///
/// # Errors
/// When the system has no room for a pipe.
pub(super) fn pipe_with(header: &Header, key: &Key) -> Result<PipeReader> {
    let failed = || "make a pipe for the key".to_owned();
    let (reader, mut writer) = std::io::pipe().or_fail(failed)?;
    // far less than a pipe takes without a reader
    writer.write_all(&header.to_bytes()).and_then(|()| writer.write_all(key.bytes())).or_fail(failed)?;
    Ok(reader)
}

/// What was handed to this process, read at the first call: a pipe gives it once.
pub(super) fn handed(number: Option<&str>) -> Option<Handed> {
    static HANDED: OnceLock<Option<Handed>> = OnceLock::new();
    let number = number?.parse().ok()?;
    HANDED.get_or_init(|| take(number)).clone()
}

fn take(number: i32) -> Option<Handed> {
    if !descriptor::is_pipe(number) {
        log::warn!("{KEY_VARIABLE} names descriptor {number}, and no pipe is there");
        return None;
    }
    super::memory::guard();
    let bytes = descriptor::read(number).ok()?;
    let (header, key) = bytes.split_at_checked(HEADER_BYTES)?;
    let key: &[u8; KEY_BYTES] = key.try_into().ok()?;
    Some(Handed { header: Header::read(header).ok()?, key: Key::of(key) })
}
