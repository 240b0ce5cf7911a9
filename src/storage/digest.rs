//! Copies and hashes at once, whatever the size, in constant memory. A large file is hashed on a thread beside the one that
//! copies it, and a third has the disk take what was written, so that the end does not wait for all of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use sha2::{Digest, Sha256};

use super::source::{Source, read_some};
use crate::error::{Error, Result, file_error};

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 1 << 20;
/// Blocks that are on their way at once.
const BLOCKS_MAX: usize = 4;
/// After so many bytes the disk is asked to take them, and whether there is still room.
pub(super) const LOOK_BYTES: u64 = 64 << 20;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) sha256: Vec<u8>,
    pub(super) bytes: u64,
}

/// The SHA-256 of bytes.
pub(super) fn of(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// The SHA-256 of a file of this machine, and how many bytes it has.
///
/// # Errors
/// As for a file that is kept: usage for what is no file; not found, permission; busy for one that changes meanwhile.
pub fn sha256_of(path: &Path) -> Result<(Vec<u8>, u64)> {
    let source = Source::open(path)?;
    let read = read_all(&mut &source.file, &mut |_| Ok(()));
    let Copied { sha256, bytes } = read.map_err(|failure| match failure {
        ReadFailure::Read(cause) => file_error(format!("read {}", path.display()), cause),
        ReadFailure::Each(error) => error,
    })?;
    source.check_same(bytes)?;
    Ok((sha256, bytes))
}

/// Copies all of `from` into a file. `look` is asked every 64 MiB whether to go on.
///
/// # Errors
/// What reading, writing and `look` say; `name` is what is read.
pub(super) fn copy(
    name: &str,
    from: &mut dyn Read,
    into: &File,
    look: &mut dyn FnMut() -> Result<()>,
) -> Result<Copied> {
    let mut start = vec![0; BLOCK_BYTES];
    let length = read_some(name, from, &mut start)?;
    if length < BLOCK_BYTES {
        write(name, into, &start[..length])?;
        return Ok(Copied { sha256: Sha256::digest(&start[..length]).to_vec(), bytes: length as u64 });
    }
    std::thread::scope(|scope| {
        let (full, to_hash) = sync_channel::<Vec<u8>>(BLOCKS_MAX);
        let (spare, used) = channel::<Vec<u8>>();
        let spawn = |what: &str| std::thread::Builder::new().name(what.to_owned());
        let failed = |cause| Error::failed("start a thread that hashes").because(cause);
        let hashing = spawn("hash").spawn_scoped(scope, move || hash_blocks(&to_hash, &spare)).map_err(failed)?;
        let (flush, to_flush) = sync_channel::<()>(1);
        spawn("flush")
            .spawn_scoped(scope, move || while to_flush.recv().is_ok_and(|()| into.sync_data().is_ok()) {})
            .map_err(failed)?;
        let bytes = pump(Pump { name, into, full, used, flush: &flush }, from, start, look)?;
        drop(flush);
        let sha256 = hashing.join().map_err(|_| Error::failed(format!("hash {name}")))?;
        Ok(Copied { sha256, bytes })
    })
}

/// The SHA-256 of all of `from`; `look` is asked every MiB whether to go on.
///
/// # Errors
/// What reading and `look` say; `name` is what is read.
pub(super) fn hash(name: &str, from: &mut dyn Read, look: &mut dyn FnMut() -> Result<()>) -> Result<Copied> {
    read_all(from, &mut |_| look()).map_err(|failure| match failure {
        ReadFailure::Read(cause) => file_error(format!("read {name}"), cause),
        ReadFailure::Each(error) => error,
    })
}

struct Pump<'a> {
    name: &'a str,
    into: &'a File,
    full: SyncSender<Vec<u8>>,
    used: Receiver<Vec<u8>>,
    flush: &'a SyncSender<()>,
}

fn pump(pump: Pump<'_>, from: &mut dyn Read, first: Vec<u8>, look: &mut dyn FnMut() -> Result<()>) -> Result<u64> {
    let Pump { name, into, full, used, flush } = pump;
    let (mut block, mut bytes, mut looked, mut made) = (first, 0, 0, 1);
    loop {
        write(name, into, &block)?;
        bytes += block.len() as u64;
        let is_last = block.len() < BLOCK_BYTES;
        full.send(block).map_err(|_| Error::failed(format!("hash {name}")))?;
        if is_last {
            return Ok(bytes);
        }
        if bytes - looked >= LOOK_BYTES {
            looked = bytes;
            look()?;
            // one that is still at it takes these, too
            let _ = flush.try_send(());
        }
        block = if made < BLOCKS_MAX {
            made += 1;
            Vec::new()
        } else {
            used.recv().map_err(|_| Error::failed(format!("hash {name}")))?
        };
        block.resize(BLOCK_BYTES, 0);
        let length = read_some(name, from, &mut block)?;
        block.truncate(length);
    }
}

fn hash_blocks(full: &Receiver<Vec<u8>>, spare: &Sender<Vec<u8>>) -> Vec<u8> {
    let mut digest = Sha256::new();
    while let Ok(block) = full.recv() {
        digest.update(&block);
        let _ = spare.send(block);
    }
    digest.finalize().to_vec()
}

fn write(name: &str, mut into: &File, bytes: &[u8]) -> Result<()> {
    into.write_all(bytes).map_err(|cause| file_error(format!("store {name}"), cause))
}

/// Reads to the end, and gives what was read to `each`.
///
/// # Errors
/// What reading and `each` say.
pub(super) fn read_all(from: &mut dyn Read, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<Copied, ReadFailure> {
    let (mut digest, mut bytes, mut block) = (Sha256::new(), 0, vec![0; BLOCK_BYTES]);
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok(Copied { sha256: digest.finalize().to_vec(), bytes }),
            Ok(count) => {
                digest.update(&block[..count]);
                bytes += count as u64;
                each(&block[..count]).map_err(ReadFailure::Each)?;
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(ReadFailure::Read(cause)),
        }
    }
}

/// Why a file was not read to its end.
#[derive(Debug)]
pub(super) enum ReadFailure {
    /// It could not be read.
    Read(io::Error),
    /// Whoever got its bytes had enough.
    Each(Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes, a few at a time.
    struct Dripping(u64);

    impl Read for Dripping {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(300_007).min(self.0 as usize);
            let start = self.0;
            buffer[..count].iter_mut().enumerate().for_each(|(place, byte)| *byte = (start as usize - place) as u8);
            self.0 -= count as u64;
            Ok(count)
        }
    }

    #[test]
    fn a_copy_has_the_hash_of_what_was_written() {
        for bytes in [0, 1, BLOCK_BYTES as u64 - 1, BLOCK_BYTES as u64, 3 * BLOCK_BYTES as u64, 9_000_001] {
            let file = tempfile::NamedTempFile::new().expect("a file");
            let copied = copy("x", &mut Dripping(bytes), file.as_file(), &mut || Ok(())).expect("a copy");
            let written = std::fs::read(file.path()).expect("what was written");
            assert_eq!((copied.bytes, written.len() as u64), (bytes, bytes));
            assert_eq!(copied.sha256, Sha256::digest(&written).to_vec(), "{bytes}");
            let read = read_all(&mut &*written, &mut |_| Ok(())).expect("all of it");
            assert_eq!(read, copied);
        }
    }

    #[test]
    fn whoever_looks_can_end_it() {
        let file = tempfile::tempfile().expect("a file");
        let mut looks = 0;
        let mut look = || {
            looks += 1;
            if looks == 2 { Err(Error::failed("go on")) } else { Ok(()) }
        };
        let error = copy("x", &mut io::repeat(7), &file, &mut look).expect_err("it was ended");
        assert_eq!((error.message(), looks), ("go on", 2));
    }
}
