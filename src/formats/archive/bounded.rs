//! Unpacking that ends before a bomb fills the disk.

use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};

use crate::context::Cancellation;
use crate::error::{Error, ErrorKind, Result};
use crate::formats::temporary::{spool_error, temporary_file};

/// What is read at once.
const WINDOW_BYTES: usize = 128 * 1024;
/// So much is unpacked whatever it was packed into.
const FREE_BYTES: u64 = 1 << 30;
/// Beyond it, so many times what it was packed into; data of people comes to 10 to 60.
const TIMES_MAX: u64 = 300;

/// Unpacks into a file without a name; `packed` is what it was packed into, and `told` what it is said to be.
pub(super) fn unpack(
    what: &str,
    reader: impl Read,
    (packed, told): (u64, u64),
    cancellation: &Cancellation,
) -> Result<File> {
    let mut reader = BufReader::with_capacity(WINDOW_BYTES, reader);
    let mut file = temporary_file()?;
    let mut buffer = vec![0; WINDOW_BYTES];
    let bytes_max = FREE_BYTES.max(packed.saturating_mul(TIMES_MAX));
    let bomb = || {
        let what = format!("unpack {what}: it comes to more than {TIMES_MAX} times its size, as bombs do");
        Err(Error::new(ErrorKind::Refused, what)
            .hint("unpack it with `unzip`, and merge the file, if it is what you expect"))
    };
    // what it says of itself may be wrong, and is enough to refuse it
    if told > bytes_max {
        return bomb();
    }
    let mut bytes = 0_u64;
    loop {
        cancellation.check()?;
        let count = match reader.read(&mut buffer) {
            Ok(count) => count,
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(cause) => {
                return Err(Error::failed(format!("unpack {what}"))
                    .because(cause)
                    .hint("the archive is damaged or cut short: fetch it again; nothing was changed"));
            }
        };
        if count == 0 {
            file.rewind().map_err(spool_error)?;
            return Ok(file);
        }
        bytes += count as u64;
        if bytes > bytes_max {
            return bomb();
        }
        file.write_all(&buffer[..count]).map_err(spool_error)?;
    }
}
